#include "server/ask_memory.h"

#include <algorithm>
#include <iterator>

namespace servo::server {

using namespace model;

engine::AskJobs ask_jobs(Call& call) {
    using Jobs = std::vector<std::optional<engine::LiveJob>>;
    return [&call](const std::vector<JobId>& ids) -> Result<Jobs> {
        SERVO_CHECK(call.needs_what_runs());
        Jobs out;
        for (size_t begin = 0; begin < ids.size(); begin += kJobsPerRead) {
            const size_t end = std::min(begin + kJobsPerRead, ids.size());
            const std::vector<JobId> some(ids.data() + begin, ids.data() + end);
            Jobs jobs =
                SERVO_TRY(call.backend.read([some](const core::Scheduler& scheduler, Instant now) {
                    Jobs read;
                    for (const JobId id : some) {
                        read.push_back(engine::live_job(scheduler, id, now));
                    }
                    return read;
                }));
            std::move(jobs.begin(), jobs.end(), std::back_inserter(out));
        }
        return out;
    };
}

engine::AskOwner ask_owner(Call& call) {
    return [&call](AssetId asset, Ordinal ordinal) -> Result<std::optional<engine::LiveOwner>> {
        if (call.backend.record() != nullptr &&
            SERVO_TRY(engine::has_open_jobs(*call.history, asset))) {
            SERVO_CHECK(call.needs_what_runs());  // one of them may own it
        }
        return call.backend.read([asset, ordinal](const core::Scheduler& scheduler, Instant now) {
            return engine::live_owner(scheduler, asset, ordinal, now);
        });
    };
}

}  // namespace servo::server

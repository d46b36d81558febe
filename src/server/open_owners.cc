#include "server/open_owners.h"

#include <fmt/format.h>

#include <algorithm>

namespace servo::server {

using namespace model;

namespace {

store::JobFilter open_jobs_of(AssetId asset) {
    store::JobFilter filter;
    filter.asset = asset;
    for (size_t i = 0; i < kJobStateCount; ++i) {
        if (!is_terminal(static_cast<JobState>(i))) {
            filter.states.push_back(static_cast<JobState>(i));
        }
    }
    return filter;
}

struct Live {
    std::optional<core::JobView> view;
    std::optional<core::Unwritten> unwritten;
};

Result<std::vector<Live>> read_live(Call& call, std::vector<JobId> ids) {
    return call.backend.read([ids = std::move(ids)](const core::Scheduler& scheduler, Instant now) {
        std::vector<Live> out;
        for (const JobId id : ids) {
            out.push_back({scheduler.job(id, now), scheduler.unwritten(id)});
        }
        return out;
    });
}

// Those of the page that have not ended meanwhile: who has owns nothing any more.
Status add_owners(Call& call, const store::JobPage& page, std::vector<OpenOwner>& out) {
    for (size_t begin = 0; begin < page.items.size(); begin += kJobsPerRead) {
        std::vector<JobId> ids;
        for (size_t i = begin; i < std::min(begin + kJobsPerRead, page.items.size()); ++i) {
            ids.push_back(page.items[i].row.id);
        }
        std::vector<Live> jobs = SERVO_TRY(read_live(call, ids));
        for (size_t i = 0; i < ids.size(); ++i) {
            auto checkpoint = SERVO_TRY(call.history->checkpoint(ids[i]));
            Live& live = jobs[i];
            if (live.view && live.view->row.ordinals && live.unwritten && checkpoint &&
                !is_terminal(live.view->row.state)) {
                out.push_back(
                    {std::move(*live.view), std::move(*checkpoint), std::move(*live.unwritten)}
                );
            }
        }
    }
    return {};
}

}  // namespace

Status needs_open_owners(Call& call, AssetId asset) {
    if (call.backend.record() == nullptr) {
        return {};
    }
    const store::JobPage page = SERVO_TRY(call.history->jobs(open_jobs_of(asset), 1, ""));
    return page.items.empty() ? Status() : call.needs_what_runs();
}

Result<std::vector<OpenOwner>> open_owners(Call& call, AssetId asset) {
    const store::JobFilter filter = open_jobs_of(asset);
    std::vector<OpenOwner> out;
    std::string page_token;
    for (int pages = 0; pages < kOwnerPagesMax; ++pages) {
        const store::JobPage page =
            SERVO_TRY(call.history->jobs(filter, store::kPageMax, page_token));
        if (!page.items.empty()) {
            SERVO_CHECK(call.needs_what_runs());
        }
        SERVO_CHECK(add_owners(call, page, out));
        page_token = page.next_page_token;
        if (page_token.empty()) {
            return out;
        }
    }
    return fail(resource_exhausted(
        "too_many_open_backfills",
        fmt::format(
            "More than {} backfills of this asset are open; wait for some of them, or cancel them.",
            kOwnerPagesMax * store::kPageMax
        )
    ));
}

RunSet to_do(const OpenOwner& owner, const OrdinalView& all) {
    return translate(owner.ordinals(), owner.checkpoint.remaining, all);
}

RunSet fresh_completed(const OpenOwner& owner, const OrdinalView& all) {
    return translate(owner.ordinals(), owner.unwritten.done, all);
}

RunSet fresh_failed(const OpenOwner& owner, const OrdinalView& all) {
    return translate(owner.ordinals(), owner.unwritten.failed, all);
}

RunSet both(const RunSet& a, const RunSet& b) {
    RunSet only_a = a;
    only_a.subtract(b);
    RunSet out = a;
    out.subtract(only_a);
    return out;
}

RunSet translate(const OrdinalView& from, const RunSet& indices, const OrdinalView& to) {
    RunSet out;
    for (const Run& run : indices.runs()) {
        out.add(to.intersection(OrdinalView(from.slice(run))));
    }
    return out;
}

}  // namespace servo::server

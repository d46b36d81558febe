#include "cli/follow.h"

#include <algorithm>
#include <map>

#include "api/words.h"
#include "base/text.h"
#include "cli/progress_line.h"
#include "cli/selection.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

// What is known of each backfill that is waited for.
class Waiting {
 public:
    Waiting(Session& session, client::Client& client, std::vector<std::string> ids)
        : session_(session), client_(client), line_(session), open_(std::move(ids)) {}

    Result<std::optional<int>> step() {
        std::vector<std::string> still_open;
        std::string shown;
        for (const std::string& id : open_) {
            const std::vector<api::Backfill> jobs = SERVO_TRY(look(id));
            bool ended_all = true;
            for (const api::Backfill& job : jobs) {
                tell_change(job);
                ended_all = ended_all && !is_open(job.state);
                if (is_open(job.state) && shown.empty()) {
                    shown = job.id + "  " + job.state + "  " + progress(job) + "  " +
                            rate(job.partitions_per_second) + "  " +
                            eta(job, session_.now(), false);
                }
            }
            if (!ended_all) {
                still_open.push_back(id);
            }
        }
        open_ = std::move(still_open);
        if (open_.empty()) {
            line_.clear();
            return std::optional<int>(worst_);
        }
        line_.show(shown);
        return std::optional<int>();
    }

 private:
    Result<std::vector<api::Backfill>> look(const std::string& id) {
        if (!is_group_id(id)) {
            return std::vector<api::Backfill>{SERVO_TRY(client_.get_backfill(id))};
        }
        client::BackfillQuery query;
        query.group = id;
        query.status = api::every_job_state();
        return SERVO_TRY(collect_backfills(client_, query, kSelectedJobsMax)).items;
    }

    void tell_change(const api::Backfill& job) {
        std::string& known = states_[job.id];
        if (known == job.state) {
            return;
        }
        const bool first = known.empty();
        known = job.state;
        if (!is_open(job.state)) {
            line_.clear();
            session_.output().note(job.id + " " + job.state + ": " + progress(job));
            const int code = exit_code_of_state(job.state);
            worst_ = worst_ == kFailed || code == kFailed ? kFailed : std::max(worst_, code);
        } else if (!first || job.state == "paused") {
            line_.clear();
            session_.output().note(
                job.id + " is " + job.state +
                (job.state_reason.empty() ? "" : " (" + job.state_reason + ")") +
                "; why: `servo backfill explain " + job.id + "`"
            );
        }
    }

    Session& session_;
    client::Client& client_;
    ProgressLine line_;
    std::vector<std::string> open_;
    std::map<std::string, std::string> states_;
    int worst_ = kOk;
};

}  // namespace

Result<int> poll_until(
    Session& session,
    const std::string& come_back,
    std::optional<Instant> until,
    const std::function<Result<std::optional<int>>()>& step,
    Millis most
) {
    client::Client* client = SERVO_TRY(session.client());
    const auto interrupt =
        session.environment().catch_interrupt([client] { client->http().abort(); });
    const auto detached = [&]() -> Result<int> {
        session.output().note("\ndetached; nothing was cancelled. Come back with: " + come_back);
        return kDetached;
    };
    bool answered = false;
    Instant silent_since = kNever;  // kNever: it answers
    for (Millis wait = kPollFirst;; wait = std::min(2 * wait, most)) {
        const Result<std::optional<int>> code = step();
        if (interrupt->raised()) {
            return detached();
        }
        if (code && *code) {
            return **code;
        }
        if (code) {
            answered = true;
            silent_since = kNever;
        } else if (!answered || !traits(code.error().code).retryable) {
            return fail(code.error());
        } else if (silent_since == kNever) {
            silent_since = session.now();
            session.output().note(
                "the server does not answer; trying again for " + human_duration(kSilenceMax)
            );
        } else if (session.now() - silent_since > kSilenceMax) {
            return fail(code.error());
        }
        if (until) {
            const Millis left = *until - session.now();
            if (left <= Millis(0)) {
                session.output().warn(
                    "gave up waiting; the work goes on. Wait again with: " + come_back
                );
                return kTimedOut;
            }
            wait = std::min(wait, left);
        }
        if (!client->http().pause(wait)) {
            return detached();
        }
        if (session.environment().reader_gone()) {
            return kDetached;
        }
    }
}

int exit_code_of_state(const std::string& state) {
    if (state == "failed") {
        return kFailed;
    }
    return state == "cancelled" ? kWaitedForCancelled : kOk;
}

Result<int> wait_for_backfills(
    Session& session, const std::vector<std::string>& ids, std::optional<Instant> until
) {
    client::Client* client = SERVO_TRY(session.client());
    Waiting waiting(session, *client, ids);
    return poll_until(session, "servo backfill wait " + join(ids, " "), until, [&waiting] {
        return waiting.step();
    });
}

}  // namespace servo::cli

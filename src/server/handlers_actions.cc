// Changing backfills: start, pause, resume, cancel, retry, set. A group's id stands for each of its
// jobs.
#include <fmt/format.h>

#include "api/words.h"
#include "model/job_id.h"
#include "server/actions.h"
#include "server/lookup.h"
#include "server/settings.h"

namespace servo::server {
namespace {

using namespace model;

api::ActionResult result_of(const JobRef& job, const core::Reply& reply) {
    api::ActionResult out;
    out.id = to_text(job.view.row.id);
    out.tenant_id = job.view.tenant_name;
    if (const auto* answer = std::get_if<core::JobReply>(&reply)) {
        out.state = to_string(answer->state);
        out.changed = answer->changed;
        out.partitions = answer->partitions;
        out.rank = answer->rank;
    }
    return out;
}

api::ActionResult unchanged(const JobRef& job) {
    api::ActionResult out;
    out.id = to_text(job.view.row.id);
    out.tenant_id = job.view.tenant_name;
    out.state = to_string(job.view.row.state);
    return out;
}

Error has_ended(const JobRef& job, std::string_view verb) {
    const std::string id = to_text(job.view.row.id);
    const bool failed = job.view.row.state == JobState::kFailed;
    return failed_precondition(
        "backfill_ended",
        fmt::format(
            "{} is {}, so there is nothing to {}.{}",
            id,
            to_string(job.view.row.state),
            verb,
            failed ? fmt::format(" To run what failed again: servo backfill retry {}", id) : ""
        )
    );
}

// The rank after a change is what the next pick goes by, so it is read once the change is
// committed.
Result<int64_t> rank_of(Call& call, JobId id) {
    return call.backend.read([id](const core::Scheduler& scheduler, Instant now) {
        const auto view = scheduler.job(id, now);
        return view ? int64_t{view->rank} : int64_t{0};
    });
}

// Applies the command that `make` builds for each job. Of a group, jobs for which it cannot be done
// (ended, being cancelled) are passed over; a single one is answered with why.
template <typename Make>
Result<Response> act(Call& call, std::string_view verb, bool ended_too, Make make) {
    api::ActionReply out;
    const std::vector<JobRef> jobs = SERVO_TRY(find_jobs(call, call.parameter("id")));
    for (const JobRef& job : jobs) {
        if (is_terminal(job.view.row.state) && !ended_too) {
            const bool done_already =
                verb == "cancel" && job.view.row.state == JobState::kCancelled;
            if (jobs.size() == 1 && !done_already) {
                return fail(has_ended(job, verb));
            }
            out.items.push_back(unchanged(job));
            continue;
        }
        core::Command command = SERVO_TRY(make(job));
        const auto reply = call.backend.run(std::move(command));
        if (!reply && jobs.size() > 1 && reply.error().code == ErrorCode::kFailedPrecondition) {
            out.items.push_back(unchanged(job));
            continue;
        }
        if (!reply) {
            return fail(reply.error());
        }
        out.items.push_back(result_of(job, *reply));
        if (verb == "set") {
            out.items.back().rank = SERVO_TRY(rank_of(call, job.view.row.id));
        }
    }
    return json_response(to_json(out));
}

Result<Response> pause(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::PauseRequest>());
    SERVO_CHECK(check_note("reason", request.reason));
    const Instant until = SERVO_TRY(parse_hold(request.hold_for, call.backend.now()));
    return act(call, "pause", false, [&](const JobRef& job) -> Result<core::Command> {
        core::PauseJob command;
        command.job = job.view.row.id;
        command.mode = request.now ? core::PauseMode::kKill : core::PauseMode::kDrain;
        command.note = request.reason;
        command.until = until;
        command.actor = call.principal.actor;
        return command;
    });
}

Result<Response> resume(Call& call) {
    SERVO_TRY(call.read_body<api::ResumeRequest>());
    return act(call, "resume", false, [&](const JobRef& job) -> Result<core::Command> {
        return core::ResumeJob{job.view.row.id, call.principal.actor};
    });
}

Result<Response> cancel(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::CancelRequest>());
    SERVO_CHECK(check_note("reason", request.reason));
    return act(call, "cancel", false, [&](const JobRef& job) -> Result<core::Command> {
        return core::CancelJob{
            job.view.row.id, request.force, request.reason, call.principal.actor};
    });
}

Result<Response> retry(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::RetryRequest>());
    return act(call, "retry", true, [&](const JobRef& job) -> Result<core::Command> {
        core::RetryJob command;
        command.job = job.view.row.id;
        command.actor = call.principal.actor;
        for (const std::string& word : request.classes) {
            if (const auto klass = failure_class_from(word)) {
                command.classes.push_back(*klass);
            }
        }
        command.failed_by_class = SERVO_TRY(call.history->failed_by_class(command.job));
        return command;
    });
}

Result<Response> set(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::SettingsRequest>());
    const core::SetJob settings = SERVO_TRY(set_command(request, call.backend.now()));
    return act(call, "set", false, [&](const JobRef& job) -> Result<core::Command> {
        core::SetJob command = settings;
        command.job = job.view.row.id;
        command.actor = call.principal.actor;
        return command;
    });
}

}  // namespace

HandlerTable action_handlers() {
    return {
        {"start_backfill", start_backfill},
        {"pause_backfill", pause},
        {"resume_backfill", resume},
        {"cancel_backfill", cancel},
        {"retry_backfill", retry},
        {"set_backfill", set},
    };
}

}  // namespace servo::server

// What people do to jobs: start, pause, resume, cancel, retry.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "core/retry_rules.h"
#include "core/rules.h"
#include "model/job_id.h"

namespace servo::core {
namespace {

Reply job_reply(const Job& job, bool changed, uint64_t partitions = 0) {
    JobReply reply;
    reply.job = job.row.id;
    reply.state = job.row.state;
    reply.changed = changed;
    reply.partitions = partitions;
    return reply;
}

struct Overlap {
    JobId job;
    RunSet indices;  // of the new job
};

std::vector<Overlap> overlaps_of(const State& state, const JobRow& row) {
    std::vector<Overlap> found;
    for (const JobId id : state.assets.at(row.asset).open_jobs) {
        const Job& other = state.jobs.at(id);
        if (id == row.id || is_terminal(other.row.state)) {
            continue;
        }
        RunSet both = shared(*row.ordinals, other, other.remaining);
        if (!both.empty()) {
            found.push_back({id, std::move(both)});
        }
    }
    return found;
}

Error overlap_error(const State& state, const Overlap& overlap) {
    const std::string id = to_text(overlap.job);
    return conflict(
        "overlap",
        fmt::format(
            "{} of these partitions belong to {} ({}). Wait for it: servo backfill wait {}; or "
            "cancel it: servo backfill cancel {}. Of `servo backfill start`, --overlap wait queues "
            "behind it and --overlap skip leaves them out.",
            overlap.indices.size(),
            id,
            to_string(state.jobs.at(overlap.job).row.state),
            id,
            id
        )
    );
}

// Whether the tenant may have that many more unfinished partitions. They are only counted where the
// limit could be reached: counting takes a step for each open job.
Status check_pending(const State& state, const Tenant& tenant, uint64_t more) {
    const auto limit = static_cast<uint64_t>(tenant.limits().max_pending);
    if (tenant.open_total + more <= limit) {
        return {};
    }
    uint64_t pending = more;
    for (const JobId id : tenant.open_jobs) {
        pending += state.jobs.at(id).remaining.size();
    }
    if (pending <= limit) {
        return {};
    }
    return fail(failed_precondition(
        "max_pending",
        fmt::format(
            "Tenant {} may have {} unfinished partitions and would have {}; wait, or raise it: "
            "servo tenant set {} --max-pending {}",
            tenant.row.name,
            limit,
            pending,
            tenant.row.name,
            pending
        )
    ));
}

// `open`: jobs in memory, with the one that is to be open.
Status check_open_jobs(size_t open) {
    if (open <= kOpenJobsMax) {
        return {};
    }
    return fail(resource_exhausted(
        "too_many_jobs", fmt::format("There are {} open jobs already.", kOpenJobsMax)
    ));
}

Result<std::monostate> check_new(const State& state, const JobRow& row) {
    const auto tenant = state.tenants.find(row.tenant);
    const auto asset = state.assets.find(row.asset);
    if (tenant == state.tenants.end() || asset == state.assets.end() ||
        asset->second.head.tenant != row.tenant ||
        !asset->second.revisions.contains(row.revision)) {
        return fail(not_found("no_such_asset", "The asset does not exist (any more)."));
    }
    if (asset->second.head.archived) {
        return fail(failed_precondition(
            "asset_archived",
            fmt::format("{} is archived; apply its definition again.", asset->second.head.name)
        ));
    }
    if (state.jobs.contains(row.id)) {
        return fail(conflict("id_in_use", "That job id is in use; try again."));
    }
    if (row.total() == 0 || row.total() > kPartitionsPerJobMax) {
        return fail(invalid_argument(
            "bad_partition_count",
            fmt::format("A job has 1 to {} partitions.", kPartitionsPerJobMax)
        ));
    }
    if (row.settings.priority < kPriorityMin || row.settings.priority > kPriorityMax) {
        return fail(invalid_argument(
            "bad_priority",
            fmt::format("A priority lies between {} and {}.", kPriorityMin, kPriorityMax)
        ));
    }
    SERVO_CHECK(check_open_jobs(state.jobs.size() + 1));
    SERVO_CHECK(check_pending(state, tenant->second, row.total()));
    return std::monostate{};
}

// Builds the job in memory; overlaps are already dealt with by `skip` and `waits_for`.
Job build(const State& state, const JobRow& row, const RunSet& skip, JobId waits_for, Instant now) {
    Job job;
    job.row = row;
    job.row.state = JobState::kPending;
    job.row.state_reason = waits_for ? "overlap" : "";
    job.row.state_by = row.created_by;
    job.row.state_since = now;
    job.row.created_at = now;
    job.row.waits_for = waits_for;
    job.row.generation = 1;
    job.row.started_at.reset();
    job.row.completed_at.reset();
    job.row.keys_fingerprint = row.ordinals->fingerprint();
    job.revision = state.assets.at(row.asset).revisions.at(row.revision).revision;
    job.remaining = RunSet(Run{0, row.total()});
    job.remaining.subtract(skip);
    job.ready = job.remaining;
    job.skipped = skip;
    job.counters.skipped = skip.size();
    job.effective_priority = row.settings.priority;
    job.waiting_since = now;
    job.row_dirty = true;
    job.checkpoint_now = true;
    return job;
}

// The failed partitions that the command means.
RunSet to_retry(const Job& job, const RetryJob& command) {
    if (command.classes.empty()) {
        return job.failed;
    }
    RunSet again;
    for (const FailureClass klass : command.classes) {
        const auto set = command.failed_by_class.find(klass);
        if (set != command.failed_by_class.end()) {
            again.add(set->second);
        }
    }
    RunSet others = again;
    others.subtract(job.failed);
    again.subtract(others);
    return again;
}

// Whether no other open job has come to own some of `indices` meanwhile.
Status check_free(const State& state, const Job& job, const RunSet& indices) {
    for (const JobId other_id : state.asset_of(job).open_jobs) {
        const Job& other = state.jobs.at(other_id);
        if (other_id == job.row.id || is_terminal(other.row.state)) {
            continue;
        }
        RunSet both = shared(*job.row.ordinals, other, other.remaining);
        RunSet free = indices;
        free.subtract(both);
        if (free.size() < indices.size()) {
            return fail(overlap_error(state, {other_id, std::move(both)}));
        }
    }
    return {};
}

}  // namespace

bool paused_itself(const JobRow& row) {
    return row.state == JobState::kPaused &&
           (row.state_reason == kTooManyFailures || row.state_reason == kSequentialFailed);
}

Result<Job*> find_open_job(State& state, JobId id) {
    const auto it = state.jobs.find(id);
    if (it == state.jobs.end() || is_terminal(it->second.row.state)) {
        return fail(failed_precondition(
            "job_ended",
            fmt::format(
                "{} has ended; `servo backfill status {}` says how. A failed one can be retried.",
                to_text(id),
                to_text(id)
            )
        ));
    }
    return &it->second;
}

Result<Reply> create_jobs(Context& c, const CreateJobs& command) {
    struct Planned {
        RunSet skip;
        JobId waits_for;
    };
    std::vector<Planned> plans;
    for (const JobRow& row : command.jobs) {
        SERVO_CHECK(check_new(c.state, row));
        Planned plan;
        for (const Overlap& overlap : overlaps_of(c.state, row)) {
            if (row.overlap == OverlapPolicy::kReject) {
                return fail(overlap_error(c.state, overlap));
            }
            if (row.overlap == OverlapPolicy::kSkip) {
                plan.skip.add(overlap.indices);
            } else if (!plan.waits_for) {
                plan.waits_for = overlap.job;
            }
        }
        if (plan.skip.size() == row.total()) {
            return fail(conflict(
                "nothing_left", "Every one of these partitions belongs to another open job."
            ));
        }
        plans.push_back(std::move(plan));
    }
    JobsReply reply;
    for (size_t i = 0; i < command.jobs.size(); ++i) {
        const JobRow& row = command.jobs[i];
        Job& job =
            c.state.jobs
                .emplace(row.id, build(c.state, row, plans[i].skip, plans[i].waits_for, c.now))
                .first->second;
        resolve_pools(c.state, job);
        enter_open(c.state, job);
        mark_dirty(c.state, job);
        checkpoint_before(c, job);
        refresh_queue(c.state, job);
        event(
            c,
            row.tenant,
            row.created_by,
            "backfill.created",
            to_text(row.id),
            fmt::format(
                "{} of {}{}.",
                counted(job.row.total(), "partition", "partitions"),
                c.state.asset_of(job).head.name,
                row.note.empty() ? "" : ": " + row.note
            )
        );
        c.state.tally.end(row.tenant, row.asset, EndStatus::kSkipped, plans[i].skip.size());
        reply.jobs.push_back({row.id, job.row.state, true, plans[i].skip.size(), 0});
    }
    return Reply(std::move(reply));
}

Result<Reply> pause_job(Context& c, const PauseJob& command) {
    Job& job = *SERVO_TRY(find_open_job(c.state, command.job));
    if (job.row.state == JobState::kCancelling) {
        return fail(failed_precondition("cancelling", "The job is being cancelled."));
    }
    const Revoke how = command.mode == PauseMode::kKill ? Revoke::kStop : Revoke::kShrink;
    const bool paused = job.row.state == JobState::kPaused;
    // What one that is paused is told anew. Somebody else's pause is made longer, never shorter,
    // and what paused itself goes on by a person's word alone.
    const bool own = job.row.state_by == command.actor;
    const bool longer =
        command.until != kNever && !paused_itself(job.row) &&
        (own ? command.until != job.row.resume_at : command.until > job.row.resume_at);
    const bool news =
        longer || (own && !command.note.empty() && command.note != job.row.state_note);
    if (!paused) {
        set_state(c, job, JobState::kPaused, "requested", command.actor);
    }
    const uint64_t asked = revoke_leases(c, job, how);
    const bool kills = command.mode == PauseMode::kKill && asked > 0;
    if (paused && !news && !kills) {
        return job_reply(job, false);
    }
    if (!paused || (news && !command.note.empty())) {
        job.row.state_note = command.note;
    }
    if (!paused || longer) {
        job.row.resume_at = command.until;
        job.row.state_by = command.actor;
    }
    job.row_dirty = true;
    mark_dirty(c.state, job);
    event(
        c,
        job.row.tenant,
        command.actor,
        "backfill.paused",
        to_text(job.row.id),
        said("", command.until, command.note)
    );
    return job_reply(job, true, job.leases.size());
}

Result<Reply> resume_job(Context& c, const ResumeJob& command) {
    Job& job = *SERVO_TRY(find_open_job(c.state, command.job));
    if (job.row.state != JobState::kPaused) {
        if (job.row.state == JobState::kCancelling) {
            return fail(failed_precondition("cancelling", "The job is being cancelled."));
        }
        return job_reply(job, false);
    }
    job.waiting_since = c.now;
    job.row.resume_at = kNever;
    job.row.state_note = "";
    if (paused_itself(job.row) && too_many_failures(job.row.settings.max_failures, job.counters)) {
        lift_max_failures(job);  // the same limit must not stop the job at once again
    }
    set_state(c, job, JobState::kResuming, "", command.actor);
    event(c, job.row.tenant, command.actor, "backfill.resumed", to_text(job.row.id), "");
    return job_reply(job, true);
}

Result<Reply> cancel_job(Context& c, const CancelJob& command) {
    const auto it = c.state.jobs.find(command.job);
    if (it != c.state.jobs.end() && it->second.row.state == JobState::kCancelled) {
        return job_reply(it->second, false);
    }
    Job& job = *SERVO_TRY(find_open_job(c.state, command.job));
    const Revoke how = command.force ? Revoke::kStop : Revoke::kShrink;
    if (job.row.state == JobState::kCancelling) {
        const uint64_t asked = revoke_leases(c, job, how);
        const bool kills = command.force && asked > 0;
        if (kills) {
            event(
                c,
                job.row.tenant,
                command.actor,
                "backfill.cancelling",
                to_text(job.row.id),
                command.note
            );
        }
        return job_reply(job, kills);
    }
    set_state(c, job, JobState::kCancelling, "requested", command.actor);
    job.row.state_note = command.note;
    RunSet idle = job.remaining;
    for (const LeaseId id : job.leases) {
        for (const LeaseGrant& grant : c.state.leases.at(id).grants) {
            for (const Run& run : grant.runs) {
                idle.subtract(run);
            }
        }
    }
    job.remaining.subtract(idle);
    job.cancelled.add(idle);
    job.counters.cancelled += idle.size();
    job.ready = RunSet();
    job.due.clear();
    for (const Run& run : idle.runs()) {
        job.waiting.erase(job.waiting.lower_bound(run.first), job.waiting.lower_bound(run.end));
    }
    refresh_queue(c.state, job);
    revoke_leases(c, job, how);
    event(
        c, job.row.tenant, command.actor, "backfill.cancelling", to_text(job.row.id), command.note
    );
    const uint64_t count = idle.size();
    finish_if_done(c, job);
    return job_reply(job, true, count);
}

Result<Reply> adopt_job(Context& c, const AdoptJob& command) {
    if (!c.state.jobs.contains(command.job.row.id)) {
        adopt(c.state, command.job, c.now);
    }
    return Reply(Done{false});
}

Result<Reply> retry_job(Context& c, const RetryJob& command) {
    const auto it = c.state.jobs.find(command.job);
    if (it == c.state.jobs.end()) {
        return fail(failed_precondition(
            "not_retryable", "Only a failed or open job has partitions to retry."
        ));
    }
    Job& job = it->second;
    if (job.row.state == JobState::kCompleted || job.row.state == JobState::kCancelled ||
        job.row.state == JobState::kCancelling) {
        return fail(failed_precondition(
            "not_retryable",
            fmt::format(
                "{} is {}; start a new backfill of what is missing.",
                to_text(job.row.id),
                to_string(job.row.state)
            )
        ));
    }
    const RunSet again = to_retry(job, command);
    if (again.empty()) {
        return job_reply(job, false);
    }
    const uint64_t count = again.size();
    if (job.row.state == JobState::kFailed) {
        SERVO_CHECK(check_open_jobs(c.state.jobs.size()));
    }
    SERVO_CHECK(check_pending(c.state, c.state.tenant_of(job), count));
    SERVO_CHECK(check_free(c.state, job, again));
    materialise_results(c, job);  // until they end anew they stand as failed
    job.failed.subtract(again);
    job.counters.failed -= count;
    job.remaining.add(again);
    job.ready.add(again);
    ++job.row.generation;
    job.row.completed_at.reset();
    job.row_dirty = true;
    job.checkpoint_now = true;
    job.waiting_since = c.now;
    mark_dirty(c.state, job);
    checkpoint_before(c, job);
    if (job.row.state == JobState::kFailed) {
        enter_open(c.state, job);
        set_state(c, job, JobState::kRunning, "retry", command.actor);
    }
    end_temporary_settings(c, job);
    take_wanted_revision(c, job);
    refresh_queue(c.state, job);
    event(
        c,
        job.row.tenant,
        command.actor,
        "backfill.retried",
        to_text(job.row.id),
        fmt::format("{} failed partitions run again.", count)
    );
    return job_reply(job, true, count);
}

}  // namespace servo::core

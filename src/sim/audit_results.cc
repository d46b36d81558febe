// The auditor's account of what is recorded: successes, failures and checkpoints.
#include <fmt/format.h>

#include <algorithm>

#include "model/job_id.h"
#include "sim/auditor.h"

namespace servo::sim {
namespace {

bool made_by_server(FailureClass klass) {
    return klass == FailureClass::kLost || klass == FailureClass::kQuarantined;
}

std::string place(const JobRow& row, Index index) {
    return fmt::format("{} index {}", to_text(row.id), index);
}

Millis exponential_cap(const RetryPolicy& policy, int attempt) {
    Millis cap = policy.backoff_initial;
    for (int i = 1; i < attempt && cap < policy.backoff_max; ++i) {
        cap *= 2;
    }
    return std::min(cap, policy.backoff_max);
}

}  // namespace

// --- successes -------------------------------------------------------------------------------

void Auditor::apply_done(BatchView& view) {
    for (const auto& [key, entries] : view.changes.done) {
        const auto found = a_.jobs.find(key.first);
        if (found == a_.jobs.end()) {
            fail("I1", "a success of an unknown job is recorded");
            continue;
        }
        touch(view, key.first);
        for (const DoneEntry& entry : entries) {
            apply_done_entry(view, found->second, entry);
        }
    }
}

void Auditor::apply_done_entry(BatchView& view, JobAccount& job, const DoneEntry& entry) {
    const std::string where = place(job.row, entry.index);
    const JobState before = view.touched.at(job.row.id).before;
    if (before == JobState::kCompleted || before == JobState::kCancelled) {
        fail("I11", where + ": recorded after the job had ended");
    }
    if (!job.remaining.contains(entry.index)) {
        fail("I2", where + ": recorded as done although it was not to be done");
        return;
    }
    GrantAccount* grant = nullptr;
    for (const GrantKey& key : job.grants) {
        GrantAccount& candidate = a_.grants.at(key);
        if (candidate.left.contains(entry.index)) {
            grant = &candidate;
        }
    }
    if (grant == nullptr) {
        fail("I4", where + ": recorded as done without a valid lease");
        return;
    }
    const Token token =
        grant->row.token_base + static_cast<Token>(rank_in(grant->row.indices, entry.index));
    const Effect* effect = ledger_.find(token);
    if (effect == nullptr || !effect->success || effect->job != job.row.id ||
        effect->index != entry.index) {
        fail(
            "I2",
            fmt::format(
                "{}: recorded as done under token {} (lease {} grant {} at {}: {}), which {}",
                where,
                token,
                grant->row.lease.value,
                grant->row.number,
                grant->row.first_position,
                grant->row.indices.to_string(),
                effect == nullptr ? "did not end" : "did not succeed"
            )
        );
    } else if (effect->duration != entry.duration || effect->started_at != entry.started_at) {
        fail("I2", where + ": the record of its success tells other times than its run");
    }
    if (entry.attempt != grant->row.attempt || entry.executor != grant->row.executor) {
        fail("I4", where + ": the record names another attempt than the lease");
    }
    take_off(*grant, entry.index);
    recorded_.add(static_cast<uint64_t>(token));
    job.remaining.subtract(entry.index);
    job.done.add(entry.index);
    note_standing(view, job.row, entry.index, model::Outcome::kSucceeded);
    ++job.counters.completed;
    ++job.counters.attempts_completed;
    ++a_.successes[{job.row.asset, job.row.revision}];
    job.counters.busy_us += entry.duration.count();
}

// --- failures --------------------------------------------------------------------------------

void Auditor::apply_failures(BatchView& view) {
    for (const FailureRow& row : view.changes.failures) {
        if (!a_.jobs.contains(row.job)) {
            fail("I1", "a failure of an unknown job is recorded");
            continue;
        }
        touch(view, row.job);
        apply_failure(view, row);
    }
}

void Auditor::apply_failure(BatchView& view, const FailureRow& row) {
    JobAccount& job = a_.jobs.at(row.job);
    const std::string where = place(job.row, row.index);
    const JobState before = view.touched.at(row.job).before;
    if (before == JobState::kCompleted || before == JobState::kCancelled) {
        fail("I11", where + ": a failure is recorded after the job had ended");
    }
    if (!job.remaining.contains(row.index)) {
        fail("I2", where + ": a failure is recorded although it was not to be done");
        return;
    }
    auto key = a_.by_token.upper_bound(row.token);
    GrantAccount* grant = nullptr;
    if (key != a_.by_token.begin()) {
        GrantAccount& candidate = a_.grants.at(std::prev(key)->second);
        const auto offset = static_cast<uint64_t>(row.token - candidate.row.token_base);
        if (offset < candidate.row.indices.size() && candidate.row.job == row.job &&
            candidate.row.indices.at(offset) == row.index && candidate.left.contains(row.index)) {
            grant = &candidate;
        }
    }
    if (grant != nullptr) {
        take_off(*grant, row.index);
        if (row.attempt != grant->row.attempt || row.executor != grant->row.executor) {
            fail("I4", where + ": the failure names another attempt than the lease");
        }
    } else if (!made_by_server(row.klass) || row.token <= view.max_token_before) {
        // Granted and lost within one batch is the only way without a stored lease.
        fail("I4", where + ": a failure is recorded without a valid lease");
    }
    const Effect* effect = ledger_.find(row.token);
    if (!made_by_server(row.klass) && (effect == nullptr || effect->success ||
                                       effect->klass != row.klass || effect->index != row.index)) {
        fail(
            "I2",
            fmt::format(
                "{}: failure {} is recorded, which did not happen", where, to_string(row.klass)
            )
        );
    }
    check_failure_rules(view, job, row);
    recorded_.add(static_cast<uint64_t>(row.token));
    ++job.counters.attempts_failed[static_cast<size_t>(row.klass)];
    job.counters.wasted_us += (row.ended_at - row.started_at).count() * 1'000;
    if (row.final) {
        job.remaining.subtract(row.index);
        job.failed.add(row.index);
        note_standing(view, job.row, row.index, model::Outcome::kFailed);
        ++job.counters.failed;
    } else if (before == JobState::kCancelling) {
        // No attempt follows.
        job.remaining.subtract(row.index);
        job.cancelled.add(row.index);
        ++job.counters.cancelled;
    }
    job.last[row.index] = row;
}

// Attempt budgets and backoff (I12).
void Auditor::check_failure_rules(
    const BatchView& view, const JobAccount& job, const FailureRow& row
) {
    const std::string where = fmt::format(
        "{} attempt {} ({})", place(job.row, row.index), row.attempt, to_string(row.klass)
    );
    // What failed ran under the revision of before; its job goes on to a wanted one afterwards.
    const int revision = view.touched.at(row.job).revision_before;
    const RetryPolicy& policy = a_.revisions.at({job.row.asset, revision})->spec.retries;
    const Millis delay = row.retry_at - view.batch.now;
    if (!row.final && delay < Millis(0)) {
        fail("I12", where + ": is retried in the past");
    }
    if (row.klass == FailureClass::kLost) {
        if (row.final || row.next_attempt != row.attempt) {
            fail("I12", where + ": a death must not spend an attempt");
        }
        if (delay > exponential_cap(policy, row.deaths)) {
            fail("I12", where + ": waits longer for a death than its policy says");
        }
        return;
    }
    if (row.klass == FailureClass::kQuarantined) {
        if (!row.final || row.deaths < 3) {
            fail("I12", fmt::format("{}: quarantined after {} deaths", where, row.deaths));
        }
        return;
    }
    if (row.klass == FailureClass::kExternal) {
        const bool over = view.batch.now - row.first_failed_at >= policy.external_max_elapsed;
        if (row.final != over) {
            fail("I12", where + ": ends too early or too late for external_max_elapsed");
        }
        if (!row.final && (row.next_attempt != row.attempt || delay < policy.backoff_initial / 2)) {
            fail("I12", where + ": an external failure spent an attempt or skips its backoff");
        }
        return;
    }
    if (row.attempt > 100) {
        fail("I12", where + ": more attempts than any policy allows");
    }
    const JobSettings& settings = job.row.settings;
    const int allowed =
        settings.max_attempts ? *settings.max_attempts : attempts_allowed(policy, row.klass);
    if (row.final != (row.attempt >= allowed) &&
        !view.events.contains({"backfill.set", to_text(row.job)})) {
        fail("I12", fmt::format("{}: {} attempts are allowed", where, allowed));
    }
    if (!row.final &&
        (row.next_attempt != row.attempt + 1 || delay > exponential_cap(policy, row.attempt))) {
        fail("I12", where + ": waits longer than its policy says, or miscounts");
    }
}

// --- checkpoints -----------------------------------------------------------------------------

void Auditor::apply_checkpoints(BatchView& view) {
    std::set<JobId> seen;
    for (const JobCheckpoint& checkpoint : view.changes.checkpoints) {
        if (!a_.jobs.contains(checkpoint.job) || !seen.insert(checkpoint.job).second) {
            fail("I1", "a checkpoint of an unknown job, or two of one job");
            continue;
        }
        touch(view, checkpoint.job);
        apply_checkpoint(view, checkpoint);
    }
    for (const auto& [id, touched] : view.touched) {
        const JobAccount& job = a_.jobs.at(id);
        const bool needed = touched.fresh || touched.before != job.row.state ||
                            touched.generation_before != job.row.generation;
        if (needed && !seen.contains(id)) {
            fail("I1", to_text(id) + ": its state changed without a checkpoint");
        }
    }
}

void Auditor::apply_checkpoint(BatchView& view, const JobCheckpoint& checkpoint) {
    JobAccount& job = a_.jobs.at(checkpoint.job);
    const std::string id = to_text(checkpoint.job);
    const Touched& touched = view.touched.at(checkpoint.job);
    if (checkpoint.covers_seq != view.batch.seq) {
        fail("I9", id + ": its checkpoint covers another batch");
    }
    if (touched.fresh) {
        job.skipped = checkpoint.skipped;
        job.remaining.subtract(checkpoint.skipped);
        job.counters.skipped = checkpoint.skipped.size();
    }
    if (job.row.generation > touched.generation_before) {
        RunSet again = job.failed;
        again.subtract(checkpoint.failed);
        job.failed.subtract(again);
        job.remaining.add(again);
        job.counters.failed -= again.size();
    }
    RunSet cancelled = checkpoint.cancelled;
    cancelled.subtract(job.cancelled);
    if (!cancelled.empty()) {
        const JobState state = job.row.state;
        if (state != JobState::kCancelling && state != JobState::kCancelled) {
            fail("I1", id + ": partitions are cancelled, the job is not");
        }
        for (const GrantKey& key : job.grants) {
            for (const Run& run : a_.grants.at(key).left.runs()) {
                if (cancelled.intersects(run)) {
                    fail("I1", id + ": a leased partition is cancelled");
                }
            }
        }
        RunSet foreign = cancelled;
        foreign.subtract(job.remaining);
        if (!foreign.empty()) {
            fail("I1", fmt::format("{}: {} cancelled, which had ended", id, foreign.to_string()));
        }
        job.remaining.subtract(cancelled);
        job.cancelled.add(cancelled);
        job.counters.cancelled += cancelled.size();
    }
    const std::pair<const char*, bool> same[] = {
        {"remaining", checkpoint.remaining == job.remaining},
        {"failed", checkpoint.failed == job.failed},
        {"skipped", checkpoint.skipped == job.skipped},
        {"cancelled", checkpoint.cancelled == job.cancelled},
    };
    for (const auto& [name, equal] : same) {
        if (!equal) {
            fail(
                "I1",
                fmt::format("{}: its checkpoint's set \"{}\" is not what the log says", id, name)
            );
        }
    }
    check_counters(job, checkpoint.counters, "its checkpoint");
}

void Auditor::check_counters(const JobAccount& job, const JobCounters& told, const char* where) {
    if (told == job.counters) {
        return;
    }
    fail(
        "I9",
        fmt::format(
            "{}: {} counts completed {} failed {} skipped {} cancelled {} busy {} wasted {}; a "
            "recount "
            "of the log says {} {} {} {} {} {}",
            to_text(job.row.id),
            where,
            told.completed,
            told.failed,
            told.skipped,
            told.cancelled,
            told.busy_us,
            told.wasted_us,
            job.counters.completed,
            job.counters.failed,
            job.counters.skipped,
            job.counters.cancelled,
            job.counters.busy_us,
            job.counters.wasted_us
        )
    );
}

}  // namespace servo::sim

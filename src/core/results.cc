// What executors report: successes, failures, deaths.
#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/text.h"
#include "core/retry_rules.h"
#include "core/rules.h"
#include "model/job_id.h"

namespace servo::core {
namespace {

constexpr uint64_t kBreakerObservationsMax = 2'048;
constexpr int kDeathsMax = 3;

// Walks the unreported positions of a lease in order.
struct Cursor {
    const Lease& lease;
    size_t grant = 0;
    size_t run = 0;
    uint64_t offset = 0;    // into the run
    uint64_t in_grant = 0;  // unreported positions of the grant already passed

    void settle() {
        while (grant < lease.grants.size() && run >= lease.grants[grant].runs.size()) {
            ++grant;
            run = 0;
            offset = 0;
            in_grant = 0;
        }
    }
    Index index() const { return lease.grants[grant].runs[run].first + offset; }
    Token token() const {
        const LeaseGrant& g = lease.grants[grant];
        return g.token_base + static_cast<Token>(g.reported + in_grant);
    }
    void advance() {
        ++offset;
        ++in_grant;
        if (offset == lease.grants[grant].runs[run].size()) {
            ++run;
            offset = 0;
            settle();
        }
    }
};

}  // namespace

void observe_breakers(
    Context& c, Job& job, const std::string& blamed, bool external, uint64_t times
) {
    for (const auto& [pool_id, units] : job.pools) {
        Pool& pool = c.state.pools.at(pool_id);
        if (external && !blamed.empty() && blamed != pool.row.spec.name) {
            continue;
        }
        const int64_t limit = pool_limit(pool, c.now);
        const int64_t full = limit > 0 ? limit : kBreakerRampFull;
        for (uint64_t i = 0; i < std::min(times, kBreakerObservationsMax); ++i) {
            if (pool.breaker.observe(external, c.now, full)) {
                breaker_changed(c, pool);
            }
        }
    }
}

namespace {

// Corrects the slot-time charged for one partition from its estimate to what it took.
void correct_charge(Context& c, Lease& lease, int64_t took_us) {
    charge_time(c.state, lease.tenant, took_us - lease.estimate_us - lease.charged_ahead_us);
    lease.charged_ahead_us = 0;
}

void fail_finally(Context& c, Job& job, ExecutorId executor, Index index) {
    job.remaining.subtract(index);
    job.failed.add(index);
    job.failed_since.add(index);
    job.done_since.subtract(index);
    c.state.tally.end(job.row.tenant, job.row.asset, EndStatus::kFailed, 1);
    book_count(c.state, job, executor, kMeterFailed, 1);
    ++job.counters.failed;
    job.waiting.erase(index);
    job.rate.add(c.now, 1);
}

// After attempts that failed; `failed_before` partitions had failed for good. In a sequential job
// nothing runs beyond one that waits for its retry, nor beyond one that failed for good until
// somebody has looked at it.
void stop_after_failure(Context& c, Job& job, uint64_t failed_before) {
    const bool paused = job.row.state == JobState::kPaused;  // by a person, perhaps for a time
    if (!paused && job.row.state != JobState::kRunning && job.row.state != JobState::kResuming) {
        return;
    }
    const bool ordered = job.revision->spec.sequential && !job.remaining.empty();
    if (ordered) {
        revoke_leases(c, job, Revoke::kShrink);
    }
    if (job.counters.failed == failed_before || paused_itself(job.row)) {
        return;
    }
    if (!ordered && !too_many_failures(job.row.settings.max_failures, job.counters)) {
        return;
    }
    const std::string reason = ordered ? kSequentialFailed : kTooManyFailures;
    if (paused) {
        job.row.state_reason = reason;
        job.row.state_by = "servo";
        job.row_dirty = true;
    } else {
        set_state(c, job, JobState::kPaused, reason, "servo");
    }
    job.row.state_note = "";
    job.row.resume_at = kNever;
    revoke_leases(c, job, Revoke::kShrink);
    event(
        c,
        job.row.tenant,
        "servo",
        "backfill.paused",
        to_text(job.row.id),
        ordered ? "A partition of a sequential asset failed."
                : counted(job.counters.failed, "partition", "partitions") + " failed."
    );
}

// Since when the partition fails by its dependency, after another attempt that failed. One that was
// lost says nothing of the dependency.
std::optional<Instant> external_since(
    const Job& job, Index index, FailureClass klass, Instant now
) {
    const auto before = job.waiting.find(index);
    std::optional<Instant> since;
    if (before != job.waiting.end() &&
        (klass == FailureClass::kExternal || klass == FailureClass::kLost)) {
        since = before->second.external_since;
    }
    return klass == FailureClass::kExternal ? since.value_or(now) : since;
}

// Books one failed attempt of `index`, whose lease number was `attempt`.
void record_failure(
    Context& c,
    Job& job,
    const Lease& lease,
    Index index,
    Token token,
    const FailedResult& result,
    int deaths
) {
    const std::optional<Instant> external = external_since(job, index, result.klass, c.now);
    FailedAttempt failed{result.klass, lease.attempt, c.now, result.retry_after};
    failed.slot_deaths = result.slot_died ? deaths : 0;
    // A lost one without a streak behind it says so by a time that is not before its start
    // (load.cc).
    failed.first_failed_at = external.value_or(std::max(c.now, result.started_at));
    RetryDecision decision =
        decide_retry(job.revision->spec.retries, job.row.settings, failed, c.now, c.state.prng);
    if (result.klass == FailureClass::kQuarantined) {
        decision.final = true;
    }

    FailureRow row;
    row.job = job.row.id;
    row.index = index;
    row.generation = lease.generation;
    row.attempt = lease.attempt;
    row.token = token;
    row.deaths = deaths;
    row.klass = result.klass;
    row.final = decision.final;
    row.retry_at = decision.retry_at;
    row.next_attempt = decision.next_attempt;
    row.first_failed_at = failed.first_failed_at;
    row.exit_code = result.exit_code;
    row.message = result.message.substr(0, kMessageBytesMax);
    row.started_at = result.started_at;
    row.ended_at = result.started_at + std::chrono::ceil<Millis>(result.duration);
    row.executor = lease.executor;
    row.max_rss_kb = result.max_rss_kb;
    row.cpu_us = result.cpu_us;

    ++job.counters.attempts_failed[static_cast<size_t>(result.klass)];
    c.state.tally.attempt_failed(job.row.tenant, result.klass);
    book_count(c.state, job, lease.executor, kMeterFailedAttempts, 1);
    if (result.klass != FailureClass::kLost || result.duration > Micros(0)) {
        c.state.tally.failed_duration.add(result.duration);
    }
    job.counters.wasted_us += (row.ended_at - row.started_at).count() * 1'000;
    --job.leased;
    mark_progress(c.state, job);
    if (job.row.state == JobState::kCancelling && !decision.final) {
        // No retry is coming: the partition ends with the job.
        row.final = false;
        job.remaining.subtract(index);
        job.cancelled.add(index);
        ++job.counters.cancelled;
        job.waiting.erase(index);
    } else if (decision.final) {
        fail_finally(c, job, lease.executor, index);
    } else {
        const Tries tries{deaths, decision.next_attempt, lease.generation};
        Waiting waiting{decision.retry_at, tries, external, token};
        job.waiting[index] = waiting;
        enqueue_waiting(c.state, job, index, waiting, c.now);
    }
    c.changes.failures.push_back(std::move(row));
}

bool suspect(const FailedResult& result) {
    return result.klass == FailureClass::kLost && result.slot_died;
}

int64_t suspects_in(const LeaseResults& results) {
    return std::count_if(results.failed.begin(), results.failed.end(), suspect);
}

// Its executor lives and says so: unlike an executor's death this one is counted whoever granted
// the lease. `alone`: no other partition can have killed the slot process.
void record_slot_death(
    Context& c,
    Job& job,
    const Lease& lease,
    Index index,
    Token token,
    FailedResult result,
    bool alone
) {
    const int deaths = lease.deaths + 1;
    if (alone && deaths >= kDeathsMax) {
        result.klass = FailureClass::kQuarantined;
        result.message = "The process that ran it died for the third time. " + result.message;
    }
    record_failure(c, job, lease, index, token, result, deaths);
}

void record_done(
    Context& c,
    Job& job,
    Lease& lease,
    const std::vector<DoneResult>& done,
    const std::vector<Index>& indices
) {
    Asset& asset = c.state.asset_of(job);
    RevisionEntry& entry = asset.revisions.at(job.row.revision);
    uint64_t block = ~uint64_t{0};
    std::vector<DoneEntry>* rows = nullptr;
    RunSet set;
    int64_t busy_us = 0;
    for (size_t i = 0; i < done.size(); ++i) {
        const DoneResult& result = done[i];
        const Index index = indices[i];
        if (index / kDoneBlockSize != block) {
            block = index / kDoneBlockSize;
            rows = &c.changes.done[{job.row.id, block}];
        }
        rows->push_back(
            {index,
             result.started_at,
             result.duration,
             lease.attempt,
             lease.executor,
             result.rows,
             result.bytes,
             result.max_rss_kb,
             result.cpu_us}
        );
        set.add(index);
        busy_us += result.duration.count();
        entry.durations.add(result.duration);
        c.state.tally.completed_duration.add(result.duration);
    }
    c.state.tally.end(job.row.tenant, job.row.asset, EndStatus::kCompleted, done.size());
    c.state.tally.attempts_done(job.row.tenant, done.size());
    book_count(c.state, job, lease.executor, kMeterCompleted, done.size());
    c.state.dirty_durations.emplace(asset.head.id, job.row.revision);
    const int64_t estimate = lease.estimate_us * static_cast<int64_t>(done.size());
    charge_time(c.state, lease.tenant, busy_us - estimate - lease.charged_ahead_us);
    lease.charged_ahead_us = 0;
    job.counters.busy_us += busy_us;
    job.counters.completed += done.size();
    job.counters.attempts_completed += done.size();
    job.remaining.subtract(set);
    job.done_since.add(set);
    job.failed_since.subtract(set);
    job.leased -= done.size();
    if (!job.waiting.empty()) {
        for (const Index index : indices) {
            job.waiting.erase(index);
        }
    }
    job.rate.add(c.now, done.size());
    mark_progress(c.state, job);
    observe_breakers(c, job, "", false, done.size());
}

}  // namespace

Status check_results(const Lease& lease, const LeaseResults& results) {
    const auto bad = [&](const char* what) {
        return fail(invalid_argument(
            "bad_report",
            fmt::format(
                "Lease {}: {}; results continue at position {} and end before {}.",
                lease.id.value,
                what,
                lease.reported,
                lease.size
            )
        ));
    };
    size_t done = 0;
    size_t failed = 0;
    uint64_t position = lease.reported;
    while (done < results.done.size() || failed < results.failed.size()) {
        if (done < results.done.size() && results.done[done].position == position) {
            if (results.done[done].duration.count() < 0) {
                return bad("a duration is negative");
            }
            ++done;
        } else if (failed < results.failed.size() && results.failed[failed].position == position) {
            if (results.failed[failed].duration.count() < 0) {
                return bad("a duration is negative");
            }
            ++failed;
        } else {
            return bad("positions are missing, repeated or out of order");
        }
        ++position;
    }
    if (position > lease.size) {
        return bad("there are more results than partitions");
    }
    for (const LogTail& log : results.logs) {
        if (log.position < lease.reported || log.position >= position) {
            return bad("a log tail belongs to no result of the report");
        }
    }
    uint64_t next = lease.reported;
    for (const PhaseTimes& phases : results.phases) {
        if (phases.position < next || phases.position >= position) {
            return bad("phases belong to no result of the report, or are out of order");
        }
        next = phases.position + 1;
    }
    return {};
}

void record_results(Context& c, Lease& lease, const LeaseResults& results) {
    Job& job = c.state.jobs.at(lease.job);
    mark_dirty(c.state, job);
    const uint64_t count = results.done.size() + results.failed.size();
    const uint64_t base = lease.reported;
    std::vector<std::pair<Index, Token>> places;
    std::vector<Index> done_indices;
    places.reserve(count);
    done_indices.reserve(results.done.size());
    Cursor cursor{lease};
    cursor.settle();
    for (uint64_t i = 0; i < count; ++i) {
        places.emplace_back(cursor.index(), cursor.token());
        cursor.advance();
    }
    for (const DoneResult& result : results.done) {
        done_indices.push_back(places[result.position - base].first);
    }
    for (const LogTail& log : results.logs) {
        c.changes.logs.push_back(
            {job.row.id,
             places[log.position - base].first,
             lease.generation,
             lease.attempt,
             c.now,
             log.bytes_total,
             log.tail.substr(0, kLogTailBytesMax)}
        );
    }
    book_results(c, job, lease, c.state.asset_of(job).revisions.at(job.row.revision), results);
    if (!results.done.empty()) {
        record_done(c, job, lease, results.done, done_indices);
    }
    const uint64_t failed_before = job.counters.failed;
    const int64_t suspects = suspects_in(results);
    for (const FailedResult& result : results.failed) {
        const auto [index, token] = places[result.position - base];
        correct_charge(c, lease, result.duration.count());
        if (suspect(result)) {
            record_slot_death(c, job, lease, index, token, result, suspects == 1);
        } else {
            record_failure(c, job, lease, index, token, result, lease.deaths);
        }
        observe_breakers(
            c,
            job,
            result.pool,
            result.klass == FailureClass::kExternal,
            result.klass == FailureClass::kLost ? 0 : 1
        );
    }
    lease.started = std::max(lease.started, base + count);
    lease.progress_at = c.now;
    drop_front(c, lease, count);
    refresh_queue(c.state, job);
    if (!results.failed.empty()) {
        stop_after_failure(c, job, failed_before);
    }
}

void lose_lease(Context& c, LeaseId id, bool suspect) {
    const auto open = c.state.leases.find(id);
    if (open == c.state.leases.end()) {
        return;  // with an earlier one of the session its job ended, and all leases with it
    }
    Lease& lease = open->second;
    Job& job = c.state.jobs.at(lease.job);
    mark_dirty(c.state, job);
    const uint64_t unreported = lease.size - lease.reported;
    if (unreported > 0) {
        book_lease_lost(c.state, lease, FailureClass::kLost);
    }
    if (suspect && unreported > 0) {
        const uint64_t failed_before = job.counters.failed;
        const int deaths = lease.deaths + 1;
        const bool guilty = deaths >= kDeathsMax && unreported == 1;
        FailedResult result;
        result.klass = guilty ? FailureClass::kQuarantined : FailureClass::kLost;
        result.started_at = lease.progress_at;
        result.duration = c.now - lease.progress_at;
        result.message = guilty ? "Its executor died three times while it ran."
                                : "The executor died or was lost before it told of the end.";
        Cursor cursor{lease};
        cursor.settle();
        std::vector<std::pair<Index, Token>> places;
        for (uint64_t i = 0; i < unreported; ++i) {
            places.emplace_back(cursor.index(), cursor.token());
            cursor.advance();
        }
        for (const auto& [index, token] : places) {
            record_failure(c, job, lease, index, token, result, deaths);
            // Only the first can have been running all that time; the others may not have begun.
            result.duration = Micros(0);
            result.started_at = c.now;
            result.message = "It was leased to an executor that died or was lost.";
        }
        charge_time(c.state, lease.tenant, -lease.estimate_us * static_cast<int64_t>(unreported));
        drop_front(c, lease, unreported);
        refresh_queue(c.state, job);
        stop_after_failure(c, job, failed_before);
    }
    end_lease(c, id);
}

}  // namespace servo::core

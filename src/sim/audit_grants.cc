// The auditor's account of leases: who may run what, and within which limits.
#include <fmt/format.h>

#include <algorithm>

#include "model/job_id.h"
#include "sim/auditor.h"

namespace servo::sim {

void Auditor::take_off(GrantAccount& grant, Index index) {
    grant.left.subtract(index);
    const RunSet ordinals =
        ordinals_of(a_.jobs.at(grant.row.job).row, RunSet(Run{index, index + 1}));
    a_.leased[a_.jobs.at(grant.row.job).row.asset].subtract(ordinals);
}

void Auditor::forget(GrantKey key) {
    const GrantAccount& grant = a_.grants.at(key);
    JobAccount& job = a_.jobs.at(grant.row.job);
    a_.leased[job.row.asset].subtract(ordinals_of(job.row, grant.left));
    job.grants.erase(key);
    a_.by_token.erase(grant.row.token_base);
    LeaseAccount& lease = a_.leases.at(key.first);
    lease.numbers.erase(key.second);
    if (lease.numbers.empty()) {
        a_.leases.erase(key.first);
    }
    a_.grants.erase(key);
}

void Auditor::end_grants(BatchView& view) {
    for (const GrantKey& key : view.changes.ended_grants) {
        const auto found = a_.grants.find(key);
        if (found == a_.grants.end()) {
            continue;  // deleting what is not there changes nothing
        }
        touch(view, found->second.row.job);
        view.ended.emplace(key, found->second);
        forget(key);
    }
    // What was wholly reported must be deleted with the report: its row would be a lease again
    // after a reload.
    for (const auto& [id, touched] : view.touched) {
        const JobAccount& job = a_.jobs.at(id);
        if (job.row.revision != touched.revision_before && !job.grants.empty()) {
            fail("I3", to_text(id) + " changes its revision and holds leases of the one before");
        }
        for (const GrantKey& key : job.grants) {
            if (a_.grants.at(key).left.empty()) {
                fail(
                    "I8", fmt::format("lease {} is all reported and still stored", key.first.value)
                );
            }
        }
    }
}

void Auditor::insert_grants(BatchView& view) {
    for (const GrantRow& row : view.changes.grants) {
        const auto job = a_.jobs.find(row.job);
        if (job == a_.jobs.end() || row.indices.empty()) {
            fail("I3", fmt::format("lease {} of nothing", row.lease.value));
            continue;
        }
        touch(view, row.job);
        const GrantKey key(row.lease, row.number);
        if (a_.grants.contains(key)) {
            fail(
                "I3",
                fmt::format("grant {} of lease {} is written twice", row.number, row.lease.value)
            );
            continue;
        }
        if (!continues_ended(view, row)) {
            check_new_grant(view, row);
        }
        const RunSet ordinals = ordinals_of(job->second.row, row.indices);
        RunSet& leased = a_.leased[job->second.row.asset];
        for (const Run& run : ordinals.runs()) {
            if (leased.intersects(run)) {
                fail(
                    "I3",
                    fmt::format(
                        "{}: ordinals {} are leased again while a lease over them is valid",
                        to_text(row.job),
                        RunSet(run).to_string()
                    )
                );
            }
        }
        leased.add(ordinals);
        a_.grants[key] = {row, row.indices};
        a_.by_token[row.token_base] = key;
        job->second.grants.insert(key);
        const auto base = static_cast<uint64_t>(row.token_base);
        granted_.add(Run{base, base + row.indices.size()});
        auto& positions = positions_[row.lease];
        // What lay behind was given back.
        positions.erase(positions.lower_bound(row.first_position), positions.end());
        positions[row.first_position] = {row.token_base, row.indices.size()};
        LeaseAccount& lease = a_.leases[row.lease];
        if (lease.numbers.empty()) {
            lease = {row.tenant, job->second.row.asset, row.job, row.session, {}, {}};
            for (const auto& [name, units] : a_.spec_of(job->second.row).pools) {
                if (const auto pool = a_.pool_named(row.tenant, name)) {
                    lease.pools.emplace_back(*pool, units);
                }
            }
        }
        lease.numbers.insert(row.number);
    }
}

// Whether the row is what is left of a grant that this batch deletes (the rest was taken back).
bool Auditor::continues_ended(const BatchView& view, const GrantRow& row) {
    const auto ended = view.ended.find({row.lease, row.number});
    if (ended == view.ended.end()) {
        return false;
    }
    const GrantAccount& before = ended->second;
    const auto skipped = static_cast<uint64_t>(row.token_base - before.row.token_base);
    if (row.token_base < before.row.token_base || skipped >= before.row.indices.size()) {
        return false;
    }
    RunSet more = row.indices;
    more.subtract(before.left);
    if (!more.empty() || row.indices.at(0) != before.row.indices.at(skipped) ||
        row.first_position != before.row.first_position + skipped) {
        fail("I3", fmt::format("lease {} came back as something else", row.lease.value));
    }
    return true;
}

void Auditor::check_new_grant(BatchView& view, const GrantRow& row) {
    const std::string lease = fmt::format("lease {}", row.lease.value);
    const JobAccount& job = a_.jobs.at(row.job);
    view.granted.insert(row.lease);
    if (epoch_of(row.token_base) != view.batch.epoch || row.token_base <= max_token_) {
        fail("I3", lease + ": its token is not newer than every token before");
    }
    max_token_ = std::max(max_token_, row.token_base + static_cast<Token>(row.indices.size()) - 1);
    if (row.lease.value == row.token_base) {
        if (row.lease <= max_lease_) {
            fail("I3", lease + " is not newer than every lease before");
        }
        max_lease_ = row.lease;
    }
    RunSet foreign = row.indices;
    foreign.subtract(job.remaining);
    // What this batch's retry puts back is still among the failed here.
    if (job.row.generation > view.touched.at(row.job).generation_before) {
        foreign.subtract(job.failed);
    }
    if (!foreign.empty()) {
        fail(
            "I2",
            fmt::format(
                "{}: {} indices {} are leased, which have ended",
                lease,
                to_text(row.job),
                foreign.to_string()
            )
        );
    }
    if (row.generation > job.row.generation) {
        fail("I4", lease + " is of a generation that its job has not reached");
    }
    check_may_start(view, row);
    check_range(job, row);
    check_attempts(view, job, row);
}

// Whoever comes later waits for one partition, not for a range of which nothing is known (I14).
void Auditor::check_range(const JobAccount& job, const GrantRow& row) {
    constexpr uint64_t kRangePerSuccess = 4;
    const RunnerSpec& run = a_.spec_of(job.row).run;
    const auto successes = a_.successes.find({job.row.asset, job.row.revision});
    const uint64_t known = successes == a_.successes.end() ? 0 : successes->second;
    const uint64_t most = run.kind == RunnerKind::kBatch
                              ? static_cast<uint64_t>(run.batch_size)
                              : std::max<uint64_t>(1, kRangePerSuccess * known);
    if (row.indices.size() > most) {
        fail(
            "I14",
            fmt::format(
                "{}: {} partitions are leased at once, after {} successes of the revision",
                to_text(row.job),
                row.indices.size(),
                known
            )
        );
    }
}

// No start after pause, cancel or end (I10, I11).
void Auditor::check_may_start(BatchView& view, const GrantRow& row) {
    const Touched& touched = view.touched.at(row.job);
    const JobAccount& job = a_.jobs.at(row.job);
    const std::string id = to_text(row.job);
    const bool resumed = view.events.contains({"backfill.resumed", id});
    const bool retried = view.events.contains({"backfill.retried", id});
    switch (touched.before) {
        case JobState::kPaused:
            if (!resumed) {
                fail("I10", id + " is paused and gets a lease");
            }
            break;
        case JobState::kFailed:
            if (!retried) {
                fail("I11", id + " has failed and gets a lease");
            }
            break;
        case JobState::kCancelling:
        case JobState::kCancelled:
        case JobState::kCompleted:
            fail("I11", fmt::format("{} is {} and gets a lease", id, to_string(touched.before)));
            break;
        case JobState::kPending:
        case JobState::kWaitingUpstream:
        case JobState::kRunning:
        case JobState::kResuming:
            break;
    }
    if (touched.waits_before && job.row.waits_for == touched.waits_before) {
        fail("I3", id + " waits for another job and gets a lease");
    }
    if (touched.wanted_before && job.row.wants_latest) {
        fail("I3", id + " waits to go on with its latest revision and gets a lease");
    }
}

// The number of the attempt and the wait before it (I12).
void Auditor::check_attempts(const BatchView& view, const JobAccount& job, const GrantRow& row) {
    for (const Run& run : row.indices.runs()) {
        for (auto it = job.last.lower_bound(run.first); it != job.last.end() && it->first < run.end;
             ++it) {
            const FailureRow& last = it->second;
            const int expected = last.final ? 1 : last.next_attempt;
            if (row.attempt != expected) {
                fail(
                    "I12",
                    fmt::format(
                        "{} index {} is leased as attempt {}, the next one is {}",
                        to_text(row.job),
                        it->first,
                        row.attempt,
                        expected
                    )
                );
            }
            // Until it is taken back by a retry a partition keeps its generation.
            const bool kept = row.generation == last.generation;
            if (last.final ? row.generation <= last.generation : !kept) {
                fail(
                    "I4",
                    fmt::format(
                        "{} index {} is leased in generation {}, and failed in generation {}",
                        to_text(row.job),
                        it->first,
                        row.generation,
                        last.generation
                    )
                );
            }
            if (!last.final && view.batch.now < last.retry_at) {
                fail(
                    "I12",
                    fmt::format(
                        "{} index {} is leased {} ms before its backoff ends",
                        to_text(row.job),
                        it->first,
                        (last.retry_at - view.batch.now).count()
                    )
                );
            }
        }
        const auto behind =
            std::distance(job.last.lower_bound(run.first), job.last.lower_bound(run.end));
        const bool fresh = static_cast<uint64_t>(behind) != run.size();
        if (fresh && row.generation != job.row.generation &&
            row.generation != view.touched.at(row.job).generation_before) {
            fail("I4", to_text(row.job) + ": a first attempt is of an earlier generation");
        }
        if (row.attempt != 1 && fresh) {
            fail(
                "I12",
                fmt::format("{}: a first attempt is numbered {}", to_text(row.job), row.attempt)
            );
        }
    }
}

// --- limits (I7) -----------------------------------------------------------------------------

int64_t Auditor::pool_limit_at(const PoolRow& row, Instant now) const {
    if (row.concurrency_override) {
        return *row.concurrency_override;
    }
    int64_t limit = row.spec.concurrency > 0 ? row.spec.concurrency : -1;
    const auto steps = a_.steps.find(row.id);
    if (steps != a_.steps.end()) {
        for (const LimitStep& step : steps->second) {
            limit = step.from <= now ? step.concurrency : limit;
        }
    }
    return limit;
}

void Auditor::check_limits(BatchView& view) {
    std::map<AssetId, int64_t> asset_limits;  // the widest that one of the new leases saw
    for (const LeaseId id : view.granted) {
        const auto found = a_.leases.find(id);
        if (found == a_.leases.end()) {
            continue;
        }
        const LeaseAccount& lease = found->second;
        const JobAccount& job = a_.jobs.at(lease.job);
        int64_t tenant = 0;
        int64_t same_job = 0;
        for (const auto& [other_id, other] : a_.leases) {
            tenant += other.tenant == lease.tenant ? 1 : 0;
            same_job += other.job == lease.job ? 1 : 0;
        }
        const TenantRow& row = a_.tenants.at(lease.tenant);
        const auto changed = view.tenant_limit.find(lease.tenant);
        const int64_t limit =
            changed != view.tenant_limit.end()
                ? changed->second
                : (row.override_limits ? *row.override_limits : row.limits).max_concurrency;
        if (limit > 0 && tenant > limit) {
            fail("I7", fmt::format("tenant {} holds {} slots of {}", row.name, tenant, limit));
        }
        const int64_t now = job.row.settings.max_concurrency;
        const int64_t before = view.touched.at(lease.job).concurrency_before;
        if (now > 0 && before > 0 && same_job > std::max(now, before)) {
            fail("I7", fmt::format("{} holds {} slots of {}", to_text(lease.job), same_job, now));
        }
        const AssetSpec& spec = a_.spec_of(job.row);
        const AssetHead& head = a_.assets.at(lease.asset);
        int64_t asset = head.concurrency_override.value_or(spec.concurrency);
        const auto old = view.asset_override.find(lease.asset);
        if (old != view.asset_override.end()) {
            for (const auto& one : old->second) {
                const int64_t was = one.value_or(spec.concurrency);
                asset = asset == 0 || was == 0 ? 0 : std::max(asset, was);
            }
        }
        asset = spec.sequential ? 1 : asset;
        const auto [widest, fresh] = asset_limits.emplace(lease.asset, asset);
        widest->second = widest->second == 0 || asset == 0 ? 0 : std::max(widest->second, asset);
        for (const auto& [pool, units] : lease.pools) {
            check_pool_limit(view, pool, to_text(lease.job));
        }
    }
    for (const auto& [asset, limit] : asset_limits) {
        int64_t used = 0;
        for (const auto& [id, lease] : a_.leases) {
            used += lease.asset == asset ? 1 : 0;
        }
        if (limit > 0 && used > limit) {
            fail(
                "I7",
                fmt::format("asset {} holds {} slots of {}", a_.assets.at(asset).name, used, limit)
            );
        }
    }
}

void Auditor::check_pool_limit(const BatchView& view, PoolId id, const std::string& where) {
    const PoolRow& row = a_.pools.at(id);
    int64_t used = 0;
    std::map<TenantId, int64_t> by_tenant;
    for (const auto& [lease_id, lease] : a_.leases) {
        for (const auto& [pool, units] : lease.pools) {
            used += pool == id ? units : 0;
            by_tenant[lease.tenant] += pool == id ? units : 0;
        }
    }
    const auto changed = view.pool_limit.find(id);
    const int64_t limit =
        changed != view.pool_limit.end() ? changed->second : pool_limit_at(row, view.batch.now);
    if (limit >= 0 && used > limit) {
        fail(
            "I7",
            fmt::format("{}: pool {} has {} units in use of {}", where, row.spec.name, used, limit)
        );
    }
    const auto share = view.pool_share.find(id);
    const int64_t most =
        share != view.pool_share.end() ? share->second : row.spec.per_tenant_concurrency;
    for (const auto& [tenant, units] : by_tenant) {
        if (most > 0 && units > most) {
            fail(
                "I7",
                fmt::format(
                    "{}: a tenant has {} units of pool {} of {}", where, units, row.spec.name, most
                )
            );
        }
    }
    // A hold that was there before and is there after lets nothing through.
    if (row.hold && changed == view.pool_limit.end()) {
        fail(
            "I7", fmt::format("{}: pool {} is held and lets a lease through", where, row.spec.name)
        );
    }
}

}  // namespace servo::sim

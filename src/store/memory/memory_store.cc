#include "store/memory/memory_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "model/job_id.h"
#include "store/memory/facts.h"

namespace servo::store {
namespace {

// Two rows of different ids under one key.
template <typename Rows, typename Changes, typename KeyOf>
bool clashes(const Rows& rows, const Changes& changes, KeyOf key_of) {
    std::map<decltype(key_of(changes.front())), decltype(changes.front().id)> owner;
    for (const auto& [id, row] : rows) {
        owner.emplace(key_of(row), id);
    }
    for (const auto& row : changes) {
        const auto [it, fresh] = owner.emplace(key_of(row), row.id);
        if (!fresh && it->second != row.id) {
            return true;
        }
    }
    return false;
}

Status refused(const std::string& what) {
    return fail(internal("refused", what));
}

void materialise(std::map<int64_t, StateBlock>& blocks, const MaterialisedChange& change) {
    const StateOrigin origin{change.outcome, change.job, change.revision, change.at, false};
    for (const auto& [number, runs] : split_by_block(change.ordinals)) {
        const auto it = blocks.try_emplace(number, number).first;
        it->second.apply(runs, origin);
        if (it->second.empty()) {
            blocks.erase(it);
        }
    }
}

}  // namespace

Status MemoryStore::Facts::expect_leader(int64_t epoch) const {
    if (epoch != leader.epoch) {
        return fail(unavailable(
            "deposed", fmt::format("Epoch {} was taken over by epoch {}.", epoch, leader.epoch)
        ));
    }
    return {};
}

Replay MemoryStore::Facts::replay(const JobRow& job) const {
    Replay out(job, stored_checkpoint(job));
    if (const auto rows = done.find(job.id); rows != done.end()) {
        for (const auto& [key, entries] : rows->second) {
            out.add_done(key.second, entries);
        }
    }
    if (const auto rows = failures.find(job.id); rows != failures.end()) {
        for (const Failure& failure : rows->second) {
            out.add_failure(failure.seq, failure.row);
        }
    }
    return out;
}

Snapshot::OpenJob MemoryStore::Facts::open_job(const JobRow& job) const {
    Snapshot::OpenJob out;
    out.row = job;
    Replay exact = replay(job);
    out.done_after = exact.done_after();
    out.failed_after = exact.failed_after();
    out.checkpoint = exact.take();
    out.revision = revisions.at({job.asset, job.revision});
    std::map<Index, const FailureRow*> newest;
    if (const auto rows = failures.find(job.id); rows != failures.end()) {
        for (const Failure& failure : rows->second) {
            newest[failure.row.index] = &failure.row;
        }
    }
    for (const auto& [index, row] : newest) {
        if (out.checkpoint.remaining.contains(index)) {
            out.retrying.push_back(*row);
        }
    }
    return out;
}

MemoryStore::MemoryStore(const Retention& retention)
    : retention_(retention), facts_(std::make_unique<Facts>()) {}

MemoryStore::~MemoryStore() = default;

void MemoryStore::fail_next(Fault fault, int times) {
    const std::lock_guard lock(mutex_);
    fault_ = fault;
    fault_times_ = times;
}

Result<int64_t> MemoryStore::take_leadership(const Candidate& candidate) {
    const std::lock_guard lock(mutex_);
    if (candidate.after >= 0) {
        SERVO_CHECK(facts_->expect_leader(candidate.after));
    }
    LeaderRow& row = facts_->leader;
    row = {row.epoch + 1, candidate.holder, candidate.url, row.beat, false};
    return row.epoch;
}

Result<LeaderRow> MemoryStore::leader() {
    const std::lock_guard lock(mutex_);
    return facts_->leader;
}

Status MemoryStore::beat(int64_t epoch) {
    const std::lock_guard lock(mutex_);
    SERVO_CHECK(facts_->expect_leader(epoch));
    ++facts_->leader.beat;
    return {};
}

Status MemoryStore::resign(int64_t epoch) {
    const std::lock_guard lock(mutex_);
    SERVO_CHECK(facts_->expect_leader(epoch));
    facts_->leader.gone = true;
    return {};
}

Result<Snapshot> MemoryStore::load(int64_t epoch) {
    const std::lock_guard lock(mutex_);
    const Facts& facts = *facts_;
    SERVO_CHECK(facts.expect_leader(epoch));
    Snapshot out;
    out.epoch = epoch;
    if (!facts.batches.empty()) {
        out.last_seq = facts.batches.rbegin()->first;
        out.last_now = facts.batches.rbegin()->second.now;
    }
    out.max_pool_id = facts.max_pool_id;
    std::set<std::pair<AssetId, int>> wanted;
    for (const auto& [id, row] : facts.tenants) {
        out.max_tenant_id = std::max(out.max_tenant_id, id.value);
        out.tenants.push_back(row);
    }
    for (const auto& [id, row] : facts.pools) {
        out.pools.push_back(row);
    }
    for (const auto& [id, row] : facts.assets) {
        out.max_asset_id = std::max(out.max_asset_id, id.value);
        out.assets.push_back(row);
        wanted.emplace(id, row.latest_revision);
    }
    for (const auto& [id, row] : facts.executors) {
        out.max_executor_id = std::max(out.max_executor_id, id.value);
        out.executors.push_back(row);
    }
    for (const auto& [id, row] : facts.tokens) {
        out.tokens.push_back(row);
    }
    for (const auto& [id, row] : facts.jobs) {
        if (!is_terminal(row.state)) {
            out.jobs.push_back(facts.open_job(row));
            wanted.emplace(row.asset, row.revision);
        }
    }
    for (const auto& [key, revision] : facts.revisions) {
        if (wanted.count(key) > 0) {
            out.revisions.push_back(revision);
        }
    }
    for (const auto& [key, stats] : facts.durations) {
        if (wanted.count(key) > 0) {
            out.durations.push_back({key.first, key.second, stats});
        }
    }
    for (const auto& [key, row] : facts.grants) {
        out.grants.push_back(row);
    }
    return out;
}

Result<std::optional<Snapshot::OpenJob>> MemoryStore::load_job(JobId id) {
    const std::lock_guard lock(mutex_);
    const auto it = facts_->jobs.find(id);
    if (it == facts_->jobs.end()) {
        return std::nullopt;
    }
    return facts_->open_job(it->second);
}

Status MemoryStore::check(const ChangeSet& changes) const {
    const Facts& facts = *facts_;
    const auto by_name = [](const auto& row) { return row.name; };
    const auto by_tenant_and_name = [](const auto& row) { return std::pair(row.tenant, row.name); };
    const auto by_tenant_and_spec = [](const PoolRow& row) {
        return std::pair(row.tenant, row.spec.name);
    };
    std::map<PoolId, PoolRow> pools = facts.pools;
    for (const PoolId id : changes.removed_pools) {
        pools.erase(id);
    }
    std::map<ExecutorId, ExecutorRow> executors = facts.executors;
    for (const ExecutorId id : changes.removed_executors) {
        executors.erase(id);
    }
    if (clashes(facts.tenants, changes.tenants, by_name) ||
        clashes(executors, changes.executors, by_name) ||
        clashes(facts.assets, changes.assets, by_tenant_and_name) ||
        clashes(pools, changes.pools, by_tenant_and_spec)) {
        return refused("Two rows would share a name.");
    }
    std::set<JobId> fresh;
    std::set<std::pair<AssetId, int>> fresh_revisions;
    for (const auto& revision : changes.revisions) {
        const std::pair key(revision->asset, revision->revision);
        if (facts.revisions.count(key) > 0 || !fresh_revisions.insert(key).second) {
            return refused("A revision would be written twice.");
        }
    }
    for (const JobRow& job : changes.jobs) {
        const std::pair key(job.asset, job.revision);
        if (facts.revisions.count(key) == 0 && fresh_revisions.count(key) == 0) {
            return refused(fmt::format("Job {} is of an unknown revision.", to_text(job.id)));
        }
        fresh.insert(job.id);
    }
    const auto known = [&](JobId id) { return facts.jobs.count(id) > 0 || fresh.count(id) > 0; };
    for (const auto& [key, entries] : changes.done) {
        if (!known(key.first)) {
            return refused("A done row belongs to an unknown job.");
        }
        SERVO_TRY(sorted_block(entries, key.second));
    }
    const auto unknown_job = [&](const auto& row) { return !known(row.job); };
    if (std::any_of(changes.failures.begin(), changes.failures.end(), unknown_job) ||
        std::any_of(changes.logs.begin(), changes.logs.end(), unknown_job) ||
        std::any_of(changes.checkpoints.begin(), changes.checkpoints.end(), unknown_job)) {
        return refused("A row belongs to an unknown job.");
    }
    std::set<GrantKey> granted;
    for (const GrantRow& row : changes.grants) {
        const GrantKey key(row.lease, row.number);
        const bool there = facts.grants.count(key) > 0 && changes.ended_grants.count(key) == 0;
        if (there || !granted.insert(key).second) {
            return refused("A grant would be written twice.");
        }
    }
    for (const IdempotencyRow& row : changes.idempotency) {
        if (facts.idempotency.count({row.tenant, row.route, row.key}) > 0) {
            return refused("An idempotency key would be used twice.");
        }
    }
    return {};
}

void MemoryStore::apply_definitions(const ChangeSet& c) {
    Facts& facts = *facts_;
    for (const TenantRow& row : c.tenants) {
        facts.tenants[row.id] = row;
    }
    for (const PoolId id : c.removed_pools) {
        facts.pools.erase(id);
    }
    for (const PoolRow& row : c.pools) {
        facts.pools[row.id] = row;
        facts.max_pool_id = std::max(facts.max_pool_id, row.id.value);
    }
    for (const AssetHead& row : c.assets) {
        facts.assets[row.id] = row;
    }
    for (const auto& revision : c.revisions) {
        facts.revisions[{revision->asset, revision->revision}] = revision;
    }
    for (const ExecutorId id : c.removed_executors) {
        facts.executors.erase(id);
    }
    for (const ExecutorRow& row : c.executors) {
        facts.executors[row.id] = row;
    }
}

void MemoryStore::apply(const Batch& batch) {
    Facts& facts = *facts_;
    const ChangeSet& c = *batch.changes;
    facts.batches[batch.seq] = {batch.epoch, batch.now};
    apply_definitions(c);
    for (const JobRow& row : c.jobs) {
        const auto [it, fresh] = facts.jobs.emplace(row.id, row);
        if (!fresh) {
            const auto ordinals = it->second.ordinals;
            it->second = row;
            it->second.ordinals = ordinals;
        }
    }
    for (const JobCheckpoint& checkpoint : c.checkpoints) {
        facts.checkpoints[checkpoint.job] = checkpoint;
    }
    for (const GrantKey& key : c.ended_grants) {
        facts.grants.erase(key);
    }
    for (const GrantRow& row : c.grants) {
        facts.grants[{row.lease, row.number}] = row;
    }
    for (const auto& [key, entries] : c.done) {
        facts.done[key.first][{key.second, batch.seq}] =
            sorted_block(entries, key.second).value();  // check() saw that it is sound
    }
    for (const FailureRow& row : c.failures) {
        facts.failures[row.job].push_back({facts.next_failure_id++, batch.seq, row});
    }
    for (const LogRow& row : c.logs) {
        facts.logs[row.job].push_back(row);
    }
    for (const MaterialisedChange& change : c.materialised) {
        materialise(facts.states[change.asset], change);
    }
    for (const DurationRow& row : c.durations) {
        facts.durations[{row.asset, row.revision}] = row.stats;
    }
    for (const EventRow& row : c.events) {
        facts.events.push_back({facts.next_event_id++, row});
    }
    for (const TokenRow& row : c.tokens) {
        facts.tokens[row.id] = row;
    }
    for (const IdempotencyRow& row : c.idempotency) {
        facts.idempotency[{row.tenant, row.route, row.key}] = row;
    }
    for (const LedgerRow& row : c.ledger) {
        facts.ledger[{row.span, row.at, row.epoch, row.scope}] = row;
    }
}

CommitOutcome MemoryStore::commit(const Batch& batch) {
    const std::lock_guard lock(mutex_);
    Fault fault = Fault::kNone;
    if (fault_times_ > 0) {
        --fault_times_;
        fault = fault_;
    }
    if (fault == Fault::kDeposed) {
        ++facts_->leader.epoch;
        facts_->leader.holder = "another leader";
    }
    if (const Status leads = facts_->expect_leader(batch.epoch); !leads) {
        return {CommitFate::kDeposed, leads.error().message};
    }
    if (fault == Fault::kFull) {
        return {CommitFate::kFull, "set to be full"};
    }
    if (fault == Fault::kBroken) {
        return {CommitFate::kBroken, "set to be broken"};
    }
    if (fault == Fault::kRefused) {
        return {CommitFate::kRefused, "set to refuse"};
    }
    if (fault == Fault::kUnknownLost) {
        return {CommitFate::kUnknown, "set to lose the commit"};
    }
    const int64_t last = facts_->batches.empty() ? 0 : facts_->batches.rbegin()->first;
    if (batch.seq != last + 1) {
        return {CommitFate::kRefused, fmt::format("batch {} does not follow {}", batch.seq, last)};
    }
    if (const Status sound = check(*batch.changes); !sound) {
        return {CommitFate::kRefused, sound.error().message};
    }
    apply(batch);
    if (fault == Fault::kUnknownCommitted) {
        return {CommitFate::kUnknown, "set to lose the answer"};
    }
    return {};
}

Result<bool> MemoryStore::committed(int64_t epoch, int64_t seq) {
    const std::lock_guard lock(mutex_);
    const auto& batches = facts_->batches;
    if (!batches.empty() && seq < batches.begin()->first) {
        return fail(internal(
            "too_old", fmt::format("Whether batch {} was committed is no longer kept.", seq)
        ));
    }
    const auto it = batches.find(seq);
    return it != batches.end() && it->second.epoch == epoch;
}

Result<bool> MemoryStore::maintain(Instant now) {
    const std::lock_guard lock(mutex_);
    Facts& facts = *facts_;
    while (static_cast<int64_t>(facts.batches.size()) > retention_.batch_rows_keep) {
        facts.batches.erase(facts.batches.begin());
    }
    std::erase_if(facts.idempotency, [&](const auto& entry) {
        return entry.second.at < now - retention_.idempotency_keep;
    });
    std::erase_if(facts.ledger, [&](const auto& entry) {
        const LedgerRow& row = entry.second;
        return row.at < now - retention_.ledger_keep(row.span);
    });
    std::erase_if(facts.events, [&](const Facts::Event& event) {
        return event.row.at < now - retention_.history_keep;
    });
    std::erase_if(facts.tokens, [before = now - retention_.history_keep](const auto& entry) {
        const TokenRow& row = entry.second;  // that there was one of an admin keeps the API closed
        return row.role != TokenRole::kAdmin &&
               (row.expires_at < before || row.revoked_at < before);
    });
    std::vector<JobId> gone;
    for (const auto& [id, row] : facts.jobs) {
        if (!is_terminal(row.state) || !row.completed_at) {
            continue;
        }
        if (*row.completed_at < now - retention_.failures_keep) {
            facts.failures.erase(id);
            facts.logs.erase(id);
        }
        if (*row.completed_at < now - retention_.history_keep) {
            gone.push_back(id);
        }
    }
    for (const JobId id : gone) {
        facts.done.erase(id);
        facts.checkpoints.erase(id);
        facts.failures.erase(id);
        facts.logs.erase(id);
        facts.jobs.erase(id);
    }
    return false;
}

Result<std::vector<std::string>> MemoryStore::fsck() {
    const std::lock_guard lock(mutex_);
    const Facts& facts = *facts_;
    std::vector<std::string> out;
    std::map<JobId, JobFacts> jobs;
    const auto note = [&out](std::vector<std::string> findings) {
        out.insert(out.end(), findings.begin(), findings.end());
    };
    for (const auto& [id, row] : facts.jobs) {
        JobCheck check(row, facts.replay(row));
        if (const auto rows = facts.done.find(id); rows != facts.done.end()) {
            for (const auto& [key, entries] : rows->second) {
                check.add_done(key.first, entries);
            }
        }
        if (const auto rows = facts.failures.find(id); rows != facts.failures.end()) {
            for (const Facts::Failure& failure : rows->second) {
                check.add_failure(failure.row);
            }
        }
        for (const auto& [key, grant] : facts.grants) {
            if (grant.job == id) {
                check.add_grant(grant);
            }
        }
        note(check.findings());
        jobs.emplace(id, check.facts());
    }
    std::set<AssetId> marked_missing;
    for (const auto& [id, asset] : facts.assets) {
        if (asset.marked_missing) {
            marked_missing.insert(id);
        }
    }
    StateCheck states(std::move(jobs), std::move(marked_missing));
    for (const auto& [asset, blocks] : facts.states) {
        for (const auto& [number, block] : blocks) {
            states.add(asset, block);
        }
    }
    note(states.findings());
    LedgerCheck ledger;
    for (const auto& [place, row] : facts.ledger) {
        ledger.add(row);
    }
    note(ledger.findings());
    ChainCheck chain;
    for (const auto& [seq, batch] : facts.batches) {
        chain.add(batch.epoch, seq, batch.now);
    }
    note(chain.findings(facts.leader.epoch));
    return out;
}

}  // namespace servo::store

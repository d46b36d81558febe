// What comes back: a snapshot equals what was committed, checkpoints are brought up to date.
#include "rig.h"

namespace servo::store::test {
namespace {

using LoadConformance = Conformance;

TEST_P(LoadConformance, EmptyStoreLoadsAsNothing) {
    const Snapshot seen = rig.load();
    EXPECT_EQ(seen.epoch, 1);
    EXPECT_EQ(seen.last_seq, 0);
    EXPECT_TRUE(seen.tenants.empty());
    EXPECT_TRUE(seen.jobs.empty());
    EXPECT_EQ(rig.store().fsck().value(), std::vector<std::string>{});
}

TEST_P(LoadConformance, DefinitionsComeBackAsCommitted) {
    ChangeSet changes = definitions();
    TenantRow& limited = changes.tenants[0];
    limited.limits = {250, 16, 5'000};
    limited.override_limits = TenantLimits{300, 4, 77};
    limited.override_info = {"ann", "incident", instant_ms(5), kNever};
    PoolRow held = pool(3, 0, "warehouse");
    held.hold = Hold{"bob", "vendor is down", instant_ms(9), instant_ms(99)};
    held.concurrency_override = 2;
    held.override_info = {"ann", "less please", instant_ms(7), instant_ms(70)};
    held.breaker = BreakerState::kRamping;
    changes.pools = {held, pool(4, 1, "api")};
    AssetHead& narrowed = changes.assets[0];
    narrowed.concurrency_override = 0;
    narrowed.archived = true;
    narrowed.override_info = {"cy", "why", instant_ms(1), kNever};
    ExecutorRow executor;
    executor.id = ExecutorId(7);
    executor.name = "exec-1";
    executor.host = "host";
    executor.build = "0.1.0";
    executor.slots = 4;
    executor.last_registered_at = instant_ms(123);
    executor.drain_wanted = true;
    executor.tenant = TenantId(2);
    executor.presence = Presence::kLost;
    executor.last_seen_at = instant_ms(124);
    executor.missing_slots = 3;
    changes.executors = {executor};
    TokenRow token;
    token.id = "abcdefgh2345";
    token.role = TokenRole::kExecutor;
    token.tenant = TenantId(2);
    token.labels = {{"gpu", "a=100, b"}, {"zone", "eu"}};
    token.secret_sha256 = std::string(64, 'e');
    token.note = "fleet";
    token.created_by = "ann";
    token.created_at = instant_ms(11);
    token.expires_at = instant_ms(99);
    TokenRow lasting = token;
    lasting.id = "bcdefghi2345";
    lasting.role = TokenRole::kAdmin;
    lasting.tenant = TenantId();
    lasting.labels = {};
    lasting.created_at = instant_ms(12);
    lasting.expires_at = kNever;
    changes.tokens = {token, lasting};
    DurationStats stats;
    stats.add(Micros(1'234), 5);
    changes.durations = {{AssetId(10), 1, stats}};
    rig.commit(changes);
    rig.restart();

    const Snapshot seen = rig.load();
    EXPECT_EQ(seen.tenants, changes.tenants);
    EXPECT_EQ(seen.pools, changes.pools);
    EXPECT_EQ(seen.assets, changes.assets);
    EXPECT_EQ(seen.executors, changes.executors);
    EXPECT_EQ(seen.tokens, changes.tokens);
    ASSERT_EQ(seen.revisions.size(), 2U);
    EXPECT_EQ(seen.revisions[0]->spec, changes.revisions[0]->spec);
    EXPECT_EQ(seen.revisions[0]->tenant, TenantId(1));
    EXPECT_EQ(seen.revisions[0]->created_at, changes.revisions[0]->created_at);
    EXPECT_EQ(seen.revisions[0]->created_by, "tester");
    EXPECT_EQ(seen.revisions[0]->code_dir, "/code");
    EXPECT_EQ(seen.revisions[0]->scheme->describe(3).value().key, "1970-01-04");
    ASSERT_EQ(seen.durations.size(), 1U);
    EXPECT_EQ(seen.durations[0].stats, stats);
    EXPECT_EQ(seen.max_tenant_id, 2);
    EXPECT_EQ(seen.max_asset_id, 20);
    EXPECT_EQ(seen.max_pool_id, 4);
    EXPECT_EQ(seen.max_executor_id, 7);
}

TEST_P(LoadConformance, TokensAreReadWithTheirTenantsAndEndInPlace) {
    ChangeSet changes = definitions();
    TokenRow token;
    token.id = "abcdefgh2345";
    token.role = TokenRole::kTenantRead;
    token.tenant = TenantId(2);
    token.secret_sha256 = "hash";
    token.created_at = instant_ms(20);
    TokenRow older = token;
    older.id = "zzzzzzzz2345";
    older.role = TokenRole::kAdmin;
    older.tenant = TenantId();
    older.created_at = instant_ms(10);
    changes.tokens = {token, older};
    rig.commit(changes);
    auto seen = take(rig.history().tokens());
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[0].row, older) << "oldest first";
    EXPECT_EQ(seen[0].tenant_name, "");
    EXPECT_EQ(seen[1].row, token);
    EXPECT_EQ(seen[1].tenant_name, definitions().tenants[1].name);

    token.revoked_at = instant_ms(30);
    ChangeSet ended;
    ended.tokens = {token};
    rig.commit(ended);
    rig.restart();
    seen = take(rig.history().tokens());
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[1].row, token);
}

TEST_P(LoadConformance, UpsertsReplaceAndRemovedPoolsKeepTheirIds) {
    ChangeSet changes = definitions();
    changes.pools = {pool(3, 0, "warehouse"), pool(4, 1, "api")};
    rig.commit(changes);
    ChangeSet second;
    TenantRow renamed = tenant(1, "acme");
    renamed.limits.weight = 7;
    second.tenants = {renamed};
    second.removed_pools = {PoolId(4)};
    second.assets = {asset(10, 1, "orders", 2)};
    second.revisions = {revision(10, 1, "orders", 2)};
    rig.commit(second);
    ChangeSet third;
    third.pools = {pool(5, 1, "api")};  // the name is free again
    rig.commit(third);
    const Snapshot seen = rig.load();
    EXPECT_EQ(seen.tenants[0].limits.weight, 7);
    ASSERT_EQ(seen.pools.size(), 2U);
    EXPECT_EQ(seen.pools[1].id, PoolId(5));
    EXPECT_EQ(seen.max_pool_id, 5);
    ASSERT_EQ(seen.revisions.size(), 2U);
    EXPECT_EQ(seen.revisions[0]->revision, 2);

    ChangeSet fourth;
    fourth.removed_pools = {PoolId(5)};
    rig.commit(fourth);
    EXPECT_EQ(rig.load().max_pool_id, 5);
}

TEST_P(LoadConformance, RemovedExecutorsLeaveTheirNamesFree) {
    ExecutorRow one;
    one.id = ExecutorId(1);
    one.name = "pod-1";
    one.presence = Presence::kLeft;
    ExecutorRow two;
    two.id = ExecutorId(2);
    two.name = "pod-2";
    ChangeSet changes = definitions();
    changes.executors = {one, two};
    rig.commit(changes);
    ExecutorRow again = one;
    again.id = ExecutorId(3);
    again.presence = Presence::kPresent;
    ChangeSet second;
    second.removed_executors = {ExecutorId(1)};
    second.executors = {again};  // the name is free again
    rig.commit(second);
    rig.restart();
    EXPECT_EQ(rig.load().executors, (std::vector<ExecutorRow>{two, again}));
}

JobRow full_job() {
    JobRow row = job(0x7edcba9876543210, 1, 10, JobState::kPaused);
    row.group = GroupId(44);
    row.ordinals =
        std::make_shared<OrdinalView>(std::vector<OrdinalRun>{{-5, 3, 2}, {100, 7, 60}}, true);
    row.keys_fingerprint = row.ordinals->fingerprint();
    row.reprocess = ReprocessPolicy::kStale;
    row.overlap = OverlapPolicy::kWait;
    row.note = "ünïcode \"note\"";
    row.settings.priority = -3;
    row.settings.deadline = instant_ms(1'800'000'000'000);
    row.settings.max_concurrency = 12;
    row.settings.max_failures = {5, 20, 9};
    row.settings.timeout = Millis(90'000);
    row.settings.memory_bytes = 1 << 30;
    row.settings.max_attempts = 4;
    TemporarySettings held;
    held.lasting.priority = 2;
    held.lasting.timeout = std::optional<Millis>();
    held.info = {
        "ann", "month \"end\"", instant_ms(1'700'000'000'000), instant_ms(1'800'000'000'000)};
    row.temporary = {held};
    row.state_reason = "too_many_failures";
    row.state_note = "later";
    row.state_by = "ann";
    row.resume_at = instant_ms(1'700'000'900'000);
    row.waits_for = JobId(5);
    row.generation = 3;
    row.wants_latest = true;
    row.started_at = instant_ms(1'700'000'000'100);
    row.claims = {{instant_ms(1'700'000'000'100), Millis(100)}};
    return row;
}

void expect_same(const JobRow& a, const JobRow& b) {
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.group, b.group);
    EXPECT_EQ(a.tenant, b.tenant);
    EXPECT_EQ(a.asset, b.asset);
    EXPECT_EQ(a.revision, b.revision);
    ASSERT_TRUE(a.ordinals && b.ordinals);
    EXPECT_EQ(a.ordinals->runs(), b.ordinals->runs());
    EXPECT_EQ(a.ordinals->reversed(), b.ordinals->reversed());
    EXPECT_EQ(a.keys_fingerprint, b.keys_fingerprint);
    EXPECT_EQ(a.reprocess, b.reprocess);
    EXPECT_EQ(a.overlap, b.overlap);
    EXPECT_EQ(a.range_start, b.range_start);
    EXPECT_EQ(a.range_end, b.range_end);
    EXPECT_EQ(a.note, b.note);
    EXPECT_EQ(a.created_by, b.created_by);
    EXPECT_EQ(a.created_at, b.created_at);
    EXPECT_EQ(a.settings, b.settings);
    EXPECT_EQ(a.temporary, b.temporary);
    EXPECT_EQ(a.state, b.state);
    EXPECT_EQ(a.state_reason, b.state_reason);
    EXPECT_EQ(a.state_note, b.state_note);
    EXPECT_EQ(a.state_by, b.state_by);
    EXPECT_EQ(a.state_since, b.state_since);
    EXPECT_EQ(a.resume_at, b.resume_at);
    EXPECT_EQ(a.waits_for, b.waits_for);
    EXPECT_EQ(a.generation, b.generation);
    EXPECT_EQ(a.wants_latest, b.wants_latest);
    EXPECT_EQ(a.started_at, b.started_at);
    EXPECT_EQ(a.completed_at, b.completed_at);
    EXPECT_EQ(a.claims, b.claims);
}

TEST_P(LoadConformance, JobComesBackAsCommittedAndAfterAChange) {
    rig.commit(definitions());
    JobRow row = full_job();
    rig.commit(new_job(row, 2));
    rig.restart();
    {
        const Snapshot seen = rig.load();
        ASSERT_EQ(seen.jobs.size(), 1U);
        expect_same(seen.jobs[0].row, row);
        EXPECT_EQ(seen.jobs[0].checkpoint, fresh(row, 2));
        ASSERT_TRUE(seen.jobs[0].revision);
        EXPECT_EQ(seen.jobs[0].revision->revision, 1);
    }
    row.state = JobState::kResuming;
    row.wants_latest = false;
    row.settings = {};
    row.temporary = {};
    row.resume_at = kNever;
    row.started_at.reset();
    row.state_note = "";
    row.claims.push_back({instant_ms(1'700'000'900'000), Millis(0)});
    ChangeSet changed;
    changed.jobs = {row};
    rig.commit(changed);
    rig.restart();
    expect_same(rig.load().jobs.at(0).row, row);
    expect_same(rig.history().job(row.id).value().value().row, row);
}

TEST_P(LoadConformance, LaterRowsAreAppliedToTheCheckpoint) {
    rig.commit(definitions());
    const JobRow row = job(1, 1, 10'000);
    rig.commit(new_job(row, 2));
    ChangeSet work;
    add_done(work, 1, done_run(4'000, 4'200));  // two blocks
    work.failures = {failure(1, 5, false), failure(1, 6, false)};
    rig.commit(work);
    ChangeSet more;
    add_done(more, 1, done_run(6, 7));
    more.failures = {failure(1, 5, true, 2), failure(1, 9, false)};
    rig.commit(more);

    const auto check = [&](const Snapshot::OpenJob& open) {
        EXPECT_EQ(open.checkpoint.remaining.to_string(), "0-4,7-3999,4200-9999");
        EXPECT_EQ(open.checkpoint.failed.to_string(), "5");
        EXPECT_EQ(open.checkpoint.counters.completed, 201U);
        EXPECT_EQ(open.checkpoint.counters.attempts_completed, 201U);
        EXPECT_EQ(open.checkpoint.counters.failed, 1U);
        EXPECT_EQ(open.checkpoint.counters.busy_us, 201 * 250'000);
        EXPECT_EQ(open.checkpoint.counters.wasted_us, 4 * 60'000);
        EXPECT_EQ(
            open.checkpoint.counters.attempts_failed[static_cast<size_t>(FailureClass::kTimeout)],
            4U
        );
        EXPECT_EQ(open.done_after.to_string(), "6,4000-4199");
        EXPECT_EQ(open.failed_after.to_string(), "5");
        ASSERT_EQ(open.retrying.size(), 1U);
        EXPECT_EQ(open.retrying[0], failure(1, 9, false));
    };
    check(rig.load().jobs.at(0));
    rig.restart();
    check(rig.load().jobs.at(0));
    EXPECT_EQ(rig.store().fsck().value(), std::vector<std::string>{});

    // A checkpoint that covers them changes nothing but what is "after".
    JobCheckpoint covered = rig.store().load_job(JobId(1)).value().value().checkpoint;
    covered.covers_seq = 5;
    ChangeSet sealed;
    sealed.checkpoints = {covered};
    rig.commit(sealed);
    const Snapshot::OpenJob again = rig.load().jobs.at(0);
    EXPECT_EQ(again.checkpoint, covered);
    EXPECT_TRUE(again.done_after.empty());
    EXPECT_TRUE(again.failed_after.empty());
    ASSERT_EQ(again.retrying.size(), 1U);
    EXPECT_EQ(again.retrying[0], failure(1, 9, false));
}

TEST_P(LoadConformance, TheNewestFailureOfWhatRemainsComesAlong) {
    rig.commit(definitions());
    JobRow row = job(1, 1, 10);
    rig.commit(new_job(row, 2));
    ChangeSet work;
    work.failures = {failure(1, 3, false), failure(1, 4, true)};
    rig.commit(work);
    ChangeSet again;
    again.failures = {failure(1, 3, false, 2)};
    rig.commit(again);
    EXPECT_EQ(rig.load().jobs.at(0).retrying, (std::vector<FailureRow>{failure(1, 3, false, 2)}));
    // A retry of what failed finally raises the job's generation; what waits goes on waiting.
    row.generation = 2;
    JobCheckpoint retried = rig.store().load_job(JobId(1)).value().value().checkpoint;
    retried.covers_seq = rig.seq + 1;
    retried.failed = {};
    retried.counters.failed = 0;
    retried.remaining.add(4);
    ChangeSet retry;
    retry.jobs = {row};
    retry.checkpoints = {retried};
    rig.commit(retry);
    EXPECT_EQ(
        rig.load().jobs.at(0).retrying,
        (std::vector<FailureRow>{failure(1, 3, false, 2), failure(1, 4, true)})
    );
}

TEST_P(LoadConformance, EndedJobsAreLeftOutAndComeBackOneByOne) {
    rig.commit(definitions());
    for (const auto& [id, state] : std::vector<std::pair<int64_t, JobState>>{
             {1, JobState::kCompleted},
             {2, JobState::kFailed},
             {3, JobState::kCancelled},
             {4, JobState::kCancelling}}) {
        const JobRow row = job(id, 1, 3, state);
        ChangeSet changes = new_job(row, rig.seq + 1);
        if (id == 2) {
            JobCheckpoint& checkpoint = changes.checkpoints[0];
            checkpoint.remaining = {};
            checkpoint.failed.add(model::Run{0, 3});
            checkpoint.counters.failed = 3;
            changes.failures = {failure(2, 0, true), failure(2, 1, true), failure(2, 2, true)};
        }
        rig.commit(changes);
    }
    const Snapshot seen = rig.load();
    ASSERT_EQ(seen.jobs.size(), 1U);
    EXPECT_EQ(seen.jobs[0].row.id, JobId(4));
    const auto failed = rig.store().load_job(JobId(2)).value();
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(failed->row.state, JobState::kFailed);
    EXPECT_EQ(failed->checkpoint.failed.size(), 3U);
    EXPECT_TRUE(failed->revision);
    EXPECT_FALSE(rig.store().load_job(JobId(99)).value().has_value());
}

TEST_P(LoadConformance, RevisionsOfOpenJobsComeWithTheLatest) {
    rig.commit(definitions());
    rig.commit(new_job(job(1, 1, 3), 2));
    ChangeSet applied;
    applied.assets = {asset(10, 1, "orders", 3)};
    applied.revisions = {revision(10, 1, "orders", 2), revision(10, 1, "orders", 3)};
    rig.commit(applied);
    std::vector<int> numbers;
    for (const auto& seen : rig.load().revisions) {
        if (seen->asset == AssetId(10)) {
            numbers.push_back(seen->revision);
        }
    }
    EXPECT_EQ(numbers, (std::vector<int>{1, 3}));
}

TEST_P(LoadConformance, GrantsComeBackUntilTheyEnd) {
    rig.commit(definitions());
    ChangeSet changes = new_job(job(1, 1, 100), 2);
    RunSet pieces(model::Run{0, 3});
    pieces.add(model::Run{10, 12});
    GrantRow suspect = grant(6, 2, 1, RunSet(model::Run{50, 51}));
    suspect.deaths = 2;
    suspect.attempt = 3;
    changes.grants = {grant(5, 1, 1, pieces), suspect};
    rig.commit(changes);
    rig.restart();
    EXPECT_EQ(rig.load().grants, changes.grants);
    ChangeSet ended;
    ended.ended_grants = {{LeaseId(5), 1}};
    rig.commit(ended);
    EXPECT_EQ(rig.load().grants, (std::vector<GrantRow>{suspect}));
}

// Many more than one row of a log holds, over ends of the process and batches that are refused.
TEST_P(LoadConformance, OpenLeasesAreThoseOfEveryBatchThatWasCommitted) {
    rig.commit(definitions());
    rig.commit(new_job(job(1, 1, 5'000), 2));
    std::map<GrantKey, GrantRow> open;
    for (int64_t i = 0; i < 330; ++i) {
        ChangeSet changes;
        if (i % 4 == 3) {  // two of three end
            for (const int64_t ended : {i - 3, i - 2}) {
                changes.ended_grants.insert({LeaseId(100 + ended), 1});
                open.erase({LeaseId(100 + ended), 1});
            }
        } else {
            const auto first = static_cast<Index>(10 * i);
            changes.grants = {grant(100 + i, 1, 1, RunSet(model::Run{first, first + 10}))};
            open.emplace(GrantKey(LeaseId(100 + i), 1), changes.grants[0]);
        }
        rig.commit(changes);
        if (i % 50 == 49) {
            ChangeSet bad;
            bad.grants = {grant(9'000 + i, 1, 1, RunSet(model::Run{4'990, 4'991}))};
            add_done(bad, 777, done_run(0, 1));  // of a job that does not exist
            ASSERT_EQ(rig.try_commit(bad).fate, CommitFate::kRefused);
        }
        if (i % 100 == 99) {
            rig.restart();
        }
    }
    std::vector<GrantRow> left;
    for (const auto& [key, row] : open) {
        left.push_back(row);
    }
    EXPECT_EQ(rig.load().grants, left);
    EXPECT_EQ(take(rig.store().fsck()), std::vector<std::string>());
}

INSTANTIATE_TEST_SUITE_P(Stores, LoadConformance, all_stores(), kind_name);

}  // namespace
}  // namespace servo::store::test

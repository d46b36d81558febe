// What a commit promises: all or nothing, in one chain, under one leader.
#include "rig.h"

namespace servo::store::test {
namespace {

using CommitConformance = Conformance;

TEST_P(CommitConformance, DeposedLeaderWritesNothing) {
    rig.commit(definitions());
    const int64_t old_epoch = rig.epoch;
    const int64_t new_epoch = rig.store().take_leadership({"another"}).value();
    EXPECT_EQ(new_epoch, old_epoch + 1);
    const ChangeSet changes = new_job(job(1, 1, 5), 2);
    const CommitOutcome late = rig.store().commit({old_epoch, 2, rig.now, &changes});
    EXPECT_EQ(late.fate, CommitFate::kDeposed);
    EXPECT_EQ(rig.store().load(old_epoch).error().reason, "deposed");
    const Snapshot seen = rig.store().load(new_epoch).value();
    EXPECT_TRUE(seen.jobs.empty());
    EXPECT_EQ(seen.last_seq, 1);
    EXPECT_FALSE(rig.store().committed(old_epoch, 2).value());
}

TEST_P(CommitConformance, LeadershipIsTakenShownAndGivenUp) {
    Store& store = rig.store();
    EXPECT_EQ(store.leader().value().epoch, 0);
    const int64_t first = store.take_leadership({"one", "http://one:7420"}).value();
    LeaderRow seen = store.leader().value();
    EXPECT_EQ(seen.epoch, first);
    EXPECT_EQ(seen.holder, "one");
    EXPECT_EQ(seen.url, "http://one:7420");
    EXPECT_FALSE(seen.gone);
    ASSERT_TRUE(store.beat(first).has_value());
    EXPECT_NE(store.leader().value().beat, seen.beat);
    ASSERT_TRUE(store.resign(first).has_value());
    EXPECT_TRUE(store.leader().value().gone);

    const int64_t second = store.take_leadership({"two", "http://two:7420", first}).value();
    EXPECT_EQ(store.take_leadership({"late", "", first}).error().reason, "deposed");
    seen = store.leader().value();
    EXPECT_EQ(seen.holder, "two");
    EXPECT_FALSE(seen.gone);
    // A deposed leader can give no sign of life, and not give up what is another's.
    EXPECT_EQ(store.beat(first).error().reason, "deposed");
    EXPECT_EQ(store.resign(first).error().reason, "deposed");
    EXPECT_EQ(store.leader().value().beat, seen.beat);
    EXPECT_FALSE(store.leader().value().gone);
    ASSERT_TRUE(store.beat(second).has_value());
}

TEST_P(CommitConformance, BatchesFormOneChainOverAllEpochs) {
    rig.commit(definitions());
    const ChangeSet changes = new_job(job(1, 1, 5), 2);
    for (const int64_t wrong : {int64_t{0}, int64_t{1}, int64_t{3}}) {
        EXPECT_EQ(
            rig.store().commit({rig.epoch, wrong, rig.now, &changes}).fate, CommitFate::kRefused
        );
    }
    const int64_t first_epoch = rig.epoch;
    const Snapshot seen = rig.load();
    EXPECT_EQ(seen.last_seq, 1);
    EXPECT_EQ(seen.last_now, rig.now);
    rig.commit(changes);
    EXPECT_TRUE(rig.store().committed(first_epoch, 1).value());
    EXPECT_TRUE(rig.store().committed(rig.epoch, 2).value());
    EXPECT_FALSE(rig.store().committed(first_epoch, 2).value());
    EXPECT_FALSE(rig.store().committed(rig.epoch, 3).value());
    EXPECT_EQ(rig.store().fsck().value(), std::vector<std::string>{});
}

TEST_P(CommitConformance, RefusedCommitLeavesNoTrace) {
    rig.commit(definitions());
    rig.commit(new_job(job(1, 1, 100), 2));
    ChangeSet bad = new_job(job(2, 1, 5), 3);
    add_done(bad, 1, done_run(0, 3));
    bad.failures = {failure(1, 4, true)};
    bad.events = {{TenantId(1), rig.now, "me", "backfill.paused", "x", "y"}};
    bad.materialised = {
        {TenantId(1), AssetId(10), {{0, 3, 1}}, Outcome::kSucceeded, JobId(1), 1, rig.now}};
    add_done(bad, 777, done_run(0, 1));  // of a job that does not exist
    EXPECT_EQ(rig.try_commit(bad).fate, CommitFate::kRefused);
    const Snapshot seen = rig.load();
    ASSERT_EQ(seen.jobs.size(), 1U);
    EXPECT_EQ(seen.jobs[0].checkpoint.remaining.size(), 100U);
    EXPECT_TRUE(seen.jobs[0].retrying.empty());
    EXPECT_TRUE(rig.history().events({}, 10, "").value().items.empty());
    EXPECT_TRUE(rig.history().partition_states(AssetId(10), 0, 99, 10).value().empty());
    rig.commit(new_job(job(2, 1, 5), 3));  // the same number is free again
}

TEST_P(CommitConformance, RefusesWhatWouldBreakAConstraint) {
    rig.commit(definitions());
    rig.commit(new_job(job(1, 1, 9'000), 2));
    const auto refused = [&](auto fill) {
        ChangeSet changes;
        fill(changes);
        return rig.try_commit(changes).fate == CommitFate::kRefused;
    };
    EXPECT_TRUE(refused([](ChangeSet& c) { c.tenants = {tenant(3, "acme")}; }));
    EXPECT_TRUE(refused([](ChangeSet& c) { c.assets = {asset(30, 1, "orders")}; }));
    EXPECT_TRUE(refused([](ChangeSet& c) { c.revisions = {revision(10, 1, "orders")}; }));
    EXPECT_TRUE(refused([](ChangeSet& c) { c.pools = {pool(1, 0, "p"), pool(2, 0, "p")}; }));
    EXPECT_TRUE(refused([](ChangeSet& c) { c.done[{JobId(1), 0}] = {done(1), done(2), done(1)}; }));
    EXPECT_TRUE(refused([](ChangeSet& c) { c.done[{JobId(1), 0}] = {done(4'096)}; }));
    EXPECT_TRUE(refused([](ChangeSet& c) { c.failures = {failure(55, 0, true)}; }));
    EXPECT_TRUE(refused([](ChangeSet& c) {
        c.grants = {
            grant(5, 1, 1, RunSet(model::Run{0, 3})), grant(5, 1, 1, RunSet(model::Run{3, 4}))};
    }));
    EXPECT_TRUE(refused([](ChangeSet& c) {
        JobRow row = job(2, 1, 5);
        row.revision = 9;
        c.jobs = {row};
    }));
    EXPECT_EQ(rig.store().fsck().value(), std::vector<std::string>{});
}

TEST_P(CommitConformance, UnorderedDoneEntriesAreSorted) {
    rig.commit(definitions());
    rig.commit(new_job(job(1, 1, 10), 2));
    ChangeSet changes;
    changes.done[{JobId(1), 0}] = {done(5), done(1), done(3)};
    rig.commit(changes);
    const auto read = rig.history().done(JobId(1), {0, 10}, 100).value();
    EXPECT_EQ(read, (std::vector<DoneEntry>{done(1), done(3), done(5)}));
}

TEST_P(CommitConformance, OldBatchRowsAreDroppedAndSayThatTheyAreUnknown) {
    Retention retention;
    retention.batch_rows_keep = 3;
    Rig small(GetParam(), retention);
    for (int i = 0; i < 8; ++i) {
        small.commit({});
    }
    small.maintain_all(small.now);
    EXPECT_EQ(small.store().committed(small.epoch, 5).error().reason, "too_old");
    EXPECT_TRUE(small.store().committed(small.epoch, 6).value());
    EXPECT_TRUE(small.store().committed(small.epoch, 8).value());
    EXPECT_FALSE(small.store().committed(small.epoch, 9).value());
    EXPECT_EQ(small.store().fsck().value(), std::vector<std::string>{});
    small.commit({});
}

TEST_P(CommitConformance, GrantOfAnEndedNumberIsReplacedInOneBatch) {
    rig.commit(definitions());
    ChangeSet changes = new_job(job(1, 1, 10), 2);
    changes.grants = {grant(5, 1, 1, RunSet(model::Run{0, 4}))};
    rig.commit(changes);
    ChangeSet shrunk;
    shrunk.ended_grants = {{LeaseId(5), 1}};
    shrunk.grants = {grant(5, 1, 1, RunSet(model::Run{0, 2}))};
    rig.commit(shrunk);
    const Snapshot seen = rig.load();
    ASSERT_EQ(seen.grants.size(), 1U);
    EXPECT_EQ(seen.grants[0], shrunk.grants[0]);
}

INSTANTIATE_TEST_SUITE_P(Stores, CommitConformance, all_stores(), kind_name);

// Faults that only the memory store can be told to have.
TEST(MemoryFaults, UnknownFateIsResolvedByEpochAndNumber) {
    for (const Fault fault : {Fault::kUnknownCommitted, Fault::kUnknownLost}) {
        Rig rig(Kind::kMemory);
        rig.commit(definitions());
        rig.memory()->fail_next(fault);
        EXPECT_EQ(rig.try_commit(new_job(job(1, 1, 5), 2)).fate, CommitFate::kUnknown);
        const int64_t old_epoch = rig.epoch;
        const Snapshot seen = rig.load();
        const bool there = fault == Fault::kUnknownCommitted;
        EXPECT_EQ(rig.store().committed(old_epoch, 2).value(), there);
        EXPECT_EQ(seen.jobs.size(), there ? 1U : 0U);
        EXPECT_EQ(seen.last_seq, there ? 2 : 1);
    }
}

TEST(MemoryFaults, EachFaultLastsAsLongAsTold) {
    const std::pair<Fault, CommitFate> cases[] = {
        {Fault::kRefused, CommitFate::kRefused},
        {Fault::kFull, CommitFate::kFull},
        {Fault::kBroken, CommitFate::kBroken},
    };
    for (const auto& [fault, fate] : cases) {
        Rig rig(Kind::kMemory);
        rig.memory()->fail_next(fault, 2);
        EXPECT_EQ(rig.try_commit(definitions()).fate, fate);
        EXPECT_EQ(rig.try_commit(definitions()).fate, fate);
        EXPECT_EQ(rig.try_commit(definitions()).fate, CommitFate::kCommitted);
    }
}

TEST(MemoryFaults, DeposedMeansThatAnotherLeads) {
    Rig rig(Kind::kMemory);
    rig.memory()->fail_next(Fault::kDeposed);
    EXPECT_EQ(rig.try_commit(definitions()).fate, CommitFate::kDeposed);
    EXPECT_EQ(rig.try_commit(definitions()).fate, CommitFate::kDeposed);
    EXPECT_TRUE(rig.load().tenants.empty());
    rig.commit(definitions());
}

}  // namespace
}  // namespace servo::store::test

// Housekeeping changes no answer: done blocks are merged, old things go, fsck finds what is wrong.
#include "rig.h"

namespace servo::store::test {
namespace {

using UpkeepConformance = Conformance;

TEST_P(UpkeepConformance, MergingDoneBlocksChangesNoAnswer) {
    rig.commit(definitions());
    const JobRow row = job(1, 1, 5'000);
    rig.commit(new_job(row, 2));
    // Block 0 in many small pieces, the tail block but for one index.
    for (Index first = 0; first < 4'096; first += 16) {
        ChangeSet work;
        add_done(work, 1, done_run(first, first + 16));
        rig.commit(work);
    }
    ChangeSet tail;
    add_done(tail, 1, done_run(4'096, 4'999));
    rig.commit(tail);
    const auto all_done = [&] { return rig.history().done(JobId(1), {0, 5'000}, 10'000).value(); };
    const auto before = all_done();
    ASSERT_EQ(before.size(), 4'999U);

    // Not covered by a checkpoint yet: replay still needs the rows one by one.
    rig.maintain_all(rig.now + std::chrono::hours(1));
    EXPECT_EQ(rig.load().jobs.at(0).done_after.size(), 4'999U);
    EXPECT_EQ(all_done(), before);

    JobCheckpoint covered = rig.load().jobs.at(0).checkpoint;
    covered.covers_seq = rig.seq + 1;
    ChangeSet sealed;
    sealed.checkpoints = {covered};
    rig.commit(sealed);
    ChangeSet late;
    add_done(late, 1, done_run(4'999, 5'000));
    rig.commit(late);
    rig.maintain_all(rig.now + std::chrono::hours(2));
    EXPECT_EQ(all_done().size(), 5'000U);
    EXPECT_EQ(all_done().back().index, 4'999U);
    const Snapshot::OpenJob open = rig.load().jobs.at(0);
    EXPECT_EQ(open.done_after.to_string(), "4999");
    EXPECT_EQ(open.checkpoint.counters.completed, 5'000U);
    EXPECT_TRUE(open.checkpoint.remaining.empty());
    EXPECT_EQ(rig.store().fsck().value(), std::vector<std::string>{});
    rig.restart();
    EXPECT_EQ(all_done().size(), 5'000U);
}

TEST_P(UpkeepConformance, IdempotencyEventsAndEndedJobsGoWhenTheirTimeIsOver) {
    rig.commit(definitions());
    ChangeSet changes = new_job(job(1, 1, 10, JobState::kFailed), 2);
    changes.checkpoints[0].remaining = RunSet(model::Run{3, 3});
    changes.checkpoints[0].failed.add(model::Run{0, 10});
    changes.checkpoints[0].counters.failed = 10;
    changes.failures = {failure(1, 3, true)};
    changes.logs = {{JobId(1), 3, 1, 1, rig.now, 3, "abc"}};
    changes.events = {{TenantId(1), rig.now, "a", "k", "s", "d"}};
    changes.idempotency = {{TenantId(1), "r", "k", "h", 200, "{}", rig.now}};
    changes.materialised = {
        {TenantId(1), AssetId(10), {{3, 1, 1}}, Outcome::kFailed, JobId(1), 1, rig.now}};
    rig.commit(changes);
    rig.commit(new_job(job(2, 1, 10), 3));  // open: never goes
    const auto days = [&](int64_t count) { return rig.now + Millis(count * kDay); };
    const auto has_key = [&] {
        return rig.history().idempotent_reply(TenantId(1), "r", "k").value().has_value();
    };
    const auto failures = [&] {
        return rig.history().failures(JobId(1), {}, false, 10, 0, nullptr).value().size();
    };
    rig.maintain_all(days(6));
    EXPECT_TRUE(has_key());
    rig.maintain_all(days(8));
    EXPECT_FALSE(has_key());
    EXPECT_EQ(failures(), 1U);
    rig.maintain_all(days(91));
    EXPECT_EQ(failures(), 0U);
    EXPECT_FALSE(rig.history().log(JobId(1), 3, {}).value().has_value());
    EXPECT_TRUE(rig.history().job(JobId(1)).value().has_value());
    EXPECT_EQ(rig.history().events(TenantId(1), {}, "", 9).value().size(), 1U);
    rig.maintain_all(days(401));
    EXPECT_FALSE(rig.history().job(JobId(1)).value().has_value());
    EXPECT_TRUE(rig.history().job(JobId(2)).value().has_value());
    EXPECT_TRUE(rig.history().events(TenantId(1), {}, "", 9).value().empty());
    EXPECT_EQ(rig.history().partition_states(AssetId(10), 0, 9, 9).value().size(), 1U);
    EXPECT_EQ(rig.store().fsck().value(), std::vector<std::string>{});
}

TEST_P(UpkeepConformance, FsckNamesAnIndexDoneTwiceAndAWrongCounter) {
    rig.commit(definitions());
    rig.commit(new_job(job(1, 1, 10), 2));
    for (int i = 0; i < 2; ++i) {
        ChangeSet work;
        add_done(work, 1, done_run(4, 5));
        rig.commit(work);
    }
    std::string all;
    for (const std::string& sentence : take(rig.store().fsck())) {
        all += sentence + "\n";
    }
    EXPECT_NE(all.find("done more than once, the first is index 4"), std::string::npos) << all;
    EXPECT_NE(all.find("\"completed\" says 2, a recount says 1"), std::string::npos) << all;
}

TEST_P(UpkeepConformance, FsckNamesAStateThatNoLogExplains) {
    rig.commit(definitions());
    ChangeSet changes = new_job(job(1, 1, 10), 2);
    changes.materialised = {
        {TenantId(1), AssetId(10), {{3, 1, 1}}, Outcome::kSucceeded, JobId(1), 1, rig.now}};
    rig.commit(changes);
    const auto findings = rig.store().fsck().value();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_NE(
        findings[0].find("1 partitions, the first is ordinal 3, are kept as succeeded"),
        std::string::npos
    );
}

TEST_P(UpkeepConformance, FsckNamesALeaseOverWhatIsDone) {
    rig.commit(definitions());
    ChangeSet changes = new_job(job(1, 1, 10), 2);
    changes.checkpoints[0].remaining.subtract(model::Run{0, 2});
    changes.checkpoints[0].skipped.add(model::Run{0, 2});
    changes.checkpoints[0].counters.skipped = 2;
    changes.grants = {grant(5, 1, 1, RunSet(model::Run{1, 4}))};
    rig.commit(changes);
    const auto findings = rig.store().fsck().value();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_NE(
        findings[0].find("lease 5 holds index 1, which is not to be done"), std::string::npos
    );
}

INSTANTIATE_TEST_SUITE_P(Stores, UpkeepConformance, all_stores(), kind_name);

}  // namespace
}  // namespace servo::store::test

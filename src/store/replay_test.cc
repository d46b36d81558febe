#include "store/replay.h"

#include <gtest/gtest.h>

namespace servo::store {
namespace {

JobRow job_of(uint64_t total, JobState state = JobState::kRunning) {
    JobRow row;
    row.id = JobId(77);
    row.state = state;
    if (is_terminal(state)) {
        row.completed_at = instant_ms(1);
    }
    std::vector<OrdinalRun> ordinals;
    if (total > 0) {
        ordinals.push_back({0, total, 1});
    }
    row.ordinals = std::make_shared<OrdinalView>(std::move(ordinals));
    return row;
}

RunSet runs(Index first, Index end) {
    return RunSet(Run{first, end});
}

JobCheckpoint fresh(uint64_t total, int64_t covers_seq) {
    JobCheckpoint checkpoint;
    checkpoint.job = JobId(77);
    checkpoint.covers_seq = covers_seq;
    checkpoint.remaining = RunSet(Run{0, total});
    return checkpoint;
}

DoneEntry done_at(Index index, int64_t us = 1'000) {
    DoneEntry entry;
    entry.index = index;
    entry.duration = Micros(us);
    return entry;
}

FailureRow failed_at(Index index, bool final, Token token = 0) {
    FailureRow row;
    row.index = index;
    row.final = final;
    row.token = token;
    row.klass = FailureClass::kTimeout;
    row.started_at = instant_ms(100);
    row.ended_at = instant_ms(160);
    return row;
}

TEST(Replay, RowsUpToTheCheckpointChangeNothing) {
    Replay replay(job_of(10), fresh(10, 5));
    replay.add_done(5, {done_at(1)});
    replay.add_failure(4, failed_at(2, true));
    EXPECT_EQ(replay.checkpoint(), fresh(10, 5));
}

TEST(Replay, LaterRowsMoveIndicesAndCount) {
    Replay replay(job_of(10), fresh(10, 5));
    replay.add_done(6, {done_at(1, 1'500), done_at(2, 500)});
    replay.add_failure(6, failed_at(3, false));
    replay.add_failure(7, failed_at(3, true));
    const JobCheckpoint& now = replay.checkpoint();
    EXPECT_EQ(now.remaining.to_string(), "0,4-9");
    EXPECT_EQ(now.failed.to_string(), "3");
    EXPECT_EQ(now.counters.completed, 2U);
    EXPECT_EQ(now.counters.attempts_completed, 2U);
    EXPECT_EQ(now.counters.failed, 1U);
    EXPECT_EQ(now.counters.busy_us, 2'000);
    EXPECT_EQ(now.counters.wasted_us, 120'000);
    EXPECT_EQ(now.counters.attempts_failed[static_cast<size_t>(FailureClass::kTimeout)], 2U);
    EXPECT_EQ(replay.done_after().to_string(), "1-2");
    EXPECT_EQ(replay.failed_after().to_string(), "3");
}

TEST(Replay, FailureOfACancellingJobEndsThePartition) {
    Replay replay(job_of(10, JobState::kCancelling), fresh(10, 5));
    replay.add_failure(6, failed_at(3, false));
    EXPECT_EQ(replay.checkpoint().cancelled.to_string(), "3");
    EXPECT_EQ(replay.checkpoint().counters.cancelled, 1U);
    EXPECT_EQ(replay.checkpoint().remaining.size(), 9U);
}

TEST(Unreported, LeavesOutWhatIsDoneAndWhatFailedUnderThisGrantOnly) {
    GrantRow grant;
    grant.token_base = 100;
    grant.indices = runs(10, 15);
    RunSet done;
    done.add(10);
    const FailedTokens failed = {{99, 12}, {101, 11}, {105, 13}};
    EXPECT_EQ(unreported(grant, done, failed).to_string(), "12-14");
}

TEST(JobCheck, FindsNothingInASoundJob) {
    JobCheckpoint exact = fresh(10, 5);
    exact.remaining = runs(4, 10);
    exact.failed.add(3);
    exact.skipped.add(0);
    exact.counters.completed = exact.counters.attempts_completed = 2;
    exact.counters.failed = 1;
    exact.counters.skipped = 1;
    JobCheck check(job_of(10), Replay(job_of(10), exact));
    check.add_done(0, {done_at(1), done_at(2)});
    check.add_failure(failed_at(3, false, 50));
    check.add_failure(failed_at(3, true, 51));
    GrantRow grant;
    grant.lease = LeaseId(60);
    grant.token_base = 60;
    grant.indices = runs(4, 6);
    check.add_grant(grant);
    EXPECT_EQ(check.findings(), std::vector<std::string>{});
}

TEST(JobCheck, NamesEachContradiction) {
    JobCheckpoint exact = fresh(10, 5);
    exact.remaining = runs(3, 10);  // 0 is in no state
    exact.failed.add(4);            // also remaining
    exact.counters.completed = 7;
    exact.counters.failed = 1;
    exact.counters.attempts_completed = 1;
    JobCheck check(job_of(10), Replay(job_of(10), exact));
    check.add_done(0, {done_at(1), done_at(1), done_at(11)});
    GrantRow grant;
    grant.lease = LeaseId(60);
    grant.token_base = 60;
    grant.indices = runs(2, 5);
    check.add_grant(grant);
    check.add_grant(grant);
    std::string all;
    for (const std::string& sentence : check.findings()) {
        all += sentence + "\n";
    }
    EXPECT_NE(all.find("1 done entries lie outside"), std::string::npos) << all;
    EXPECT_NE(all.find("recorded as done more than once, the first is index 1"), std::string::npos);
    EXPECT_NE(all.find("\"failed\" partitions are in another state"), std::string::npos);
    EXPECT_NE(all.find("\"completed\" says 7, a recount says 1"), std::string::npos);
    EXPECT_NE(all.find("holds index 2, which is not to be done"), std::string::npos);
    EXPECT_NE(all.find("another lease holds as well"), std::string::npos);
}

TEST(JobCheck, NamesAPartitionInNoState) {
    JobCheckpoint exact = fresh(10, 5);
    exact.remaining = runs(1, 10);
    const auto findings = JobCheck(job_of(10), Replay(job_of(10), exact)).findings();
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_NE(findings[0].find("cover 9 of 10 partitions; index 0 is in none"), std::string::npos);
}

TEST(JobCheck, TerminalJobHoldsNoLease) {
    JobCheckpoint exact = fresh(0, 5);
    exact.remaining = RunSet();
    const JobRow job = job_of(0, JobState::kCancelled);
    JobCheck check(job, Replay(job, exact));
    check.add_grant({});
    ASSERT_EQ(check.findings().size(), 1U);
    EXPECT_NE(check.findings()[0].find("is cancelled and still has 1 leases"), std::string::npos);
}

TEST(JobCheck, NamesARowThatItsWorkContradicts) {
    JobCheckpoint exact = fresh(10, 5);
    const auto finding = [&exact](const JobRow& row) {
        const auto all = JobCheck(row, Replay(row, exact)).findings();
        return all.empty() ? "nothing" : all.front();
    };
    EXPECT_EQ(finding(job_of(10)), "nothing");
    JobRow row = job_of(10);
    row.settings.priority = 99;
    EXPECT_NE(finding(row).find("its priority is 99, not from -10 to 10"), std::string::npos);
    EXPECT_NE(
        finding(job_of(10, JobState::kCompleted)).find("is completed and has 10 partitions to do"),
        std::string::npos
    );
    exact.remaining = RunSet();
    exact.cancelled = runs(0, 10);
    exact.counters.cancelled = 10;
    EXPECT_NE(
        finding(job_of(10)).find("is running and has no partitions to do"), std::string::npos
    );
    row = job_of(10, JobState::kCancelled);
    EXPECT_EQ(finding(row), "nothing");
    row.completed_at.reset();
    EXPECT_NE(finding(row).find("is cancelled and has no time of its end"), std::string::npos);
}

}  // namespace
}  // namespace servo::store

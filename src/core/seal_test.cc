// Which jobs write a checkpoint with a batch, and that nothing older overwrites a newer state.
#include <gtest/gtest.h>

#include <memory>

#include "core/scheduler.h"

namespace servo::core {
namespace {

// One asset, and jobs of ten partitions each, as a new leader finds them: the first five are done,
// and no checkpoint says so.
class Seal : public testing::Test {
 protected:
    Seal() {
        snapshot_.epoch = 1;
        TenantRow tenant;
        tenant.id = TenantId(1);
        tenant.name = "acme";
        snapshot_.tenants.push_back(tenant);
        auto revision = std::make_shared<AssetRevision>();
        revision->asset = AssetId(1);
        revision->tenant = tenant.id;
        revision->revision = 1;
        revision->spec.name = "orders";
        snapshot_.revisions.push_back(revision);
        AssetHead head;
        head.id = AssetId(1);
        head.tenant = tenant.id;
        head.name = "orders";
        head.latest_revision = 1;
        snapshot_.assets.push_back(head);
    }

    static JobRow row(int64_t id, std::vector<OrdinalRun> ordinals) {
        JobRow row;
        row.id = JobId(id);
        row.tenant = TenantId(1);
        row.asset = AssetId(1);
        row.revision = 1;
        row.state = JobState::kRunning;
        row.ordinals = std::make_shared<OrdinalView>(std::move(ordinals));
        row.created_by = "ann";
        return row;
    }
    // The job with this id has the partitions 10 · id to 10 · id + 9.
    void half_done_job(int64_t id) {
        Snapshot::OpenJob job;
        job.row = row(id, {{10 * id, 10, 1}});
        job.revision = snapshot_.revisions[0];
        job.checkpoint.job = job.row.id;
        job.checkpoint.remaining.add(model::Run{5, 10});
        job.checkpoint.counters.completed = 5;
        job.done_after.add(model::Run{0, 5});
        snapshot_.jobs.push_back(job);
    }
    void load() { scheduler_ = std::make_unique<Scheduler>(snapshot_, now_, 7); }

    void apply(const Command& command) {
        changes_ = ChangeSet();
        const Result<Reply> reply = scheduler_->apply(command, now_, ++seq_, changes_);
        ASSERT_TRUE(reply) << reply.error().message;
        scheduler_->seal(now_, seq_, changes_);
        EXPECT_EQ(scheduler_->check_invariants(), "");
    }
    void pass(Millis time) {
        now_ += time;
        apply(Tick{});
    }
    void join() {
        RegisterExecutor join;
        join.request.executor = "x1";
        join.request.session = SessionId(1);
        join.request.slots = 1;
        apply(join);
    }
    // Reports all of the lease at hand, if any, and takes the next.
    void work() {
        CallRequest call;
        call.session = SessionId(1);
        call.call = ++call_;
        call.free_slots = 1;
        call.ack = grant_.number;
        if (grant_.number > 0) {
            LeaseResults results;
            results.lease = grant_.lease;
            for (uint64_t i = 0; i < grant_.size(); ++i) {
                results.done.push_back({i, now_, Micros(1'000), -1, -1, -1, -1});
            }
            call.results = {results};
        }
        changes_ = ChangeSet();
        const auto reply = scheduler_->apply(ExecutorCall{call}, now_, ++seq_, changes_);
        ASSERT_TRUE(reply) << reply.error().message;
        scheduler_->seal(now_, seq_, changes_);
        EXPECT_EQ(scheduler_->check_invariants(), "");
        const auto& grants = std::get<CallReply>(*reply).grants;
        if (!grants.empty()) {
            grant_ = grants.back();
        }
    }
    // The jobs that wrote a checkpoint with the last batch.
    std::vector<int64_t> checkpointed() const {
        std::vector<int64_t> ids;
        for (const JobCheckpoint& one : changes_.checkpoints) {
            EXPECT_EQ(one.covers_seq, seq_);
            ids.push_back(one.job.value);
        }
        return ids;
    }

    Snapshot snapshot_;
    std::unique_ptr<Scheduler> scheduler_;
    Instant now_ = instant_ms(1'704'067'200'000);
    int64_t seq_ = 0;
    int64_t call_ = 0;
    Grant grant_;
    ChangeSet changes_;
};

using Ids = std::vector<int64_t>;

TEST_F(Seal, ResultsWaitASecondForMoreOfTheirJob) {
    load();
    join();
    apply(CreateJobs{{row(1, {{0, 100, 1}})}});
    EXPECT_EQ(checkpointed(), Ids{1});
    now_ += Millis(5'000);
    work();
    EXPECT_EQ(checkpointed(), Ids{1});  // it became running
    now_ += Millis(5'000);
    work();
    EXPECT_EQ(checkpointed(), Ids{});
    now_ += Millis(999);
    work();
    EXPECT_EQ(changes_.done.size(), 1U);
    EXPECT_EQ(checkpointed(), Ids{});
    EXPECT_TRUE(changes_.materialised.empty());
    now_ += Millis(1);
    apply(AddStall{});  // any batch will do
    ASSERT_EQ(checkpointed(), Ids{1});
    EXPECT_EQ(changes_.checkpoints[0].counters.completed, 5U);  // ranges of one and of four
    ASSERT_EQ(changes_.materialised.size(), 1U);
    EXPECT_EQ(changes_.materialised[0].ordinals, (std::vector<OrdinalRun>{{0, 5, 1}}));
    pass(Millis(10'000));
    EXPECT_EQ(checkpointed(), Ids{});  // nothing is new
}

TEST_F(Seal, CheckpointsOfManyJobsKeepTheirDistance) {
    for (int64_t id = 1; id <= 700; ++id) {
        half_done_job(id);
    }
    load();
    const struct {
        int64_t after_ms;
        size_t checkpoints;
    } rows[] = {
        {999, 0},      // they wait for more
        {1'000, 500},  // what the second before allows
        {1'019, 0},    // no round for so few
        {1'020, 10},
        {1'021, 0},
        {1'100, 40},
        {9'000, 150},  // a pause saves up no more than a second's, and these are all that is left
        {20'000, 0},
    };
    const Instant begin = now_;
    int64_t next = 1;
    for (const auto& row : rows) {
        now_ = begin + Millis(row.after_ms);
        apply(AddStall{});
        EXPECT_EQ(changes_.checkpoints.size(), row.checkpoints) << row.after_ms;
        for (const int64_t id : checkpointed()) {
            EXPECT_EQ(id, next++);
        }
    }
}

TEST_F(Seal, AChangeOfStateIsWrittenAtOnceAndLeavesTheLine) {
    half_done_job(1);
    half_done_job(2);
    load();
    apply(PauseJob{JobId(2), PauseMode::kDrain, "", kNever, "ann"});
    EXPECT_EQ(checkpointed(), Ids{2});
    EXPECT_EQ(changes_.materialised.size(), 1U);
    pass(Millis(1'000));
    EXPECT_EQ(checkpointed(), Ids{1});
}

TEST_F(Seal, AMarkIsNotOverwrittenByWhatAJobDidBefore) {
    half_done_job(1);
    load();
    MarkPartitions mark;
    mark.tenant = "acme";
    mark.asset = "orders";
    mark.ordinals = {{13, 1, 1}};
    mark.outcome = Outcome::kMissing;
    apply(mark);
    EXPECT_EQ(checkpointed(), Ids{1});
    ASSERT_EQ(changes_.materialised.size(), 2U);
    EXPECT_EQ(changes_.materialised[0].outcome, Outcome::kMissing);
    EXPECT_EQ(changes_.materialised[1].ordinals, (std::vector<OrdinalRun>{{10, 3, 1}, {14, 1, 1}}));
    pass(Millis(1'000));
    EXPECT_TRUE(changes_.materialised.empty());
}

// A cancel ends the job; its last checkpoint is written with the batch, after the mark.
TEST_F(Seal, AMarkIsNotOverwrittenByAJobThatEndedInTheSameBatch) {
    half_done_job(1);
    load();
    changes_ = ChangeSet();
    ++seq_;
    ASSERT_TRUE(scheduler_->apply(CancelJob{JobId(1), false, "", "ann"}, now_, seq_, changes_));
    MarkPartitions mark;
    mark.tenant = "acme";
    mark.asset = "orders";
    mark.ordinals = {{13, 1, 1}};
    mark.outcome = Outcome::kMissing;
    ASSERT_TRUE(scheduler_->apply(mark, now_, seq_, changes_));
    scheduler_->seal(now_, seq_, changes_);
    EXPECT_EQ(scheduler_->check_invariants(), "");
    ASSERT_EQ(changes_.materialised.size(), 2U);
    EXPECT_EQ(changes_.materialised[0].outcome, Outcome::kMissing);
    EXPECT_EQ(changes_.materialised[1].ordinals, (std::vector<OrdinalRun>{{10, 3, 1}, {14, 1, 1}}));
}

TEST_F(Seal, WhatWasDoneIsOfTheRevisionThatDidIt) {
    auto newer = std::make_shared<AssetRevision>(*snapshot_.revisions[0]);
    newer->revision = 2;
    half_done_job(1);
    snapshot_.revisions.push_back(newer);
    snapshot_.assets[0].latest_revision = 2;
    load();
    SetJob set;
    set.job = JobId(1);
    set.latest_revision = true;
    apply(set);
    EXPECT_EQ(checkpointed(), Ids{1});
    ASSERT_EQ(changes_.materialised.size(), 1U);
    EXPECT_EQ(changes_.materialised[0].revision, 1);
    EXPECT_EQ(changes_.materialised[0].ordinals, (std::vector<OrdinalRun>{{10, 5, 1}}));
    EXPECT_EQ(scheduler_->job(JobId(1), now_)->row.revision, 2);
}

TEST_F(Seal, WhatIsRetriedStandsAsFailedUntilItEnds) {
    half_done_job(1);
    Snapshot::OpenJob& job = snapshot_.jobs[0];
    job.checkpoint.remaining = RunSet(model::Run{6, 10});
    job.checkpoint.failed = RunSet(model::Run{5, 6});
    job.checkpoint.counters.failed = 1;
    job.failed_after = RunSet(model::Run{5, 6});
    load();
    apply(RetryJob{JobId(1), {}, {}, "ann"});
    EXPECT_EQ(checkpointed(), Ids{1});
    ASSERT_EQ(changes_.materialised.size(), 2U);
    EXPECT_EQ(changes_.materialised[1].outcome, Outcome::kFailed);
    EXPECT_EQ(changes_.materialised[1].ordinals, (std::vector<OrdinalRun>{{15, 1, 1}}));
}

TEST_F(Seal, WhatNoCheckpointHasIsSeenInItsJob) {
    half_done_job(1);
    load();
    EXPECT_EQ(scheduler_->unwritten(JobId(1))->done, RunSet(model::Run{0, 5}));
    EXPECT_EQ(scheduler_->owner(AssetId(1), 12), std::pair(JobId(1), Index{2}));
    EXPECT_EQ(scheduler_->partition(JobId(1), 2, now_)->state, PartitionView::State::kCompleted);
    pass(Millis(1'000));
    EXPECT_TRUE(scheduler_->unwritten(JobId(1))->done.empty());
    EXPECT_FALSE(scheduler_->owner(AssetId(1), 12));
    EXPECT_EQ(scheduler_->owner(AssetId(1), 17), std::pair(JobId(1), Index{7}));
}

TEST_F(Seal, WhatANewJobRunsAgainIsWrittenBefore) {
    half_done_job(1);
    half_done_job(2);
    half_done_job(3);
    load();
    apply(CreateJobs{{row(9, {{24, 1, 1}})}});
    EXPECT_EQ(checkpointed(), (Ids{2, 9}));
}

TEST_F(Seal, WhatAWaitingJobRunsAgainIsWrittenBefore) {
    half_done_job(1);
    load();
    join();
    JobRow waiting = row(3, {{15, 1, 1}, {20, 1, 1}});
    waiting.overlap = OverlapPolicy::kWait;
    apply(CreateJobs{{row(2, {{20, 1, 1}})}});
    apply(CreateJobs{{waiting}});
    apply(PauseJob{JobId(2), PauseMode::kDrain, "", kNever, "ann"});
    work();
    ASSERT_EQ(changes_.grants.size(), 1U);
    EXPECT_EQ(changes_.grants[0].indices.to_string(), "5");
    work();
    EXPECT_EQ(checkpointed(), Ids{});
    EXPECT_EQ(scheduler_->job(JobId(3), now_)->row.waits_for, JobId(1));
    apply(CancelJob{JobId(2), false, "", "ann"});
    EXPECT_EQ(scheduler_->job(JobId(3), now_)->row.waits_for, JobId{});
    EXPECT_EQ(checkpointed(), (Ids{1, 2}));
}

}  // namespace
}  // namespace servo::core

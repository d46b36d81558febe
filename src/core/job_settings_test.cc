// Settings that hold for a time: what is in force, what lasts, and who says so.
#include <gtest/gtest.h>

#include "core/forecast.h"
#include "core/scheduler.h"

namespace servo::core {
namespace {

class TemporaryTest : public testing::Test {
 protected:
    TemporaryTest() {
        Snapshot snapshot;
        snapshot.epoch = 1;
        TenantRow tenant;
        tenant.id = TenantId(1);
        tenant.name = "acme";
        snapshot.tenants = {tenant};
        auto revision = std::make_shared<AssetRevision>();
        revision->asset = AssetId(1);
        revision->tenant = TenantId(1);
        revision->revision = 1;
        revision->spec.name = "orders";
        snapshot.revisions = {revision};
        AssetHead head;
        head.id = AssetId(1);
        head.tenant = TenantId(1);
        head.name = "orders";
        head.latest_revision = 1;
        snapshot.assets = {head};
        Snapshot::OpenJob job;
        job.row.id = kJob;
        job.row.tenant = TenantId(1);
        job.row.asset = AssetId(1);
        job.row.revision = 1;
        job.row.state = JobState::kPending;
        job.row.ordinals = std::make_shared<OrdinalView>(std::vector<OrdinalRun>{{0, 1'000, 1}});
        job.row.settings.priority = 1;
        job.revision = revision;
        job.checkpoint.job = kJob;
        job.checkpoint.remaining.add(model::Run{0, 1'000});
        snapshot.jobs = {job};
        for (int i = 0; i < 50; ++i) {
            durations_.add(Micros(1'000'000));
        }
        snapshot.durations = {{AssetId(1), 1, durations_}};
        snapshot_ = snapshot;
        scheduler_ = std::make_unique<Scheduler>(snapshot_, now_, 7);
    }

    bool apply(const Command& command) {
        changes_ = ChangeSet();
        const Result<Reply> reply = scheduler_->apply(command, now_, ++seq_, changes_);
        scheduler_->seal(now_, seq_, changes_);
        EXPECT_EQ(scheduler_->check_invariants(), "");
        if (!reply) {
            ADD_FAILURE() << reply.error().message;
            return false;
        }
        const auto* job = std::get_if<JobReply>(&*reply);
        return job != nullptr && job->changed;
    }
    bool set(const SettingsChange& change, Millis length = Millis(0)) {
        SetJob command;
        command.job = kJob;
        command.change = change;
        command.until = length > Millis(0) ? now_ + length : kNever;
        command.reason = "month end";
        command.actor = "ann";
        return apply(command);
    }
    static SettingsChange priority(int value) {
        SettingsChange out;
        out.priority = value;
        return out;
    }
    void pass(Millis time) {
        now_ += time;
        apply(Tick{});
    }
    JobRow row() const { return scheduler_->job(kJob, now_)->row; }

    static constexpr JobId kJob{1};
    static constexpr Millis kTick{1'000};
    static constexpr Millis kHour{3'600'000};
    DurationStats durations_;
    Snapshot snapshot_;
    Instant now_ = instant_ms(1'704'067'200'000);  // 2024-01-01
    int64_t seq_ = 0;
    ChangeSet changes_;
    std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(TemporaryTest, HoldsUntilItsTimeAndThenWhatLasts) {
    EXPECT_TRUE(set(priority(5), 2 * kHour));
    ASSERT_EQ(changes_.events.size(), 1U);
    EXPECT_EQ(changes_.events[0].detail, "priority 5 until 2024-01-01T02:00:00Z: month end");
    ASSERT_EQ(changes_.jobs.size(), 1U);
    EXPECT_EQ(changes_.jobs[0].settings.priority, 5);
    ASSERT_EQ(changes_.jobs[0].temporary.size(), 1U);
    const TemporarySettings held = changes_.jobs[0].temporary[0];
    EXPECT_EQ(held.lasting, priority(1));
    EXPECT_EQ(held.info, (Override{"ann", "month end", now_, now_ + 2 * kHour}));

    pass(2 * kHour - Millis(1));
    EXPECT_EQ(row().settings.priority, 5);
    pass(kTick);
    EXPECT_EQ(row().settings.priority, 1);
    EXPECT_TRUE(row().temporary.empty());
    ASSERT_EQ(changes_.events.size(), 1U);
    EXPECT_EQ(changes_.events[0].kind, "backfill.unset");
    EXPECT_EQ(changes_.events[0].actor, "servo");
    EXPECT_EQ(changes_.events[0].detail, "Its time was over: priority 1 again.");
    ASSERT_EQ(changes_.jobs.size(), 1U);
    pass(kTick);
    EXPECT_TRUE(changes_.jobs.empty());
}

TEST_F(TemporaryTest, OneForGoodEndsItOfTheSettingsThatItNames) {
    SettingsChange both = priority(5);
    both.max_concurrency = 2;
    set(both, kHour);
    EXPECT_TRUE(set(priority(7)));
    EXPECT_EQ(row().settings.priority, 7);
    EXPECT_EQ(row().settings.max_concurrency, 2);
    ASSERT_EQ(row().temporary.size(), 1U);
    EXPECT_FALSE(row().temporary[0].lasting.priority);
    pass(kHour);
    EXPECT_EQ(row().settings.priority, 7);
    EXPECT_EQ(row().settings.max_concurrency, 0);
    EXPECT_FALSE(set(priority(7)));
}

TEST_F(TemporaryTest, TheValueThatIsInForceCanBecomeTheLastingOne) {
    set(priority(5), kHour);
    EXPECT_TRUE(set(priority(5)));
    EXPECT_TRUE(row().temporary.empty());
    pass(kHour);
    EXPECT_EQ(row().settings.priority, 5);
}

TEST_F(TemporaryTest, ASecondOneKeepsWhatLastsAndHasItsOwnTime) {
    set(priority(5), kHour);
    EXPECT_TRUE(set(priority(9), 2 * kHour));
    ASSERT_EQ(row().temporary.size(), 1U);
    EXPECT_EQ(row().temporary[0].lasting, priority(1));
    pass(kHour);
    EXPECT_EQ(row().settings.priority, 9);
    pass(kHour);
    EXPECT_EQ(row().settings.priority, 1);
}

TEST_F(TemporaryTest, IsThereAfterALoadAndEndsThere) {
    set(priority(5), kHour);
    snapshot_.jobs[0].row = changes_.jobs.at(0);
    const std::string before = scheduler_->durable_digest();
    scheduler_ = std::make_unique<Scheduler>(snapshot_, now_, 7);
    EXPECT_EQ(scheduler_->durable_digest(), before);
    pass(kHour);
    EXPECT_EQ(row().settings.priority, 1);
}

TEST_F(TemporaryTest, GoingOnAfterTooManyFailuresIsForGood) {
    SettingsChange strict;
    strict.max_failures = MaxFailures{1, 0, 0};
    set(strict, kHour);
    snapshot_.jobs[0].row = changes_.jobs.at(0);
    snapshot_.jobs[0].row.state = JobState::kPaused;
    snapshot_.jobs[0].row.state_reason = "too_many_failures";
    JobCheckpoint& seen = snapshot_.jobs[0].checkpoint;
    seen.remaining.subtract(model::Run{0, 2});
    seen.failed.add(model::Run{0, 2});
    seen.counters.failed = 2;
    scheduler_ = std::make_unique<Scheduler>(snapshot_, now_, 7);
    EXPECT_TRUE(apply(ResumeJob{kJob, "ann"}));
    EXPECT_EQ(to_text(row().settings.max_failures), "none");
    pass(kHour);
    EXPECT_EQ(to_text(row().settings.max_failures), "none");
}

// A thousand partitions of a second each on four slots take four minutes; with one slot for the
// first two minutes, some two minutes longer, not sixteen.
TEST_F(TemporaryTest, AForecastKnowsThatItEnds) {
    RegisterExecutor join;
    join.request.executor = "x1";
    join.request.session = SessionId(1);
    join.request.slots = 4;
    apply(join);
    const auto minutes = [this] {
        const Forecast seen = forecast(*scheduler_, {}, now_, 3);
        return std::chrono::duration_cast<std::chrono::minutes>(*seen.jobs.at(kJob).p50 - now_)
            .count();
    };
    const int64_t free = minutes();
    SettingsChange narrow;
    narrow.max_concurrency = 1;
    set(narrow, Millis(120'000));
    const int64_t held = minutes();
    EXPECT_GT(held, free);
    EXPECT_LT(held, free + 4);
}

}  // namespace
}  // namespace servo::core

#include "core/forecast.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "core/scheduler_test_support.h"

namespace servo::core {
namespace {

constexpr Millis kMinute{60'000};
constexpr Millis kHour{3'600'000};

// A thousand partitions of the asset are recorded to have taken so long.
void record(World& w, int64_t asset, Micros each) {
    DurationRow durations;
    durations.asset = AssetId(asset);
    durations.revision = 1;
    durations.stats.add(each, 1'000);
    w.snapshot_.durations.push_back(durations);
}

// From `later` on until the job ends in half of the runs; very many when it does not by itself.
double minutes_left(const World& w, int64_t job, Millis later = Millis(0)) {
    const Instant now = w.now_ + later;
    const Forecast f = forecast(*w.scheduler_, {}, now, 3);
    const Instant end = f.jobs.at(JobId(job)).p50.value_or(kNever);
    return std::chrono::duration<double, std::ratio<60>>(end - now).count();
}

TEST(Forecast, MatchesArithmeticForOneJob) {
    World w;
    w.asset("orders");
    record(w, 1, Micros(1'000'000));
    w.start();
    w.executor(1, 10);
    const Forecast f = forecast(*w.scheduler_, {w.row(10, 10'000)}, w.now_, 3);
    const JobForecast& job = f.jobs.at(JobId(10));
    ASSERT_TRUE(job.p50 && job.p90);
    const double seconds = static_cast<double>((*job.p50 - w.now_).count()) / 1'000;
    EXPECT_NEAR(seconds, 1'000, 250);
    EXPECT_GE(*job.p90, *job.p50);
    EXPECT_FALSE(w.scheduler_->job(JobId(10), w.now_)) << "the source must not change";
}

// A large job makes the forecast's ranges large; a small one beside it must not end on one slot.
TEST(Forecast, GivesASmallJobBesideALargeOneAllSlots) {
    World w;
    w.asset("orders");
    w.asset("refunds");
    record(w, 1, Micros(1'000'000));
    record(w, 2, Micros(1'000'000));
    w.start();
    w.executor(1, 10);
    JobRow small = w.row(11, 10, 2);
    small.settings.priority = 10;
    const Forecast f = forecast(*w.scheduler_, {w.row(10, 1'000'000), small}, w.now_, 3);
    const JobForecast& job = f.jobs.at(JobId(11));
    ASSERT_TRUE(job.p90);
    EXPECT_LT(*job.p90 - w.now_, Millis(3'000));
}

TEST(Forecast, SaysNothingWithoutHistory) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 10);
    const Forecast f = forecast(*w.scheduler_, {w.row(10, 100)}, w.now_, 3);
    EXPECT_EQ(f.jobs.at(JobId(10)).samples, 0U);
    EXPECT_FALSE(f.jobs.at(JobId(10)).p50);
}

TEST(Forecast, TellsDrainedExecutorsFromNone) {
    World w;
    w.asset("orders");
    w.start();
    EXPECT_FALSE(forecast(*w.scheduler_, {}, w.now_, 3).drained);
    w.executor(1, 10);
    EXPECT_EQ(forecast(*w.scheduler_, {}, w.now_, 3).slots, 10);
    ASSERT_TRUE(w.apply(DrainExecutor{"x1", true, "ann"}).has_value());
    const Forecast f = forecast(*w.scheduler_, {}, w.now_, 3);
    EXPECT_TRUE(f.drained);
    EXPECT_EQ(f.slots, 0);
}

TEST(Forecast, CountsFromWhatRunsOnlyWhatIsLeft) {
    World w;
    w.asset("orders");
    record(w, 1, 6 * kHour);
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 2));
    w.ask(1, 1);
    EXPECT_NEAR(minutes_left(w, 10), 720, 60);
    EXPECT_NEAR(minutes_left(w, 10, 3 * kHour), 540, 60);
    EXPECT_NEAR(minutes_left(w, 10, 20 * kHour), 360, 40) << "overdue: it ends at any moment";
}

TEST(Forecast, ABatchRunsAllOfItsPartitionsAtOnce) {
    World w;
    w.asset("orders").run.kind = RunnerKind::kBatch;
    record(w, 1, kMinute);
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 100));
    ASSERT_EQ(w.ask(1, 1).grants[0].size(), 100U);
    EXPECT_NEAR(minutes_left(w, 10, 80 * kMinute), 20, 15);
}

// With nothing else running, or with one partition that runs for hours: the rest starts in time.
TEST(Forecast, StartsWhatIsSetOrHeldForATimeWhenThatIsOver) {
    const Instant now = World().now_;
    const Instant until = now + 10 * kMinute;
    SetTenant tenant;
    tenant.tenant = "acme";
    tenant.max_concurrency = 1;
    tenant.until = until;
    SetAsset asset;
    asset.tenant = "acme";
    asset.asset = "orders";
    asset.concurrency = 1;
    asset.until = until;
    SetPool narrow;
    narrow.pool = "warehouse";
    narrow.concurrency = 1;
    narrow.until = until;
    SetPool closed = narrow;
    closed.concurrency = 0;
    HoldPool hold;
    hold.pool = "warehouse";
    hold.until = until;
    SetJob job;
    job.job = JobId(10);
    job.change.max_concurrency = 1;
    job.until = until;
    const PauseJob pause{JobId(10), PauseMode::kDrain, "", until, "ann"};
    const SetPoolSteps window{PoolId(1), {{now, 1}, {until, -1}}};
    for (const Command& command :
         std::vector<Command>{tenant, asset, narrow, closed, hold, job, pause, window}) {
        World w;
        w.asset("orders").pools["warehouse"] = 1;
        w.pool("warehouse", 100);
        record(w, 1, 6 * kHour);
        w.start();
        w.executor(1, 8);
        w.create(w.row(10, 8));
        ASSERT_TRUE(w.apply(command).has_value()) << command.index();
        EXPECT_NEAR(minutes_left(w, 10), 370, 40) << command.index();
    }
}

// The more work there is the rarer are a run's ticks: none of them may be late for a release.
TEST(Forecast, EndsAPauseInTimeBesideALargeJob) {
    World w;
    w.asset("orders");
    w.asset("refunds");
    record(w, 1, kMinute);
    record(w, 2, kMinute);
    w.start();
    w.executor(1, 8);
    JobRow large = w.row(10, 100'000);
    large.settings.max_concurrency = 4;
    w.create(large);
    w.create(w.row(11, 4, 2));
    w.create(w.row(12, 1, 2, 100));
    const Instant until = w.now_ + 10 * kMinute;
    ASSERT_TRUE(w.apply(PauseJob{JobId(11), PauseMode::kDrain, "", until, "ann"}).has_value());
    EXPECT_NEAR(minutes_left(w, 11), 11, 1);
}

TEST(Forecast, StartsARetryWhenItIsDueWhateverRuns) {
    World w;
    w.asset("orders");
    record(w, 1, 6 * kHour);
    w.start();
    w.executor(1, 2);
    w.create(w.row(10, 2));
    w.ask(1, 2);
    w.fail_one(1, w.held_[1][0], FailureClass::kError);
    EXPECT_NEAR(minutes_left(w, 10), 360, 40);
}

TEST(Forecast, AdmitsWhatTheSchedulerWouldAlsoBeforeItsOwnTime) {
    World w;
    w.asset("orders");
    w.start();
    w.pass(Millis(5'000));
    w.create(w.row(10, 5));
    const Instant earlier = w.now_ - Millis(5'000);
    EXPECT_TRUE(admit(*w.scheduler_, {w.row(11, 5, 1, 5)}, earlier));
    EXPECT_EQ(admit(*w.scheduler_, {w.row(11, 5)}, earlier).error().reason, "overlap");
    EXPECT_FALSE(w.scheduler_->job(JobId(11), w.now_));
}

TEST(Forecast, ProbesAnOpenBreakerWhileOtherWorkRuns) {
    World w;
    w.asset("orders");
    w.asset("refunds").pools["warehouse"] = 1;
    w.pool("warehouse", 100);
    w.snapshot_.pools.back().breaker = BreakerState::kOpen;
    record(w, 1, 6 * kHour);
    record(w, 2, kMinute);
    w.start();
    w.executor(1, 8);
    w.create(w.row(10, 1));
    w.ask(1, 1);
    w.create(w.row(11, 8, 2));
    EXPECT_NEAR(minutes_left(w, 11), 4, 2);  // half a minute, then 1, 1, 2 and 4 at once
}

TEST(Forecast, GivesWhatAnotherJobsEndReleasesToAllSlots) {
    World w;
    w.asset("orders");
    record(w, 1, kMinute);
    w.start();
    for (int64_t session = 1; session <= 10; ++session) {
        w.executor(session, 8);
    }
    w.create(w.row(10, 1));
    w.ask(1, 1);
    JobRow waits = w.row(11, 800);
    waits.overlap = OverlapPolicy::kWait;
    ASSERT_TRUE(w.create(waits).has_value());
    EXPECT_NEAR(minutes_left(w, 11), 11, 2);
}

// The slot that became free cannot take what the pool has room for now.
TEST(Forecast, GivesAPoolsRoomToAnyExecutorThatServesTheJob) {
    World w;
    w.asset("orders").pools["warehouse"] = 1;
    AssetSpec& european = w.asset("refunds");
    european.pools["warehouse"] = 1;
    european.labels["zone"] = "eu";
    w.pool("warehouse", 1);
    record(w, 1, 10 * kMinute);
    record(w, 2, 10 * kMinute);
    w.start();
    w.executor(1, 1);
    RegisterRequest request;
    request.executor = "x2";
    request.session = SessionId(2);
    request.labels = {{"zone", "eu"}, {"rack", "7"}};
    ASSERT_TRUE(w.apply(RegisterExecutor{request}).has_value());
    w.create(w.row(10, 1));
    w.ask(1, 1);
    w.create(w.row(11, 1, 2));
    EXPECT_NEAR(minutes_left(w, 11), 20, 3);
}

}  // namespace
}  // namespace servo::core

#include "core/scheduler.h"

#include <gtest/gtest.h>

#include <memory>

#include "core/pace.h"
#include "core/scheduler_test_support.h"

namespace servo::core {
namespace {

TEST(Scheduler, RunsAJobToItsEnd) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 4);
    ASSERT_TRUE(w.create(w.row(10, 1'000)).has_value());
    w.drain(1, 4, Micros(10'000));
    EXPECT_TRUE(w.scheduler_->open_jobs().empty());
    ASSERT_EQ(w.changes_.jobs.size(), 0U);
}

TEST(Scheduler, CreatingAJobWritesAHandfulOfRows) {
    World w;
    w.asset("orders");
    w.start();
    ASSERT_TRUE(w.create(w.row(10, 10'000'000)).has_value());
    EXPECT_EQ(w.changes_.jobs.size(), 1U);
    EXPECT_EQ(w.changes_.checkpoints.size(), 1U);
    EXPECT_EQ(w.changes_.events.size(), 1U);
}

TEST(Scheduler, TheLastPartitionEndsTheJobInTheSameBatch) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 1));
    w.ask(1, 1);
    w.finish(1, w.held_[1][0], 0, Micros(5), 0);
    ASSERT_EQ(w.changes_.jobs.size(), 1U);
    EXPECT_EQ(w.changes_.jobs[0].state, JobState::kCompleted);
    EXPECT_EQ(w.changes_.done.size(), 1U);
    EXPECT_EQ(w.changes_.materialised.size(), 1U);
    EXPECT_EQ(w.changes_.ended_grants.size(), 1U);
}

TEST(Scheduler, WithoutAnyExecutorWorkIsEligibleAndItsSlotsAreMissing) {
    World w;
    w.asset("orders").labels["zone"] = "eu";
    w.asset("events");
    w.start();
    w.executor(1, 4);
    w.executor(2, 2);
    w.create(w.row(10, 5));
    w.create(w.row(11, 5, 2));
    const auto eligible = [&](size_t job) {
        return w.scheduler_->meters(JobId{}, 10, w.now_)[job].eligible;
    };
    EXPECT_EQ(eligible(0), 0u);  // nobody has its label
    EXPECT_EQ(eligible(1), 5u);
    EXPECT_EQ(slots_missing(*w.scheduler_), 0);
    w.pass(Millis(11'000));  // both are silent beyond their time to live
    EXPECT_EQ(slots_missing(*w.scheduler_), 6);
    EXPECT_EQ(eligible(1), 5u);
    w.executor(3, 5);  // another one makes up for them
    EXPECT_EQ(slots_missing(*w.scheduler_), 1);
}

TEST(Scheduler, AnOpenBreakerProbesOnlyWhileABackfillUsesIt) {
    World w;
    w.pool("db", 1);
    w.asset("orders").pools["db"] = 1;
    w.snapshot_.pools.back().breaker = BreakerState::kOpen;
    w.start();
    const auto pool = [&] { return w.scheduler_->pools(w.now_).at(0); };
    EXPECT_FALSE(pool().wanted);
    EXPECT_FALSE(pool().next_probe_at);
    w.create(w.row(10, 5));
    EXPECT_TRUE(pool().wanted);
    EXPECT_TRUE(pool().next_probe_at);
    w.apply(CancelJob{JobId(10), false, "", "ann"});
    EXPECT_FALSE(pool().wanted);
}

TEST(Scheduler, ExecutorsThatDrainedOrAreDrainedAfterwardsAreNotMissing) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 4, "one");
    w.executor(2, 2, "two");
    ASSERT_TRUE(w.apply(DrainExecutor{"one", true, "ann"}).has_value());
    w.pass(Millis(11'000));
    EXPECT_EQ(slots_missing(*w.scheduler_), 2);
    ASSERT_TRUE(w.apply(DrainExecutor{"two", true, "ann"}).has_value());
    EXPECT_EQ(slots_missing(*w.scheduler_), 0);
}

// The same value for good after one for a time is a change, or it would end all the same.
TEST(Scheduler, AnOverrideForATimeMayBeMadeLasting) {
    World w;
    w.asset("orders");
    w.pool("warehouse", 9);
    w.start();
    const Instant soon = w.now_ + Millis(60'000);
    const auto changed = [&](const Command& command) {
        return std::get<Done>(*w.apply(command)).changed;
    };
    SetPool pool;
    pool.pool = "warehouse";
    pool.concurrency = 2;
    SetTenant tenant;
    tenant.tenant = "acme";
    tenant.weight = 7;
    SetAsset asset;
    asset.tenant = "acme";
    asset.asset = "orders";
    asset.concurrency = 3;
    pool.until = tenant.until = asset.until = soon;
    EXPECT_TRUE(changed(pool) && changed(tenant) && changed(asset));
    EXPECT_FALSE(changed(pool) || changed(tenant) || changed(asset));
    pool.until = tenant.until = asset.until = kNever;
    EXPECT_TRUE(changed(pool) && changed(tenant) && changed(asset));
    EXPECT_FALSE(changed(pool) || changed(tenant) || changed(asset));
    w.pass(Millis(120'000));
    EXPECT_EQ(w.scheduler_->pools(w.now_).at(0).row.concurrency_override, 2);
    EXPECT_TRUE(w.scheduler_->tenants(w.now_).at(0).row.override_limits.has_value());
    pool.unset = true;
    EXPECT_TRUE(changed(pool));
    EXPECT_FALSE(changed(pool));
}

TEST(Scheduler, NoLeverSetsMoreThanTheAssetFileMay) {
    World w;
    w.asset("orders");
    w.pool("warehouse", 8);
    w.start();
    SetPool pool;
    pool.pool = "warehouse";
    SetAsset asset;
    asset.tenant = "acme";
    asset.asset = "orders";
    SetTenant tenant;
    tenant.tenant = "acme";
    for (const auto& [concurrency, reason] : std::map<int64_t, std::string>{
             {-1, "bad_limit"}, {0, ""}, {1'000'000, ""}, {1'000'001, "bad_limit"}}) {
        pool.concurrency = asset.concurrency = tenant.max_concurrency = concurrency;
        for (const Command& command : {Command(pool), Command(asset), Command(tenant)}) {
            const auto reply = w.apply(command);
            EXPECT_EQ(reply ? "" : reply.error().reason, reason) << concurrency;
        }
    }
}

// What is shown of an executor that is taken back does not wait for its next call.
TEST(Scheduler, AnExecutorThatIsTakenBackIsNotDrainingAnyMore) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 4, "one");
    const auto draining = [&] { return w.scheduler_->executors(w.now_).at(0).draining; };
    const auto say = [&](bool ends) {
        CallRequest call = w.request(1, 0);
        call.draining = ends;
        w.call(call);
    };
    say(false);
    ASSERT_TRUE(w.apply(DrainExecutor{"one", true, "ann"}).has_value());
    EXPECT_TRUE(draining());
    say(false);  // hears of it
    say(true);
    ASSERT_TRUE(w.apply(DrainExecutor{"one", false, "ann"}).has_value());
    EXPECT_FALSE(draining());
    say(true);  // was under way, and hears of it
    EXPECT_FALSE(draining());
    say(false);
    EXPECT_FALSE(draining());
    say(true);  // by itself
    EXPECT_TRUE(draining());
}

TEST(Scheduler, AJobIsStalledWhenNothingOfItEndsForLongerThanIsPlausible) {
    World w;
    w.asset("orders").timeout = Millis(60'000);
    w.start();
    w.executor(1, 2);
    w.create(w.row(10, 1'000));
    const auto pace = [&] { return paces(*w.scheduler_, JobId{}, 10, w.now_).at(0); };
    const auto pass_alive = [&](int seconds) {
        for (int i = 0; i < seconds; ++i) {
            w.now_ += Millis(1'000);
            w.ask(1, 0);
        }
    };
    EXPECT_EQ(pace().expected, Millis(60'000));  // no history: its time limit
    w.ask(1, 2);
    ASSERT_EQ(w.held_[1].size(), 2U);
    pass_alive(60);
    EXPECT_EQ(pace().stalled, Millis(0));
    pass_alive(30);
    EXPECT_EQ(pace().stalled, Millis(30'000));
    w.finish(1, w.held_[1][0], 0, Micros(1'000'000), 1);  // and begins the next
    EXPECT_EQ(pace().stalled, Millis(0));
    EXPECT_EQ(pace().expected, Micros(1'000'000));
    pass_alive(30);
    // Of what takes a second, more than a few are not plausible.
    EXPECT_GT(pace().stalled, Millis(20'000));
    EXPECT_LE(pace().stalled, Millis(27'000));
}

TEST(Scheduler, ASlotSaysSinceWhenItsPartitionRunsAndNotSinceWhenItsLeaseDoes) {
    World w;
    w.asset("orders");
    DurationRow durations;
    durations.asset = AssetId(1);
    durations.revision = 1;
    durations.stats.add(Micros(100'000), 100);
    w.snapshot_.durations.push_back(durations);
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 100));
    w.ask(1, 1);
    ASSERT_GT(w.held_[1].at(0).size, 1U);
    const auto holder = [&] { return w.scheduler_->job(JobId(10), w.now_)->holders.at(0); };
    EXPECT_EQ(holder().since, w.now_);
    w.pass(Millis(300));
    CallRequest call = w.request(1, 0);
    LeaseResults results;
    results.lease = w.held_[1][0].lease;
    results.done.push_back({0, w.now_, Micros(100'000), -1, -1, -1, -1});
    call.results.push_back(results);
    w.call(call);
    const Instant reported = w.now_;
    w.pass(Millis(200));
    EXPECT_EQ(holder().next, 1U);
    EXPECT_EQ(holder().since, reported);
}

TEST(Scheduler, FailedPartitionsMakeTheJobFailedAndRetryRunsJustThose) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 2));
    w.ask(1, 1);
    ASSERT_EQ(w.held_[1][0].size, 1U);  // unknown duration: starts with one
    w.fail_one(1, w.held_[1][0], FailureClass::kData, 1);
    w.finish(1, w.held_[1][0], 0, Micros(5), 0);
    ASSERT_EQ(w.changes_.jobs.size(), 1U);
    EXPECT_EQ(w.changes_.jobs[0].state, JobState::kFailed);
    Snapshot::OpenJob again;
    again.row = w.changes_.jobs[0];
    again.checkpoint = w.changes_.checkpoints[0];
    again.revision = w.snapshot_.revisions[0];
    w.apply(AdoptJob{again});
    w.apply(AdoptJob{again});
    RetryJob retry;
    retry.job = JobId(10);
    // Adopted and not retried in the same batch: it left memory again.
    EXPECT_FALSE(w.apply(retry).has_value());
    w.changes_ = ChangeSet();
    ASSERT_TRUE(w.scheduler_->apply(AdoptJob{again}, w.now_, ++w.seq_, w.changes_).has_value());
    const auto reply = w.scheduler_->apply(retry, w.now_, w.seq_, w.changes_);
    w.scheduler_->seal(w.now_, w.seq_, w.changes_);
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(std::get<JobReply>(*reply).partitions, 1U);
    EXPECT_EQ(w.state(10), JobState::kRunning);
    w.drain(1, 1, Micros(5));
    EXPECT_TRUE(w.scheduler_->open_jobs().empty());
}

TEST(Scheduler, AnUnackedGrantIsSentAgainAndARepeatedCallGetsTheSameReply) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 5));
    CallRequest call = w.request(1, 1);
    const CallReply first = std::get<CallReply>(*w.apply(ExecutorCall{call}));
    const CallReply again = std::get<CallReply>(*w.apply(ExecutorCall{call}));
    ASSERT_EQ(first.grants.size(), 1U);
    EXPECT_EQ(first.grants, again.grants);
    const CallReply later = std::get<CallReply>(*w.apply(ExecutorCall{w.request(1, 1)}));
    EXPECT_EQ(later.grants, first.grants);
    EXPECT_EQ(later.definitions.size(), 1U);
    call.call = 1;
    EXPECT_EQ(w.apply(ExecutorCall{call}).error().reason, "stale_call");
}

TEST(Scheduler, AnAckedGrantThatIsNotHeldIsTakenBackWithoutSpendingAnAttempt) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 5));
    w.ask(1, 1);
    w.held_[1].clear();
    w.ask(1, 0);
    EXPECT_EQ(w.scheduler_->job(JobId(10), w.now_)->slots, 0);
    EXPECT_TRUE(w.changes_.failures.empty());
}

TEST(Scheduler, ResultsAreRefusedWhenTheyLeaveAGapAndChangeNothing) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 5));
    w.ask(1, 1);
    CallRequest call = w.request(1, 0);
    LeaseResults results;
    results.lease = w.held_[1][0].lease;
    results.done.push_back({3, w.now_, Micros(1), -1, -1, -1, -1});
    call.results.push_back(results);
    EXPECT_EQ(w.apply(ExecutorCall{call}).error().reason, "bad_report");
    EXPECT_TRUE(w.changes_.empty());
}

TEST(Scheduler, ADeadExecutorsWorkRunsAgainAndThePoisonPillIsQuarantined) {
    World w;
    w.asset("orders");
    w.start();
    w.create(w.row(10, 1));
    for (int death = 1; death <= 3; ++death) {
        w.executor(death, 1, "same");
        w.ask(death, 1);
        ASSERT_EQ(w.held_[death].size(), 1U);
        w.pass(Millis(11'000));  // silent beyond its time to live
        ASSERT_FALSE(w.changes_.failures.empty());
        const FailureRow& row = w.changes_.failures.back();
        EXPECT_EQ(row.deaths, death);
        EXPECT_EQ(row.attempt, 1);
        EXPECT_EQ(row.final, death == 3);
        EXPECT_EQ(row.klass, death == 3 ? FailureClass::kQuarantined : FailureClass::kLost);
    }
    EXPECT_TRUE(w.scheduler_->open_jobs().empty());
}

TEST(Scheduler, ATenantsLimitCountsWhatIsUnfinishedOfItsOpenJobs) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 1);
    SetTenant limit{"acme", std::nullopt, std::nullopt, 12, false, kNever, "", "ann"};
    ASSERT_TRUE(w.apply(limit).has_value());
    ASSERT_TRUE(w.create(w.row(10, 8)).has_value());
    const auto refused = w.create(w.row(11, 5, 1, 100));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().reason, "max_pending");
    EXPECT_NE(
        refused.error().message.find("12 unfinished partitions and would have 13"),
        std::string::npos
    );
    EXPECT_TRUE(w.create(w.row(11, 4, 1, 100)).has_value());
    w.ask(1, 1);
    const HeldLease first = w.held_[1].front();
    w.finish(1, first, 0, Micros(1'000), 0);
    const uint64_t done = first.size;
    ASSERT_GT(done, 0U);
    EXPECT_FALSE(w.create(w.row(12, done + 1, 1, 200)).has_value());
    EXPECT_TRUE(w.create(w.row(12, done, 1, 200)).has_value()) << "what is done does not count";
    w.apply(CancelJob{JobId(11), false, "", "ann"});
    EXPECT_TRUE(w.create(w.row(13, 4, 1, 300)).has_value()) << "nor does what was cancelled";
}

// What was not taken back is one piece of work with its attempts of before.
TEST(Scheduler, ARetryRaisesTheGenerationOfWhatItTakesBackAndOfNothingElse) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 2));
    w.ask(1, 1);
    w.fail_one(1, w.held_[1][0], FailureClass::kData);  // for good
    w.ask(1, 1);
    w.fail_one(1, w.held_[1][0], FailureClass::kError);  // waits for its second attempt
    RetryJob retry;
    retry.job = JobId(10);
    ASSERT_TRUE(w.apply(retry).has_value());
    std::map<Ordinal, std::pair<int, int>> tried;  // attempt and generation
    for (const int64_t session : {2, 3}) {
        w.pass(Millis(3'600'000));
        w.executor(session, 1);
        const CallReply reply = w.ask(session, 1);
        ASSERT_EQ(reply.grants.size(), 1U);
        const Grant& grant = reply.grants[0];
        tried[grant.ordinals.at(0).first] = {grant.attempt, grant.generation};
        w.finish(session, w.held_[session][0], 0, Micros(1'000), 0);
    }
    EXPECT_EQ(tried, (std::map<Ordinal, std::pair<int, int>>{{0, {1, 2}}, {1, {2, 1}}}));
}

// What comes back counts like what is new.
TEST(Scheduler, ARetryOfAFailedJobNeedsRoomForItsPartitions) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 1);
    SetTenant limit{"acme", std::nullopt, std::nullopt, 3, false, kNever, "", "ann"};
    ASSERT_TRUE(w.apply(limit).has_value());
    w.create(w.row(10, 1));
    w.ask(1, 1);
    w.fail_one(1, w.held_[1][0], FailureClass::kData);
    ASSERT_EQ(w.changes_.jobs.at(0).state, JobState::kFailed);
    Snapshot::OpenJob failed;
    failed.row = w.changes_.jobs[0];
    failed.checkpoint = w.changes_.checkpoints.at(0);
    failed.revision = w.snapshot_.revisions[0];
    const auto retry = [&] {  // in one batch
        w.changes_ = ChangeSet();
        RetryJob again;
        again.job = JobId(10);
        (void)w.scheduler_->apply(AdoptJob{failed}, w.now_, ++w.seq_, w.changes_);
        const Result<Reply> reply = w.scheduler_->apply(again, w.now_, w.seq_, w.changes_);
        w.scheduler_->seal(w.now_, w.seq_, w.changes_);
        EXPECT_EQ(w.scheduler_->check_invariants(), "");
        return reply.has_value() ? "" : reply.error().reason;
    };
    ASSERT_TRUE(w.create(w.row(11, 3, 1, 100)).has_value());
    EXPECT_EQ(retry(), "max_pending");
    EXPECT_TRUE(w.changes_.jobs.empty() && w.changes_.events.empty());
    EXPECT_EQ(w.scheduler_->open_jobs(), std::vector<JobId>{JobId(11)});
    w.apply(CancelJob{JobId(11), false, "", "ann"});
    EXPECT_EQ(retry(), "");
    EXPECT_EQ(w.state(10), JobState::kRunning);
}

TEST(Scheduler, ALostAttemptEndsNoStreakOfExternalFailures) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 1));
    const Instant since = w.now_;
    for (const FailureClass klass :
         {FailureClass::kExternal, FailureClass::kLost, FailureClass::kExternal}) {
        w.ask(1, 1);
        ASSERT_EQ(w.held_[1].size(), 1U);
        if (klass == FailureClass::kLost) {
            w.lose_slot(1, HeldLease(w.held_[1][0]));
        } else {
            w.fail_one(1, HeldLease(w.held_[1][0]), klass);
        }
        ASSERT_EQ(w.changes_.failures.size(), 1U);
        const FailureRow& row = w.changes_.failures[0];
        EXPECT_EQ(row.klass, klass);
        EXPECT_EQ(row.first_failed_at, since);
        w.now_ = row.retry_at;
    }
    w.ask(1, 1);
    w.fail_one(1, HeldLease(w.held_[1].at(0)), FailureClass::kTransient);
    EXPECT_EQ(w.changes_.failures.at(0).first_failed_at, w.now_) << "another class does";
}

TEST(Scheduler, PauseStopsGrantsAtOnceAndResumeGoesOn) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 2);
    w.create(w.row(10, 100));
    w.ask(1, 1);
    w.apply(PauseJob{JobId(10), PauseMode::kDrain, "look", kNever, "ann"});
    EXPECT_TRUE(w.ask(1, 1).grants.empty());
    EXPECT_EQ(w.scheduler_->job(JobId(10), w.now_)->waiting[0].gate, Gate::kPaused);
    w.apply(ResumeJob{JobId(10), "ann"});
    EXPECT_EQ(w.state(10), JobState::kResuming);
    EXPECT_FALSE(w.ask(1, 1).grants.empty());
    EXPECT_EQ(w.state(10), JobState::kRunning);
}

TEST(Scheduler, PauseForATimeResumesItself) {
    World w;
    w.asset("orders");
    w.start();
    w.create(w.row(10, 100));
    w.apply(PauseJob{JobId(10), PauseMode::kDrain, "", w.now_ + Millis(5'000), "ann"});
    w.pass(Millis(4'000));
    EXPECT_EQ(w.state(10), JobState::kPaused);
    w.pass(Millis(1'000));
    EXPECT_EQ(w.state(10), JobState::kResuming);
}

TEST(Scheduler, CancelEndsWhatIsIdleAtOnceAndTheRestWhenItIsBack) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 100));
    w.ask(1, 1);
    w.apply(CancelJob{JobId(10), false, "", "ann"});
    EXPECT_EQ(w.state(10), JobState::kCancelling);
    w.finish(1, w.held_[1][0], 0, Micros(5), 1);
    ASSERT_EQ(w.changes_.jobs.size(), 1U);
    EXPECT_EQ(w.changes_.jobs[0].state, JobState::kCancelled);
    EXPECT_EQ(w.changes_.checkpoints[0].counters.cancelled, 99U);
    EXPECT_EQ(w.changes_.checkpoints[0].counters.completed, 1U);
}

TEST(Scheduler, TwoJobsNeverOwnTheSamePartition) {
    World w;
    w.asset("orders");
    w.start();
    w.create(w.row(10, 10));
    EXPECT_EQ(w.create(w.row(11, 10, 1, 5)).error().reason, "overlap");
    JobRow skip = w.row(12, 10, 1, 5);
    skip.overlap = OverlapPolicy::kSkip;
    ASSERT_TRUE(w.create(skip).has_value());
    EXPECT_EQ(w.scheduler_->job(JobId(12), w.now_)->counters.skipped, 5U);
    JobRow wait = w.row(13, 10, 1, 5);
    wait.overlap = OverlapPolicy::kWait;
    ASSERT_TRUE(w.create(wait).has_value());
    w.executor(1, 4);
    w.drain(1, 4, Micros(5));
    EXPECT_TRUE(w.scheduler_->open_jobs().empty());
}

TEST(Scheduler, APoolLimitHoldsAndExplains) {
    World w;
    AssetSpec& spec = w.asset("orders");
    spec.pools["warehouse"] = 2;
    w.pool("warehouse", 4);
    w.start();
    w.executor(1, 8);
    w.create(w.row(10, 100));
    EXPECT_EQ(w.ask(1, 8).grants.size(), 2U);
    EXPECT_EQ(w.scheduler_->job(JobId(10), w.now_)->waiting[0].gate, Gate::kPoolLimit);
}

// One of them may close it. A definition that changes nothing of them leaves them in force.
TEST(Scheduler, APoolWithWindowsIsClosedUntilTheyAreKnown) {
    World w;
    w.asset("orders").pools["warehouse"] = 1;
    w.pool("warehouse", 8);
    PoolSpec spec = w.snapshot_.pools[0].spec;
    spec.windows = {{"0 1 * * *", Millis(3'600'000), "UTC", 0}};
    w.snapshot_.pools[0].spec = spec;
    w.start();
    w.executor(1, 8);
    w.create(w.row(10, 100));
    const auto slots = [&w] {
        w.ask(1, 8);
        return w.scheduler_->job(JobId(10), w.now_)->slots;
    };
    const auto tell = [&w](int64_t limit) { w.apply(SetPoolSteps{PoolId(1), {{w.now_, limit}}}); };
    const auto define = [&w](const PoolSpec& pool) {
        ApplyDefinitions apply;
        apply.tenants = {{"acme", {}, {pool}}};
        ASSERT_TRUE(w.apply(apply).has_value());
    };
    EXPECT_EQ(slots(), 0);
    EXPECT_EQ(w.scheduler_->job(JobId(10), w.now_)->waiting.at(0).gate, Gate::kPoolLimit);
    tell(2);
    EXPECT_EQ(slots(), 2);
    tell(3);
    spec.contact = "#warehouse";
    define(spec);
    EXPECT_EQ(slots(), 3);
    spec.concurrency = 9;
    define(spec);
    EXPECT_EQ(slots(), 3);
    w.pass(Millis(1'000));
    EXPECT_TRUE(w.ask(1, 0).controls.empty()) << "what runs goes on";
    SetPool set;
    set.pool = "warehouse";
    set.concurrency = 4;
    w.apply(set);
    EXPECT_EQ(slots(), 4) << "what a person says counts at once";
    set.unset = true;
    w.apply(set);
    EXPECT_EQ(slots(), 4);
    tell(6);
    EXPECT_EQ(slots(), 6);
}

TEST(Scheduler, SequentialAssetsRunOneByOneInOrderAndStopAtAFailure) {
    World w;
    w.asset("ledger").sequential = true;
    w.start();
    w.executor(1, 4);
    w.create(w.row(10, 5));
    CallReply reply = w.ask(1, 4);
    ASSERT_EQ(reply.grants.size(), 1U);
    EXPECT_EQ(reply.grants[0].size(), 1U);
    w.finish(1, w.held_[1][0], 0, Micros(5), 1);
    EXPECT_EQ(w.held_[1].size(), 1U);
    w.fail_one(1, w.held_[1][0], FailureClass::kData);
    EXPECT_EQ(w.state(10), JobState::kPaused);
}

TEST(Scheduler, ASequentialJobRetriesByItselfAndNothingRunsBeyond) {
    World w;
    w.asset("ledger").sequential = true;
    w.start();
    w.executor(1, 4);
    w.create(w.row(10, 5));
    w.ask(1, 4);
    w.fail_one(1, w.held_[1][0], FailureClass::kTransient, 4);
    EXPECT_EQ(w.state(10), JobState::kRunning);
    EXPECT_TRUE(w.held_[1].empty());
    EXPECT_EQ(w.scheduler_->job(JobId(10), w.now_)->waiting[0].gate, Gate::kSequential);
    EXPECT_EQ(w.scheduler_->job(JobId(10), w.now_)->waiting[1].gate, Gate::kNotBefore);
    CallReply again;
    for (int second = 0; second < 3'600 && again.grants.empty(); ++second) {
        w.pass(Millis(1'000));
        again = w.ask(1, 4);
    }
    ASSERT_EQ(again.grants.size(), 1U);
    EXPECT_EQ(again.grants[0].ordinals[0].first, 0);
}

TEST(Scheduler, APausedJobIsToldAnewOnlyWhatIsNew) {
    World w;
    w.asset("orders");
    w.start();
    w.create(w.row(10, 5));
    const auto pause = [&w](const char* note, Instant until) {
        return std::get<JobReply>(*w.apply(PauseJob{
                                      JobId(10), PauseMode::kDrain, note, until, "ann"}))
            .changed;
    };
    const auto row = [&w] { return w.scheduler_->job(JobId(10), w.now_)->row; };
    const Instant later = w.now_ + Millis(60'000);
    EXPECT_TRUE(pause("vacuum", kNever));
    EXPECT_FALSE(pause("vacuum", kNever));
    EXPECT_FALSE(pause("", kNever));
    EXPECT_TRUE(pause("", later));
    EXPECT_EQ(row().resume_at, later);
    EXPECT_EQ(row().state_note, "vacuum");
    EXPECT_FALSE(pause("", later));
    EXPECT_TRUE(pause("longer", kNever));
    EXPECT_EQ(row().resume_at, later);
    w.pass(Millis(61'000));
    EXPECT_NE(w.state(10), JobState::kPaused);
}

TEST(Scheduler, SomebodyElsesPauseIsMadeLongerAndNeverShorter) {
    World w;
    w.asset("orders");
    w.start();
    w.create(w.row(10, 5));
    const auto pause = [&w](const char* who, Instant until) {
        const PauseJob command{JobId(10), PauseMode::kDrain, who, until, who};
        return std::get<JobReply>(*w.apply(command)).changed;
    };
    const auto row = [&w] { return w.scheduler_->job(JobId(10), w.now_)->row; };
    const Instant soon = w.now_ + Millis(60'000);
    const Instant late = w.now_ + Millis(120'000);
    EXPECT_TRUE(pause("ann", soon));
    EXPECT_TRUE(pause("bob", late));
    EXPECT_EQ(row().resume_at, late);
    EXPECT_EQ(row().state_by, "bob");
    EXPECT_FALSE(pause("ann", soon));
    ASSERT_TRUE(w.apply(ResumeJob{JobId(10), "ann"}).has_value());
    EXPECT_TRUE(pause("ann", kNever));
    EXPECT_FALSE(pause("bob", late));
    EXPECT_EQ(row().resume_at, kNever);
    EXPECT_EQ(row().state_by, "ann");
}

// What paused itself is a person's to resume, whatever pause was there before or comes after.
TEST(Scheduler, AFailureDuringAPauseIsNotSteppedOver) {
    World w;
    w.asset("ledger").sequential = true;
    w.start();
    w.executor(1, 4);
    w.create(w.row(10, 5));
    w.ask(1, 4);
    const auto pause = [&w] {
        return w.apply(PauseJob{
            JobId(10), PauseMode::kDrain, "break", w.now_ + Millis(2'000), "ann"});
    };
    ASSERT_TRUE(pause().has_value());
    w.fail_one(1, w.held_[1][0], FailureClass::kData);
    const auto row = [&w] { return w.scheduler_->job(JobId(10), w.now_)->row; };
    EXPECT_EQ(row().state_reason, "sequential_failed");
    EXPECT_EQ(row().resume_at, kNever);
    ASSERT_TRUE(pause().has_value());
    EXPECT_EQ(row().resume_at, kNever);
    w.pass(Millis(3'000));
    EXPECT_EQ(w.state(10), JobState::kPaused);
    EXPECT_EQ(w.scheduler_->check_invariants(), "");
}

// The last of one lease is given back and the other one is all reported, in one call: then the job
// ends with the first, and the second is gone before its turn.
TEST(Scheduler, ACancellingJobThatEndsTakesAllItsLeasesAlong) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 2);
    w.create(w.row(10, 2));
    ASSERT_EQ(w.ask(1, 2).grants.size(), 2U);
    ASSERT_TRUE(w.apply(CancelJob{JobId(10), false, "", "ann"}).has_value());
    CallRequest call = w.request(1, 0);
    LeaseResults results;
    results.lease = call.held[1].lease;
    results.done.push_back({0, w.now_, Micros(5), -1, -1, -1, -1});
    call.results.push_back(results);
    call.held[0].size = 0;
    w.held_[1].clear();
    w.call(call);
    EXPECT_TRUE(w.scheduler_->open_jobs().empty());
    EXPECT_EQ(w.scheduler_->check_invariants(), "");
}

TEST(Scheduler, TenantsShareByWeight) {
    World w;
    w.asset("orders");
    TenantRow other;
    other.id = TenantId(2);
    other.name = "bigco";
    other.limits.weight = 300;
    w.snapshot_.tenants.push_back(other);
    w.snapshot_.max_tenant_id = 2;
    w.asset("theirs");
    w.snapshot_.assets[1].tenant = TenantId(2);
    w.start();
    w.executor(1, 1);
    w.create(w.row(10, 100'000));
    JobRow theirs = w.row(11, 100'000, 2);
    theirs.tenant = TenantId(2);
    ASSERT_TRUE(w.create(theirs).has_value());
    std::map<int64_t, uint64_t> served;
    for (int i = 0; i < 2'000; ++i) {
        const CallReply reply = w.ask(1, 1);
        ASSERT_EQ(w.held_[1].size(), 1U);
        served[reply.grants.back().job.value] += reply.grants.back().size();
        w.finish(1, w.held_[1][0], 0, Micros(100'000), 0);
    }
    const double ratio = static_cast<double>(served[11]) / static_cast<double>(served[10]);
    EXPECT_GT(ratio, 2.7);
    EXPECT_LT(ratio, 3.3);
}

TEST(Scheduler, ReverseRunsTheNewestFirst) {
    World w;
    w.asset("orders");
    w.start();
    w.executor(1, 1);
    JobRow row = w.row(10, 10);
    row.ordinals = std::make_shared<OrdinalView>(std::vector<OrdinalRun>{{100, 10, 1}}, true);
    w.create(row);
    const CallReply reply = w.ask(1, 1);
    ASSERT_EQ(reply.grants[0].ordinals.size(), 1U);
    EXPECT_EQ(reply.grants[0].ordinals[0].first, 109);
}

}  // namespace
}  // namespace servo::core

// What a new leader makes of the store: leases that go on, executors that must register.
#include <gtest/gtest.h>

#include <memory>

#include "core/scheduler.h"
#include "core/state.h"

namespace servo::core {
namespace {

constexpr SessionId kSession{7};
constexpr LeaseId kLease{first_token(1) + 100};

// One open job of ten partitions; a lease over the first five that an earlier leader gave.
class LoadTest : public testing::Test {
 protected:
    LoadTest() {
        snapshot_.epoch = 2;
        TenantRow tenant;
        tenant.id = TenantId(1);
        tenant.name = "acme";
        snapshot_.tenants = {tenant};
        auto revision = std::make_shared<AssetRevision>();
        revision->asset = AssetId(1);
        revision->tenant = TenantId(1);
        revision->revision = 1;
        revision->spec.name = "orders";
        snapshot_.revisions = {revision};
        AssetHead head;
        head.id = AssetId(1);
        head.tenant = TenantId(1);
        head.name = "orders";
        head.latest_revision = 1;
        snapshot_.assets = {head};
        ExecutorRow executor;
        executor.id = ExecutorId(1);
        executor.name = "x1";
        executor.slots = 2;
        snapshot_.executors = {executor};
        snapshot_.max_executor_id = 1;

        Snapshot::OpenJob job;
        job.row.id = JobId(1);
        job.row.tenant = TenantId(1);
        job.row.asset = AssetId(1);
        job.row.revision = 1;
        job.row.state = JobState::kRunning;
        job.row.ordinals = std::make_shared<OrdinalView>(std::vector<OrdinalRun>{{0, 10, 1}});
        job.revision = revision;
        job.checkpoint.job = JobId(1);
        job.checkpoint.remaining.add(model::Run{0, 10});
        snapshot_.jobs = {job};

        GrantRow grant;
        grant.lease = kLease;
        grant.number = 6;
        grant.session = kSession;
        grant.executor = ExecutorId(1);
        grant.tenant = TenantId(1);
        grant.job = JobId(1);
        grant.token_base = kLease.value;
        grant.indices.add(model::Run{0, 5});
        snapshot_.grants = {grant};
    }
    void load() {
        scheduler_ = std::make_unique<Scheduler>(snapshot_, now_, 1);
        EXPECT_EQ(scheduler_->check_invariants(), "");
    }
    Result<Reply> apply(const Command& command) {
        ChangeSet changes;
        Result<Reply> reply = scheduler_->apply(command, now_, ++seq_, changes);
        scheduler_->seal(now_, seq_, changes);
        EXPECT_EQ(scheduler_->check_invariants(), "");
        return reply;
    }
    CallRequest call() {
        CallRequest request;
        request.session = kSession;
        request.call = ++call_;
        request.ack = 5;
        request.free_slots = 2;
        return request;
    }
    bool says(const std::string& line) const {
        return scheduler_->durable_digest().find(line) != std::string::npos;
    }

    Snapshot snapshot_;
    std::unique_ptr<Scheduler> scheduler_;
    Instant now_ = instant_ms(1'700'000'000'000);
    int64_t seq_ = 0;
    int64_t call_ = 0;
};

FailureRow failure(Index index, Token token, bool final) {
    FailureRow row;
    row.job = JobId(1);
    row.index = index;
    row.token = token;
    row.final = final;
    row.next_attempt = final ? 1 : 2;
    return row;
}

TEST_F(LoadTest, AnExecutorOfBeforeMustRegisterAndItsGrantsGoOnAfterItsAck) {
    load();
    const Result<Reply> early = apply(ExecutorCall{call()});
    ASSERT_FALSE(early.has_value());
    EXPECT_EQ(early.error().reason, "unknown_session");

    // Grant 6 was committed and never reached it.
    RegisterRequest request;
    request.executor = "x1";
    request.session = kSession;
    request.slots = 2;
    request.ack = 5;
    ASSERT_TRUE(apply(RegisterExecutor{request}).has_value());
    const Result<Reply> reply = apply(ExecutorCall{call()});
    ASSERT_TRUE(reply.has_value());
    const auto& grants = std::get<CallReply>(*reply).grants;
    ASSERT_FALSE(grants.empty());
    EXPECT_EQ(grants.front().number, 6);
    EXPECT_EQ(grants.front().runs.front().first, 0U);
}

// What is loaded only to be read is of the epoch that gave the leases, and forecasts give more.
TEST_F(LoadTest, TokensGoOnAboveThoseOfTheSameEpoch) {
    snapshot_.epoch = 1;
    load();
    EXPECT_GE(scheduler_->state().next_token, kLease.value + 5);
    snapshot_.epoch = 2;
    load();
    EXPECT_EQ(scheduler_->state().next_token, first_token(2) + 1);
}

TEST_F(LoadTest, ALateRegistrationChangesNothing) {
    load();
    RegisterRequest request;
    request.executor = "x1";
    request.session = kSession;
    request.number = 2;
    request.slots = 2;
    request.ack = 5;
    ASSERT_TRUE(apply(RegisterExecutor{request}).has_value());
    const Result<Reply> reply = apply(ExecutorCall{call()});
    ASSERT_FALSE(std::get<CallReply>(*reply).grants.empty());
    const std::string before = scheduler_->durable_digest();
    request.number = 1;  // sent before the other, and again by the network
    ASSERT_TRUE(apply(RegisterExecutor{request}).has_value());
    request.number = 2;
    ASSERT_TRUE(apply(RegisterExecutor{request}).has_value());
    EXPECT_EQ(scheduler_->durable_digest(), before);
}

TEST_F(LoadTest, AParkedAcquireThatComesAgainKeepsNobodyAlive) {
    load();
    RegisterRequest request;
    request.executor = "x1";
    request.session = kSession;
    request.slots = 2;
    request.held = {{kLease, 5, 1}};
    request.ack = 6;
    ASSERT_TRUE(apply(RegisterExecutor{request}).has_value());
    CallRequest acquire = call();
    acquire.kind = CallKind::kAcquire;
    acquire.ack = 6;
    acquire.free_slots = 0;
    for (int second = 0; second <= 11; ++second) {
        apply(ExecutorCall{acquire});  // the same one, woken
        now_ += Millis(1'000);
        apply(Tick{});
    }
    EXPECT_FALSE(says("lease ")) << scheduler_->durable_digest();
}

TEST_F(LoadTest, ASessionThatANewerLifeReplacedStaysOut) {
    load();
    RegisterRequest request;
    request.executor = "x1";
    request.session = SessionId(8);
    request.slots = 2;
    request.previous_gone = true;
    ASSERT_TRUE(apply(RegisterExecutor{request}).has_value());
    request.session = kSession;
    const Result<Reply> late = apply(RegisterExecutor{request});
    ASSERT_FALSE(late.has_value());
    EXPECT_EQ(late.error().reason, "session_replaced");
}

TEST_F(LoadTest, WhatFailedUnderAnotherLeaseSinceIsReportedInItsFirst) {
    snapshot_.jobs[0].retrying = {failure(0, kLease.value + 1'000, false)};
    load();
    EXPECT_TRUE(says("left=1-4")) << scheduler_->durable_digest();
}

TEST_F(LoadTest, WhatARetryPutBackIsReportedInItsLease) {
    snapshot_.jobs[0].row.generation = 2;
    snapshot_.jobs[0].retrying = {failure(0, kLease.value, true)};
    load();
    EXPECT_TRUE(says("left=1-4")) << scheduler_->durable_digest();
}

TEST_F(LoadTest, WhatFailedBeforeTheLeaseIsStillToBeReported) {
    snapshot_.jobs[0].retrying = {failure(0, kLease.value - 50, false)};
    load();
    EXPECT_TRUE(says("left=0-4")) << scheduler_->durable_digest();
}

// A change of leader does not make the wait of what nobody claimed begin anew.
TEST_F(LoadTest, WhatNobodyClaimedHasWaitedSinceItCouldBeClaimed) {
    snapshot_.grants.clear();
    JobRow& row = snapshot_.jobs[0].row;
    row.state_since = now_ - Millis(90'000);
    for (const JobState state : {JobState::kPending, JobState::kResuming}) {
        row.state = state;
        load();
        EXPECT_EQ(scheduler_->meters(JobId{}, 1, now_).at(0).claimable_since, row.state_since);
    }
}

TEST_F(LoadTest, WhatWasClaimedUnderAnotherLeaderIsNotClaimable) {
    snapshot_.grants.clear();
    snapshot_.jobs[0].row.state = JobState::kRunning;
    load();
    const JobMeter meter = scheduler_->meters(JobId{}, 1, now_).at(0);
    EXPECT_GT(meter.eligible, 0U);
    EXPECT_FALSE(meter.claimable_since);
}

// Counting began with the leader: its first partitions are not spread over the job's whole age.
TEST_F(LoadTest, RatesAreThoseSinceTheLeaderBegan) {
    snapshot_.jobs[0].row.state = JobState::kRunning;
    snapshot_.jobs[0].row.started_at = now_ - Millis(3'600'000);
    load();
    RegisterRequest request;
    request.executor = "x1";
    request.session = kSession;
    request.slots = 2;
    request.held = {{kLease, 5, 0}};
    request.ack = 6;
    ASSERT_TRUE(apply(RegisterExecutor{request}).has_value());
    now_ += Millis(2'000);
    CallRequest report = call();
    report.ack = 6;
    report.free_slots = 0;
    report.held = request.held;
    LeaseResults results;
    results.lease = kLease;
    for (uint64_t position = 0; position < 2; ++position) {
        results.done.push_back({position, now_, Micros(500'000), -1, -1, -1, -1});
    }
    report.results = {results};
    ASSERT_TRUE(apply(ExecutorCall{report}).has_value());
    const JobView view = *scheduler_->job(snapshot_.jobs[0].row.id, now_);
    EXPECT_EQ(view.rate_now_milli, 1'000);
    EXPECT_EQ(view.rate_before_milli, 0);
}

// Shares begin equal, with what is leased in them: it was charged when it was granted.
TEST_F(LoadTest, ALeaseOfBeforeCostsNothingAnew) {
    DurationRow durations;
    durations.asset = AssetId(1);
    durations.revision = 1;
    durations.stats.add(Micros(500'000), 100);
    snapshot_.durations = {durations};
    load();
    RegisterRequest request;
    request.executor = "x1";
    request.session = kSession;
    request.slots = 2;
    request.held = {{kLease, 5, 0}};
    request.ack = 6;
    ASSERT_TRUE(apply(RegisterExecutor{request}).has_value());
    CallRequest report = call();
    report.ack = 6;
    report.free_slots = 0;
    LeaseResults results;
    results.lease = kLease;
    for (uint64_t position = 0; position < 5; ++position) {
        results.done.push_back({position, now_, Micros(500'000), -1, -1, -1, -1});
    }
    report.results = {results};
    ASSERT_TRUE(apply(ExecutorCall{report}).has_value());
    EXPECT_FALSE(says("lease "));
    EXPECT_EQ(scheduler_->state().tenants.at(TenantId(1)).vtime, 0);
}

TEST_F(LoadTest, AStreakOfExternalFailuresGoesOn) {
    snapshot_.grants.clear();
    const Instant first = now_ - Millis(60'000);
    const Instant later = now_ - Millis(20'000);
    struct Row {
        FailureClass klass;
        Instant first_failed_at;
        std::optional<Instant> since;
    };
    for (const Row& row : {
             Row{FailureClass::kExternal, first, first},
             Row{FailureClass::kLost, first, first},
             Row{FailureClass::kLost, later, std::nullopt},
             Row{FailureClass::kTransient, later, std::nullopt},
         }) {
        FailureRow stored = failure(0, kLease.value, false);
        stored.klass = row.klass;
        stored.first_failed_at = row.first_failed_at;
        stored.started_at = later - Millis(10'000);
        snapshot_.jobs[0].retrying = {stored};
        load();
        const Job& job = scheduler_->state().jobs.at(JobId(1));
        EXPECT_EQ(job.waiting.at(0).external_since, row.since) << to_string(row.klass);
    }
}

}  // namespace
}  // namespace servo::core

// What events of one slot come to in the ledger. Wider stories: tests/scenarios/ledger.scenario.
#include <gtest/gtest.h>

#include <memory>

#include "core/scheduler.h"

namespace servo::core {
namespace {

constexpr Instant kStart = instant_ms(1'767'225'600'000);

// One tenant, one asset, one executor with one slot, whose clock is an hour ahead.
class OneSlot : public testing::Test {
 protected:
    // `known_ms` > 0: the recorded duration of the asset's partitions.
    void start(uint64_t partitions, int64_t known_ms) {
        Snapshot snapshot;
        snapshot.epoch = 1;
        TenantRow tenant;
        tenant.id = TenantId(1);
        tenant.name = "acme";
        snapshot.tenants.push_back(tenant);
        auto revision = std::make_shared<AssetRevision>();
        revision->asset = AssetId(1);
        revision->tenant = tenant.id;
        revision->revision = 1;
        revision->spec.name = "orders";
        snapshot.revisions.push_back(revision);
        AssetHead head;
        head.id = AssetId(1);
        head.tenant = tenant.id;
        head.name = "orders";
        head.latest_revision = 1;
        snapshot.assets.push_back(head);
        if (known_ms > 0) {
            DurationRow durations;
            durations.asset = head.id;
            durations.revision = 1;
            durations.stats.add(Micros(known_ms * 1'000), 100);
            snapshot.durations.push_back(durations);
        }
        scheduler_ = std::make_unique<Scheduler>(snapshot, now_, 7);
        RegisterRequest request;
        request.executor = "x1";
        request.session = SessionId(1);
        request.slots = 1;
        must(RegisterExecutor{request});
        JobRow row;
        row.id = JobId(1);
        row.tenant = TenantId(1);
        row.asset = AssetId(1);
        row.revision = 1;
        row.ordinals = std::make_shared<OrdinalView>(std::vector<OrdinalRun>{{0, partitions, 1}});
        must(CreateJobs{{row}});
    }

    Reply must(const Command& command) {
        ChangeSet changes;
        Result<Reply> reply = scheduler_->apply(command, now_, ++seq_, changes);
        scheduler_->seal(now_, seq_, changes);
        EXPECT_EQ(scheduler_->check_invariants(), "");
        EXPECT_TRUE(reply.has_value()) << (reply ? "" : reply.error().message);
        return reply.value_or(Done{});
    }

    // Reports what is given, with the time that the slot waited for answers so far.
    void report(
        std::vector<DoneResult> done, int64_t report_ms, std::vector<PhaseTimes> phases = {}
    ) {
        CallRequest call;
        call.session = SessionId(1);
        call.call = ++call_;
        call.free_slots = 1;
        call.slot_ms[static_cast<size_t>(SlotState::kIdle)] = 1;
        call.slot_ms[static_cast<size_t>(SlotState::kReport)] = report_ms;
        call.ack = grant_.number;
        if (!done.empty()) {
            LeaseResults results;
            results.lease = grant_.lease;
            for (DoneResult& one : done) {
                one.position = reported_++;
                results.done.push_back(one);
            }
            results.phases = std::move(phases);
            call.results = {results};
        }
        const auto reply = std::get<CallReply>(must(ExecutorCall{call}));
        if (!reply.grants.empty()) {
            grant_ = reply.grants.back();
            reported_ = 0;
        }
    }
    DoneResult done(int64_t from_ms, int64_t took_ms) const {
        DoneResult out;
        out.started_at = kStart + std::chrono::hours(1) + Millis(from_ms);
        out.duration = Micros(took_ms * 1'000);
        return out;
    }
    static PhaseTimes told(uint64_t position, std::map<Phase, int64_t> ms) {
        PhaseTimes out;
        out.position = position;
        for (const auto& [phase, amount] : ms) {
            out.us[static_cast<size_t>(phase)] = amount * 1'000;
        }
        return out;
    }
    int64_t ms(const std::string& word) const { return scheduler_->ledger_counters().at(word); }

    std::unique_ptr<Scheduler> scheduler_;
    Instant now_ = kStart;
    int64_t seq_ = 0;
    int64_t call_ = 0;
    Grant grant_;
    uint64_t reported_ = 0;
};

TEST_F(OneSlot, GapsAreHeldAndWaitingForAnAnswerIsReport) {
    start(4, 100);
    report({}, 10);  // since when the executor counts, and the first lease
    ASSERT_EQ(grant_.size(), 2U);
    now_ += Millis(1'000);
    report({done(100, 300), done(500, 400)}, 160);
    EXPECT_EQ(ms("slot.busy.useful"), 700);
    EXPECT_EQ(ms("slot.report"), 150);
    EXPECT_EQ(ms("slot.held"), 150);
    EXPECT_EQ(ms("earned"), 200);  // two at what they cost as a rule
    EXPECT_EQ(ms("partitions.completed"), 2);
    EXPECT_EQ(ms("slot.idle.dispatch"), 0);
}

TEST_F(OneSlot, BusyTimeIsSplitByWhatProgramsTellAndTheirProcessorTime) {
    start(4, 100);
    report({}, 0);
    ASSERT_EQ(grant_.size(), 2U);
    now_ += Millis(1'000);
    std::vector<DoneResult> both = {done(0, 300), done(300, 400)};
    both[0].cpu_us = 100'000;
    both[1].cpu_us = 100'000;
    // The second tells of twice the time that it took.
    report(
        both,
        0,
        {told(0, {{Phase::kDbExec, 150}}), told(1, {{Phase::kDbExec, 600}, {Phase::kIo, 200}})}
    );
    EXPECT_EQ(ms("slot.busy.useful"), 700);
    EXPECT_EQ(ms("phase.db_exec"), 150 + 300);
    EXPECT_EQ(ms("phase.io"), 100);
    EXPECT_EQ(ms("phase.cpu"), 100);
    EXPECT_EQ(ms("phase.opaque"), 50);
}

TEST_F(OneSlot, WhatAProgramTellsOfItsProcessorTimeCounts) {
    start(4, 100);
    report({}, 0);
    ASSERT_EQ(grant_.size(), 2U);
    now_ += Millis(1'000);
    std::vector<DoneResult> both = {done(0, 300), done(300, 400)};
    both[0].cpu_us = 250'000;
    both[1].cpu_us = 9'000'000;  // several processors, or a wrong figure
    report(both, 0, {told(0, {{Phase::kCpu, 200}})});
    EXPECT_EQ(ms("phase.cpu"), 200 + 400);
    EXPECT_EQ(ms("phase.opaque"), 100);
}

TEST_F(OneSlot, PhasesOfNoResultAreRefused) {
    start(4, 100);
    report({}, 0);
    ASSERT_EQ(grant_.size(), 2U);
    const std::vector<std::vector<PhaseTimes>> all = {{told(1, {})}, {told(0, {}), told(0, {})}};
    for (const std::vector<PhaseTimes>& bad : all) {
        LeaseResults results;
        results.lease = grant_.lease;
        results.done = {done(0, 10)};
        results.phases = bad;
        CallRequest call;
        call.session = SessionId(1);
        call.call = ++call_;
        call.results = {results};
        ChangeSet changes;
        const auto reply = scheduler_->apply(ExecutorCall{call}, now_, ++seq_, changes);
        ASSERT_FALSE(reply.has_value());
        EXPECT_EQ(reply.error().reason, "bad_report");
    }
}

TEST_F(OneSlot, WhatAPersonStoppedIsNotLost) {
    start(4, 100);
    report({}, 0);
    must(CancelJob{JobId(1), true, "", "ana"});
    now_ += Millis(500);
    CallRequest call;
    call.session = SessionId(1);
    call.call = ++call_;
    call.ack = grant_.number;
    LeaseResults results;
    results.lease = grant_.lease;
    FailedResult& failed = results.failed.emplace_back();
    failed.started_at = kStart;
    failed.duration = Micros(400'000);
    failed.klass = FailureClass::kLost;
    failed.cpu_us = 300'000;
    call.results = {results};
    must(ExecutorCall{call});
    EXPECT_EQ(ms("slot.busy.waste:cancelled"), 400);
    EXPECT_EQ(ms("slot.busy.waste:lost"), 0);
    EXPECT_EQ(ms("phase.cpu"), 300);
    EXPECT_EQ(ms("phase.opaque"), 100);
}

TEST_F(OneSlot, AClockThatLeapsCannotMakeTime) {
    start(4, 100);
    report({}, 10);
    ASSERT_EQ(grant_.size(), 2U);
    now_ += Millis(1'000);
    report({done(100, 300), done(7'200'000, 5'000)}, 10);
    EXPECT_EQ(ms("slot.busy.useful"), 1'000);
    EXPECT_EQ(ms("slot.held"), 0);
}

TEST_F(OneSlot, TheBaselineIsThatOfTheFirstSuccessesAndStays) {
    start(1'000, 0);
    report({}, 0);
    const auto run = [&](int64_t took_ms) {
        std::vector<DoneResult> all(grant_.size(), done(to_ms(now_), took_ms));
        now_ += Millis(took_ms * static_cast<int64_t>(all.size()));
        report(std::move(all), 0);
    };
    while (ms("partitions.completed") < 200) {
        run(10);
    }
    const int64_t earned = ms("earned");
    const int64_t useful = ms("slot.busy.useful");
    EXPECT_EQ(earned, useful);
    const int64_t count = ms("partitions.completed");
    run(500);  // fifty times as slow, and worth no more
    EXPECT_EQ(ms("earned") - earned, 10 * (ms("partitions.completed") - count));
    EXPECT_GT(ms("slot.busy.useful") - useful, 49 * (ms("earned") - earned));
}

TEST_F(OneSlot, ASilentExecutorsTimeIsLostAndItsSlotMissed) {
    start(4, 100);
    report({}, 0);
    for (int i = 0; i < 30; ++i) {
        now_ += Millis(1'000);
        must(Tick{});
    }
    EXPECT_EQ(ms("slot.busy.waste:lost"), 10'000);  // until its time to live was over
    EXPECT_EQ(ms("phase.opaque"), 10'000);
    EXPECT_EQ(ms("slot.down"), 20'000);
    for (int i = 0; i < 3'700; ++i) {
        now_ += Millis(1'000);
        must(Tick{});
    }
    EXPECT_EQ(ms("slot.down"), 3'590'000);  // expected until an hour after it was seen
}

}  // namespace
}  // namespace servo::core

// Who, when and what: each command that changes something leaves an event in its own batch, and
// each that changes nothing leaves none.
#include <gtest/gtest.h>

#include "core/scheduler.h"

namespace servo::core {
namespace {

class Audit : public testing::Test {
 protected:
    Audit() {
        Snapshot snapshot;
        snapshot.epoch = 1;
        scheduler_ = std::make_unique<Scheduler>(snapshot, now_, 7);
        AssetSpec spec;
        spec.name = "orders";
        Dimension any;
        any.values = StaticKeys{{"any"}, {}};
        spec.partitions.dimensions = {any};
        spec.run.argv = {"run"};
        PoolSpec pool;
        pool.name = "warehouse";
        pool.concurrency = 4;
        ApplyDefinitions apply_all;
        apply_all.tenants = {{"acme", {spec}, {pool}}};
        apply_all.actor = "ann";
        apply(apply_all);
        RegisterExecutor join;
        join.request.executor = "x1";
        join.request.session = SessionId(1);
        join.request.slots = 1;
        apply(join);
    }

    void apply(const Command& command) {
        changes_ = ChangeSet();
        const Result<Reply> reply = scheduler_->apply(command, now_, ++seq_, changes_);
        ASSERT_TRUE(reply) << reply.error().message;
        scheduler_->seal(now_, seq_, changes_);
    }
    // The one event of the command by ann; applying it again must say nothing.
    EventRow only_event(const Command& command, const std::string& subject) {
        apply(command);
        EXPECT_EQ(changes_.events.size(), 1U) << subject;
        const EventRow event = changes_.events.empty() ? EventRow{} : changes_.events[0];
        EXPECT_EQ(event.actor, "ann");
        EXPECT_EQ(event.at, now_);
        EXPECT_EQ(event.subject, subject);
        apply(command);
        EXPECT_TRUE(changes_.events.empty()) << event.kind << " changed nothing the second time";
        return event;
    }

    Instant now_ = instant_ms(1'704'067'200'000);  // 2024-01-01
    int64_t seq_ = 0;
    ChangeSet changes_;
    std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(Audit, LeversSayWhatWasSetForHowLongAndWhy) {
    SetTenant tenant{"acme", 200, std::nullopt, std::nullopt, false, kNever, "month end", "ann"};
    EventRow event = only_event(tenant, "acme");
    EXPECT_EQ(event.kind, "tenant.set");
    EXPECT_EQ(event.detail, "weight 200, max_concurrency 0, max_pending 1000000000: month end");
    tenant.unset = true;
    EXPECT_EQ(only_event(tenant, "acme").kind, "tenant.unset");

    SetPool pool{"", "warehouse", 2, false, now_ + Millis(3'600'000), "load", "ann"};
    event = only_event(pool, "warehouse");
    EXPECT_EQ(event.kind, "pool.set");
    EXPECT_EQ(event.detail, "concurrency 2 until 2024-01-01T01:00:00Z: load");
    HoldPool hold{"", "warehouse", false, kNever, "vendor is down", "ann"};
    event = only_event(hold, "warehouse");
    EXPECT_EQ(event.kind, "pool.held");
    EXPECT_EQ(event.detail, "vendor is down");
    hold.release = true;
    EXPECT_EQ(only_event(hold, "warehouse").kind, "pool.released");

    SetAsset asset{"acme", "orders", 3, false, std::nullopt, kNever, "", "ann"};
    event = only_event(asset, "orders");
    EXPECT_EQ(event.kind, "asset.set");
    EXPECT_EQ(event.detail, "concurrency 3");
    EXPECT_EQ(only_event(DrainExecutor{"x1", true, "ann"}, "x1").kind, "executor.drained");
    EXPECT_EQ(only_event(DrainExecutor{"x1", false, "ann"}, "x1").kind, "executor.undrained");
}

TEST_F(Audit, BackfillsSayWhoStartedSetPausedAndCancelledThem) {
    JobRow row;
    row.id = JobId(5);
    row.tenant = TenantId(1);
    row.asset = AssetId(1);
    row.revision = 1;
    row.ordinals = std::make_shared<OrdinalView>(std::vector<OrdinalRun>{{0, 4, 1}});
    row.created_by = "ann";
    apply(CreateJobs{{row}});
    ASSERT_EQ(changes_.events.size(), 1U);
    EXPECT_EQ(changes_.events[0].kind, "backfill.created");
    EXPECT_EQ(changes_.events[0].actor, "ann");
    const std::string subject = changes_.events[0].subject;

    SetJob set;
    set.job = row.id;
    set.change.priority = 3;
    set.change.timeout = std::optional(Millis(7'200'000));
    set.reason = "quiet hour";
    set.actor = "ann";
    const EventRow event = only_event(set, subject);
    EXPECT_EQ(event.kind, "backfill.set");
    EXPECT_EQ(event.detail, "priority 3, timeout 2h: quiet hour");
    EXPECT_EQ(
        only_event(PauseJob{row.id, PauseMode::kDrain, "", kNever, "ann"}, subject).kind,
        "backfill.paused"
    );
    EXPECT_EQ(only_event(ResumeJob{row.id, "ann"}, subject).kind, "backfill.resumed");
    apply(CancelJob{row.id, false, "", "ann"});
    ASSERT_FALSE(changes_.events.empty());
    EXPECT_EQ(changes_.events[0].kind, "backfill.cancelling");
    EXPECT_EQ(changes_.events[0].actor, "ann");
}

TEST_F(Audit, MarksSayHowManyAndAsWhat) {
    MarkPartitions mark;
    mark.tenant = "acme";
    mark.asset = "orders";
    mark.ordinals = {{0, 1, 1}};
    mark.outcome = Outcome::kSkipped;
    mark.reason = "no data";
    mark.actor = "ann";
    apply(mark);
    ASSERT_EQ(changes_.events.size(), 1U);
    EXPECT_EQ(changes_.events[0].kind, "partition.marked");
    EXPECT_EQ(changes_.events[0].detail, "1 partition as skipped: no data");
}

}  // namespace
}  // namespace servo::core

// Live overrides and holds: what a set leaves as it was, and whose hold is in force.
#include <gtest/gtest.h>

#include "core/scheduler.h"

namespace servo::core {
namespace {

// One tenant, acme, and one pool, warehouse.
class World {
 public:
    Result<Reply> apply(const Command& command) {
        ChangeSet changes;
        return scheduler_.apply(command, now_, ++seq_, changes);
    }

    static Snapshot snapshot() {
        Snapshot out;
        out.epoch = 1;
        TenantRow tenant;
        tenant.id = TenantId(1);
        tenant.name = "acme";
        out.tenants = {tenant};
        out.max_tenant_id = 1;
        PoolRow pool;
        pool.id = PoolId(1);
        pool.spec.name = "warehouse";
        out.pools = {pool};
        out.max_pool_id = 1;
        return out;
    }

    Instant now_ = instant_ms(1'700'000'000'000);
    Scheduler scheduler_{snapshot(), now_, 7};
    int64_t seq_ = 0;
};

TEST(Levers, WhatIsSetOfATenantForATimeDoesNotBecomeLasting) {
    World w;
    const Instant end = w.now_ + Millis(86'400'000);
    const auto row = [&] { return w.scheduler_.tenants(w.now_).at(0).row; };
    SetTenant weight;
    weight.tenant = "acme";
    weight.weight = 200;
    weight.until = end;
    weight.reason = "month end";
    ASSERT_TRUE(w.apply(weight));
    SetTenant slots;
    slots.tenant = "acme";
    slots.max_concurrency = 3;
    const auto refused = w.apply(slots);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason, "other_end");
    EXPECT_NE(
        refused.error().message.find("weight 200 of acme is set until 20"), std::string::npos
    );
    EXPECT_EQ(row().override_limits->max_concurrency, 0);
    // With an end of its own it takes that along, and the reason stays.
    slots.until = end + Millis(1'000);
    ASSERT_TRUE(w.apply(slots));
    EXPECT_EQ(row().override_info.until, slots.until);
    EXPECT_EQ(row().override_limits->weight, 200);
    EXPECT_EQ(row().override_limits->max_concurrency, 3);
    EXPECT_EQ(row().override_info.reason, "month end");
    // All of it named, it may be for good.
    weight.max_concurrency = 4;
    weight.until = kNever;
    weight.reason = "for good";
    ASSERT_TRUE(w.apply(weight));
    EXPECT_EQ(row().override_info.until, kNever);
    slots.until = end;
    EXPECT_EQ(w.apply(slots).error().reason, "other_end");  // the weight would end with it
    slots.until = kNever;
    ASSERT_TRUE(w.apply(slots));
    EXPECT_EQ(row().override_info.reason, "for good");
}

TEST(Levers, SomebodyElsesHoldOfAPoolIsMadeLongerAndNeverShorter) {
    World w;
    const Instant soon = w.now_ + Millis(600'000);
    const Instant late = w.now_ + Millis(1'200'000);
    struct Row {
        const char* who;
        Instant until;
        const char* reason;
        bool changed;
        const char* reason_after;
    };
    const std::vector<Row> rows = {
        {"ann", kNever, "vacuum", true, "vacuum"},
        {"bob", soon, "", false, "vacuum"},
        {"bob", kNever, "mine", false, "vacuum"},
        {"ann", kNever, "", false, "vacuum"},
        {"ann", kNever, "long vacuum", true, "long vacuum"},  // a new reason is news
        {"ann", soon, "", true, "long vacuum"},               // one's own may be shorter
        {"bob", late, "", true, "long vacuum"},
        {"ann", soon, "vacuum", false, "long vacuum"},
        {"ann", kNever, "vacuum", true, "vacuum"},
    };
    std::string by;
    Instant until;
    for (const Row& row : rows) {
        HoldPool hold;
        hold.pool = "warehouse";
        hold.until = row.until;
        hold.reason = row.reason;
        hold.actor = row.who;
        EXPECT_EQ(std::get<Done>(*w.apply(hold)).changed, row.changed) << row.who << row.reason;
        if (row.changed) {
            by = row.who;
            until = row.until;
        }
        const Hold held = *w.scheduler_.pools(w.now_).at(0).row.hold;
        EXPECT_EQ(held.by, by);
        EXPECT_EQ(held.until, until);
        EXPECT_EQ(held.reason, row.reason_after);
    }
}

}  // namespace
}  // namespace servo::core

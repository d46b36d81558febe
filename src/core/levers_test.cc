// Live overrides: what a set leaves as it was.
#include <gtest/gtest.h>

#include "core/scheduler.h"

namespace servo::core {
namespace {

// One tenant, acme.
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

}  // namespace
}  // namespace servo::core

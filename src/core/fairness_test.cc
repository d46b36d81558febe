// Shares of tenants: where one begins, and what it keeps.
#include <gtest/gtest.h>

#include <set>

#include "core/scheduler_test_support.h"
#include "core/state.h"

namespace servo::core {
namespace {

// Two tenants with an asset each, whose partitions take as long as recorded.
class Fairness : public testing::Test {
 protected:
    Fairness() {
        TenantRow other;
        other.id = TenantId(2);
        other.name = "bigco";
        w.snapshot_.tenants.push_back(other);
        w.snapshot_.max_tenant_id = 2;
        w.asset("orders");
        w.asset("theirs");
        w.snapshot_.assets[1].tenant = TenantId(2);
    }
    void start(Millis ours, Millis theirs, int slots) {
        for (const auto& [asset, each] : {std::pair(1, ours), std::pair(2, theirs)}) {
            DurationRow durations;
            durations.asset = AssetId(asset);
            durations.revision = 1;
            durations.stats.add(each, 100);
            w.snapshot_.durations.push_back(durations);
        }
        w.start();
        w.executor(1, slots);
    }
    void create_theirs(int64_t id, uint64_t count) {
        JobRow row = w.row(id, count, 2);
        row.tenant = TenantId(2);
        ASSERT_TRUE(w.create(row).has_value());
    }
    int64_t vtime(int64_t tenant) const {
        return w.scheduler_->state().tenants.at(TenantId(tenant)).vtime;
    }

    World w;
};

TEST_F(Fairness, WhoComesWhileEverythingIsLeasedStartsWhereThoseAreWhoHaveIt) {
    const Millis hour(3'600'000);
    const Millis minute(60'000);
    start(6 * hour, minute, 8);
    w.create(w.row(10, 8));
    w.ask(1, 8);
    ASSERT_EQ(w.held_[1].size(), 8U);
    w.now_ += 5 * hour;
    create_theirs(11, 10'000);
    EXPECT_EQ(vtime(2), vtime(1));
    w.now_ += hour;
    for (const HeldLease& lease : std::vector<HeldLease>(w.held_[1])) {
        w.finish(1, lease, 0, 6 * hour, 0);
    }
    w.create(w.row(12, 8, 1, 100));
    std::set<LeaseId> ours;  // six hours each
    for (int passed = 0; passed <= 60; ++passed) {
        for (const HeldLease& lease : std::vector<HeldLease>(w.held_[1])) {
            if (!ours.contains(lease.lease)) {
                w.finish(1, lease, 0, minute, 0);
            }
        }
        const CallReply reply = w.ask(1, 8 - static_cast<int>(w.held_[1].size()));
        for (const Grant& grant : reply.grants) {
            if (grant.job == JobId(12)) {
                ours.insert(grant.lease);
            }
        }
        EXPECT_GE(ours.size(), 1U) << "from the start";
        w.now_ += minute;
    }
    // The other one has had the six hours of the first by then.
    EXPECT_EQ(ours.size(), 2U);
}

TEST_F(Fairness, WhoWasIdleSavesUpNothing) {
    start(Millis(1'000), Millis(1'000), 1);
    w.create(w.row(10, 100'000));
    for (int i = 0; i < 100; ++i) {
        w.ask(1, 1);
        w.finish(1, HeldLease(w.held_[1].at(0)), 0, Millis(1'000), 0);
    }
    const int64_t before = vtime(1);
    create_theirs(11, 10);
    EXPECT_GE(vtime(2), before - 10'000'000) << "a lease of one second behind at most";
}

TEST_F(Fairness, WhoComesStartsAtThoseWhoAreServedWhateverIsHeldBack) {
    w.snapshot_.tenants.push_back(w.snapshot_.tenants[0]);
    w.snapshot_.tenants[2].id = TenantId(3);
    w.snapshot_.tenants[2].name = "gated";
    w.snapshot_.max_tenant_id = 3;
    w.asset("held").pools["warehouse"] = 1;
    w.snapshot_.assets[2].tenant = TenantId(3);
    w.pool("warehouse", 1);
    start(Millis(1'000), Millis(1'000), 1);
    w.apply(HoldPool{"", "warehouse", false, kNever, "", "ann"});
    JobRow held = w.row(9, 10, 3);
    held.tenant = TenantId(3);
    ASSERT_TRUE(w.create(held).has_value());
    w.create(w.row(10, 100'000));
    for (int i = 0; i < 100; ++i) {
        w.ask(1, 1);
        w.pass(Millis(1'000));
        w.finish(1, HeldLease(w.held_[1].at(0)), 0, Millis(1'000), 0);
    }
    w.pass(Millis(1'000));
    const int64_t before = vtime(1);
    ASSERT_GT(before, 100'000'000) << "a hundred seconds";
    create_theirs(11, 10);
    EXPECT_GE(vtime(2), before - 10'000'000) << "a second behind at most";
    EXPECT_GE(vtime(3), before - 10'000'000) << "nor does it save up what it could not use";
}

// Whose slots are its own goes ahead of those who share fewer; they stay equal.
TEST(FairShare, WhoComesToFewSlotsStartsBesideThoseWhoShareThem) {
    World w;
    for (int64_t tenant = 1; tenant <= 3; ++tenant) {
        if (tenant > 1) {
            TenantRow row = w.snapshot_.tenants[0];
            row.id = TenantId(tenant);
            row.name += std::to_string(tenant);
            w.snapshot_.tenants.push_back(row);
        }
        w.asset("a" + std::to_string(tenant)).labels["fleet"] = tenant == 3 ? "own" : "shared";
        w.snapshot_.assets.back().tenant = TenantId(tenant);
        DurationRow durations;
        durations.asset = AssetId(tenant);
        durations.revision = 1;
        durations.stats.add(Millis(1'000), 100);
        w.snapshot_.durations.push_back(durations);
    }
    w.snapshot_.max_tenant_id = 3;
    w.start();
    for (const auto& [session, fleet, slots] : {std::tuple(1, "shared", 1), {2, "own", 20}}) {
        RegisterRequest request;
        request.executor = fleet;
        request.session = SessionId(session);
        request.slots = slots;
        request.labels = {{"fleet", fleet}};
        ASSERT_TRUE(w.apply(RegisterExecutor{request}).has_value());
    }
    const auto create = [&w](int64_t tenant) {
        JobRow row = w.row(tenant, 1'000'000, tenant);
        row.tenant = TenantId(tenant);
        ASSERT_TRUE(w.create(row).has_value());
    };
    const auto vtime = [&w](int64_t tenant) {
        return w.scheduler_->state().tenants.at(TenantId(tenant)).vtime;
    };
    create(1);
    create(3);
    for (int i = 0; i < 100; ++i) {
        w.ask(1, 1);
        w.ask(2, 20);
        w.pass(Millis(1'000));
        for (const int64_t session : {1, 2}) {
            for (const HeldLease& lease : std::vector<HeldLease>(w.held_[session])) {
                w.finish(session, lease, 0, Millis(1'000), 0);
            }
        }
    }
    ASSERT_GT(vtime(3), 10 * vtime(1));
    create(2);
    EXPECT_LE(vtime(2), vtime(1) + 10'000'000) << "a second ahead at most";
}

// What was charged too much is given back: that leaves a tenant below those who are idle no longer.
TEST_F(Fairness, AChangeOfOrderAmongItsJobsKeepsATenantsPlace) {
    start(Millis(3'600'000), Millis(3'600'000), 4);
    w.create(w.row(10, 100));
    create_theirs(11, 100);
    const CallReply reply = w.ask(1, 4);
    ASSERT_EQ(reply.grants.size(), 4U);
    const std::vector<HeldLease> held = w.held_[1];
    for (size_t i = 0; i < held.size(); ++i) {
        if (reply.grants[i].job == JobId(10)) {
            w.finish(1, held[i], 0, Millis(1'000), 0);
        }
    }
    const int64_t before = vtime(1);
    ASSERT_LT(before, w.scheduler_->state().vtime_floor);
    SetJob set;
    set.job = JobId(10);
    set.change.priority = 3;
    ASSERT_TRUE(w.apply(set).has_value());
    EXPECT_EQ(w.scheduler_->job(JobId(10), w.now_)->effective_priority, 3);
    EXPECT_EQ(vtime(1), before);
}

}  // namespace
}  // namespace servo::core

// Where partitions stand is read in several looks, between which jobs go on and end.
#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/partition_place.h"
#include "engine/partition_sets.h"
#include "engine/reprocess.h"
#include "store/memory/memory_store.h"

namespace servo::engine {
namespace {

using namespace model;

constexpr uint64_t kPartitions = 10;

// One asset of ten partitions, and one executor with a slot.
class PartitionReads : public testing::Test {
 protected:
    void SetUp() override {
        ASSERT_TRUE(engine_.start(now_).has_value());
        core::ApplyDefinitions apply;
        AssetSpec spec;
        spec.name = "orders";
        StaticKeys keys;
        for (uint64_t i = 0; i < kPartitions; ++i) {
            keys.keys.push_back("k" + std::to_string(i));
        }
        spec.partitions.dimensions.push_back({"", keys});
        spec.run.argv = {"true"};
        apply.tenants.push_back({"acme", {spec}, {}});
        run(apply);
        RegisterRequest request;
        request.executor = "x";
        request.session = kSession;
        request.slots = 1;
        run(core::RegisterExecutor{request});
        asset_ = *engine_.scheduler()->find_asset("acme", "orders");
    }

    core::Reply run(core::Command command) {
        std::optional<Result<core::Reply>> reply;
        engine_.submit({std::move(command), [&reply](auto given) { reply = std::move(given); }, {}}
        );
        engine_.step(now_ += Millis(1));
        EXPECT_TRUE(reply && reply->has_value());
        return reply && reply->has_value() ? **reply : core::Reply{};
    }
    // A job of all partitions.
    void start(int64_t id, OverlapPolicy overlap = OverlapPolicy::kReject) {
        JobRow row;
        row.id = JobId(id);
        row.tenant = asset_.tenant;
        row.asset = asset_.id;
        row.revision = 1;
        row.overlap = overlap;
        row.ordinals = std::make_shared<OrdinalView>(all_runs());
        run(core::CreateJobs{{row}});
    }
    // Takes a lease and reports all of it as done; how many partitions that were. Within a second
    // of the first no checkpoint tells of them.
    uint64_t work() {
        CallRequest acquire;
        acquire.kind = CallKind::kAcquire;
        acquire.session = kSession;
        acquire.call = ++acquires_;
        acquire.free_slots = 1;
        const auto given = std::get<CallReply>(run(core::ExecutorCall{acquire}));
        if (given.grants.size() != 1) {
            ADD_FAILURE() << given.grants.size() << " grants";
            return 0;
        }
        const Grant& grant = given.grants.front();
        CallRequest report;
        report.session = kSession;
        report.call = ++reports_;
        report.ack = grant.number;
        LeaseResults results;
        results.lease = grant.lease;
        for (uint64_t i = 0; i < grant.size(); ++i) {
            results.done.push_back({i, now_, Micros(1'000), -1, -1, -1, -1});
        }
        report.results = {results};
        run(core::ExecutorCall{report});
        return grant.size();
    }
    void work_to_the_end() {
        for (uint64_t done = 0; done < kPartitions;) {
            const uint64_t more = work();
            ASSERT_GT(more, 0U);
            done += more;
        }
    }

    static std::vector<OrdinalRun> all_runs() { return {{0, kPartitions, 1}}; }
    std::unique_ptr<store::History> history() { return store_.within(store::TenantScope::all()); }
    // Does something right after each look at memory.
    AskJobs ask(const std::function<void()>& then = [] {}) {
        return [this, then](const std::vector<JobId>& ids) {
            std::vector<std::optional<LiveJob>> jobs;
            for (const JobId id : ids) {
                jobs.push_back(live_job(*engine_.scheduler(), id, now_));
            }
            then();
            return Result<std::vector<std::optional<LiveJob>>>(std::move(jobs));
        };
    }

    static constexpr SessionId kSession{7};
    Instant now_ = instant_ms(1'700'000'000'000);
    store::MemoryStore store_;
    Engine engine_{store_, {"test"}, 1};
    AssetHead asset_;
    int64_t acquires_ = 0;
    int64_t reports_ = 0;
};

TEST_F(PartitionReads, WhatIsDoneAfterALookAtMemoryIsNotMissing) {
    start(1);
    const auto sets =
        partition_sets(*history(), asset_, all_runs(), 0, ask([this] { EXPECT_EQ(work(), 1U); }));
    ASSERT_TRUE(sets.has_value());
    EXPECT_EQ(sets->missing().to_string(), "");
    EXPECT_EQ(sets->pending.size() + sets->completed.size() + sets->running.size(), kPartitions);
}

TEST_F(PartitionReads, WhoEndsBeforeALookAtMemoryLeftItsStates) {
    start(1);
    const AskOwner ask = [this](AssetId asset, Ordinal ordinal) {
        work_to_the_end();
        return Result<std::optional<LiveOwner>>(
            live_owner(*engine_.scheduler(), asset, ordinal, now_)
        );
    };
    const auto place = place_of(*history(), asset_.id, 3, ask);
    ASSERT_TRUE(place.has_value());
    EXPECT_FALSE(place->owner);
    ASSERT_TRUE(place->state);
    EXPECT_EQ(place->state->outcome, Outcome::kSucceeded);
}

TEST_F(PartitionReads, WhatAWaitingJobWillDoAgainIsPendingAlone) {
    start(1);
    start(2, OverlapPolicy::kWait);
    ASSERT_EQ(work(), 1U);
    const auto sets = partition_sets(*history(), asset_, all_runs(), 0, ask());
    ASSERT_TRUE(sets.has_value());
    EXPECT_EQ(sets->pending.size() + sets->running.size(), kPartitions);
    EXPECT_EQ(sets->completed.to_string(), "");
    const auto without = left_out(*history(), asset_, sets->all, ReprocessPolicy::kMissing, ask());
    ASSERT_TRUE(without.has_value());
    EXPECT_EQ(without->at(Outcome::kSucceeded).to_string(), "0");
}

}  // namespace
}  // namespace servo::engine

// The materialised state of an asset's partitions.
#include "rig.h"

namespace servo::store::test {
namespace {

class StatesConformance : public Conformance {
 protected:
    void SetUp() override { rig.commit(definitions()); }

    void mark(
        std::vector<OrdinalRun> ordinals,
        Outcome outcome,
        int64_t job_id = 0,
        int64_t at = 100,
        int64_t asset_id = 10
    ) {
        ChangeSet changes;
        changes.materialised = {
            {TenantId(asset_id / 10),
             AssetId(asset_id),
             std::move(ordinals),
             outcome,
             JobId(job_id),
             1,
             instant_ms(at)}};
        rig.commit(changes);
    }
    std::string states(Ordinal first, Ordinal last, int64_t asset_id = 10) {
        std::string out;
        for (const History::StateRun& run :
             take(rig.history().partition_states(AssetId(asset_id), first, last, 1'000))) {
            out += std::string(to_string(run.outcome)) + "/" + std::to_string(run.job.value) + ":" +
                   std::to_string(run.ordinals.first) + "x" + std::to_string(run.ordinals.count) +
                   "+" + std::to_string(run.ordinals.stride) + " ";
        }
        return out;
    }
};

TEST_P(StatesConformance, LastOutcomeWinsAndUntouchedPartitionsAreAbsent) {
    mark({{0, 10, 1}}, Outcome::kFailed);
    mark({{4, 3, 1}}, Outcome::kSucceeded);
    EXPECT_EQ(states(-100, 100), "failed/0:0x4+1 succeeded/0:4x3+1 failed/0:7x3+1 ");
    EXPECT_EQ(states(5, 5), "succeeded/0:5x1+1 ");
    EXPECT_EQ(states(10, 100), "");
    EXPECT_EQ(states(0, 100, 20), "");
    rig.restart();
    EXPECT_EQ(states(-100, 100), "failed/0:0x4+1 succeeded/0:4x3+1 failed/0:7x3+1 ");
}

TEST_P(StatesConformance, RunsGoOnAcrossBlocksAndBelowZero) {
    mark({{-5'000, 20'000, 1}}, Outcome::kSucceeded);
    EXPECT_EQ(states(-1'000'000, 1'000'000), "succeeded/0:-5000x20000+1 ");
    EXPECT_EQ(states(-4'097, -4'095), "succeeded/0:-4097x3+1 ");
}

TEST_P(StatesConformance, StridesStayStrides) {
    mark({{30, 1'000, 60}}, Outcome::kSucceeded);
    mark({{31, 1'000, 60}}, Outcome::kFailed);
    EXPECT_EQ(states(0, 1'000'000), "succeeded/0:30x1000+60 failed/0:31x1000+60 ");
    EXPECT_EQ(states(0, 95), "succeeded/0:30x2+60 failed/0:31x2+60 ");
    mark({{90, 1, 1}}, Outcome::kSkipped);
    EXPECT_EQ(states(0, 200), "succeeded/0:30x2+120 failed/0:31x3+60 skipped/0:90x1+1 ");
}

TEST_P(StatesConformance, JobsAreToldApartAndTimesJoined) {
    mark({{0, 5, 1}}, Outcome::kSucceeded, 0, 100);
    mark({{5, 5, 1}}, Outcome::kSucceeded, 0, 200);
    mark({{10, 5, 1}}, Outcome::kSucceeded, 3, 300);
    EXPECT_EQ(states(0, 100), "succeeded/0:0x10+1 succeeded/3:10x5+1 ");
    const auto runs = rig.history().partition_states(AssetId(10), 0, 100, 10).value();
    EXPECT_EQ(runs[0].at, instant_ms(200));
    EXPECT_EQ(
        rig.history().partition_states(AssetId(10), 4, 4, 10).value().at(0).at, instant_ms(100)
    );
}

TEST_P(StatesConformance, MissingRemoves) {
    mark({{0, 10, 1}}, Outcome::kSucceeded);
    mark({{2, 2, 1}}, Outcome::kMissing);
    EXPECT_EQ(states(0, 100), "succeeded/0:0x2+1 succeeded/0:4x6+1 ");
    mark({{0, 10, 1}}, Outcome::kMissing);
    EXPECT_EQ(states(0, 100), "");
}

TEST_P(StatesConformance, ChangesOfOneBatchApplyInOrder) {
    ChangeSet changes;
    for (const auto& [first, outcome] : std::vector<std::pair<Ordinal, Outcome>>{
             {0, Outcome::kFailed}, {4'090, Outcome::kSucceeded}, {4'095, Outcome::kSkipped}}) {
        changes.materialised.push_back(
            {TenantId(1), AssetId(10), {{first, 4'097, 1}}, outcome, JobId(0), 1, instant_ms(1)}
        );
    }
    rig.commit(changes);
    EXPECT_EQ(states(0, 100'000), "failed/0:0x4090+1 succeeded/0:4090x5+1 skipped/0:4095x4097+1 ");
}

TEST_P(StatesConformance, TooManyRunsIsAnErrorNotALoss) {
    mark({{0, 4, 10}, {101, 1, 1}, {207, 1, 1}}, Outcome::kSucceeded);
    const auto cut = rig.history().partition_states(AssetId(10), 0, 1'000, 1);
    ASSERT_FALSE(cut.has_value());
    EXPECT_EQ(cut.error().reason, "too_many_runs");
    EXPECT_TRUE(rig.history().partition_states(AssetId(10), 0, 1'000, 3).has_value());
}

INSTANTIATE_TEST_SUITE_P(Stores, StatesConformance, all_stores(), kind_name);

}  // namespace
}  // namespace servo::store::test

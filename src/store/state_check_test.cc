#include "store/state_check.h"

#include <gtest/gtest.h>

namespace servo::store {
namespace {

constexpr AssetId kAsset(10);
constexpr JobId kJob(77);

// A job of days 100 to 109 whose log has the first five as completed, by its last checkpoint.
std::map<JobId, JobFacts> half_done() {
    JobFacts facts;
    facts.asset = kAsset;
    facts.ordinals = std::make_shared<OrdinalView>(std::vector<OrdinalRun>{{100, 10, 1}});
    facts.done = RunSet(model::Run{0, 5});
    facts.recorded = facts.done;
    return {{kJob, facts}};
}

StateBlock block_of(std::vector<OrdinalRun> runs, JobId job = kJob) {
    StateBlock block(0);
    block.apply(runs, {Outcome::kSucceeded, job, 1, instant_ms(1), false});
    return block;
}

std::vector<std::string> findings(
    const std::vector<StateBlock>& blocks, std::set<AssetId> marked = {}
) {
    StateCheck check(half_done(), std::move(marked));
    for (const StateBlock& block : blocks) {
        check.add(kAsset, block);
    }
    return check.findings();
}

TEST(StateCheck, FindsNothingWhereBothSayTheSame) {
    EXPECT_EQ(findings({block_of({{100, 5, 1}})}), std::vector<std::string>{});
    // A later job made some of them anew, and others that the first one knows nothing of.
    StateBlock newer = block_of({{100, 5, 1}});
    newer.apply({{102, 6, 1}}, {Outcome::kFailed, JobId(78), 1, instant_ms(2), false});
    EXPECT_EQ(findings({newer}), std::vector<std::string>{});
}

TEST(StateCheck, NamesAStateThatNoLogExplains) {
    const auto found = findings({block_of({{100, 7, 1}})});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_NE(
        found[0].find("2 partitions, the first is ordinal 105, are kept as"), std::string::npos
    ) << found[0];
}

TEST(StateCheck, NamesWhatALogHasAndNoState) {
    const auto lost = findings({block_of({{100, 2, 1}, {104, 1, 1}})});
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_NE(
        lost[0].find("2 partitions, the first is ordinal 102, have no state"), std::string::npos
    ) << lost[0];
    const auto all = findings({});
    ASSERT_EQ(all.size(), 1U);
    EXPECT_NE(all[0].find("5 partitions, the first is ordinal 100"), std::string::npos) << all[0];
    // A person who marks partitions as missing takes their state away, not their log.
    EXPECT_EQ(findings({}, {kAsset}), std::vector<std::string>{});
}

TEST(StateCheck, WhatIsNotInACheckpointYetNeedsNoState) {
    auto jobs = half_done();
    jobs[kJob].recorded = RunSet(model::Run{0, 3});
    StateCheck check(std::move(jobs), {});
    check.add(kAsset, block_of({{100, 3, 1}}));
    EXPECT_EQ(check.findings(), std::vector<std::string>{});
}

}  // namespace
}  // namespace servo::store

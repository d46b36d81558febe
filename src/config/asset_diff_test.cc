#include "config/asset_diff.h"

#include <gtest/gtest.h>

namespace servo::config {
namespace {

model::AssetSpec orders() {
    model::AssetSpec spec;
    spec.name = "orders";
    model::TimeWindows daily;
    daily.start = "2024-01-01";
    spec.partitions.dimensions = {{"", daily}};
    spec.run.argv = {"python3", "load.py"};
    spec.env = {{"A", "1"}, {"B", "2"}};
    return spec;
}

TEST(AssetDiff, EqualSpecsDoNotDiffer) {
    EXPECT_TRUE(diff_assets(orders(), orders()).empty());
    EXPECT_EQ(format_diff({}), "");
}

TEST(AssetDiff, ChangedAddedAndRemovedFieldsAreNamed) {
    model::AssetSpec after = orders();
    after.timeout = Millis(7'200'000);
    after.memory_bytes = 2LL << 30;
    after.env = {{"A", "1"}, {"C", "line\nbreak"}};
    after.run.argv = {"python3", "load.py", "--fast"};
    std::get<model::TimeWindows>(after.partitions.dimensions[0].values).start = "2023-01-01";
    after.retries.max_attempts = 4;
    EXPECT_EQ(
        format_diff(diff_assets(orders(), after)),
        "- env.B: 2\n"
        "+ env.C: \"line\\nbreak\"\n"
        "~ partitions.start: 2024-01-01 → 2023-01-01\n"
        "~ resources.memory: 0 → 2Gi\n"
        "+ retries.max_attempts: 4\n"
        "~ run.command.argv: [\"python3\",\"load.py\"] → [\"python3\",\"load.py\",\"--fast\"]\n"
        "~ timeout: 1h → 2h\n"
    );
}

TEST(AssetDiff, AnotherRunnerOrSchemeShowsBothSides) {
    model::AssetSpec after = orders();
    after.run.kind = model::RunnerKind::kWorker;
    after.partitions.dimensions = {{"", model::StaticKeys{{"eu"}, {}}}};
    const std::string text = format_diff(diff_assets(orders(), after));
    EXPECT_NE(text.find("- run.command.argv:"), std::string::npos) << text;
    EXPECT_NE(text.find("+ run.worker.argv:"), std::string::npos) << text;
    EXPECT_NE(text.find("- partitions.every: day"), std::string::npos) << text;
    EXPECT_NE(text.find("+ partitions.keys: 1 keys, added eu"), std::string::npos) << text;
}

TEST(AssetDiff, KeyListsAreSummarised) {
    model::AssetSpec before = orders();
    model::StaticKeys keys;
    for (int i = 0; i < 10; ++i) {
        keys.keys.push_back("k" + std::to_string(i));
    }
    before.partitions.dimensions = {{"date", model::TimeWindows{}}, {"shop", keys}};
    model::AssetSpec after = before;
    auto& shops = std::get<model::StaticKeys>(after.partitions.dimensions[1].values);
    for (int i = 10; i < 17; ++i) {
        shops.keys.push_back("k" + std::to_string(i));
    }
    shops.retired = {"k3"};
    EXPECT_EQ(
        format_diff(diff_assets(before, after)),
        "~ partitions.dimensions.shop.keys: 10 keys → 17 keys, added k10, k11, k12, k13, k14 and 2 "
        "more\n"
        "+ partitions.dimensions.shop.retired: 1 keys, added k3\n"
    );
    std::swap(before.partitions.dimensions[0], before.partitions.dimensions[1]);
    after = before;
    std::swap(after.partitions.dimensions[0], after.partitions.dimensions[1]);
    EXPECT_EQ(
        format_diff(diff_assets(before, after)),
        "~ partitions.dimensions: [\"shop\",\"date\"] → [\"date\",\"shop\"]\n"
    );
}

}  // namespace
}  // namespace servo::config

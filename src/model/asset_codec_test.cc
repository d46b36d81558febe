#include "model/asset_codec.h"

#include <gtest/gtest.h>

#include "base/prng.h"

namespace servo::model {
namespace {

AssetSpec full_spec() {
    AssetSpec spec;
    spec.name = "orders";
    spec.owner = "data-eng";
    spec.description = "Orders by day, \"quoted\" and in Grün";
    TimeWindows date;
    date.unit = Unit::kHours;
    date.every = 6;
    date.timezone = "Europe/Berlin";
    date.start = "2024-01-01";
    date.end = "2025-01-01";
    date.end_offset = 2;
    StaticKeys regions{{"eu", "us", "no", "01"}, {"us"}};
    spec.partitions.dimensions = {{"date", date}, {"region", regions}};
    spec.run.argv = {"python3", "load.py", "{partition.key}", ""};
    spec.env = {{"TARGET", "prod"}, {"EMPTY", ""}};
    spec.secrets = {{"DSN", {"WAREHOUSE_DSN", ""}}, {"KEY", {"", "/run/secrets/key"}}};
    spec.memory_bytes = 2LL << 30;
    spec.cpu_milli = 1'500;
    spec.labels = {{"zone", "eu"}};
    spec.timeout = Millis(600'000);
    spec.retries.max_attempts = 4;
    spec.retries.by_class = {{FailureClass::kTimeout, 1}, {FailureClass::kData, 3}};
    spec.retries.backoff_initial = Millis(1);
    spec.retries.backoff_max = Millis(90'061'001);
    spec.retries.external_max_elapsed = Millis(0);
    spec.exit_codes = {{42, FailureClass::kExternal}, {7, FailureClass::kData}};
    spec.concurrency = 16;
    spec.pools = {{"warehouse", 1}, {"api", 3}};
    spec.code_version = "2024.3";
    spec.sequential = true;
    spec.upstream = {
        {"raw", {}},
        {"prices", {UpstreamMapping::kOffset, -1}},
        {"fx", {UpstreamMapping::kAll, 0}}};
    return spec;
}

void expect_round_trip(const AssetSpec& spec) {
    const std::string text = encode_asset(spec);
    const Result<AssetSpec> back = decode_asset(text);
    ASSERT_TRUE(back.has_value()) << back.error().message << "\n" << text;
    EXPECT_EQ(*back, spec) << text;
    EXPECT_EQ(encode_asset(*back), text);
}

TEST(AssetCodec, EveryFieldComesBack) {
    expect_round_trip(full_spec());
}

TEST(AssetCodec, DefaultsAreLeftOutAndMembersAreSorted) {
    AssetSpec spec;
    spec.name = "a";
    TimeWindows daily;
    daily.start = "2024-01-01";
    spec.partitions.dimensions = {{"", daily}};
    spec.run.argv = {"true"};
    EXPECT_EQ(
        encode_asset(spec),
        R"({"codec":1,"name":"a","partitions":{"every":"day","start":"2024-01-01"},)"
        R"("run":{"command":{"argv":["true"]}}})"
    );
    expect_round_trip(spec);
}

TEST(AssetCodec, EqualSpecsGiveEqualText) {
    AssetSpec forward = full_spec();
    AssetSpec backward = full_spec();
    backward.env.clear();
    backward.env["EMPTY"] = "";
    backward.env["TARGET"] = "prod";
    EXPECT_EQ(encode_asset(forward), encode_asset(backward));
    backward.env["TARGET"] = "test";
    EXPECT_NE(encode_asset(forward), encode_asset(backward));
}

TEST(AssetCodec, EachRunnerComesBack) {
    AssetSpec spec = full_spec();
    spec.run = {};
    spec.run.kind = RunnerKind::kBatch;
    spec.run.argv = {"./load"};
    spec.run.batch_size = 7;
    expect_round_trip(spec);
    spec.run = {};
    spec.run.kind = RunnerKind::kWorker;
    spec.run.argv = {"./serve"};
    expect_round_trip(spec);
    spec.run = {};
    spec.run.kind = RunnerKind::kSynthetic;
    spec.run.synthetic = {Micros(1'500), 20, 5, FailureClass::kExternal};
    expect_round_trip(spec);
    spec.run = {};
    spec.run.argv = {"exit 3"};
    spec.run.shell = true;
    expect_round_trip(spec);
}

TEST(AssetCodec, RandomSpecsComeBack) {
    Prng random(7);
    const auto pick = [&random](uint64_t below) { return static_cast<int>(random.below(below)); };
    for (int round = 0; round < 500; ++round) {
        AssetSpec spec;
        spec.name = "asset" + std::to_string(round);
        TimeWindows windows;
        windows.unit = static_cast<Unit>(pick(6));
        windows.every = windows.unit == Unit::kCron ? 1 : 1 + pick(30);
        windows.cron = windows.unit == Unit::kCron ? "0 6 * * 1" : "";
        windows.week_start = static_cast<Weekday>(pick(7));
        windows.end_offset = pick(5);
        spec.partitions.dimensions = {{"", windows}};
        spec.run.argv = {std::string(1, static_cast<char>(1 + pick(127))), "x"};
        spec.timeout = Millis(1 + pick(100'000'000));
        spec.memory_bytes = pick(3) == 0 ? pick(1'000'000) : int64_t{pick(5'000)} << 20;
        spec.cpu_milli = pick(9'000);
        for (const FailureTraits& row : all_failure_traits()) {
            if (pick(3) == 0) {
                spec.retries.by_class[row.klass] = 1 + pick(9);
                spec.exit_codes[1 + pick(255)] = row.klass;
            }
        }
        expect_round_trip(spec);
    }
}

TEST(AssetCodec, DamagedTextIsRefused) {
    const std::string good = encode_asset(full_spec());
    for (const std::string& text :
         {std::string(),
          std::string("[]"),
          std::string("{}"),
          std::string("{\"codec\":1}"),
          good.substr(0, good.size() - 1),
          std::string("{\"codec\":2,\"run\":{}}"),
          std::string(R"({"codec":1,"name":"a","run":{"command":{"argv":["x"]}},"surprise":1})"),
          std::string(R"({"codec":1,"name":7,"run":{"command":{"argv":["x"]}}})"),
          std::string(R"({"codec":1,"name":"a","run":{"http":{"argv":["x"]}}})"),
          std::string(R"({"codec":1,"name":"a","run":{"command":{"argv":["x"]}},"timeout":"soon"})"
          )}) {
        const Result<AssetSpec> back = decode_asset(text);
        ASSERT_FALSE(back.has_value()) << text;
        EXPECT_EQ(back.error().code, ErrorCode::kInternal);
        EXPECT_EQ(back.error().reason, "corrupt_payload");
    }
    // Every cut of a good text is refused, and none of them crashes.
    for (size_t length = 0; length < good.size(); ++length) {
        EXPECT_FALSE(decode_asset(good.substr(0, length)).has_value()) << length;
    }
}

TEST(AttemptsAllowed, ByClassThenMaxAttemptsThenTheDefaultOfTheClass) {
    RetryPolicy policy;
    EXPECT_EQ(attempts_allowed(policy, FailureClass::kTransient), 3);
    EXPECT_EQ(attempts_allowed(policy, FailureClass::kData), 1);
    EXPECT_EQ(attempts_allowed(policy, FailureClass::kTimeout), 2);
    EXPECT_EQ(attempts_allowed(policy, FailureClass::kExternal), 0);
    policy.max_attempts = 5;
    policy.by_class[FailureClass::kTimeout] = 1;
    EXPECT_EQ(attempts_allowed(policy, FailureClass::kTransient), 5);
    EXPECT_EQ(attempts_allowed(policy, FailureClass::kTimeout), 1);
    EXPECT_EQ(attempts_allowed(policy, FailureClass::kExternal), 0);
    EXPECT_EQ(attempts_allowed(policy, FailureClass::kLost), 0);
    EXPECT_EQ(attempts_allowed(policy, FailureClass::kQuarantined), 1);
}

TEST(AssetWords, EveryHasOneForm) {
    EXPECT_EQ(parse_every("15m"), std::pair(Unit::kMinutes, 15));
    EXPECT_EQ(parse_every("hour"), std::pair(Unit::kHours, 1));
    EXPECT_EQ(parse_every("6h"), std::pair(Unit::kHours, 6));
    EXPECT_EQ(parse_every("month"), std::pair(Unit::kMonth, 1));
    for (const std::string_view bad : {"", "h", "m", "0m", "-5m", "5", "days", "1.5h", "6hour"}) {
        EXPECT_EQ(parse_every(bad), std::nullopt) << bad;
    }
    EXPECT_EQ(format_bytes(2LL << 30), "2Gi");
    EXPECT_EQ(format_bytes(1'500), "1500");
    EXPECT_EQ(format_bytes(0), "0");
    EXPECT_EQ(format_micros(Micros(1'500)), "1500us");
    EXPECT_EQ(*parse_micros("1500us"), Micros(1'500));
    EXPECT_EQ(*parse_micros("2ms"), Micros(2'000));
    EXPECT_FALSE(parse_micros("fast").has_value());
}

}  // namespace
}  // namespace servo::model

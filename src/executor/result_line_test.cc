#include "executor/result_line.h"

#include <gtest/gtest.h>

namespace servo::executor {
namespace {

TEST(ResultLine, ReadsEveryMember) {
    const auto line = parse_result_line(
        R"({"id":7,"key":"2024-01-01","status":"failed","class":"external","message":"no",)"
        R"("rows":12,"bytes":3e3,"retry_after_s":90,"pool":"warehouse","other":[1]})"
    );
    ASSERT_TRUE(line.has_value()) << line.error().message;
    EXPECT_EQ(line->id, 7);
    EXPECT_EQ(line->key, "2024-01-01");
    EXPECT_EQ(line->status, SaidStatus::kFailed);
    EXPECT_EQ(line->klass, model::FailureClass::kExternal);
    EXPECT_EQ(line->message, "no");
    EXPECT_EQ(line->rows, 12);
    EXPECT_EQ(line->bytes, 3'000);
    EXPECT_EQ(line->retry_after, Millis(90'000));
    EXPECT_EQ(line->pool, "warehouse");
}

TEST(ResultLine, ReadsPhasesInSeconds) {
    const auto line =
        parse_result_line(R"({"phases":{"db_exec":1.5,"sleep":2,"cpu":0.000001,"tls":0}})");
    ASSERT_TRUE(line.has_value()) << line.error().message;
    ASSERT_TRUE(line->phases.has_value());
    const auto us = [&](model::Phase phase) { return (*line->phases)[static_cast<size_t>(phase)]; };
    EXPECT_EQ(us(model::Phase::kDbExec), 1'500'000);
    EXPECT_EQ(us(model::Phase::kSleep), 2'000'000);
    EXPECT_EQ(us(model::Phase::kCpu), 1);
    EXPECT_EQ(us(model::Phase::kTls), 0);
    EXPECT_EQ(us(model::Phase::kOpaque), 0);
}

TEST(ResultLine, SaysWhichPhasesThereAre) {
    const auto line = parse_result_line(R"({"phases":{"database":1}})");
    ASSERT_FALSE(line.has_value());
    EXPECT_EQ(
        line.error().message,
        R"("phases" knows queue_local, dns, connect, tls, ttfb, transfer, db_wait, db_exec, cpu, )"
        R"(throttled, io, sleep, not "database")"
    );
}

TEST(ResultLine, NullStandsForAbsent) {
    const auto line = parse_result_line(R"({"rows":null,"class":null,"message":null})");
    ASSERT_TRUE(line.has_value());
    EXPECT_EQ(line->rows, -1);
    EXPECT_FALSE(line->klass.has_value());
}

TEST(ResultLine, RefusesWhatItCannotTrust) {
    const std::vector<std::string> bad = {
        "",
        "[]",
        "{",
        "rows: 3",
        R"({"rows":-1})",
        R"({"rows":1.5})",
        R"({"rows":99999999999999999999})",
        R"({"rows":"3"})",
        R"({"class":"lost"})",
        R"({"class":"quarantined"})",
        R"({"class":"nonsense"})",
        R"({"status":"done"})",
        R"({"message":3})",
        R"({"phases":1.5})",
        R"({"phases":{"opaque":1}})",
        R"({"phases":{"cpu":-1}})",
        R"({"phases":{"cpu":"1"}})",
        R"({"phases":{"cpu":1e300}})",
        std::string(kResultLineBytesMax + 1, ' '),
        std::string(10'000, '[')};
    for (const std::string& text : bad) {
        const auto line = parse_result_line(text);
        ASSERT_FALSE(line.has_value()) << text.substr(0, 60);
        EXPECT_EQ(line.error().reason, "bad_result_line");
        EXPECT_FALSE(line.error().message.empty());
    }
}

}  // namespace
}  // namespace servo::executor

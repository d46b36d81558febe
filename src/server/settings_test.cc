#include "server/settings.h"

#include <gtest/gtest.h>

#include "base/rfc3339.h"

namespace servo::server {
namespace {

const Instant kNow = instant_of(parse_civil_time("2024-05-01T12:00:00Z").value());

std::string deadline(const char* text) {
    const auto t = parse_deadline(text, kNow);
    return t ? format_rfc3339(*t) : t.error().reason;
}

TEST(Settings, DeadlinesAreAheadDatesOrTimes) {
    EXPECT_EQ(deadline("+72h"), "2024-05-04T12:00:00Z");
    EXPECT_EQ(deadline("2024-05-03"), "2024-05-04T00:00:00Z");
    EXPECT_EQ(deadline("2024-05-03T08:00:00+02:00"), "2024-05-03T06:00:00Z");
    EXPECT_EQ(deadline("2024-05-01"), "2024-05-02T00:00:00Z");
    EXPECT_EQ(deadline("2024-04-30"), "deadline_passed");
    EXPECT_EQ(deadline("+soon"), "bad_time");
    EXPECT_EQ(deadline("tomorrow"), "bad_time");
}

TEST(Settings, SinceTakesAgesAndTimes) {
    EXPECT_EQ(parse_since("24h", kNow).value(), kNow - Millis(86'400'000));
    EXPECT_EQ(format_rfc3339(parse_since("2024-04-01", kNow).value()), "2024-04-01T00:00:00Z");
    EXPECT_EQ(parse_since("a while", kNow).error().reason, "bad_time");
}

TEST(Settings, HoldsEndOrNot) {
    EXPECT_EQ(parse_hold("", kNow).value(), kNever);
    EXPECT_EQ(parse_hold("2h", kNow).value(), kNow + Millis(7'200'000));
    EXPECT_EQ(parse_hold("366d", kNow).value(), kNow + kHoldMax);
    EXPECT_EQ(parse_hold("1s", kNow).value(), kNow + kHoldMin);
    for (const std::string text : {"400d", "0s", "999ms"}) {
        const Error refused = parse_hold(text, kNow).error();
        EXPECT_EQ(refused.reason, "bad_duration");
        EXPECT_EQ(refused.message, "for must be 1s to 366d, not \"" + text + "\".");
    }
    EXPECT_EQ(
        parse_hold("soon", kNow, "overlap").error().message,
        "overlap: \"soon\" is no length of time; write it like 2h."
    );
}

TEST(Settings, FailureLimitsRoundTrip) {
    for (const char* text : {"10", "5%", "100%", "none"}) {
        EXPECT_EQ(model::to_text(parse_max_failures(text).value()), text);
    }
    for (const char* text : {"", "0", "0%", "101%", "-1", "5 %", "x"}) {
        EXPECT_EQ(parse_max_failures(text).error().reason, "bad_max_failures") << text;
    }
}

TEST(Settings, NoneSetsBackToTheAsset) {
    api::SettingsRequest request;
    request.timeout = "none";
    request.sla_deadline = "none";
    request.max_attempts = "5";
    const core::SetJob command = set_command(request, kNow).value();
    ASSERT_TRUE(command.change.timeout);
    EXPECT_FALSE(*command.change.timeout);
    ASSERT_TRUE(command.change.deadline);
    EXPECT_FALSE(*command.change.deadline);
    EXPECT_EQ(command.change.max_attempts.value(), 5);
    EXPECT_FALSE(command.change.memory_bytes);
    EXPECT_EQ(set_command(api::SettingsRequest{}, kNow).error().reason, "nothing_to_set");
    request.priority = 11;
    EXPECT_EQ(set_command(request, kNow).error().reason, "bad_priority");
}

TEST(Settings, TimeoutAndMemoryHaveTheBoundsOfTheAssetFile) {
    const auto reason = [](const char* timeout, const char* memory) {
        api::SettingsRequest request;
        request.timeout = timeout;
        request.memory = memory;
        const auto command = set_command(request, kNow);
        return command ? "" : command.error().reason + ": " + command.error().message;
    };
    EXPECT_EQ(reason("100ms", "1Mi"), "");
    EXPECT_EQ(reason("30d", "64Ti"), "");
    for (const char* timeout : {"99ms", "31d"}) {
        EXPECT_EQ(
            reason(timeout, "1Gi"), "bad_timeout: timeout must be 100ms to 30d, or \"none\"."
        );
    }
    for (const char* memory : {"1023Ki", "65Ti"}) {
        EXPECT_EQ(reason("1h", memory), "bad_memory: memory must be 1Mi to 64Ti, or \"none\".");
    }
}

TEST(Settings, AChangeMayHoldForATimeButNotARevision) {
    api::SettingsRequest request;
    request.priority = 5;
    EXPECT_EQ(set_command(request, kNow).value().until, kNever);
    request.hold_for = "2h";
    EXPECT_EQ(set_command(request, kNow).value().until, kNow + Millis(7'200'000));
    request.revision = "latest";
    EXPECT_EQ(set_command(request, kNow).error().reason, "revision_for_a_time");
    request.revision.reset();
    request.hold_for = "a while";
    EXPECT_EQ(set_command(request, kNow).error().reason, "bad_duration");
}

}  // namespace
}  // namespace servo::server

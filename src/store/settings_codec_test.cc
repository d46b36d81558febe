#include "store/settings_codec.h"

#include <gtest/gtest.h>

namespace servo::store {
namespace {

using namespace model;

TemporarySettings every_setting() {
    TemporarySettings out;
    out.lasting.priority = -3;
    out.lasting.deadline = std::optional(instant_ms(1'800'000'000'000));
    out.lasting.max_concurrency = int64_t{1} << 40;
    out.lasting.max_failures = MaxFailures{5, 20, 9};
    out.lasting.timeout = std::optional(Millis(90'000));
    out.lasting.memory_bytes = std::optional(int64_t{1} << 33);
    out.lasting.max_attempts = std::optional(4);
    out.info = {"ann", "ünïcode \"why\"", instant_ms(1), instant_ms(2)};
    return out;
}

TEST(SettingsCodec, RoundTripsValuesAndTheirAbsence) {
    EXPECT_EQ(encode_temporary({}), "[]");
    TemporarySettings as_the_asset;
    as_the_asset.lasting.timeout = std::optional<Millis>();
    as_the_asset.lasting.deadline = std::optional<Instant>();
    as_the_asset.info.until = kNever;
    const std::vector<TemporarySettings> all = {every_setting(), as_the_asset};
    EXPECT_EQ(decode_temporary(encode_temporary(all)).value(), all);
    EXPECT_TRUE(decode_temporary("[]").value().empty());
}

TEST(SettingsCodec, RefusesWhatItDoesNotKnow) {
    const std::string good = encode_temporary({every_setting()});
    std::string unknown = good;
    unknown.replace(unknown.find("\"timeout\""), 9, "\"patience\"");
    for (const std::string& text :
         {std::string(""),
          std::string("{}"),
          std::string("[{}]"),
          unknown,
          good.substr(0, good.size() - 1),
          std::string(R"([{"lasting":{},"by":"","reason":"","since_ms":1,"until_ms":2}])")}) {
        EXPECT_EQ(decode_temporary(text).error().reason, "corrupt_payload") << text;
    }
}

}  // namespace
}  // namespace servo::store

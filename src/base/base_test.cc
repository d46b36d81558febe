#include <gtest/gtest.h>

#include "base/packed_text.h"
#include "base/prng.h"
#include "base/rfc3339.h"
#include "base/suggest.h"
#include "base/text.h"
#include "base/utf8.h"
#include "base/varint.h"

namespace servo {
namespace {

TEST(Duration, ParsesSumsAndRefusesNonsense) {
    EXPECT_EQ(parse_duration("90s").value(), Millis(90'000));
    EXPECT_EQ(parse_duration("1h30m").value(), Millis(5'400'000));
    EXPECT_EQ(parse_duration("250ms").value(), Millis(250));
    for (const char* bad : {"", "5", "h", "-1s", "1x", "99999999999999999999s", "1 h"}) {
        EXPECT_FALSE(parse_duration(bad).has_value()) << bad;
    }
}

TEST(Duration, FormatIsExact) {
    for (const int64_t ms : {1LL, 999LL, 60'000LL, 5'400'001LL, 90'061'001LL}) {
        EXPECT_EQ(parse_duration(format_duration(Millis(ms))).value(), Millis(ms));
    }
}

TEST(Utf8, TheWellFormedPrefix) {
    const std::string good = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x99\x82";
    EXPECT_EQ(valid_utf8_prefix(good), good.size());
    EXPECT_EQ(valid_utf8_prefix(""), 0U);
    for (const char* bad :
         {"\xFF", "\x80", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82"}) {
        EXPECT_EQ(valid_utf8_prefix(good + bad), good.size());
    }
    EXPECT_EQ(place_of("ab\ncd", 4).line, 2U);
    EXPECT_EQ(place_of("ab\ncd", 4).column, 2U);
    EXPECT_EQ(place_of("", 9).line, 1U);
}

TEST(Bytes, UnitsAndOverflow) {
    EXPECT_EQ(parse_bytes("2Gi").value(), int64_t{2} << 30);
    EXPECT_EQ(parse_bytes("4096").value(), 4096);
    EXPECT_FALSE(parse_bytes("99999999Ti").has_value());
    EXPECT_FALSE(parse_bytes("2GB").has_value());
}

TEST(Rfc3339, RoundTrip) {
    const CivilTime t = parse_civil_time("2024-02-29T05:15:30.250+02:00").value();
    EXPECT_EQ(format_rfc3339(instant_of(t)), "2024-02-29T03:15:30.250Z");
    EXPECT_FALSE(parse_civil_time("2024-01-29").value().has_time);
}

TEST(Rfc3339, RefusesWhatDoesNotExist) {
    for (const char* bad :
         {"2023-02-29",
          "2024-13-01",
          "2024-01-29T24",
          "2024-01-29T05:60",
          "24-01-29",
          "2024-01-29T05:15:00+2",
          "2024-01-29x",
          "2024-01-29T05:15:00.Z"}) {
        EXPECT_FALSE(parse_civil_time(bad).has_value()) << bad;
    }
}

TEST(Varint, RoundTripAndTruncation) {
    std::string bytes;
    put_varint(bytes, 0);
    put_varint(bytes, ~uint64_t{0});
    put_signed_varint(bytes, -1);
    put_signed_varint(bytes, INT64_MIN);
    VarintReader in(bytes);
    EXPECT_EQ(in.next().value(), 0U);
    EXPECT_EQ(in.next().value(), ~uint64_t{0});
    EXPECT_EQ(in.next_signed().value(), -1);
    EXPECT_EQ(in.next_signed().value(), INT64_MIN);
    EXPECT_TRUE(in.done());
    VarintReader cut(std::string_view("\xff", 1));
    EXPECT_FALSE(cut.next().has_value());
}

TEST(Crc32c, KnownAnswer) {
    EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
}

TEST(Base32, RoundTrip) {
    for (const std::string& bytes : {std::string("\x00\x01\xff", 3), std::string("hello12345")}) {
        EXPECT_EQ(base32_decode(base32_encode(bytes)).value(), bytes);
    }
    EXPECT_FALSE(base32_decode("u!").has_value());
}

TEST(Suggest, FindsTheNearestOnlyWhenItIsNear) {
    EXPECT_EQ(nearest("timout", {"timeout", "retries"}), "timeout");
    EXPECT_EQ(nearest("zzzzzz", {"timeout", "retries"}), "");
    EXPECT_EQ(did_you_mean("ordres", {"orders"}), " Did you mean \"orders\"?");
}

TEST(ShellQuote, HostileWordsStayOneWord) {
    EXPECT_EQ(shell_quote("plain-1.2"), "plain-1.2");
    EXPECT_EQ(shell_quote("a'b $(c)"), "'a'\\''b $(c)'");
    EXPECT_EQ(shell_quote(""), "''");
}

TEST(Text, Commas) {
    EXPECT_EQ(with_commas(1234567), "1,234,567");
    EXPECT_EQ(with_commas(-999), "-999");
}

TEST(PackedText, ComesBackAsItWas) {
    std::string log;
    for (int line = 0; log.size() < 64 * 1024; ++line) {
        log += "2024-01-29T05:15:00Z INFO loaded chunk " + std::to_string(line) + " of orders\n";
    }
    for (const std::string& text : {std::string(), std::string("short\n"), log}) {
        const std::string packed = pack_text(text);
        EXPECT_LE(packed.size(), text.size());
        EXPECT_EQ(unpack_text(packed, text.size()).value(), text);
    }
    EXPECT_EQ(pack_text("short\n"), "short\n");
    EXPECT_LT(pack_text(log).size(), log.size() / 5);
    EXPECT_EQ(pack_text(std::string(2, '\0')), std::string("?\0", 2));
}

TEST(PackedText, DamageAndBombsAreErrors) {
    const std::string packed = pack_text(std::string(10'000, 'x'));
    EXPECT_FALSE(unpack_text(packed.substr(0, packed.size() / 2), 10'000).has_value());
    EXPECT_FALSE(unpack_text(packed, 9'999).has_value());
    EXPECT_FALSE(unpack_text(std::string("\0nonsense", 9), 10'000).has_value());
    EXPECT_FALSE(unpack_text(std::string(1, '\0'), 10'000).has_value());
}

TEST(Prng, SameSeedSameSequenceAndBounds) {
    Prng a(7);
    Prng b(7);
    for (int i = 0; i < 1000; ++i) {
        const uint64_t value = a.below(10);
        EXPECT_EQ(value, b.below(10));
        EXPECT_LT(value, 10U);
    }
}

}  // namespace
}  // namespace servo

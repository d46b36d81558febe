#include "model/job_id.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "base/prng.h"

namespace servo::model {
namespace {

int64_t random_value(Prng& prng) {
    return static_cast<int64_t>(prng.next() >> 1) | 1;
}

TEST(JobId, GoldenText) {
    EXPECT_EQ(to_text(JobId(1)).size(), 3 + kIdCharacters);
    EXPECT_EQ(to_text(JobId(1)).substr(0, 15), "bf_000000000000");
    EXPECT_EQ(to_text(GroupId(1)).substr(4), to_text(JobId(1)).substr(3));
}

TEST(JobId, RoundTrip) {
    Prng prng(7);
    for (int i = 0; i < 2000; ++i) {
        const int64_t value = random_value(prng);
        const std::string text = to_text(JobId(value));
        ASSERT_EQ(parse_job_id(text).value().value, value);
        ASSERT_EQ(parse_group_id(to_text(GroupId(value))).value().value, value);
    }
    const int64_t top = std::numeric_limits<int64_t>::max();
    EXPECT_EQ(parse_job_id(to_text(JobId(top))).value().value, top);
}

TEST(JobId, OneWrongCharacterIsRefused) {
    const std::string alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
    const std::string good = to_text(JobId(0x123456789abcdefLL));
    for (size_t at = 3; at < good.size(); ++at) {
        for (const char c : alphabet) {
            std::string bad = good;
            bad[at] = c;
            if (bad != good) {
                EXPECT_FALSE(parse_job_id(bad).has_value()) << bad;
            }
        }
    }
}

TEST(JobId, RefusesOtherTexts) {
    const std::string good = to_text(JobId(42));
    for (const std::string& bad :
         {std::string(),
          std::string("bf_"),
          good.substr(3),
          good + "0",
          "grp_" + good.substr(3),
          "bf_" + std::string(16, 'u'),
          "bf_" + std::string(16, '!')}) {
        const Result<JobId> id = parse_job_id(bad);
        ASSERT_FALSE(id.has_value()) << bad;
        EXPECT_EQ(id.error().reason, "bad_id");
    }
    EXPECT_FALSE(parse_job_id(to_text(JobId(0))).has_value());
    EXPECT_FALSE(parse_group_id(good).has_value());
}

TEST(JobIdPrefix, IntervalHoldsExactlyTheIdsThatStartWithIt) {
    Prng prng(11);
    for (int i = 0; i < 500; ++i) {
        const std::string a = to_text(JobId(random_value(prng)));
        const int64_t other = random_value(prng);
        for (size_t length = 1; length <= kIdCharacters; ++length) {
            const std::string prefix = a.substr(3, length);
            const JobIdRange range = parse_job_id_prefix("bf_" + prefix).value();
            const int64_t own = parse_job_id(a).value().value;
            ASSERT_LE(range.first, own);
            ASSERT_GE(range.last, own);
            ASSERT_EQ(
                to_text(JobId(other)).substr(3).starts_with(prefix),
                range.first <= other && other <= range.last
            );
            ASSERT_EQ(parse_job_id_prefix(prefix).value().first, range.first);
        }
    }
}

TEST(JobIdPrefix, RefusesEmptyLongAndForeign) {
    for (const char* bad : {"", "bf_", "bf_!", "bf_00000000000000000", "grp_12"}) {
        EXPECT_FALSE(parse_job_id_prefix(bad).has_value()) << bad;
    }
    std::string mistyped = to_text(JobId(12345));
    mistyped.back() = mistyped.back() == '0' ? '1' : '0';
    EXPECT_FALSE(parse_job_id_prefix(mistyped).has_value());
}

}  // namespace
}  // namespace servo::model

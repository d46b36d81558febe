#include "store/claims_codec.h"

#include <gtest/gtest.h>

namespace servo::store {
namespace {

using model::Claim;

TEST(ClaimsCodec, RoundTrips) {
    const std::vector<Claim> claims = {
        {instant_ms(1'700'000'000'000), Millis(0)},
        {instant_ms(1'700'000'900'000), Millis(61'000)}};
    EXPECT_EQ(encode_claims({}), "[]");
    EXPECT_EQ(encode_claims(claims), "[[1700000000000,0],[1700000900000,61000]]");
    EXPECT_EQ(decode_claims(encode_claims(claims)).value(), claims);
}

TEST(ClaimsCodec, RefusesWhatIsNone) {
    for (const char* text : {"", "{}", "[1]", "[[1]]", "[[1,\"2\"]]", "[[1,2]"}) {
        const auto read = decode_claims(text);
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().reason, "corrupt_payload");
    }
}

}  // namespace
}  // namespace servo::store

#include "model/token.h"

#include <gtest/gtest.h>

namespace servo::model {
namespace {

TokenText sample(TokenRole role) {
    std::string secret;
    for (size_t i = 0; i < kTokenSecretBytes; ++i) {
        secret += static_cast<char>(i * 37);
    }
    return {role, "abcdefgh2345", base32(secret)};
}

TEST(Token, Base32KeepsEveryBit) {
    EXPECT_EQ(base32(""), "");
    EXPECT_EQ(base32("f"), "my");
    EXPECT_EQ(base32("foobar"), "mzxw6ytboi");
    EXPECT_EQ(base32(std::string(32, '\xff')).size(), 52U);
}

TEST(Token, TextRoundTripsForEveryRole) {
    for (const TokenRole role :
         {TokenRole::kAdmin,
          TokenRole::kTenantAdmin,
          TokenRole::kTenantRead,
          TokenRole::kExecutor,
          TokenRole::kMetrics}) {
        const TokenText token = sample(role);
        const std::string text = format_token(token);
        const auto back = parse_token(text);
        ASSERT_TRUE(back) << text;
        EXPECT_EQ(back->role, role);
        EXPECT_EQ(back->id, token.id);
        EXPECT_EQ(back->secret, token.secret);
        EXPECT_EQ(token_role_from(to_string(role)), role);
    }
    EXPECT_TRUE(format_token(sample(TokenRole::kTenantRead)).starts_with("svo_read_abcdefgh2345_"));
}

TEST(Token, EveryMistypedOrMissingCharacterIsSeen) {
    const std::string text = format_token(sample(TokenRole::kExecutor));
    for (size_t i = 0; i < text.size(); ++i) {
        std::string wrong = text;
        wrong[i] = wrong[i] == 'q' ? 'r' : 'q';
        EXPECT_FALSE(parse_token(wrong)) << wrong;
        EXPECT_FALSE(parse_token(text.substr(0, i)));
    }
    EXPECT_FALSE(parse_token(text + "a"));
}

TEST(Token, LivesUntilItExpiresOrIsRevoked) {
    TokenRow row;
    EXPECT_TRUE(row.live(instant_ms(5)));
    row.expires_at = instant_ms(10);
    EXPECT_TRUE(row.live(instant_ms(9)));
    EXPECT_FALSE(row.live(instant_ms(10)));
    row.expires_at = kNever;
    row.revoked_at = instant_ms(7);
    EXPECT_FALSE(row.live(instant_ms(7)));
}

}  // namespace
}  // namespace servo::model

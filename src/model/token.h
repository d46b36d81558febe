// Tokens of the API: who may do what, for which tenant, until when. The text of a token is shown
// once; what is kept is the SHA-256 of its secret. Pure.
//
// Text: svo_<kind>_<id>_<secret><checksum>. `secret` is 256 random bits, `checksum` lets a program
// that looks for leaked tokens, and the server, tell a token from noise without a look-up.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "model/ids.h"
#include "model/labels.h"

namespace servo::model {

constexpr size_t kTokenIdCharacters = 12;
constexpr size_t kTokenSecretBytes = 32;
constexpr size_t kTokenNoteBytesMax = 200;
constexpr size_t kTokensMax = 10'000;  // live ones

// kAdmin: everything, every tenant. kTenantAdmin, kTenantRead: all or reading of one tenant.
// kExecutor: the executor protocol, for one tenant's work or everybody's. kMetrics: metrics alone.
enum class TokenRole { kAdmin, kTenantAdmin, kTenantRead, kExecutor, kMetrics };
std::string_view to_string(TokenRole role);  // "admin", "tenant-admin", …
std::optional<TokenRole> token_role_from(std::string_view word);
// Whether a token of that role must, may or must not name a tenant.
bool needs_tenant(TokenRole role);
bool may_have_tenant(TokenRole role);

struct TokenRow {
    std::string id;  // kTokenIdCharacters of a-z, 2-7
    TokenRole role = TokenRole::kTenantRead;
    TenantId tenant;            // 0 = of the whole installation
    Labels labels;              // an executor's: it may register with these; none = with any
    std::string secret_sha256;  // hexadecimal, of the secret's text
    std::string note;
    std::string created_by;
    Instant created_at;
    Instant expires_at = kNever;
    Instant revoked_at = kNever;
    bool operator==(const TokenRow&) const = default;

    bool live(Instant now) const { return now < expires_at && now < revoked_at; }
};

// 5 bits a character, a-z and 2-7, most significant first.
std::string base32(std::string_view bytes);

struct TokenText {
    TokenRole role = TokenRole::kTenantRead;
    std::string id;
    std::string secret;
};
std::string format_token(const TokenText& token);
// nullopt: no token of ours, mistyped or cut.
std::optional<TokenText> parse_token(std::string_view text);

}  // namespace servo::model

#include "model/token.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "base/varint.h"

namespace servo::model {
namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
constexpr size_t kSecretCharacters = (kTokenSecretBytes * 8 + 4) / 5;
constexpr size_t kChecksumCharacters = 7;  // of 32 bits

struct RoleWords {
    TokenRole role;
    std::string_view name;
    std::string_view kind;  // in the token's text
};
constexpr std::array<RoleWords, 5> kRoles = {{
    {TokenRole::kAdmin, "admin", "admin"},
    {TokenRole::kTenantAdmin, "tenant-admin", "tenant"},
    {TokenRole::kTenantRead, "tenant-read", "read"},
    {TokenRole::kExecutor, "executor", "executor"},
    {TokenRole::kMetrics, "metrics", "metrics"},
}};

std::string_view kind_of(TokenRole role) {
    return kRoles[static_cast<size_t>(role)].kind;
}

std::string checksum(std::string_view id, std::string_view secret) {
    const uint32_t sum = crc32c(fmt::format("{}_{}", id, secret));
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) {
        bytes += static_cast<char>((sum >> shift) & 0xff);
    }
    return base32(bytes);
}

bool is_base32(std::string_view text) {
    return text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

}  // namespace

std::string_view to_string(TokenRole role) {
    return kRoles[static_cast<size_t>(role)].name;
}

std::optional<TokenRole> token_role_from(std::string_view word) {
    for (const RoleWords& each : kRoles) {
        if (each.name == word) {
            return each.role;
        }
    }
    return std::nullopt;
}

bool needs_tenant(TokenRole role) {
    return role == TokenRole::kTenantAdmin || role == TokenRole::kTenantRead;
}

bool may_have_tenant(TokenRole role) {
    return needs_tenant(role) || role == TokenRole::kExecutor;
}

std::string base32(std::string_view bytes) {
    std::string out;
    unsigned held = 0;
    int bits = 0;
    for (const char c : bytes) {
        held = (held << 8) | static_cast<unsigned char>(c);
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            out += kAlphabet[(held >> bits) & 31];
        }
        held &= 31;
    }
    if (bits > 0) {
        out += kAlphabet[(held << (5 - bits)) & 31];
    }
    return out;
}

std::string format_token(const TokenText& token) {
    return fmt::format(
        "svo_{}_{}_{}{}",
        kind_of(token.role),
        token.id,
        token.secret,
        checksum(token.id, token.secret)
    );
}

std::optional<TokenText> parse_token(std::string_view text) {
    const std::vector<std::string> parts = split(text, '_');
    if (parts.size() != 4 || parts[0] != "svo" || parts[2].size() != kTokenIdCharacters ||
        parts[3].size() != kSecretCharacters + kChecksumCharacters || !is_base32(parts[2]) ||
        !is_base32(parts[3])) {
        return std::nullopt;
    }
    for (const RoleWords& each : kRoles) {
        TokenText out{each.role, parts[2], parts[3].substr(0, kSecretCharacters)};
        if (each.kind == parts[1] &&
            parts[3].substr(kSecretCharacters) == checksum(out.id, out.secret)) {
            return out;
        }
    }
    return std::nullopt;
}

}  // namespace servo::model

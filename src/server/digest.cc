#include "server/digest.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace servo::server {

std::string sha256(std::string_view bytes) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
    return {reinterpret_cast<const char*>(digest), sizeof digest};
}

std::string sha256_hex(std::string_view bytes) {
    std::string out;
    for (const char c : sha256(bytes)) {
        out += fmt::format("{:02x}", static_cast<unsigned char>(c));
    }
    return out;
}

bool same_secret(std::string_view given, std::string_view expected) {
    const std::string a = sha256(given);
    const std::string b = sha256(expected);
    return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0 && !expected.empty();
}

}  // namespace servo::server

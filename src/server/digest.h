// SHA-256, for hashes of bodies and comparison of tokens. Pure.
#pragma once

#include <string>
#include <string_view>

namespace servo::server {

// 32 bytes, raw.
std::string sha256(std::string_view bytes);
// Lower-case hexadecimal.
std::string sha256_hex(std::string_view bytes);
// Takes the same time wherever they differ. An empty `expected` equals nothing.
bool same_secret(std::string_view given, std::string_view expected);

}  // namespace servo::server

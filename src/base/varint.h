// Variable-length integers (7 bits a byte, least significant first; LEB128) for packed rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace servo {

void put_varint(std::string& out, uint64_t value);
// Small magnitudes of either sign stay short (zigzag).
void put_signed_varint(std::string& out, int64_t value);

// Reads from the front of a byte string; every read checks its bounds.
// Error: internal / "corrupt_payload". Not thread-safe.
class VarintReader {
 public:
    explicit VarintReader(std::string_view bytes) : rest_(bytes) {}
    Result<uint64_t> next();
    Result<int64_t> next_signed();
    bool done() const { return rest_.empty(); }
    std::string_view rest() const { return rest_; }  // not yet read

 private:
    std::string_view rest_;
};

// CRC-32C (Castagnoli) of `bytes`, the checksum of packed rows.
uint32_t crc32c(std::string_view bytes);

}  // namespace servo

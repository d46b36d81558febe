#include "base/varint.h"

#include <array>

namespace servo {

void put_varint(std::string& out, uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<char>((value & 0x7f) | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<char>(value));
}

void put_signed_varint(std::string& out, int64_t value) {
    const uint64_t bits = static_cast<uint64_t>(value);
    put_varint(out, (bits << 1) ^ (value < 0 ? ~uint64_t{0} : uint64_t{0}));
}

Result<uint64_t> VarintReader::next() {
    uint64_t value = 0;
    for (size_t i = 0; i < rest_.size() && i < 10; ++i) {
        const uint64_t byte = static_cast<unsigned char>(rest_[i]);
        value |= (byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            rest_.remove_prefix(i + 1);
            return value;
        }
    }
    return fail(internal("corrupt_payload", "A packed row ends in the middle of a number."));
}

Result<int64_t> VarintReader::next_signed() {
    const uint64_t bits = SERVO_TRY(next());
    return static_cast<int64_t>((bits >> 1) ^ (~(bits & 1) + 1));
}

uint32_t crc32c(std::string_view bytes) {
    static const std::array<uint32_t, 256> table = [] {
        std::array<uint32_t, 256> t{};
        for (uint32_t i = 0; i < 256; ++i) {
            uint32_t c = i;
            for (int k = 0; k < 8; ++k) {
                c = (c & 1) ? (c >> 1) ^ 0x82f63b78U : c >> 1;
            }
            t[i] = c;
        }
        return t;
    }();
    uint32_t crc = 0xffffffffU;
    for (const char ch : bytes) {
        crc = table[(crc ^ static_cast<unsigned char>(ch)) & 0xffU] ^ (crc >> 8);
    }
    return crc ^ 0xffffffffU;
}

}  // namespace servo

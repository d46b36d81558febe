#include "store/page_token.h"

#include <array>

#include "base/text.h"
#include "base/varint.h"

namespace servo::store {
namespace {

// So many numbers and a checksum over them.
template <size_t N>
std::string encode(const std::array<int64_t, N>& numbers) {
    std::string bytes;
    for (const int64_t number : numbers) {
        put_signed_varint(bytes, number);
    }
    put_varint(bytes, crc32c(bytes));
    return base32_encode(bytes);
}

template <size_t N>
Result<std::array<int64_t, N>> decode(std::string_view token) {
    const Error bad = invalid_argument(
        "bad_page_token",
        "The page token is not one that this list gave out. Ask for the first page without a "
        "token."
    );
    const auto bytes = base32_decode(token);
    if (!bytes) {
        return fail(bad);
    }
    VarintReader in(*bytes);
    std::array<int64_t, N> out{};
    for (int64_t& number : out) {
        const auto read = in.next_signed();
        if (!read) {
            return fail(bad);
        }
        number = *read;
    }
    const std::string_view covered =
        std::string_view(*bytes).substr(0, bytes->size() - in.rest().size());
    const auto checksum = in.next();
    if (!checksum || *checksum != crc32c(covered) || !in.done()) {
        return fail(bad);
    }
    return out;
}

}  // namespace

std::string encode_page_token(const PagePlace& place) {
    return encode(std::array<int64_t, 2>{to_ms(place.created_at), place.id.value});
}

Result<PagePlace> decode_page_token(std::string_view token) {
    const auto numbers = SERVO_TRY(decode<2>(token));
    return PagePlace{instant_ms(numbers[0]), model::JobId(numbers[1])};
}

std::string encode_event_token(int64_t event) {
    return encode(std::array<int64_t, 1>{event});
}

Result<int64_t> decode_event_token(std::string_view token) {
    return SERVO_TRY(decode<1>(token))[0];
}

}  // namespace servo::store

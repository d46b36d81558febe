#include "store/page_token.h"

#include "base/text.h"
#include "base/varint.h"

namespace servo::store {

std::string encode_page_token(const PagePlace& place) {
    std::string bytes;
    put_signed_varint(bytes, to_ms(place.created_at));
    put_signed_varint(bytes, place.id.value);
    put_varint(bytes, crc32c(bytes));
    return base32_encode(bytes);
}

Result<PagePlace> decode_page_token(std::string_view token) {
    const Error bad = invalid_argument(
        "bad_page_token",
        "The page token is not one that this server gave out. Ask for the first page without a "
        "token."
    );
    const auto bytes = base32_decode(token);
    if (!bytes) {
        return fail(bad);
    }
    VarintReader in(*bytes);
    const auto created = in.next_signed();
    const auto id = in.next_signed();
    const std::string_view covered =
        std::string_view(*bytes).substr(0, bytes->size() - in.rest().size());
    const auto checksum = in.next();
    if (!created || !id || !checksum || *checksum != crc32c(covered) || !in.done()) {
        return fail(bad);
    }
    return PagePlace{instant_ms(*created), model::JobId(*id)};
}

}  // namespace servo::store

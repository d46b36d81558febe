// Page tokens: the place of the last row of a page, as opaque text. Those of one list are not
// understood by another.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "model/ids.h"

namespace servo::store {

struct PagePlace {
    Instant created_at;
    model::JobId id;
};

std::string encode_page_token(const PagePlace& place);
// Error: invalid_argument / "bad_page_token".
Result<PagePlace> decode_page_token(std::string_view token);

// Of events: the number of a page's last row, which the store alone gives out.
std::string encode_event_token(int64_t event);
// Error: invalid_argument / "bad_page_token".
Result<int64_t> decode_event_token(std::string_view token);

}  // namespace servo::store

// JSON into memory of the caller's, for the calls that are many: the document is freed with the
// arena, without a walk over it and without counting who shares it.
#pragma once

#include <boost/json/monotonic_resource.hpp>

#include "api/json.h"

namespace servo::api {

// Room for a usual call of an executor; what does not fit is allocated.
constexpr size_t kArenaBytes = 8 * 1024;

// As parse_json of json.h. `storage` outlives the document.
Result<boost::json::value> parse_json(std::string_view text, boost::json::storage_ptr storage);

}  // namespace servo::api

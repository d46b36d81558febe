// A job's temporary settings as JSON text, the same in every store.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/job_settings.h"

namespace servo::store {

// "[]" for none. Times and durations are milliseconds.
std::string encode_temporary(const std::vector<model::TemporarySettings>& temporary);
// Error: internal / "corrupt_payload".
Result<std::vector<model::TemporarySettings>> decode_temporary(std::string_view text);

}  // namespace servo::store

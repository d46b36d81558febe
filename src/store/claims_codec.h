// A job's claims as JSON text, the same in every store: [[when, waited], …], milliseconds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/job.h"

namespace servo::store {

std::string encode_claims(const std::vector<model::Claim>& claims);
// Error: internal / "corrupt_payload".
Result<std::vector<model::Claim>> decode_claims(std::string_view text);

}  // namespace servo::store

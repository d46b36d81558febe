// Recounts a whole database and says what contradicts what. Reads only, within one snapshot, so it
// also works beside a running server.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/sql/reader.h"

namespace servo::store::sql {

// Each contradiction as a sentence; empty = sound. At most kFsckFindingsMax.
// `structure`: what the database says of itself, told first.
Result<std::vector<std::string>> check_database(
    Reader& db, const std::vector<std::string>& structure
);

constexpr size_t kFsckFindingsMax = 1'000;

}  // namespace servo::store::sql

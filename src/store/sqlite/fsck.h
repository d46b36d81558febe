// Recounts a whole database and says what contradicts what. Reads only, so it also works on a
// read-only connection while a server runs (one consistent snapshot).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/sqlite/connection.h"

namespace servo::store::sqlite {

// Each contradiction as a sentence; empty = sound. At most kFsckFindingsMax.
Result<std::vector<std::string>> check_database(Connection& db);

constexpr size_t kFsckFindingsMax = 1'000;

}  // namespace servo::store::sqlite

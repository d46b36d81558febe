// fsck of a SQLite database: what SQLite says of the file, then the shared recount. Reads only, so
// it also works on a read-only connection while a server runs.
#pragma once

#include <string>
#include <vector>

#include "store/sqlite/connection.h"

namespace servo::store::sqlite {

// Each contradiction as a sentence; empty = sound.
Result<std::vector<std::string>> check_sqlite(Connection& db);

}  // namespace servo::store::sqlite

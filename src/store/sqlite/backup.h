// Backup and restore of an SQLite store, as files. Free functions; they open what they need.
#pragma once

#include <string>

#include "base/result.h"

namespace servo::store {

// Copies the database at `path` to the new file `to`: one consistent snapshot, also while a server
// runs on it. Before it gets its name the copy is read as `servo fsck` would, and nothing is
// written when that finds anything. Errors: already_exists / "file_exists",
// failed_precondition / "not_a_servo_store", "store_unwritable", internal / "store_corrupt", …
Status backup_sqlite(const std::string& path, const std::string& to);

enum class Existing { kRefuse, kReplace };

// Puts the backup `from` in the place of `path`, after checking all of it as `servo fsck` would.
// What was there before is kept beside it as `path`.replaced. Not while a server runs on it
// ("store_in_use"). Errors: already_exists / "store_exists" unless kReplace; otherwise as above,
// and "schema_too_new".
Status restore_sqlite(const std::string& from, const std::string& path, Existing existing);

}  // namespace servo::store

// The lock file beside a database: one process at a time has the database open for writing. Held by
// flock, so it ends with the process however that ends. It also remembers that a database was here,
// so that a lost one is not replaced by an empty one.
#pragma once

#include <string>

#include "base/result.h"

namespace servo::store::sqlite {

class LockFile {
 public:
    // Errors: failed_precondition / "store_in_use" naming the process that holds it,
    // "store_unwritable".
    static Result<LockFile> acquire(const std::string& path);
    LockFile(LockFile&& other) noexcept;
    LockFile& operator=(LockFile&& other) noexcept;
    ~LockFile();

    bool had_database() const { return had_database_; }
    Status remember_database();

 private:
    LockFile(int fd, std::string path, bool had_database);
    Status write_content(bool has_database);

    int fd_ = -1;
    std::string path_;
    bool had_database_ = false;
};

}  // namespace servo::store::sqlite

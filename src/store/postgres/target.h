// Which database, as whom, and what of it must never be shown. A value.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace servo::store::postgres {

// kReadWrite: the primary, of several hosts as well. kReadOnly: whichever answers.
enum class Access { kReadWrite, kReadOnly };
// Whether a pooler in transaction mode (PgBouncer) stands in between.
enum class Pooling { kDetect, kAssume };

class Target {
 public:
    // `url`: postgresql://… or "host=… dbname=…"; what it leaves out comes from the PG* variables
    // and files as for psql. Error: invalid_argument / "bad_database_url"; its message does not
    // repeat the URL, but for a word that libpq does not know.
    static Result<Target> parse(
        const std::string& url, const std::string& application_name, Access access
    );

    // Keywords and values for PQconnectdbParams with expand_dbname.
    std::vector<std::pair<std::string, std::string>> parameters() const;

    // "host=db.example port=5432 dbname=servo user=servo", what a person may see and psql accepts.
    const std::string& shown() const { return shown_; }
    // `message` without passwords, in one line.
    std::string redact(std::string message) const;

    Access access() const { return access_; }
    Pooling pooling = Pooling::kDetect;

 private:
    std::string url_;
    std::string application_name_;
    Access access_ = Access::kReadWrite;
    std::string shown_;
    std::vector<std::string> secrets_;
};

}  // namespace servo::store::postgres

// The open leases as the SQL stores keep them: not a row each, but a log. A batch that grants or
// ends something adds one packed row; now and then it adds all that is open instead, and the rows
// before go. So a lease costs some 25 bytes of log, and no index and no dead row.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/changes.h"

namespace servo::store {

using namespace model;

// A row is whole as soon as the log since the last one has more entries than this and so many times
// what is open: at most every fourth entry is written a second time.
constexpr uint64_t kLeaseLogEntriesMin = 256;
constexpr uint64_t kLeaseLogEntriesPerOpen = 4;

struct LeaseLogRow {
    bool whole = false;  // all that is open after the batch; nothing before it counts
    std::string payload;
};

// What a log says when its rows are taken in the order of their batches. Not thread-safe.
class LeaseLog {
 public:
    // A row that was read. Errors: internal / "corrupt_payload": damaged, it ends what is not open
    // or grants what is.
    Status take(int64_t seq, bool whole, std::string_view payload);

    // The row that batch `seq` adds, if any; what is open follows at once, so after any other end
    // of the commit the log must be read again. Error: conflict / "constraint": a grant is open
    // already.
    Result<std::optional<LeaseLogRow>> next(int64_t seq, const ChangeSet& changes);

    const std::map<GrantKey, GrantRow>& open() const { return open_; }
    // Batch of the oldest row that counts.
    int64_t first_seq() const { return first_seq_; }

 private:
    std::map<GrantKey, GrantRow> open_;
    uint64_t entries_ = 0;  // since the last whole row
    int64_t first_seq_ = 0;
};

std::map<JobId, std::vector<GrantRow>> by_job(const LeaseLog& log);

}  // namespace servo::store

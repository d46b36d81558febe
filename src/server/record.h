// What is on record, for a server that does not lead: the definitions as stored and nothing that
// runs. Read again when it is asked for and older than kRecordKept. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "base/result.h"
#include "core/scheduler.h"
#include "store/opened_store.h"

namespace servo::server {

constexpr Millis kRecordKept{1'000};

struct Record {
    core::Scheduler scheduler;  // without jobs; never changed
    Instant as_of;              // everything committed until then is in it
};

class RecordBook {
 public:
    using Source = std::function<Result<store::Definitions>()>;
    explicit RecordBook(Source source) : source_(std::move(source)) {}  // empty: there is none

    bool exists() const { return source_ != nullptr; }
    // `now`: of a clock that does not step back. Error: the store's.
    Result<std::shared_ptr<const Record>> read(Instant now);

 private:
    Source source_;
    std::mutex mutex_;  // held while reading, so that one reads for all who wait
    std::shared_ptr<const Record> record_;  // under mutex_
    Instant read_at_;                       // under mutex_
};

}  // namespace servo::server

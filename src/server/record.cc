#include "server/record.h"

namespace servo::server {

Result<std::shared_ptr<const Record>> RecordBook::read(Instant now) {
    const std::lock_guard lock(mutex_);
    if (record_ == nullptr || now - read_at_ >= kRecordKept) {
        const store::Definitions stored = SERVO_TRY(source_());
        record_ = std::make_shared<const Record>(Record{
            core::Scheduler(stored.snapshot, now, 0), stored.as_of});
        read_at_ = now;
    }
    return record_;
}

}  // namespace servo::server

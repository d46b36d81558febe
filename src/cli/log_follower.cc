#include "cli/log_follower.h"

#include <algorithm>
#include <ostream>

namespace servo::cli {

Result<std::optional<int>> LogFollower::step() {
    // State before text: an end that is seen has all its text behind it.
    const api::PartitionDetail partition = SERVO_TRY(client_.get_partition(asset_, key_));
    SERVO_CHECK(print_new());
    if (partition.status == "pending" || partition.status == "running") {
        return std::optional<int>();
    }
    return std::optional<int>(
        partition.status == "completed" || partition.status == "skipped" ? kOk : kFailed
    );
}

Status LogFollower::print_new() {
    const Result<api::PartitionLog> log = client_.get_partition_log(asset_, key_, 0, backfill_);
    if (!log) {
        // Nothing printed yet, or not reported yet.
        return log.error().code == ErrorCode::kNotFound ? Status() : fail(log.error());
    }
    if (log->attempt != attempt_ || log->generation != generation_) {
        if (attempt_ != 0) {
            session_.output().note("attempt " + std::to_string(log->attempt));
        }
        attempt_ = log->attempt;
        generation_ = log->generation;
        printed_ = 0;
    }
    if (log->bytes_total > printed_) {
        const uint64_t fresh = std::min<uint64_t>(log->bytes_total - printed_, log->text.size());
        session_.output().out() << log->text.substr(log->text.size() - fresh) << std::flush;
        printed_ = log->bytes_total;
    }
    return {};
}

}  // namespace servo::cli

#include "cli/log_follower.h"

#include <algorithm>
#include <compare>
#include <ostream>
#include <utility>

#include "cli/text.h"

namespace servo::cli {

Result<std::optional<int>> LogFollower::step() {
    // State before text: an end that is seen has all its text behind it.
    const api::PartitionDetail partition = SERVO_TRY(client_.get_partition(log_.asset, log_.key));
    const bool open = partition.status == "pending" || partition.status == "running";
    const bool stored = SERVO_TRY(print_stored());
    if (open && !(stored && log_.attempt > 0)) {
        SERVO_TRY(print_live());
        return std::optional<int>();
    }
    const bool failed = !open && partition.status != "completed" && partition.status != "skipped";
    return std::optional<int>(failed ? kFailed : kOk);
}

Result<bool> LogFollower::print_live() {
    const api::LiveLog live =
        SERVO_TRY(client_.get_live_log(log_.asset, log_.key, log_.backfill, stream_, printed_));
    if (!live.running || (log_.attempt > 0 && live.attempt != log_.attempt)) {
        return true;
    }
    if (live.stream != stream_) {
        turn_to(live.attempt, live.generation);
        stream_ = live.stream;
    }
    if (live.offset > printed_) {
        say_gap(live.offset - printed_);
    }
    print(live.text);
    printed_ = std::max(printed_, live.next_offset);
    return live.known;
}

// True when the log of the attempt is stored: it has ended.
Result<bool> LogFollower::print_stored() {
    const Result<api::PartitionLog> log =
        client_.get_partition_log(log_.asset, log_.key, log_.attempt, log_.backfill);
    if (!log) {
        // Nothing printed, or not ended yet.
        return log.error().code == ErrorCode::kNotFound ? Result<bool>(false) : fail(log.error());
    }
    const auto order =
        std::pair(log->generation, log->attempt) <=> std::pair(generation_, attempt_);
    if (order < 0) {
        return true;  // the one that runs now is printed already
    }
    if (order > 0) {
        turn_to(log->attempt, log->generation);
    }
    if (log->bytes_total > printed_) {
        const uint64_t fresh = log->bytes_total - printed_;
        const size_t shown = std::min<size_t>(fresh, log->text.size());
        if (shown < fresh) {
            say_gap(fresh - shown);
        }
        print(log->text.substr(log->text.size() - shown));
        printed_ = log->bytes_total;
    }
    return true;
}

void LogFollower::turn_to(int64_t attempt, int64_t generation) {
    if (attempt_ != 0) {
        session_.output().note("attempt " + std::to_string(attempt));
    }
    attempt_ = attempt;
    generation_ = generation;
    printed_ = 0;
}

void LogFollower::print(const std::string& text) {
    session_.output().out() << text << std::flush;
}

void LogFollower::say_gap(uint64_t bytes) {
    session_.output().note(count(bytes) + " bytes before this are not kept");
}

}  // namespace servo::cli

#include "executor/result_cut.h"

#include <algorithm>
#include <utility>

#include "model/records.h"

namespace servo::executor {
namespace {

size_t log_bytes(const model::LeaseResults& results) {
    size_t bytes = 0;
    for (const model::LogTail& log : results.logs) {
        bytes += log.tail.size();
    }
    return bytes;
}

template <typename T>
void move_front(std::vector<T>& from, size_t count, std::vector<T>& to) {
    const auto end = from.begin() + static_cast<ptrdiff_t>(count);
    to.assign(std::make_move_iterator(from.begin()), std::make_move_iterator(end));
    from.erase(from.begin(), end);
}

template <typename T>
void insert_front(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.begin(), from.begin(), from.end());
}

}  // namespace

model::LeaseResults cut_front(model::LeaseResults& queue, ReportRoom& room) {
    const size_t all_logs = log_bytes(queue);
    if (result_count(queue) <= room.results && all_logs <= room.log_bytes) {
        room.results -= result_count(queue);
        room.log_bytes -= all_logs;
        return std::exchange(queue, {});
    }
    size_t done = 0;
    size_t failed = 0;
    size_t logs = 0;
    while (done + failed < result_count(queue) && room.results > 0) {
        const bool next_failed = failed < queue.failed.size() &&
                                 (done == queue.done.size() ||
                                  queue.failed[failed].position < queue.done[done].position);
        const uint64_t position =
            next_failed ? queue.failed[failed].position : queue.done[done].position;
        if (logs < queue.logs.size() && queue.logs[logs].position == position) {
            model::LogTail& log = queue.logs[logs];
            if (log.tail.size() > room.log_bytes) {
                if (next_failed && room.log_bytes < model::kLogTailBytesMax) {
                    break;
                }
                log.tail.clear();
            }
            room.log_bytes -= log.tail.size();
            ++logs;
        }
        --room.results;
        ++(next_failed ? failed : done);
    }
    model::LeaseResults front;
    move_front(queue.done, done, front.done);
    move_front(queue.failed, failed, front.failed);
    move_front(queue.logs, logs, front.logs);
    return front;
}

void put_front(model::LeaseResults& queue, const model::LeaseResults& results) {
    insert_front(queue.done, results.done);
    insert_front(queue.failed, results.failed);
    insert_front(queue.logs, results.logs);
}

}  // namespace servo::executor

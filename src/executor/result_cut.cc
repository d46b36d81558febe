#include "executor/result_cut.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace servo::executor {
namespace {

// Results, logs and phases are in the order of positions.
template <typename R>
R* result_at(std::vector<R>& results, uint64_t position) {
    const auto found =
        std::lower_bound(results.begin(), results.end(), position, [](const R& one, uint64_t at) {
            return one.position < at;
        });
    return found != results.end() && found->position == position ? &*found : nullptr;
}

size_t failure_bytes(const model::FailedResult& failed, std::vector<model::LogTail>& logs) {
    constexpr size_t kFields = 250;
    const model::LogTail* log = result_at(logs, failed.position);
    return kFields + wire_bytes(failed.message) + (log != nullptr ? wire_bytes(log->tail) : 0);
}

size_t all_failure_bytes(model::LeaseResults& results) {
    size_t bytes = 0;
    for (const model::FailedResult& failed : results.failed) {
        bytes += failure_bytes(failed, results.logs);
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

// By character: "a", "\\n" and "\\u0001".
constexpr std::array<uint8_t, 256> escaped_lengths() {
    std::array<uint8_t, 256> lengths{};
    for (size_t c = 0; c < lengths.size(); ++c) {
        lengths[c] = c < ' ' ? 6 : 1;
    }
    for (const char c : {'"', '\\', '\b', '\f', '\n', '\r', '\t'}) {
        lengths[static_cast<unsigned char>(c)] = 2;
    }
    return lengths;
}

}  // namespace

size_t wire_bytes(std::string_view text) {
    static constexpr std::array<uint8_t, 256> kLengths = escaped_lengths();
    size_t bytes = 0;
    for (const char c : text) {
        bytes += kLengths[static_cast<unsigned char>(c)];
    }
    return bytes;
}

model::LeaseResults cut_front(model::LeaseResults& queue, ReportRoom& room) {
    const size_t all_failures = all_failure_bytes(queue);
    if (result_count(queue) <= room.results && all_failures <= room.failure_bytes) {
        room.results -= result_count(queue);
        room.failure_bytes -= all_failures;
        return std::exchange(queue, {});
    }
    size_t done = 0;
    size_t failed = 0;
    size_t logs = 0;
    size_t phases = 0;
    while (done + failed < result_count(queue) && room.results > 0) {
        const bool next_failed = failed < queue.failed.size() &&
                                 (done == queue.done.size() ||
                                  queue.failed[failed].position < queue.done[done].position);
        const uint64_t position =
            next_failed ? queue.failed[failed].position : queue.done[done].position;
        if (next_failed) {
            const size_t bytes = failure_bytes(queue.failed[failed], queue.logs);
            if (bytes > room.failure_bytes) {
                break;
            }
            room.failure_bytes -= bytes;
        }
        if (logs < queue.logs.size() && queue.logs[logs].position == position) {
            ++logs;
        }
        if (phases < queue.phases.size() && queue.phases[phases].position == position) {
            ++phases;
        }
        --room.results;
        ++(next_failed ? failed : done);
    }
    model::LeaseResults front;
    move_front(queue.done, done, front.done);
    move_front(queue.failed, failed, front.failed);
    move_front(queue.logs, logs, front.logs);
    move_front(queue.phases, phases, front.phases);
    return front;
}

size_t keep_newest_logs(const std::vector<model::LeaseResults*>& all, size_t bytes_max) {
    std::vector<std::pair<Instant, model::LogTail*>> logs;  // with the end of their attempts
    for (model::LeaseResults* results : all) {
        for (model::LogTail& log : results->logs) {
            const model::DoneResult* done = result_at(results->done, log.position);
            if (done != nullptr && !log.tail.empty()) {
                const auto ran = std::chrono::duration_cast<Millis>(done->duration);
                logs.emplace_back(done->started_at + ran, &log);
            }
        }
    }
    std::stable_sort(logs.begin(), logs.end(), [](const auto& a, const auto& b) {
        return a.first > b.first;
    });
    size_t kept = 0;
    for (const auto& [ended, log] : logs) {
        const size_t bytes = wire_bytes(log->tail);
        if (kept + bytes <= bytes_max) {
            kept += bytes;
        } else {
            std::string().swap(log->tail);  // its memory is what counts
        }
    }
    return kept;
}

void put_front(model::LeaseResults& queue, const model::LeaseResults& results) {
    insert_front(queue.done, results.done);
    insert_front(queue.failed, results.failed);
    insert_front(queue.logs, results.logs);
    insert_front(queue.phases, results.phases);
}

}  // namespace servo::executor

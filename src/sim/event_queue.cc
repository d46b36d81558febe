#include "sim/event_queue.h"

#include <algorithm>
#include <utility>

namespace servo::sim {

bool EventQueue::later(const Event& a, const Event& b) {
    return std::pair(a.at, a.number) > std::pair(b.at, b.number);
}

void EventQueue::at(Micros time, Action action) {
    heap_.push_back({std::max(time, now_), next_number_++, std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), later);
}

bool EventQueue::run_next() {
    if (heap_.empty()) {
        return false;
    }
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = event.at;
    ++ran_;
    event.action();
    return true;
}

}  // namespace servo::sim

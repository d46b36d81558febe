// Virtual time and what happens in it: a queue of actions ordered by (time, order of adding), so
// that equal runs are equal. Single-threaded.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/time.h"

namespace servo::sim {

class EventQueue {
 public:
    using Action = std::function<void()>;

    Micros now() const { return now_; }
    uint64_t ran() const { return ran_; }
    bool empty() const { return heap_.empty(); }
    Micros next_at() const { return heap_.front().at; }  // not when empty

    // A time in the past means now.
    void at(Micros time, Action action);
    void after(Micros delay, Action action) { at(now_ + delay, std::move(action)); }

    // Runs the earliest action; false when there is none.
    bool run_next();

 private:
    struct Event {
        Micros at{0};
        uint64_t number = 0;
        Action action;
    };
    static bool later(const Event& a, const Event& b);

    Micros now_{0};
    uint64_t next_number_ = 0;
    uint64_t ran_ = 0;
    std::vector<Event> heap_;
};

}  // namespace servo::sim

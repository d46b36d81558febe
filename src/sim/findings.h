// The first broken invariant of a run; later ones are usually its consequences.
#pragma once

#include <optional>
#include <string>

#include "sim/event_queue.h"

namespace servo::sim {

struct Violation {
    std::string invariant;  // "I3", as in the reliability paper, or a word
    std::string what;
    Micros at{0};
};

class Findings {
 public:
    explicit Findings(const EventQueue& queue) : queue_(queue) {}

    void report(std::string invariant, std::string what) {
        if (!first_) {
            first_ = Violation{std::move(invariant), std::move(what), queue_.now()};
        }
    }
    bool any() const { return first_.has_value(); }
    const std::optional<Violation>& first() const { return first_; }

 private:
    const EventQueue& queue_;
    std::optional<Violation> first_;
};

}  // namespace servo::sim

// What happened in a run, a line each: the newest lines for people, and a hash over all of them
// that two runs of one seed must share. Single-threaded.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/time.h"

namespace servo::sim {

constexpr size_t kTraceTailLines = 60;

enum class Echo { kNo, kYes };

class Trace {
 public:
    explicit Trace(Echo echo) : echo_(echo) {}

    void add(Micros at, std::string_view line);

    uint64_t hash() const { return hash_; }
    const std::deque<std::string>& tail() const { return tail_; }

 private:
    Echo echo_;
    uint64_t hash_ = 0xcbf29ce484222325ULL;
    std::deque<std::string> tail_;
};

}  // namespace servo::sim

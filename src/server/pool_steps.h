// Pools' windows → steps of their limit: cron and zone rules are evaluated here, some days ahead,
// so that the scheduler needs neither.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "model/pool.h"
#include "server/backend.h"

namespace servo::server {

constexpr Millis kStepsAhead{8LL * 86'400'000};
constexpr Millis kStepsEvery{3'600'000};       // computed anew
constexpr Millis kStepsCheckEvery{500};        // whether the scheduler was loaded anew
constexpr Millis kStepsAgain{5'000};           // pools that have none are looked for
constexpr size_t kWindowOpeningsMax = 20'000;  // of one window; openings beyond are cut off

// Steps from `now` to `now + ahead`; the first one is in force at `now`. Of the windows that are
// open at once the first in the list counts; where none is open, the declared concurrency does.
// Empty without windows. Pure. Errors: invalid_argument / "bad_cron", "bad_timezone".
Result<std::vector<model::LimitStep>> limit_steps(
    const model::PoolSpec& pool, Instant now, Millis ahead
);

// Keeps the scheduler's steps up to date from a thread of its own. Thread-safe.
class PoolStepper {
 public:
    explicit PoolStepper(Backend& backend);
    ~PoolStepper();  // stops

    void start();
    void stop();
    // Definitions changed: compute now.
    void refresh();

 private:
    void run();
    bool submit(bool all);

    Backend& backend_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;  // under mutex_
    bool wanted_ = true;     // under mutex_
    std::thread thread_;
};

}  // namespace servo::server

// The engine's thread: a queue that any thread may fill, CLOCK_BOOTTIME as the time base, and a
// stop signal. Thread-safe except where noted.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "engine/gathering.h"

namespace servo::engine {

class Loop {
 public:
    // `engine` and `store` outlive the loop and are touched by its thread alone after start().
    // `on_broken` is called once, on the engine's thread, when the store is beyond use: the process
    // must exit.
    Loop(Engine& engine, store::Store& store, std::function<void(const std::string&)> on_broken);
    ~Loop();  // stops

    // Leads or stands by (on the calling thread), then runs.
    Status start();
    // Does what was queued, gives leadership up, answers what is parked with unavailable, joins.
    void stop();

    void submit(Item item);
    // False when the loop is stopping or has nothing to read from: `read` will not be called. A
    // read that was accepted may still be dropped without a call when the loop stops.
    bool read(Read read);
    EngineStatus status() const;
    // See Engine; a standby acts on it at once.
    void heard_gone(int64_t epoch);
    void look_at_leader();
    bool standing_by() const { return standing_by_.load(); }
    // How long the engine's thread has been busy with one step; a store call that hangs shows here.
    Millis busy_for() const;

    // The time base of the scheduler, usable from any thread after start().
    Instant now() const;

 private:
    bool gather(bool idle);
    void gather_more(std::unique_lock<std::mutex>& lock);
    void run();

    Engine& engine_;
    store::Store& store_;
    std::function<void(const std::string&)> on_broken_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Item> items_;
    std::vector<Read> reads_;
    EngineStatus status_;
    bool stopping_ = false;
    bool readable_ = true;
    int64_t gone_epoch_ = -1;
    bool look_ = false;  // at the leader
    size_t wanted_ = 0;  // items that wake the thread; 0: any
    // Of the thread alone:
    Gathering gathering_;
    size_t taken_ = 0;  // items of the last batch
    std::chrono::steady_clock::duration step_took_{0};
    // The scheduler's time minus boottime; grows when a new leader finds later commits.
    std::atomic<int64_t> base_ms_{0};
    std::atomic<bool> standing_by_{false};
    std::atomic<int64_t> step_began_ms_{0};  // boottime; 0: no step under way
    std::thread thread_;
};

// Milliseconds of CLOCK_BOOTTIME, which never steps and counts suspended time.
int64_t boottime_ms();
Instant wall_now();

}  // namespace servo::engine

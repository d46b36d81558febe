#include "engine/loop.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.h"
#include "base/log.h"

namespace servo::engine {
namespace {

constexpr Millis kWaitMax{1'000};

int64_t clock_ms(clockid_t id) {
    timespec t{};
    clock_gettime(id, &t);
    return int64_t{t.tv_sec} * 1'000 + t.tv_nsec / 1'000'000;
}

}  // namespace

int64_t boottime_ms() {
    return clock_ms(CLOCK_BOOTTIME);
}

Instant wall_now() {
    return instant_ms(clock_ms(CLOCK_REALTIME));
}

Loop::Loop(Engine& engine, store::Store& store, std::function<void(const std::string&)> on_broken)
    : engine_(engine), store_(store), on_broken_(std::move(on_broken)) {}

Loop::~Loop() {
    stop();
}

Status Loop::start() {
    SERVO_CHECK(engine_.start(wall_now()));
    base_ms_ = to_ms(std::max(wall_now(), engine_.now())) - boottime_ms();
    status_ = engine_.status();
    standing_by_.store(status_.state == EngineState::kStandby);
    thread_ = std::thread([this] { run(); });
    return {};
}

void Loop::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

Instant Loop::now() const {
    return instant_ms(base_ms_ + boottime_ms());
}

void Loop::heard_gone(int64_t epoch) {
    const std::lock_guard lock(mutex_);
    gone_epoch_ = epoch;
    look_ = true;
    wake_.notify_one();
}

void Loop::look_at_leader() {
    const std::lock_guard lock(mutex_);
    look_ = true;
    wake_.notify_one();
}

Millis Loop::busy_for() const {
    const int64_t began = step_began_ms_.load();
    return began == 0 ? Millis(0) : Millis(boottime_ms() - began);
}

void Loop::submit(Item item) {
    bool full = false;  // the engine hangs in the store
    {
        const std::lock_guard lock(mutex_);
        full = items_.size() >= kQueueMax;
        if (!stopping_ && !full) {
            items_.push_back(std::move(item));
            if (items_.size() >= wanted_) {
                wake_.notify_one();
            }
            return;
        }
    }
    item.answer(fail(full ? queue_full() : unavailable("stopping", "The server is stopping.")));
}

bool Loop::read(Read read) {
    const std::lock_guard lock(mutex_);
    if (stopping_ || !readable_) {
        return false;
    }
    reads_.push_back(std::move(read));
    wake_.notify_one();
    return true;
}

EngineStatus Loop::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

// Waits for the callers that the last batch answered.
void Loop::gather_more(std::unique_lock<std::mutex>& lock) {
    wanted_ = gathering_.wanted(items_.size(), taken_);
    if (wanted_ == 0) {
        return;
    }
    const size_t waiting = items_.size();
    const auto longest = std::min<std::chrono::steady_clock::duration>(step_took_, kGatherMax);
    wake_.wait_for(lock, longest, [&] {
        return stopping_ || look_ || !reads_.empty() || items_.size() >= wanted_;
    });
    gathering_.waited(items_.size() - waiting, taken_);
    wanted_ = 0;
}

// Fills the engine with what arrived; waits when there is nothing. False: stop.
bool Loop::gather(bool idle) {
    std::vector<Item> items;
    std::vector<Read> reads;
    {
        std::unique_lock lock(mutex_);
        status_ = engine_.status();  // before the wait: it may say who leads now
        readable_ = engine_.readable();
        if (idle) {
            const Millis until_due =
                engine_.next_due() == kNever
                    ? kWaitMax
                    : std::clamp(engine_.next_due() - now(), Millis(0), kWaitMax);
            wake_.wait_for(lock, until_due, [&] {
                return stopping_ || look_ || !items_.empty() || !reads_.empty();
            });
        } else {
            gather_more(lock);
        }
        items.swap(items_);
        taken_ = items.size();
        reads.swap(reads_);
        if (std::exchange(look_, false)) {
            engine_.heard_gone(gone_epoch_);
            engine_.look_at_leader();
        }
        if (stopping_ && items.empty() && reads.empty()) {
            return false;
        }
    }
    for (Item& item : items) {
        engine_.submit(std::move(item));
    }
    for (Read& read : reads) {
        engine_.read(std::move(read));
    }
    return true;
}

void Loop::run() {
    bool idle = true;
    while (gather(idle)) {
        step_began_ms_.store(boottime_ms());
        const auto began = std::chrono::steady_clock::now();
        const bool worked = engine_.step(now());
        step_took_ = std::chrono::steady_clock::now() - began;
        if (const Millis ahead = engine_.now() - now(); ahead > Millis(0)) {
            base_ms_ += ahead.count();  // it loaded commits that are later than our time
        }
        if (engine_.status().state == EngineState::kBroken) {
            on_broken_(engine_.status().last_error);
            break;
        }
        bool more = false;
        if (engine_.status().state == EngineState::kLeading) {
            const Result<bool> kept = store_.maintain(now());
            if (!kept.has_value()) {
                spdlog::warn("Housekeeping of the store: {}", kept.error().message);
            }
            more = kept.value_or(false);
        }
        step_began_ms_.store(0);
        standing_by_.store(engine_.status().state == EngineState::kStandby);
        idle = !worked && !more && !engine_.has_work();
    }
    engine_.shut_down();
    const std::lock_guard lock(mutex_);
    status_ = engine_.status();
    stopping_ = true;
    for (Item& item : items_) {
        item.answer(fail(unavailable("stopping", "The server is stopping.")));
    }
    items_.clear();
    reads_.clear();
}

}  // namespace servo::engine

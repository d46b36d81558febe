// A simulated slot: runs the positions of one lease strictly in order, as the slot process does,
// and tells the effect ledger what really happened. It outlives a frozen executor and stops by
// itself at its stop time. Single-threaded.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "executor/keeper.h"
#include "sim/programs.h"

namespace servo::sim {

// What a slot needs of the machine that it is on.
class SlotHost {
 public:
    virtual ~SlotHost() = default;
    virtual executor::BootTime boot() const = 0;  // the machine's CLOCK_BOOTTIME
    virtual Instant wall() const = 0;
    // Runs `action` after `delay`, later when the machine is frozen, never when the slot is gone.
    virtual void later(Micros delay, std::function<void()> action) = 0;
    virtual void tell(executor::SlotEvent event) = 0;
    virtual void poisoned() = 0;  // what ran killed the executor
};

class Slot {
 public:
    Slot(World& world, Programs& programs, SlotHost& host)
        : world_(world), programs_(programs), host_(host) {}

    void feed(
        uint64_t first_position, const Grant& grant, std::shared_ptr<const Definition> definition
    );
    void trim(LeaseId lease, uint64_t size);
    void resume(LeaseId lease);
    void kill(LeaseId lease);
    void set_stop_time(executor::BootTime at);
    // The slot's process is gone, with what it ran.
    void vanish();

 private:
    struct Part {
        uint64_t first_position = 0;
        Grant grant;
        std::shared_ptr<const Definition> definition;
        std::vector<Index> indices;
        std::vector<Ordinal> ordinals;
    };
    struct Running {
        uint64_t position = 0;
        Token token = 0;
        Instant started_at;
        executor::BootTime started_boot{0};
        Outcome outcome;
        Effect effect;
    };

    void cut(uint64_t end);
    void start_next();
    void finish(uint64_t run);
    void stop_running(const char* why);
    void flush_soon();
    void flush();
    void check_stop_time();
    void add_result();
    void tell_phases(uint64_t position, Micros duration);

    World& world_;
    Programs& programs_;
    SlotHost& host_;

    LeaseId lease_;
    std::deque<Part> parts_;
    uint64_t next_ = 0;  // position to start next
    uint64_t end_ = 0;
    bool stopped_ = false;  // by a failure that stops the lease
    std::optional<Running> running_;
    uint64_t run_ = 0;  // number of the present run, so that an old end is not taken for it
    LeaseResults results_;
    bool flushing_ = false;
    executor::BootTime stop_at_{0};
    bool stop_set_ = false;
    bool stop_told_ = false;  // stopped by its own timer, and fed nothing since
};

}  // namespace servo::sim

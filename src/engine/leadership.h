// Who leads, as step functions on the caller's clock, which never steps back and runs on while the
// machine is suspended: when a candidate takes over, and when a leader gives a sign of life or has
// to assume that others took over. Clocks of two machines are never compared: a watcher sees the
// leader's beat change, or not. Not thread-safe.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

namespace servo::engine {

constexpr Millis kLeaderTtl{10'000};      // without a sign of life
constexpr Millis kBeatEvery{2'000};       // the leader's signs of life
constexpr Millis kBeatAgainAfter{500};    // one that failed
constexpr Millis kLookEvery{200};         // a standby's glances, where no word has it look at once
constexpr Millis kLookAgainAfter{1'000};  // one that failed
constexpr Millis kTakeOverEvery{2'000};  // attempts, so that two candidates do not chase each other

class Leadership {
 public:
    // `store` outlives it; `self.after` is not used.
    Leadership(store::Store& store, store::Candidate self)
        : store_(store), self_(std::move(self)) {}

    // --- while another leads ---

    // Begins to watch: what was seen before counts for nothing.
    void watch(Instant now);
    // Looks at the store. True: take over now. Time in which it did not look, or could not, does
    // not count towards the TTL.
    Result<bool> look(Instant now);
    Instant next_look() const { return next_look_; }
    // Word from elsewhere that something became of the leader: the next look is due at once.
    void look_now() { next_look_ = kEpochStart; }
    // The same, and that the leader of `epoch` is no more; if it still is the leader, the next look
    // says so. Safety never depends on it: the epoch does that.
    void heard_gone(int64_t epoch);

    // --- taking and keeping it ---

    // Error: unavailable / "deposed" when somebody else took over since epoch `after`.
    Result<int64_t> take(int64_t after, Instant now);
    enum class Pulse {
        kAlive,
        kDeposed,
        kLost,  // no sign of life could be given for the TTL: another may lead by now
    };
    Pulse beat(Instant now);
    Instant next_beat() const { return next_beat_; }
    void resign();

    // As last seen, or as taken.
    const store::LeaderRow& row() const { return row_; }
    bool is_self(const store::LeaderRow& row) const { return row.holder == self_.holder; }

 private:
    store::Store& store_;
    store::Candidate self_;
    store::LeaderRow row_;
    Millis unchanged_{0};  // time watched without a change
    Instant looked_ = kEpochStart;
    Instant next_look_ = kEpochStart;
    Instant next_take_ = kEpochStart;
    int64_t gone_epoch_ = -1;
    Instant beaten_ = kEpochStart;  // the last success
    Instant next_beat_ = kEpochStart;
};

}  // namespace servo::engine

#include "engine/leadership.h"

#include <algorithm>

#include "base/log.h"

namespace servo::engine {
namespace {

constexpr Millis kGapMax{1'000};  // longer ones between two looks are not counted

}  // namespace

void Leadership::watch(Instant now) {
    unchanged_ = Millis(0);
    looked_ = now;
    next_look_ = now;
}

void Leadership::heard_gone(int64_t epoch) {
    if (epoch != gone_epoch_) {
        gone_epoch_ = epoch;
        look_now();
    }
}

Result<bool> Leadership::look(Instant now) {
    Result<store::LeaderRow> seen = store_.leader();
    if (!seen) {
        looked_ = now;
        next_look_ = now + kLookAgainAfter;
        return fail(std::move(seen).error());
    }
    const bool changed = seen->epoch != row_.epoch || seen->beat != row_.beat;
    unchanged_ = changed ? Millis(0) : unchanged_ + std::min(now - looked_, kGapMax);
    looked_ = now;
    next_look_ = now + kLookEvery;
    row_ = std::move(*seen);
    row_.gone = row_.gone || row_.epoch == gone_epoch_;
    const bool free = row_.epoch == 0 || row_.gone || is_self(row_) || unchanged_ >= kLeaderTtl;
    return free && now >= next_take_;
}

Result<int64_t> Leadership::take(int64_t after, Instant now) {
    next_take_ = now + kTakeOverEvery;
    store::Candidate candidate = self_;
    candidate.after = after;
    const Result<int64_t> taken = store_.take_leadership(candidate);
    if (!taken) {
        if (taken.error().reason == "deposed") {
            look_now();  // somebody was faster; callers are to be told who
        }
        return fail(taken.error());
    }
    const int64_t epoch = *taken;
    row_ = {epoch, self_.holder, self_.url, row_.beat, false};
    beaten_ = now;
    next_beat_ = now + kBeatEvery;
    return epoch;
}

Leadership::Pulse Leadership::beat(Instant now) {
    const Status given = store_.beat(row_.epoch);
    if (given) {
        beaten_ = now;
        next_beat_ = now + kBeatEvery;
        return Pulse::kAlive;
    }
    if (given.error().reason == "deposed") {
        return Pulse::kDeposed;
    }
    spdlog::warn("No sign of life could be given to the store: {}", given.error().message);
    // Whoever takes over may cut the connection of the one before.
    const Result<store::LeaderRow> seen = store_.leader();
    if (seen && seen->epoch != row_.epoch) {
        return Pulse::kDeposed;
    }
    next_beat_ = now + kBeatAgainAfter;
    return now - beaten_ > kLeaderTtl ? Pulse::kLost : Pulse::kAlive;
}

void Leadership::resign() {
    const Status given_up = store_.resign(row_.epoch);
    if (!given_up) {
        spdlog::warn("Leadership could not be given up: {}", given_up.error().message);
    }
}

}  // namespace servo::engine

#include "executor/keeper.h"

#include <algorithm>
#include <utility>

namespace servo::executor {

using model::CallKind;
using model::SlotState;

namespace {

constexpr Millis kAnswerAfterKill{5'000};  // when a drain ran out of time

}  // namespace

Keeper::Keeper(KeeperOptions options, BootTime now)
    : options_(std::move(options)), prng_(options_.seed) {
    slots_wanted_ = std::max(options_.slots, 1);
    slots_.resize(static_cast<size_t>(slots_wanted_));
    accounted_ = now;
    register_at_ = now;
    pump(now);
}

std::vector<Action> Keeper::take_actions() {
    return std::exchange(actions_, {});
}

void Keeper::on_slot_event(int slot, SlotEvent event, BootTime now) {
    account(now);
    if (static_cast<size_t>(slot) >= slots_.size()) {
        return;  // it was told to end
    }
    SlotRecord& record = slots_[static_cast<size_t>(slot)];
    if (auto* progress = std::get_if<SlotProgress>(&event)) {
        on_progress(slot, std::move(*progress));
    } else if (const auto* trimmed = std::get_if<SlotTrimmed>(&event)) {
        on_trimmed(slot, *trimmed);
    } else if (const auto* lost = std::get_if<SlotLost>(&event)) {
        on_lost(slot, *lost);
    } else {
        record.ready = true;
        report_wanted_ = true;
    }
    pump(now);
}

void Keeper::on_time(BootTime now) {
    account(now);
    pump(now);
}

void Keeper::set_slots(int slots, BootTime now) {
    account(now);
    slots_wanted_ = std::max(slots, 1);
    slots_.resize(std::max(slots_.size(), static_cast<size_t>(slots_wanted_)));
    pump(now);
}

// The server counts as many slots as there are until a slot is gone: it never sees more leases than
// slots, also when one lost its slot and waits for another.
void Keeper::settle_slots(BootTime now) {
    const size_t kept = std::max(static_cast<size_t>(slots_wanted_), leases_.size());
    while (slots_.size() > kept && !slots_.back().lease) {
        slots_.pop_back();
        actions_.emplace_back(EndSlot{static_cast<int>(slots_.size())});
    }
    if (registered_ && !leaving_ && slots_told_ != slots_.size()) {
        register_again(now);
    }
}

void Keeper::drain(BootTime now) {
    account(now);
    if (!drain_local_) {
        drain_local_ = true;
        drain_deadline_ = now + options_.drain_timeout;
        trim_all_to_started();
        report_wanted_ = !leases_.empty();  // else the last report says it all
    }
    pump(now);
}

// One state a slot and millisecond, so that the account closes by construction.
void Keeper::account(BootTime now) {
    if (now <= accounted_) {
        return;
    }
    const int64_t elapsed = (now - accounted_).count();
    accounted_ = now;
    for (const SlotRecord& slot : slots_) {
        slot_ms_[static_cast<size_t>(state_of(slot))] += elapsed;
    }
}

SlotState Keeper::state_of(const SlotRecord& slot) const {
    const auto found = leases_.find(slot.lease);
    if (!slot.lease || found == leases_.end()) {
        return draining() ? SlotState::kDraining : SlotState::kIdle;
    }
    const Lease& lease = found->second;
    if (lease.complete()) {
        return SlotState::kReport;
    }
    const bool stands = lease.stopped_at && lease.started == lease.finished;
    return stands ? SlotState::kHeld : SlotState::kBusy;
}

int Keeper::slots_busy() const {
    int busy = 0;
    for (const SlotRecord& slot : slots_) {
        const auto found = leases_.find(slot.lease);
        busy += found != leases_.end() && !found->second.complete() ? 1 : 0;
    }
    return busy;
}

std::vector<model::HeldLease> Keeper::held() const {
    std::vector<model::HeldLease> result;
    for (const auto& [id, lease] : leases_) {
        if (!lease.dropped) {
            result.push_back({id, lease.size, lease.started});
        }
    }
    return result;
}

void Keeper::pump(BootTime now) {
    if (gave_up_) {
        return;
    }
    check_stop_time(now);
    settle_slots(now);
    if (!registered_) {
        if (!register_in_flight_ && now >= register_at_) {
            send_register(now);
        }
    } else {
        for (InFlight* flight : {&report_, &acquire_}) {
            if (flight->request && flight->retry_at && now >= *flight->retry_at) {
                send_again(*flight, now);
            }
        }
        if (!report_.request && !leaving_ && report_due(now)) {
            send_call(CallKind::kReport, now);
        }
        if (!acquire_.request && acquire_due(now)) {
            send_call(CallKind::kAcquire, now);
        }
    }
    check_drained(now);
}

// Counted from when the request was sent, so that the server's later count always includes ours.
void Keeper::check_stop_time(BootTime now) {
    if (stopped_by_time_ || leases_.empty() || now < answered_sent_ + stop_after_) {
        return;
    }
    stopped_by_time_ = true;
    kill_all();
}

void Keeper::answered_at(BootTime sent) {
    answered_sent_ = std::max(answered_sent_, sent);
    stopped_by_time_ = false;
    constexpr Millis kTellAfter{500};  // a slot's copy may lag by this much, to the safe side
    if (answered_sent_ + stop_after_ >= stop_time_told_ + kTellAfter) {
        stop_time_told_ = answered_sent_ + stop_after_;
        actions_.emplace_back(SetStopTime{stop_time_told_});
    }
}

void Keeper::check_drained(BootTime now) {
    if (!drain_local_ || drained_told_) {
        return;
    }
    if (!drain_killed_ && now >= drain_deadline_) {
        drain_killed_ = true;
        kill_all();
    }
    if (!leaving_ && leases_.empty() && registered_ && !report_.request) {
        leaving_ = true;
        leave_deadline_ = now + kGoodbyeWait;
        send_call(CallKind::kReport, now);
        return;
    }
    // A server that does not answer is not waited for when there is nothing to tell it.
    const bool unheard = leaving_ ? now >= leave_deadline_ : report_.tries.failures > 0;
    const bool nothing_left = leases_.empty() && (!report_.request || unheard);
    if (nothing_left || now >= drain_deadline_ + kAnswerAfterKill) {
        drained_told_ = true;
        actions_.emplace_back(Drained{});
    }
}

void Keeper::give_up(Error error) {
    kill_all();
    gave_up_ = true;
    actions_.emplace_back(GiveUp{std::move(error)});
}

// Exponential with jitter; the server's own wish is honoured up to the same limit.
Millis Keeper::backoff(int failures, Millis most, int retry_after_s) {
    constexpr Millis kFirst{100};
    const Millis wished = std::min(most, Millis(retry_after_s * 1'000LL));
    const Millis doubled = std::min<Millis>(most, kFirst * (1LL << std::min(failures, 10)));
    const Millis base = std::max(wished, doubled);
    return Millis(prng_.between(base.count() / 2 + 1, base.count()));
}

BootTime Keeper::next_due() const {
    if (gave_up_) {
        return BootTime::max();
    }
    BootTime due = BootTime::max();
    const auto at = [&due](BootTime time) { due = std::min(due, time); };
    if (!registered_) {
        if (!register_in_flight_) {
            at(register_at_);
        }
    } else {
        for (const InFlight* flight : {&report_, &acquire_}) {
            if (flight->request && flight->retry_at) {
                at(*flight->retry_at);
            }
        }
        if (!report_.request && !leaving_) {
            at(report_sent_ + heartbeat_);
        }
        if (!acquire_.request && !draining() && free_slots(CallKind::kAcquire) > 0 &&
            acquire_at_ > accounted_) {
            at(acquire_at_);
        }
    }
    if (!stopped_by_time_ && !leases_.empty()) {
        at(answered_sent_ + stop_after_);
    }
    if (drain_local_ && !drained_told_) {
        at(drain_killed_ ? drain_deadline_ + kAnswerAfterKill : drain_deadline_);
        if (leaving_) {
            at(leave_deadline_);
        }
    }
    return due;
}

}  // namespace servo::executor

// The agent's slot processes: starting, feeding, listening, burying, and what the log says of them.
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "executor/agent.h"
#include "executor/process_tree.h"
#include "executor/result_cut.h"
#include "model/job_id.h"

namespace servo::executor {
namespace {

constexpr Micros kRestartFirst{100'000};
constexpr Micros kRestartMost{30'000'000};
constexpr Micros kEndingMost{15'000'000};  // then the slot process is killed
constexpr Micros kTendEvery{200'000};

Micros restart_wait(int failures) {
    return std::min<Micros>(kRestartMost, kRestartFirst * (1LL << failures));
}

}  // namespace

void Agent::start_slot(int index) {
    Slot& slot = slots_[static_cast<size_t>(index)];
    const wire::Hello hello{
        index,
        state_.scratch_prefix(),
        options_.code_dir,
        cgroups_ ? cgroups_->slot_folder(index) : std::string(),
        options_.allow_shell,
        options_.kill_grace};
    const Status started = slot.host.start({options_.slot_command, state_.slots_lock()}, hello);
    if (!started) {
        if (slot.failures == 0) {
            spdlog::error("slot {}: {}", index, started.error().message);
            note_error(fmt::format("slot {}: {}", index, started.error().message));
        }
        slot.start_at = now_ + restart_wait(slot.failures);
        slot.failures = std::min(slot.failures + 1, 10);
        return;
    }
    if (stop_time_) {
        slot.host.send(wire::StopAt{*stop_time_});
    }
}

// A limit of the control group may be changed under a process that runs.
void Agent::follow_cpus() {
    if (!options_.slots_follow_cpus || !keeper_ || now_ < cpus_at_) {
        return;
    }
    cpus_at_ = now_ + options_.cpus_every;
    const int wanted = std::min(usable_cpu_count(options_.machine), model::kSlotsPerExecutorMax);
    if (wanted == keeper_->slots()) {
        return;
    }
    spdlog::info("slots: {} instead of {}, as there are processors", wanted, keeper_->slots());
    if (slots_.size() < static_cast<size_t>(wanted)) {
        slots_.resize(static_cast<size_t>(wanted));
    }
    keeper_->set_slots(wanted, in_ms(now_));
    for (size_t i = 0; i < static_cast<size_t>(wanted); ++i) {
        if (std::exchange(slots_[i].retired, false)) {
            slots_[i].start_at = now_;
        }
    }
}

void Agent::retire_slot(int index) {
    Slot& slot = slots_[static_cast<size_t>(index)];
    slot.retired = true;
    if (slot.host.running()) {
        lose_slot(index);
    }
}

void Agent::tell_stop_time(BootTime at) {
    stop_time_ = at;
    for (Slot& slot : slots_) {
        if (slot.host.running()) {
            slot.host.send(wire::StopAt{at});
        }
    }
}

void Agent::feed_slot(const FeedSlot& action) {
    Slot& slot = slots_[static_cast<size_t>(action.slot)];
    const model::RunnerSpec& run = action.definition->spec.run;
    const int units = run.kind == model::RunnerKind::kBatch ? std::max(run.batch_size, 1) : 1;
    if (slot.lease != action.grant.lease) {
        slot.lease = action.grant.lease;
        slot.started = slot.finished = action.first_position;
        slot.moved_at = now_;
    }
    slot.job = action.grant.job;
    slot.revision = {action.grant.asset, action.grant.revision};
    slot.unit_size = units;
    slot.unit_timeout = action.grant.timeout * units;
    if (spans_) {
        spans_->fed(action);
    }
    slot.host.feed(action.first_position, action.grant, *action.definition);
}

void Agent::handle_message(int index, wire::FromSlot message) {
    Slot& slot = slots_[static_cast<size_t>(index)];
    const BootTime now = in_ms(now_);
    if (auto* progress = std::get_if<SlotProgress>(&message); progress != nullptr && keeper_) {
        note_progress(slot, *progress);
        if (spans_) {
            spans_->reported(index, *progress);
        }
        keeper_->on_slot_event(index, std::move(*progress), now);
    } else if (const auto* trimmed = std::get_if<SlotTrimmed>(&message);
               trimmed != nullptr && keeper_) {
        slot.killed_at.reset();
        keeper_->on_slot_event(index, *trimmed, now);
    } else if (auto* answer = std::get_if<wire::LogAnswer>(&message)) {
        log_feed_.on_answer(answer->id, std::move(answer->piece), now_);
    } else if (const auto* notice = std::get_if<wire::Notice>(&message)) {
        spdlog::warn("slot {}: {}", index, notice->text);
        note_error(fmt::format("slot {}: {}", index, notice->text));
    } else if (std::holds_alternative<wire::Ready>(message)) {
        slot.ready = true;
        slot.failures = 0;
        if (keeper_) {
            keeper_->on_slot_event(index, SlotReady{}, now);
        }
    }
}

void Agent::note_progress(Slot& slot, const SlotProgress& progress) {
    slot.started = std::max(slot.started, progress.started);
    slot.finished += result_count(progress.results);
    slot.moved_at = now_;
    for (const model::DoneResult& done : progress.results.done) {
        durations_.add(slot.revision, done.duration);
    }
    attempts_completed_ += progress.results.done.size();
    for (const model::FailedResult& failed : progress.results.failed) {
        ++attempts_failed_[static_cast<size_t>(failed.klass)];
        if (failed.klass == model::FailureClass::kTimeout) {
            spdlog::warn("timeout: a partition of {} {}", model::to_text(slot.job), failed.message);
        }
    }
}

// The connection to the slot process is at its end. What it runs is killed, by itself if it still
// can and by us if not; the keeper hears of it when nothing is left.
void Agent::lose_slot(int index) {
    Slot& slot = slots_[static_cast<size_t>(index)];
    slot.host.close();
    slot.ready = false;
    slot.ending = true;
    slot.ending_since = now_;
}

void Agent::tend_slots() {
    const bool due = now_ - tended_at_ >= kTendEvery;
    if (due) {
        tended_at_ = now_;
        state_.earlier_slots_gone();  // takes the lock as soon as it is free
    }
    for (size_t i = 0; i < slots_.size(); ++i) {
        const int index = static_cast<int>(i);
        Slot& slot = slots_[i];
        if (slot.ending) {
            tend_ending_slot(index);
        } else if (!slot.host.running()) {
            if (now_ >= slot.start_at && !slot.retired) {
                start_slot(index);
            }
        } else if (due) {
            watch_slot(index);
        }
    }
}

void Agent::tend_ending_slot(int index) {
    Slot& slot = slots_[static_cast<size_t>(index)];
    if (!slot.host.reaped()) {
        if (now_ - slot.ending_since >= kEndingMost) {
            slot.host.kill();  // the rest is up to the operating system
        }
        return;
    }
    if (!clear_orphans()) {
        return;
    }
    slot.ending = false;
    slot.killed_at.reset();
    slot.stopped_at.reset();
    const bool stuck = std::exchange(slot.given_up, false);
    slot.stuck.reset();
    slot.stuck_said_at.reset();
    if (spans_) {
        spans_->ended(index);
    }
    slot.lease = {};
    slot.started = slot.finished = 0;
    if (slot.retired) {
        return;
    }
    slot.start_at = now_ + restart_wait(slot.failures);
    slot.failures = std::min(slot.failures + 1, 10);
    spdlog::warn("slot {}: its process is gone; another one is started", index);
    note_error(fmt::format("slot {}: its process is gone; another one is started", index));
    if (keeper_) {
        keeper_->on_slot_event(index, SlotLost{wall_now(), stuck}, in_ms(now_));
    }
}

// Processes of partitions have sessions of their own; when their slot process was killed they are
// our children. True when there are none.
bool Agent::clear_orphans() {
    const pid_t self = ::getpid();
    const pid_t session = ::getsid(0);
    bool none = true;
    for (const ProcessInfo& process : descendants(self)) {
        const bool is_slot = std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) {
            return slot.host.pid() == process.pid;
        });
        if (process.parent != self || process.session == session || is_slot) {
            continue;
        }
        none = false;
        if (process.zombie) {
            ::waitpid(process.pid, nullptr, WNOHANG);
            continue;
        }
        // Its children come to us when it is gone, and have their turn then.
        signal_process(process, SIGKILL);
    }
    return none;
}

void Agent::end_slots() {
    for (Slot& slot : slots_) {
        if (slot.host.running()) {
            slot.host.flush();
            slot.host.close();
        }
    }
    const Micros until = boot_now() + kEndingMost;
    const auto all_reaped = [this] {
        return std::all_of(slots_.begin(), slots_.end(), [](Slot& slot) {
            return slot.host.reaped();
        });
    };
    while (!all_reaped() && boot_now() < until) {
        ::poll(nullptr, 0, 2);  // other threads' children share SIGCHLD, so there is no signal
        turned_at_us_ = boot_now().count();
    }
    for (Slot& slot : slots_) {
        slot.host.bury();
    }
    while (!clear_orphans() && boot_now() < until) {
        ::poll(nullptr, 0, 2);
    }
}

}  // namespace servo::executor

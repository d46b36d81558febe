// What the agent tells the server of itself and its machine, and what its log says of stuck slots.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "api/utf8.h"
#include "base/log.h"
#include "base/text.h"
#include "executor/agent.h"
#include "executor/process_tree.h"
#include "model/job_id.h"

namespace servo::executor {
namespace {

constexpr Millis kHealthTimeout{1'000};     // it shares the line with reports
constexpr Micros kHealthAtMost{2'000'000};  // apart, even when there is news
constexpr Millis kNextMin{100};
constexpr Millis kNextMax{60'000};

}  // namespace

void Agent::note_error(const std::string& text) {
    health_news_ = true;
    errors_.push_back({wall_now(), api::clean_head(text, api::kHealthTextBytesMax)});
    if (errors_.size() > api::kHealthErrorsMax) {
        errors_.pop_front();
    }
}

// Keeps Slot::stuck true, and says it in the log for as long as it is so: the words of this line
// are what people look for in the log of an executor that hangs.
void Agent::watch_slot(int index) {
    Slot& slot = slots_[static_cast<size_t>(index)];
    SlotSigns signs;
    signs.running = slot.started > slot.finished;
    signs.moved_at = slot.moved_at;
    signs.timeout = slot.unit_timeout;
    signs.killed_at = slot.killed_at;
    const auto process = read_process(slot.host.pid());
    if (!process || !process->stopped) {
        slot.stopped_at.reset();
    } else if (!slot.stopped_at) {
        slot.stopped_at = now_;
    }
    signs.stopped_at = slot.stopped_at;
    if (const auto usual = durations_.usual(slot.revision)) {
        signs.usual = *usual * slot.unit_size;
    }
    const StuckRules rules{options_.kill_grace + options_.stuck_beyond, options_.stuck_floor};
    const std::optional<Stuck> stuck = stuck_as(signs, rules, now_);
    if (!stuck) {
        health_news_ = health_news_ || slot.stuck;
        slot.stuck.reset();
        slot.stuck_said_at.reset();
        return;
    }
    if (!slot.stuck) {
        const Micros since = *stuck == Stuck::kKilled    ? *slot.killed_at
                             : *stuck == Stuck::kStopped ? *slot.stopped_at
                                                         : slot.moved_at;
        slot.stuck_since = wall_now() - in_ms(now_ - since);
        slot.stuck_at = now_;
        health_news_ = true;
    }
    slot.stuck = stuck;
    if (*stuck != Stuck::kNoProgress && now_ - slot.stuck_at >= options_.stuck_kept) {
        spdlog::error("slot {}: its process does not react and is killed", index);
        note_error(fmt::format("slot {}: its process does not react and is killed", index));
        slot.given_up = true;
        slot.host.kill();
        return lose_slot(index);
    }
    if (slot.stuck_said_at && now_ - *slot.stuck_said_at < options_.stuck_say_every) {
        return;
    }
    slot.stuck_said_at = now_;
    say_stuck(index, signs);
}

void Agent::say_stuck(int index, const SlotSigns& signs) {
    const Slot& slot = slots_[static_cast<size_t>(index)];
    const std::string job = model::to_text(slot.job);
    std::string what;
    switch (*slot.stuck) {
        case Stuck::kTimeout:
            what = fmt::format(
                "a partition of {} is past its timeout of {} and does not end",
                job,
                human_duration(slot.unit_timeout)
            );
            break;
        case Stuck::kKilled:
            what = fmt::format("what it runs of {} was killed and does not end", job);
            break;
        case Stuck::kStopped:
            what = "its process is stopped, as by SIGSTOP";
            break;
        case Stuck::kNoProgress:
            what = fmt::format(
                "a partition of {} has run for {}, and 99 of 100 take no more than {}",
                job,
                human_duration(in_ms(now_ - slot.moved_at)),
                human_duration(in_ms(signs.usual.value_or(Micros(0))))
            );
            break;
    }
    spdlog::error("slot {} is stuck: {}", index, what);
}

int Agent::stuck_slots() const {
    return static_cast<int>(std::count_if(slots_.begin(), slots_.end(), [](const Slot& slot) {
        return slot.stuck.has_value();
    }));
}

api::ExecutorHealth Agent::health() {
    api::ExecutorHealth health;
    health.process_started_at = started_at_;
    health.pid = ::getpid();
    machine_.look(now_, health);
    health.memory_limits_by = cgroups_ ? "cgroup" : "polling";
    health.memory_limits_note = no_cgroups_;
    for (size_t i = 0; i < slots_.size(); ++i) {
        const Slot& slot = slots_[i];
        health.slots_ready += slot.ready ? 1 : 0;
        if (slot.stuck && health.stuck.size() < api::kStuckSlotsMax) {
            health.stuck.push_back(
                {static_cast<int64_t>(i),
                 model::to_text(slot.job),
                 std::string(to_string(*slot.stuck)),
                 slot.stuck_since}
            );
        }
    }
    health.stuck_slots = stuck_slots();
    health.slots_busy = keeper_->slots_busy();
    health.results_queued = static_cast<int64_t>(keeper_->results_queued());
    health.loop_lag_ms = std::exchange(slowest_turn_, Millis(0)).count();
    health.errors.assign(errors_.begin(), errors_.end());
    return health;
}

void Agent::tell_health() {
    // It shares the line with reports, which a server that does not answer must not hold up.
    if (!keeper_ || !keeper_->registered() || !server_reached_ || health_under_way_) {
        return;
    }
    const Micros apart = std::min<Micros>(kHealthAtMost, options_.health_every);
    const bool news = health_news_ && now_ >= health_told_at_ + apart;
    const bool answers = check_answers_.size() > check_answers_told_;
    if (now_ < health_at_ && !news && !answers) {
        return;
    }
    health_under_way_ = true;
    auto request = std::make_shared<api::HealthRequest>();
    request->session = session_.value;
    // Between two looks it only asks whether there is something to do.
    if (news || now_ >= health_told_at_ + options_.health_every || health_told_at_ == Micros(0)) {
        health_news_ = false;
        health_told_at_ = now_;
        request->health = health();
    }
    request->answers = check_answers_;
    check_answers_told_ = check_answers_.size();
    transport_->tell_health(
        std::move(request),
        kHealthTimeout,
        [inbox = inbox_](Result<api::HealthReply> reply) {
            inbox->post([reply = std::move(reply)](Agent& agent) mutable {
                agent.on_health_reply(std::move(reply));
            });
        }
    );
}

// A server that does not know the call, or is away, is told again later.
void Agent::on_health_reply(Result<api::HealthReply> reply) {
    health_under_way_ = false;
    if (reply || !traits(reply.error().code).retryable) {
        const auto told = static_cast<std::ptrdiff_t>(std::exchange(check_answers_told_, 0));
        check_answers_.erase(check_answers_.begin(), check_answers_.begin() + told);
    }  // else they go along with the next one
    health_at_ = now_ + (reply ? std::clamp(Millis(reply->next_ms), kNextMin, kNextMax)
                               : api::kHealthInterval);
    if (!reply) {
        if (reply.error().reason == "unknown_session") {
            health_told_at_ = Micros(0);  // a new leader: all of it, when registered there
        }
        return;
    }
    for (api::CheckAsk& ask : reply->checks) {
        checker_.submit(std::move(ask));
    }
}

}  // namespace servo::executor

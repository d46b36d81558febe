// How the agent finds slots that are stuck, and what its log says of them.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "executor/agent.h"
#include "model/job_id.h"

namespace servo::executor {

// Keeps Slot::stuck true, and says it in the log for as long as it is so: the words of this line
// are what people look for in the log of an executor that hangs.
void Agent::watch_slot(int index) {
    Slot& slot = slots_[static_cast<size_t>(index)];
    SlotSigns signs;
    signs.running = slot.started > slot.finished;
    signs.moved_at = slot.moved_at;
    signs.timeout = slot.unit_timeout;
    signs.killed_at = slot.killed_at;
    if (const auto usual = durations_.usual(slot.revision)) {
        signs.usual = *usual * slot.unit_size;
    }
    const StuckRules rules{options_.kill_grace + options_.stuck_beyond, options_.stuck_floor};
    const std::optional<Stuck> stuck = stuck_as(signs, rules, now_);
    if (!stuck) {
        slot.stuck.reset();
        slot.stuck_said_at.reset();
        return;
    }
    slot.stuck = stuck;
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

}  // namespace servo::executor

// The auditor's view of what holds for a time: settings of jobs, overrides, holds and pauses with
// an end. It ends in time, by itself no earlier, and what it covered is back.
#include <fmt/format.h>

#include <algorithm>

#include "model/job_id.h"
#include "sim/auditor.h"

namespace servo::sim {
namespace {

constexpr const char* kTemporary = "temporary";
constexpr Millis kLookEvery{500};
// Ticks are a second apart; a slow commit or a queue may be before the one that counts.
constexpr Millis kEndsWithin{15'000};

JobSettings lasting_of(const JobRow& row) {
    JobSettings out = row.settings;
    for (const TemporarySettings& one : row.temporary) {
        each_setting([&](std::string_view, auto setting, auto changed) {
            if (one.lasting.*changed) {
                out.*setting = *(one.lasting.*changed);
            }
        });
    }
    return out;
}

bool contains(const std::vector<TemporarySettings>& all, const TemporarySettings& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

void Auditor::check_settings(const BatchView& view, const JobRow& before, const JobRow& after) {
    const std::string id = to_text(after.id);
    bool set = false;       // by somebody, in this batch
    bool for_good = false;  // also for good
    for (const EventRow& event : view.changes.events) {
        if (event.subject == id && event.kind == "backfill.set") {
            set = true;
            for_good = for_good || event.detail.find(" until ") == std::string::npos;
        } else if (event.subject == id && event.kind == "backfill.resumed") {
            set = true;  // which may lift the limit of failures
            for_good = true;
        }
    }
    if (!for_good && lasting_of(before) != lasting_of(after)) {
        fail(kTemporary, id + " has other lasting settings, and nobody set any for good");
    }
    if (set) {
        return;
    }
    for (const TemporarySettings& one : after.temporary) {
        if (!contains(before.temporary, one)) {
            fail(kTemporary, id + " has a temporary setting that nobody set");
        }
    }
    for (const TemporarySettings& one : before.temporary) {
        if (contains(after.temporary, one)) {
            continue;
        }
        if (one.info.until > view.batch.now) {
            fail(kTemporary, id + " lost a temporary setting before its time");
        }
        if (!view.events.contains({"backfill.unset", id})) {
            fail(kTemporary, id + " lost a temporary setting without an event");
        }
    }
}

void Auditor::check_overdue(Instant now) {
    if (active_ - overdue_looked_at_ < kLookEvery) {
        return;
    }
    overdue_looked_at_ = active_;
    std::map<std::string, Millis> overdue;
    const auto look = [&](bool held, Instant until, const char* what, int64_t id) {
        if (held && until <= now) {
            const std::string name = fmt::format("{} {}", what, id);
            const auto known = overdue_.find(name);
            overdue[name] = known == overdue_.end() ? active_ : known->second;
        }
    };
    for (const auto& [id, row] : a_.tenants) {
        look(
            row.override_limits.has_value(), row.override_info.until, "override of tenant", id.value
        );
    }
    for (const auto& [id, row] : a_.pools) {
        const bool set = row.concurrency_override.has_value();
        look(set, row.override_info.until, "override of pool", id.value);
        look(row.hold.has_value(), row.hold ? row.hold->until : kNever, "hold of pool", id.value);
    }
    for (const auto& [id, head] : a_.assets) {
        const bool set = head.concurrency_override.has_value();
        look(set, head.override_info.until, "override of asset", id.value);
    }
    for (const auto& [id, job] : a_.jobs) {
        const bool paused = job.row.state == JobState::kPaused;
        look(paused, job.row.resume_at, "pause of job", id.value);
        for (const TemporarySettings& one : job.row.temporary) {
            look(!is_terminal(job.row.state), one.info.until, "setting of job", id.value);
        }
    }
    overdue_ = std::move(overdue);
    for (const auto& [name, since] : overdue_) {
        if (active_ - std::max(since, loaded_at_) > kEndsWithin) {
            fail(kTemporary, name + " does not end, although its time is over");
        }
    }
}

}  // namespace servo::sim

#include "server/time_spent.h"

#include <algorithm>
#include <array>

namespace servo::server {
namespace {

// Not lost: they did something useful, may yet, or had nothing to do.
constexpr std::array<std::string_view, 3> kNotLost = {"busy.useful", "busy.open", "idle.no_work"};

bool is_lost(std::string_view state) {
    return std::find(kNotLost.begin(), kNotLost.end(), state) == kNotLost.end();
}

void add(api::TimeSpent& out, const std::string& word, double per_second) {
    if (const auto state = model::ledger_name(word, model::kSlotWords)) {
        out.slots[*state] += per_second / 1'000;
        out.lost_slots += is_lost(*state) ? per_second / 1'000 : 0;
    } else if (const auto gate = model::ledger_name(word, model::kWaitWords)) {
        out.waiting[*gate] += per_second / 1'000;
    } else if (const auto phase = model::ledger_name(word, model::kPhaseWords)) {
        out.phases[*phase] += per_second / 1'000;
    } else if (word == "earned") {
        out.earned_slots += per_second / 1'000;
    } else if (word == "partitions.completed") {
        out.completed_per_second += per_second;
    } else if (word == "partitions.failed") {
        out.failed_per_second += per_second;
    }
}

void name_loss(api::TimeSpent& out) {
    double most = 0;
    for (const auto& [state, slots] : out.slots) {
        if (is_lost(state) && slots > most) {
            most = slots;
            out.lost_to = state;
        }
    }
}

}  // namespace

TimeViews look_at_time(const core::Scheduler& scheduler, model::LedgerScope scope, Instant now) {
    return {
        scheduler.ledger(scope, core::kRateNow, Millis(0), now),
        scheduler.ledger(scope, core::kRateBefore, core::kRateNow, now)};
}

std::map<std::string, api::TimeSpent> time_by_name(
    const core::LedgerView& view, const RowFilter& wanted
) {
    std::map<std::string, api::TimeSpent> out;
    for (const core::LedgerView::Row& row : view.rows) {
        if (!wanted(row)) {
            continue;
        }
        api::TimeSpent& spent = out[row.name];
        spent.span_ms = view.span.count();
        for (const auto& [word, amount] : row.amounts) {
            const double seconds = static_cast<double>(view.span.count()) / 1e3;
            add(spent, word, static_cast<double>(amount) / seconds);
        }
    }
    for (auto& [name, spent] : out) {
        name_loss(spent);
    }
    return out;
}

std::optional<api::TimeSpent> time_spent(const core::LedgerView& view, const RowFilter& wanted) {
    if (view.span <= Millis(0)) {
        return std::nullopt;
    }
    api::TimeSpent out;
    out.span_ms = view.span.count();
    for (const auto& [name, spent] : time_by_name(view, wanted)) {
        out.earned_slots += spent.earned_slots;
        out.lost_slots += spent.lost_slots;
        out.completed_per_second += spent.completed_per_second;
        out.failed_per_second += spent.failed_per_second;
        for (const auto& [state, slots] : spent.slots) {
            out.slots[state] += slots;
        }
        for (const auto& [phase, slots] : spent.phases) {
            out.phases[phase] += slots;
        }
        for (const auto& [gate, partitions] : spent.waiting) {
            out.waiting[gate] += partitions;
        }
    }
    name_loss(out);
    return out;
}

double ended_per_second(const api::TimeSpent& spent) {
    return spent.completed_per_second + spent.failed_per_second;
}

}  // namespace servo::server

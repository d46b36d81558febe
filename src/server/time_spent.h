// The leader's ledger of time as the API shows it: the last minute, and the ten minutes before.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "api/time_spent.h"
#include "core/scheduler.h"

namespace servo::server {

struct TimeViews {
    core::LedgerView now;
    core::LedgerView before;
};
TimeViews look_at_time(const core::Scheduler& scheduler, model::LedgerScope scope, Instant now);

using RowFilter = std::function<bool(const core::LedgerView::Row&)>;

// The sum of the rows that are wanted; absent when nothing was accounted for yet.
std::optional<api::TimeSpent> time_spent(const core::LedgerView& view, const RowFilter& wanted);

// The same by name; revisions of an asset together.
std::map<std::string, api::TimeSpent> time_by_name(
    const core::LedgerView& view, const RowFilter& wanted
);

// Partitions that ended, well or for good.
double ended_per_second(const api::TimeSpent& spent);

}  // namespace servo::server

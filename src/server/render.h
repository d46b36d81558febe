// Views of the scheduler and rows of the store → wire structs. Pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "api/admin.h"
#include "api/asset.h"
#include "api/backfill.h"
#include "core/forecast.h"
#include "core/views.h"

namespace servo::server {

// kNever and the epoch's start become absent.
std::optional<Instant> some_time(Instant t);

api::Backfill render_backfill(const core::JobView& view, const core::JobForecast* forecast);
void fill_backfill(
    const core::JobView& view, const core::JobForecast* forecast, api::Backfill& out
);

// none, met, missed, on_track, at_risk, will_miss or unknown.
std::string deadline_verdict(
    const core::JobView& view, const core::JobForecast* forecast, Instant now
);

api::WaitReason render_wait(const core::GateShare& share);
std::optional<api::OverrideInfo> render_override(bool present, const model::Override& info);
api::Pool render_pool(const core::PoolView& view);
api::Tenant render_tenant(const core::TenantView& view);
// Of one that ended in order, or was lost long ago: known by name, and not counted any more.
constexpr std::string_view kExecutorLeft = "left";
// The states of executors, of the API and of the metrics alike.
constexpr std::array<std::string_view, 6> kExecutorStates = {
    "up", "stuck", "draining", "drained", "lost", kExecutorLeft};
// An executor that was silent for longer than a lease lives is lost.
api::Executor render_executor(const core::ExecutorView& view, Instant now);
// Adds what it told of itself, if anything: one that is up may be stuck by that.
void add_health(std::optional<api::ExecutorHealth> health, Instant now, api::Executor& executor);

// None of what was lost, or never began: 0 is the code of success.
std::optional<int64_t> exit_of(const model::FailureRow& row);

// "day from 2024-01-01, Europe/Berlin"; "3 keys"; dimensions joined with " × ".
std::string describe_scheme(const model::SchemeSpec& scheme);

// The commands that repeat the job with all that was given, but for a deadline that has passed;
// keys are named when there are few.
std::string repeat_command(
    const core::JobView& view, const model::PartitionScheme* scheme, Instant now
);

}  // namespace servo::server

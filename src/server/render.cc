#include "server/render.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <set>

#include "base/rfc3339.h"
#include "base/text.h"
#include "model/asset_codec.h"
#include "model/job_id.h"
#include "model/protocol.h"
#include "server/settings.h"

namespace servo::server {
namespace {

using namespace model;

constexpr Millis kHealthFresh = api::kHealthInterval * 6;
constexpr uint64_t kKeysInCommandMax = 20;
constexpr uint64_t kDimensionsExaminedMax = 10'000;

std::string_view overlap_word(OverlapPolicy policy) {
    switch (policy) {
        case OverlapPolicy::kReject:
            return "reject";
        case OverlapPolicy::kWait:
            return "wait";
        case OverlapPolicy::kSkip:
            return "skip";
    }
    return "";
}

std::optional<std::string> some_text(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

double per_thousand(int64_t milli) {
    return static_cast<double>(milli) / 1'000;
}

}  // namespace

std::optional<int64_t> exit_of(const FailureRow& row) {
    return row.exit_code == 0 ? std::nullopt : std::optional<int64_t>(row.exit_code);
}

namespace {

void fill_state(const JobRow& row, api::Backfill& out) {
    out.id = to_text(row.id);
    if (row.group) {
        out.group_id = to_text(row.group);
    }
    out.asset_revision = row.revision;
    out.wants_latest = row.wants_latest && !is_terminal(row.state);
    out.state = to_string(row.state);
    out.state_reason = row.state_reason;
    out.state_note = row.state_note;
    out.state_by = row.state_by;
    out.state_since = some_time(row.state_since);
    if (row.state == JobState::kPaused) {
        out.resume_at = some_time(row.resume_at);
    }
    if (row.waits_for) {
        out.waits_for = to_text(row.waits_for);
    }
    out.reprocess = to_string(row.reprocess);
    out.overlap = overlap_word(row.overlap);
    out.range_start = some_text(row.range_start);
    out.range_end = some_text(row.range_end);
    out.note = row.note;
    out.created_by = row.created_by;
    out.generation = row.generation;
    out.created_at = row.created_at;
    out.started_at = row.started_at;
    out.completed_at = row.completed_at;
}

void fill_settings(const JobSettings& settings, api::Backfill& out) {
    out.priority = settings.priority;
    out.sla_deadline_at = settings.deadline;
    out.max_concurrency = settings.max_concurrency;
    out.max_failures = to_text(settings.max_failures);
    if (settings.timeout) {
        out.timeout_ms = settings.timeout->count();
    }
    out.memory_bytes = settings.memory_bytes;
    if (settings.max_attempts) {
        out.max_attempts = *settings.max_attempts;
    }
}

std::vector<api::TemporarySetting> render_temporary(const JobRow& row) {
    std::vector<api::TemporarySetting> out;
    for (const TemporarySettings& one : row.temporary) {
        const std::vector<SettingText> lasting = to_texts(one.lasting);
        const std::vector<SettingText> now = to_texts(values_of(row.settings, one.lasting));
        for (size_t i = 0; i < now.size(); ++i) {
            out.push_back(
                {std::string(now[i].name),
                 now[i].value,
                 lasting[i].value,
                 *render_override(true, one.info)}
            );
        }
    }
    return out;
}

std::string describe_windows(const TimeWindows& windows) {
    std::string out = windows.unit == Unit::kCron ? fmt::format("cron \"{}\"", windows.cron)
                                                  : format_every(windows.unit, windows.every);
    if (!windows.start.empty()) {
        out += fmt::format(" from {}", windows.start);
    }
    if (!windows.end.empty()) {
        out += fmt::format(" to {}", windows.end);
    }
    return out + ", " + windows.timezone;
}

}  // namespace

std::optional<Instant> some_time(Instant t) {
    return t == kNever || t == kEpochStart ? std::nullopt : std::optional(t);
}

void fill_backfill(
    const core::JobView& view, const core::JobForecast* forecast, api::Backfill& out
) {
    fill_state(view.row, out);
    fill_settings(view.row.settings, out);
    if (!is_terminal(view.row.state)) {
        out.temporary_settings = render_temporary(view.row);
    }
    out.tenant_id = view.tenant_name;
    out.asset_name = view.asset_name;
    out.effective_priority = view.rank > 0 ? view.effective_priority : view.row.settings.priority;
    out.rank = view.rank;
    out.slots = view.slots;
    out.total_partitions = view.row.total();
    out.completed_partitions = view.counters.completed;
    out.failed_partitions = view.counters.failed;
    out.skipped_partitions = view.counters.skipped;
    out.cancelled_partitions = view.counters.cancelled;
    out.running_partitions = view.running;
    out.pending_partitions = view.pending;
    out.partitions_per_second = per_thousand(view.rate_now_milli);
    if (view.counters.attempts_completed > 0) {
        out.avg_partition_duration_ms = static_cast<double>(view.counters.busy_us) / 1'000 /
                                        static_cast<double>(view.counters.attempts_completed);
    }
    if (forecast != nullptr && forecast->samples > 0 && !is_terminal(view.row.state)) {
        out.estimated_completion_at = forecast->p50;
        out.estimated_completion_p90_at = forecast->p90;
    }
}

api::Backfill render_backfill(const core::JobView& view, const core::JobForecast* forecast) {
    api::Backfill out;
    fill_backfill(view, forecast, out);
    return out;
}

std::string deadline_verdict(
    const core::JobView& view, const core::JobForecast* forecast, Instant now
) {
    const auto& deadline = view.row.settings.deadline;
    if (!deadline) {
        return "none";
    }
    if (view.row.completed_at.value_or(now) > *deadline) {
        return "missed";
    }
    if (view.row.state == JobState::kCancelled) {
        return "none";  // nobody waits for it any more
    }
    if (is_terminal(view.row.state)) {
        return view.row.state == JobState::kCompleted ? "met" : "missed";
    }
    if (forecast == nullptr || !forecast->p50 || forecast->samples == 0) {
        return "unknown";
    }
    if (*forecast->p50 > *deadline) {
        return "will_miss";
    }
    return forecast->p90 && *forecast->p90 <= *deadline ? "on_track" : "at_risk";
}

api::WaitReason render_wait(const core::GateShare& share) {
    api::WaitReason out;
    out.gate = core::to_string(share.gate);
    out.partitions = share.partitions;
    out.subject = share.subject;
    out.since = some_time(share.since);
    out.until = share.until;
    out.release = share.release;
    return out;
}

std::optional<api::OverrideInfo> render_override(bool present, const Override& info) {
    if (!present) {
        return std::nullopt;
    }
    return api::OverrideInfo{info.by, info.reason, info.since, some_time(info.until)};
}

api::Pool render_pool(const core::PoolView& view) {
    const PoolRow& row = view.row;
    api::Pool out;
    out.name = row.spec.name;
    if (row.tenant) {
        out.tenant_id = view.tenant_name;
    }
    out.scope = row.spec.scope == PoolScope::kShared ? "shared" : "tenant";
    out.concurrency = row.concurrency_override.value_or(row.spec.concurrency);
    out.per_tenant_concurrency = row.spec.per_tenant_concurrency;
    if (view.limit >= 0) {
        out.limit = view.limit;
    }
    out.limit_until = some_time(view.limit_until);
    out.used = view.used;
    for (const PoolWindow& window : row.spec.windows) {
        out.windows.push_back(
            {window.cron, window.length.count(), window.timezone, window.concurrency}
        );
    }
    for (const PoolCheck& check : row.spec.checks) {
        api::PoolCheck shown{check.url, check.timeout.count(), {}};
        if (check.bearer) {
            shown.credentials.emplace_back("Authorization");
        }
        for (const auto& [name, secret] : check.headers) {
            shown.credentials.push_back(name);
        }
        out.checks.push_back(std::move(shown));
    }
    out.contact = row.spec.contact;
    if (row.hold) {
        out.hold = {row.hold->by, row.hold->reason, row.hold->since, some_time(row.hold->until)};
    }
    out.override_info = render_override(row.concurrency_override.has_value(), row.override_info);
    switch (row.breaker) {
        case BreakerState::kClosed:
            out.breaker = "closed";
            break;
        case BreakerState::kOpen:
            out.breaker = "open";
            break;
        case BreakerState::kRamping:
            out.breaker = "ramping";
            break;
    }
    out.breaker_since = some_time(row.breaker_since);
    out.recent_attempts = view.recent_attempts;
    out.recent_external_failures = view.recent_external;
    out.next_probe_at = view.next_probe_at;
    return out;
}

api::Tenant render_tenant(const core::TenantView& view) {
    const TenantLimits& limits = view.row.override_limits.value_or(view.row.limits);
    api::Tenant out;
    out.name = view.row.name;
    out.weight = limits.weight;
    out.max_concurrency = limits.max_concurrency;
    out.max_pending = limits.max_pending;
    out.override_info =
        render_override(view.row.override_limits.has_value(), view.row.override_info);
    const auto compare = [&out](const char* limit, int64_t declared, int64_t in_force) {
        if (declared != in_force) {
            out.overridden.push_back({limit, std::to_string(declared), std::to_string(in_force)});
        }
    };
    compare("weight", view.row.limits.weight, limits.weight);
    compare("max_concurrency", view.row.limits.max_concurrency, limits.max_concurrency);
    compare("max_pending", view.row.limits.max_pending, limits.max_pending);
    out.slots = view.slots;
    out.pending_partitions = view.pending;
    out.open_backfills = view.open_jobs;
    out.fair_share = per_thousand(view.fair_share_milli);
    out.created_at = view.row.created_at;
    return out;
}

api::Executor render_executor(const core::ExecutorView& view, Instant now) {
    const bool connected = view.session && now - view.last_seen_at <= kLeaseTtl;
    api::Executor out;
    out.name = view.row.name;
    out.host = view.row.host;
    out.build = view.row.build;
    out.slots = connected ? view.slots : view.row.slots;
    out.busy = view.busy;
    out.labels = view.labels;
    out.last_seen_at = some_time(view.last_seen_at);
    out.registered_at = view.row.last_registered_at;
    out.drain_wanted = view.row.drain_wanted;
    if (!connected) {
        out.state = view.row.presence == Presence::kLeft ? kExecutorLeft : "lost";
    } else if (view.draining || view.row.drain_wanted) {
        out.state = view.busy > 0 ? "draining" : "drained";
    } else {
        out.state = "up";
    }
    for (size_t i = 0; view.session && i < kSlotStateCount; ++i) {
        out.slot_ms[std::string(to_string(static_cast<SlotState>(i)))] = view.slot_ms[i];
    }
    return out;
}

void add_health(std::optional<api::ExecutorHealth> health, Instant now, api::Executor& executor) {
    executor.health = std::move(health);
    if (executor.state == "up" && executor.health && executor.health->stuck_slots > 0 &&
        now - executor.health->as_of <= kHealthFresh) {
        executor.state = "stuck";
    }
}

std::string describe_scheme(const SchemeSpec& scheme) {
    std::string out;
    for (const Dimension& dimension : scheme.dimensions) {
        out += out.empty() ? "" : " × ";
        if (!dimension.name.empty()) {
            out += dimension.name + ": ";
        }
        if (const auto* windows = std::get_if<TimeWindows>(&dimension.values)) {
            out += describe_windows(*windows);
        } else {
            const auto& keys = std::get<StaticKeys>(dimension.values);
            out += fmt::format("{} keys", keys.keys.size() - keys.retired.size());
        }
    }
    return out;
}

namespace {

using KeysByDimension = std::map<std::string, std::set<std::string>>;

// Static keys of the job's partitions. Along a run they come round again, so one round is enough.
// Absent when that takes more than kDimensionsExaminedMax looks.
std::optional<KeysByDimension> static_keys_of(const JobRow& row, const PartitionScheme& scheme) {
    KeysByDimension seen;
    uint64_t looks = 0;
    for (const OrdinalRun& run : row.ordinals->runs()) {
        std::map<std::string, std::string> first;
        for (uint64_t i = 0; i < run.count; ++i) {
            if (++looks > kDimensionsExaminedMax) {
                return std::nullopt;
            }
            auto info = scheme.describe(run.first + static_cast<Ordinal>(i) * run.stride);
            if (!info) {
                return std::nullopt;
            }
            for (const Dimension& dimension : scheme.spec().dimensions) {
                if (std::holds_alternative<TimeWindows>(dimension.values)) {
                    info->dimensions.erase(dimension.name);
                }
            }
            if (i > 0 && info->dimensions == first) {
                break;
            }
            for (const auto& [name, key] : info->dimensions) {
                seen[name].insert(key);
            }
            if (i == 0) {
                first = std::move(info->dimensions);
            }
        }
    }
    return seen;
}

// " --dim region=eu": the dimensions of which the job has few keys and not all.
std::string named_dimensions(const JobRow& row, const PartitionScheme& scheme) {
    auto seen = static_keys_of(row, scheme);
    if (!seen) {
        return "";
    }
    std::string out;
    for (const Dimension& dimension : scheme.spec().dimensions) {
        const auto* keys = std::get_if<StaticKeys>(&dimension.values);
        const std::set<std::string>& named = (*seen)[dimension.name];
        if (keys != nullptr && !dimension.name.empty() && named.size() <= kKeysInCommandMax &&
            named.size() < keys->keys.size() - keys->retired.size()) {
            out += fmt::format(
                " --dim {}",
                shell_quote(fmt::format("{}={}", dimension.name, fmt::join(named, ",")))
            );
        }
    }
    return out;
}

// What selects just the partitions of a job that was not given a range. All keys of an asset need
// no word; more than a command can name have to come from a file, which only a person has.
std::string named_keys(const JobRow& row, const PartitionScheme* scheme, Instant now) {
    if (scheme != nullptr && scheme->timezone().empty()) {
        const auto all = scheme->resolve({}, now);
        if (all && all->count == row.total()) {
            return "";
        }
    }
    std::string out;
    for (uint64_t i = 0; scheme != nullptr && i < row.total() && row.total() <= kKeysInCommandMax;
         ++i) {
        const auto info = scheme->describe(row.ordinals->at(i));
        out += info ? fmt::format(" --partition {}", shell_quote(info->key)) : "";
    }
    return out.empty() ? fmt::format(" --partitions-file FILE_OF_ITS_{}_KEYS", row.total()) : out;
}

// Settings that `servo backfill start` takes. A deadline that has passed it would refuse.
std::string start_flags(const JobSettings& settings, Instant now) {
    std::string out;
    if (settings.priority != 0) {
        out += fmt::format(" --priority {}", settings.priority);
    }
    if (settings.deadline && *settings.deadline > now) {
        out += fmt::format(" --sla-deadline {}", format_rfc3339(*settings.deadline));
    }
    if (settings.max_concurrency != 0) {
        out += fmt::format(" --max-concurrency {}", settings.max_concurrency);
    }
    if (settings.max_failures != MaxFailures{}) {
        out += fmt::format(" --max-failures {}", to_text(settings.max_failures));
    }
    return out;
}

// Settings that only `servo backfill set` takes.
std::string set_flags(const JobSettings& settings) {
    std::string out;
    if (settings.timeout) {
        out += fmt::format(" --timeout {}", format_duration(*settings.timeout));
    }
    if (settings.memory_bytes) {
        out += fmt::format(" --memory {}", format_bytes(*settings.memory_bytes));
    }
    if (settings.max_attempts) {
        out += fmt::format(" --max-attempts {}", *settings.max_attempts);
    }
    return out;
}

}  // namespace

std::string repeat_command(const core::JobView& view, const PartitionScheme* scheme, Instant now) {
    const JobRow& row = view.row;
    std::string out = fmt::format("servo backfill start {}", shell_quote(view.asset_name));
    const std::string tenant = view.tenant_name == "default"
                                   ? ""
                                   : fmt::format(" --tenant {}", shell_quote(view.tenant_name));
    out += tenant;
    if (row.range_start.empty()) {
        out += named_keys(row, scheme, now);
    } else {
        out += fmt::format(
            " --start {} --end {}", shell_quote(row.range_start), shell_quote(row.range_end)
        );
        out += scheme != nullptr ? named_dimensions(row, *scheme) : "";
    }
    out += fmt::format(" --reprocess {}", to_string(row.reprocess));
    if (row.overlap != OverlapPolicy::kReject) {
        out += fmt::format(" --overlap {}", overlap_word(row.overlap));
    }
    const JobSettings settings = lasting_settings(row.settings, row.temporary);
    out += start_flags(settings, now);
    if (row.ordinals && row.ordinals->reversed()) {
        out += " --reverse";
    }
    if (!row.note.empty()) {
        out += fmt::format(" --note {}", shell_quote(row.note));
    }
    const std::string later = set_flags(settings);
    return later.empty()
               ? out
               : fmt::format("id=$({}) && servo backfill set \"$id\"{}{}", out, tenant, later);
}

}  // namespace servo::server

// The settings of a backfill that `servo backfill set` changes while it lives, for good or for a
// time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/pool.h"

namespace servo::model {

constexpr int kPriorityMin = -10;
constexpr int kPriorityMax = 10;

// `--max-failures N|P%`: pause the job when more than this many partitions failed finally.
struct MaxFailures {
    int64_t count = 0;  // 0 = not by count
    int percent = 5;    // 0 = not by share; counted once `percent_after` partitions ended
    int64_t percent_after = 50;
    bool operator==(const MaxFailures&) const = default;
};

// 0 / nullopt = as the asset says.
struct JobSettings {
    int priority = 0;  // -10..10, higher first
    std::optional<Instant> deadline;
    int64_t max_concurrency = 0;
    MaxFailures max_failures;
    std::optional<Millis> timeout;
    std::optional<int64_t> memory_bytes;
    std::optional<int> max_attempts;
    bool operator==(const JobSettings&) const = default;
};

// New values of some settings; what is absent stays as it is.
struct SettingsChange {
    std::optional<int> priority;
    std::optional<std::optional<Instant>> deadline;
    std::optional<int64_t> max_concurrency;
    std::optional<MaxFailures> max_failures;
    std::optional<std::optional<Millis>> timeout;
    std::optional<std::optional<int64_t>> memory_bytes;
    std::optional<std::optional<int>> max_attempts;
    bool operator==(const SettingsChange&) const = default;
};

// Calls visit(name, member of JobSettings, member of SettingsChange) for every setting. The names
// are those of requests to the API and of the flags of `servo backfill set`.
template <typename Visit>
void each_setting(Visit visit) {
    visit("priority", &JobSettings::priority, &SettingsChange::priority);
    visit("sla_deadline", &JobSettings::deadline, &SettingsChange::deadline);
    visit("max_concurrency", &JobSettings::max_concurrency, &SettingsChange::max_concurrency);
    visit("max_failures", &JobSettings::max_failures, &SettingsChange::max_failures);
    visit("timeout", &JobSettings::timeout, &SettingsChange::timeout);
    visit("memory", &JobSettings::memory_bytes, &SettingsChange::memory_bytes);
    visit("max_attempts", &JobSettings::max_attempts, &SettingsChange::max_attempts);
}

// Settings that `set --for` gave other values until info.until.
struct TemporarySettings {
    SettingsChange lasting;  // what holds again then; names at least one setting
    Override info;
    bool operator==(const TemporarySettings&) const = default;
};

bool names_nothing(const SettingsChange& change);
void apply(const SettingsChange& change, JobSettings& settings);
// What `settings` has for the settings that `names` names.
SettingsChange values_of(const JobSettings& settings, const SettingsChange& names);
// Takes the settings that `names` names out of `change`.
void take_out(SettingsChange& change, const SettingsChange& names);
// `in_force` with the temporary ones gone.
JobSettings lasting_settings(JobSettings in_force, const std::vector<TemporarySettings>& temporary);

struct SettingText {
    std::string_view name;
    std::string value;
};
// In the words of `servo backfill set`, in the order of each_setting.
std::vector<SettingText> to_texts(const SettingsChange& change);
// "10", "5%", "10 or 5%" or "none".
std::string to_text(const MaxFailures& limit);

}  // namespace servo::model

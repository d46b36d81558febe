// Which changes of a partition scheme keep the identity of history, and what they lead to.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "model/compiled_scheme.h"
#include "model/cron.h"
#include "model/partition_scheme.h"

namespace servo::model {
namespace {

Error changed(std::string_view field, std::string_view what) {
    const std::string path = fmt::format("partitions.{}", field);
    Error error = failed_precondition(
        "scheme_changed",
        fmt::format(
            "{}: {} cannot change, since the history of the asset is kept by it. Only keys can be "
            "added or removed, and start, end and end_offset moved; for another scheme make a new "
            "asset under a new name.",
            path,
            what
        )
    );
    error.fields.push_back({std::string(field), 0, fmt::format("{} cannot change", what)});
    return error;
}

bool same_zone(const std::string& a, const std::string& b) {
    const auto utc = [](const std::string& name) {
        return name == "UTC" || name == "Etc/UTC" || name == "Z";
    };
    return a == b || (utc(a) && utc(b));
}

bool same_cron(const std::string& a, const std::string& b) {
    if (a == b) {
        return true;
    }
    const Result<CronSpec> left = parse_cron(a);
    const Result<CronSpec> right = parse_cron(b);
    return left.has_value() && right.has_value() && *left == *right;
}

Status check_windows(const TimeWindows& before, const TimeWindows& after, const std::string& path) {
    if (before.unit != after.unit || before.every != after.every) {
        return fail(changed(path + "every", "the size of the windows"));
    }
    if (!same_cron(before.cron, after.cron)) {
        return fail(changed(path + "cron", "the cron expression"));
    }
    if (before.week_start != after.week_start) {
        return fail(changed(path + "week_start", "the first day of the week"));
    }
    if (!same_zone(before.timezone, after.timezone)) {
        return fail(changed(path + "timezone", "the time zone"));
    }
    return {};
}

StaticKeys merge_keys(const StaticKeys& before, const StaticKeys& after) {
    StaticKeys out{before.keys, after.retired};
    const std::set<std::string_view> known(before.keys.begin(), before.keys.end());
    const std::set<std::string_view> wanted(after.keys.begin(), after.keys.end());
    for (const std::string& key : after.keys) {
        if (!known.contains(key)) {
            out.keys.push_back(key);
        }
    }
    for (const std::string& key : before.keys) {
        if (!wanted.contains(key)) {
            out.retired.insert(key);
        }
    }
    return out;
}

}  // namespace

Status check_scheme_change(const SchemeSpec& before, const SchemeSpec& after) {
    if (before.dimensions.size() != after.dimensions.size()) {
        return fail(changed("dimensions", "the number of dimensions"));
    }
    for (size_t i = 0; i < before.dimensions.size(); ++i) {
        const Dimension& old = before.dimensions[i];
        const Dimension& now = after.dimensions[i];
        if (old.name != now.name) {
            return fail(changed("dimensions", "the names and the order of the dimensions"));
        }
        const std::string path = old.name.empty() ? "" : fmt::format("dimensions.{}.", old.name);
        if (old.values.index() != now.values.index()) {
            return fail(changed(path + "every", "windows into keys or keys into windows: the kind")
            );
        }
        if (const auto* windows = std::get_if<TimeWindows>(&old.values)) {
            SERVO_CHECK(check_windows(*windows, std::get<TimeWindows>(now.values), path));
        }
    }
    // Removed keys keep their ids, so the limits hold for all keys that there ever were.
    const Result<std::shared_ptr<const PartitionScheme>> merged =
        PartitionScheme::compile(merge_scheme(before, after));
    if (!merged.has_value()) {
        Error error = merged.error();
        error.code = ErrorCode::kFailedPrecondition;
        error.reason = "scheme_changed";
        return fail(std::move(error));
    }
    return {};
}

SchemeSpec merge_scheme(const SchemeSpec& before, const SchemeSpec& after) {
    SchemeSpec out = after;
    if (before.dimensions.size() != after.dimensions.size()) {
        return out;
    }
    for (size_t i = 0; i < out.dimensions.size(); ++i) {
        const auto* old = std::get_if<StaticKeys>(&before.dimensions[i].values);
        const auto* now = std::get_if<StaticKeys>(&after.dimensions[i].values);
        if (old != nullptr && now != nullptr) {
            out.dimensions[i].values = merge_keys(*old, *now);
        }
    }
    return out;
}

}  // namespace servo::model

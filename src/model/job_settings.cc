#include "model/job_settings.h"

#include <fmt/format.h>

#include "base/rfc3339.h"
#include "base/text.h"
#include "model/asset_codec.h"

namespace servo::model {
namespace {

std::string text_of(int value) {
    return std::to_string(value);
}

std::string text_of(int64_t value) {
    return std::to_string(value);
}

std::string text_of(const MaxFailures& limit) {
    return to_text(limit);
}

std::string text_of(const std::optional<Instant>& deadline) {
    return deadline ? format_rfc3339(*deadline) : "none";
}

std::string text_of(const std::optional<Millis>& timeout) {
    return timeout ? format_duration(*timeout) : "none";
}

std::string text_of(const std::optional<int64_t>& bytes) {
    return bytes ? format_bytes(*bytes) : "none";
}

std::string text_of(const std::optional<int>& attempts) {
    return attempts ? std::to_string(*attempts) : "none";
}

}  // namespace

bool names_nothing(const SettingsChange& change) {
    return change == SettingsChange{};
}

void apply(const SettingsChange& change, JobSettings& settings) {
    each_setting([&](std::string_view, auto setting, auto changed) {
        settings.*setting = (change.*changed).value_or(settings.*setting);
    });
}

SettingsChange values_of(const JobSettings& settings, const SettingsChange& names) {
    SettingsChange out;
    each_setting([&](std::string_view, auto setting, auto changed) {
        if (names.*changed) {
            (out.*changed).emplace(settings.*setting);
        }
    });
    return out;
}

void take_out(SettingsChange& change, const SettingsChange& names) {
    each_setting([&](std::string_view, auto, auto changed) {
        if (names.*changed) {
            (change.*changed).reset();
        }
    });
}

JobSettings lasting_settings(
    JobSettings in_force, const std::vector<TemporarySettings>& temporary
) {
    for (const TemporarySettings& one : temporary) {
        apply(one.lasting, in_force);
    }
    return in_force;
}

std::vector<SettingText> to_texts(const SettingsChange& change) {
    std::vector<SettingText> out;
    each_setting([&](std::string_view name, auto, auto changed) {
        if (change.*changed) {
            out.push_back({name, text_of(*(change.*changed))});
        }
    });
    return out;
}

std::string to_text(const MaxFailures& limit) {
    if (limit.count > 0 && limit.percent > 0) {
        return fmt::format("{} or {}%", limit.count, limit.percent);
    }
    if (limit.count > 0) {
        return std::to_string(limit.count);
    }
    return limit.percent > 0 ? fmt::format("{}%", limit.percent) : "none";
}

}  // namespace servo::model

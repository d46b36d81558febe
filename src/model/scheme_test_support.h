// Short forms for tests of partition schemes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "model/partition_scheme.h"

namespace servo::model {

using SchemePtr = std::shared_ptr<const PartitionScheme>;

inline TimeWindows windows(Unit unit, int every, const char* zone, const char* start) {
    TimeWindows out;
    out.unit = unit;
    out.every = every;
    out.timezone = zone;
    out.start = start;
    return out;
}

inline SchemeSpec spec_of(TimeWindows time) {
    return {{{"", std::move(time)}}};
}
inline SchemeSpec spec_of(std::vector<std::string> keys) {
    return {{{"", StaticKeys{std::move(keys), {}}}}};
}

inline SchemePtr compile(const SchemeSpec& spec) {
    auto scheme = PartitionScheme::compile(spec);
    EXPECT_TRUE(scheme.has_value()) << (scheme.has_value() ? "" : scheme.error().message);
    return scheme.value();
}
inline SchemePtr scheme_of(Unit unit, int every, const char* zone, const char* start) {
    return compile(spec_of(windows(unit, every, zone, start)));
}
inline SchemePtr cron_scheme(const char* cron, const char* zone, const char* start) {
    TimeWindows time = windows(Unit::kCron, 1, zone, start);
    time.cron = cron;
    return compile(spec_of(time));
}

inline Instant at(const char* text) {
    return instant_of(parse_civil_time(text).value());
}

constexpr const char* kLater = "2060-01-01T00:00Z";

inline Selection range(const char* start, const char* end) {
    Selection out;
    out.start = start;
    out.end = end;
    return out;
}

inline std::vector<Ordinal> ordinals_of(const Resolved& resolved) {
    std::vector<Ordinal> out;
    for (const OrdinalRun& run : resolved.ordinals) {
        for (uint64_t i = 0; i < run.count; ++i) {
            out.push_back(run.first + static_cast<int64_t>(i) * run.stride);
        }
    }
    return out;
}

// "KEY START END" of every partition of a selection, times in UTC.
inline std::vector<std::string> rows(const PartitionScheme& scheme, const Selection& selection) {
    std::vector<std::string> out;
    const Resolved resolved = scheme.resolve(selection, at(kLater)).value();
    for (const Ordinal ordinal : ordinals_of(resolved)) {
        const PartitionInfo info = scheme.describe(ordinal).value();
        std::string row = info.key;
        if (info.window.has_value()) {
            row += " " + format_rfc3339(info.window->start).substr(0, 16) + " " +
                   format_rfc3339(info.window->end).substr(0, 16);
        }
        out.push_back(std::move(row));
    }
    return out;
}

}  // namespace servo::model

// Reads the bytes of a TZif file (RFC 8536, version 2 and later) into stretches of constant offset,
// continued by the file's footer rule to the end of year 9999. Pure; knows no file system.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace servo::model {

// From `from_s` (seconds since the epoch) until the next stretch, local time = UTC + offset_s.
struct ZoneStretch {
    int64_t from_s = 0;
    int64_t reached_s = 0;  // exclusive bound of the local times shown before from_s; never falls
    int32_t offset_s = 0;
};

// Stands for "since ever" as the beginning of the first stretch.
constexpr int64_t kSinceEver = -(int64_t{1} << 60);

// At least one stretch, ascending, neighbours with different offsets.
// Error: internal / "bad_tz_file" (says what is wrong; the caller adds which file).
Result<std::vector<ZoneStretch>> parse_tz_file(std::string_view bytes);

}  // namespace servo::model

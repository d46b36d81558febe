// The JSON form of an asset, for those who want it as a value: the API's answers and diffs.
// encode_asset and decode_asset of model/asset.h are the same form as text.
#pragma once

#include <boost/json/object.hpp>

#include "model/asset.h"

namespace servo::model {

constexpr int kAssetCodecVersion = 1;

enum class JsonDefaults { kLeaveOut, kInclude };

// Members are sorted by name at every level; durations and sizes are text in the asset file's own
// notation ("1h30m", "2Gi"). Without the codec version, which belongs to the stored text.
boost::json::object asset_to_json(const AssetSpec& spec, JsonDefaults defaults);

// "2Gi", "512Mi", "1000": the shortest binary form that is exact; parse_bytes reads it back.
std::string format_bytes(int64_t bytes);
// "500us", or format_duration when it is whole milliseconds.
std::string format_micros(Micros duration);
// Reads both forms. Error: invalid_argument / "bad_duration".
Result<Micros> parse_micros(std::string_view text);

// Words of the asset file; the parser, the codec and the documentation share them.
std::string_view to_string(RunnerKind kind);
std::string_view to_string(UpstreamMapping mapping);
std::string_view to_string(Weekday day);
std::optional<RunnerKind> runner_kind_from(std::string_view name);
std::optional<UpstreamMapping> upstream_mapping_from(std::string_view name);
std::optional<Weekday> weekday_from(std::string_view name);

// `every` of the asset file: "15m", "hour", "6h", "day", "week", "month" ⇄ unit and count. Not for
// Unit::kCron. Whether the count divides its unit is PartitionScheme::compile's to check.
std::string format_every(Unit unit, int every);
std::optional<std::pair<Unit, int>> parse_every(std::string_view text);

}  // namespace servo::model

// Partition schemes: how an asset is cut into partitions, and the mapping key ⇄ ordinal ⇄ window.
// Pure: zone rules come from the system's tz database, loaded once; never the host's own zone.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/rfc3339.h"
#include "base/time.h"
#include "model/ordinals.h"

namespace servo::model {

constexpr size_t kStaticKeyLengthMax = 128;
constexpr size_t kKeyLengthMax = 1024;  // a joined key of all dimensions
constexpr size_t kStaticKeysMax = 1'000'000;
constexpr size_t kDimensionsMax = 4;
constexpr uint64_t kPartitionsPerJobMax = 200'000'000;

enum class Unit { kMinutes, kHours, kDay, kWeek, kMonth, kCron };
enum class Weekday { kMonday, kTuesday, kWednesday, kThursday, kFriday, kSaturday, kSunday };

// `every: 15m | hour | 6h | day | week | month`, or `cron: "0 6 * * 1"`.
struct TimeWindows {
    Unit unit = Unit::kDay;
    int every = 1;                          // minutes or hours in one window; divides its unit
    std::string cron;                       // five fields; only with Unit::kCron
    Weekday week_start = Weekday::kMonday;  // only with Unit::kWeek
    std::string timezone = "UTC";           // IANA name
    std::string start;                      // as typed, in the zone: first window starts not before
    std::string end;                        // as typed; exclusive bound; empty = open
    int end_offset = 0;                     // windows that must have ended before the last eligible
    bool operator==(const TimeWindows&) const = default;
};

// Append-only list: the ordinal of a key is its position here, given once and for ever. A key that
// a later revision dropped stays in `keys`, so that its position is never given to another, and is
// listed in `retired`: no longer selected, still described.
struct StaticKeys {
    std::vector<std::string> keys;
    std::set<std::string> retired;
    bool operator==(const StaticKeys&) const = default;
};

struct Dimension {
    std::string name;
    std::variant<TimeWindows, StaticKeys> values;
    bool operator==(const Dimension&) const = default;
};

// One unnamed dimension (`name` empty), or a product of named ones, at most one of them of time.
struct SchemeSpec {
    std::vector<Dimension> dimensions;
    bool operator==(const SchemeSpec&) const = default;
};

// The window of a partition; absent for key-only schemes.
struct Window {
    Instant start;
    Instant end;  // exclusive
    bool operator==(const Window&) const = default;
};

struct PartitionInfo {
    std::string key;
    std::optional<Window> window;
    std::string
        start_text;  // RFC 3339 with the zone's offset at that instant; empty without window
    std::string end_text;
    std::map<std::string, std::string> dimensions;  // name → part of the key
};

// What a user asked for. Empty = everything up to now.
struct Selection {
    std::string start;                                     // as typed; empty = from the beginning
    std::string end;                                       // date alone: inclusive
    std::vector<std::string> keys;                         // explicit keys; excludes start/end
    std::map<std::string, std::vector<std::string>> dims;  // restrict dimensions
};

// The answer to a Selection.
struct Resolved {
    std::vector<OrdinalRun> ordinals;  // ascending
    uint64_t count = 0;
    std::string range_start;  // RFC 3339 with offset; half-open; empty for key-only schemes
    std::string range_end;
    std::string timezone;
    std::string first_key;
    std::string last_key;
    uint64_t cut_by_bounds = 0;  // windows asked for that lie outside start/end of the scheme
    uint64_t not_yet_ended = 0;  // windows asked for whose end lies after `now`; left out
};

// A compiled scheme. Immutable; safe to share between threads.
class PartitionScheme {
 public:
    // Checks everything. Errors: invalid_argument with a FieldError per bad field (paths relative
    // to `partitions`, such as "timezone" or "dimensions.region.keys[3]").
    static Result<std::shared_ptr<const PartitionScheme>> compile(const SchemeSpec& spec);

    virtual ~PartitionScheme() = default;
    virtual const SchemeSpec& spec() const = 0;
    virtual const std::string& timezone() const = 0;  // "" for key-only schemes

    // Accepts the joined form and `name=value,…`. Errors: invalid_argument / "bad_key" (says the
    // form that is expected), not_found / "no_such_partition" (well-formed but not in the scheme,
    // with the nearest key for static ones).
    virtual Result<Ordinal> parse_key(std::string_view key) const = 0;
    // `ordinal` is one that this scheme or an earlier revision of it gave out.
    // Error: not_found / "no_such_partition".
    virtual Result<PartitionInfo> describe(Ordinal ordinal) const = 0;

    // Windows whose start lies in [start, end) and whose end is ≤ now. Never expands beyond
    // kPartitionsPerJobMax. Errors: invalid_argument ("bad_time", "bad_key", "empty_range",
    // "too_many_partitions"), not_found / "no_such_partition" naming the first bad keys.
    virtual Result<Resolved> resolve(const Selection& selection, Instant now) const = 0;
};

// Whether assets may move from `before` to `after` without losing the identity of history: keys
// appended, `start`, `end` or `end_offset` moved. Error: failed_precondition / "scheme_changed",
// naming the field, with the advice to make a new asset.
Status check_scheme_change(const SchemeSpec& before, const SchemeSpec& after);

// The scheme after `after` replaced `before`: static keys keep the ids they have (their position in
// the accumulated list), removed keys keep theirs reserved, new keys are appended.
SchemeSpec merge_scheme(const SchemeSpec& before, const SchemeSpec& after);

}  // namespace servo::model

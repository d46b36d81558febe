#include "model/zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <mutex>
#include <system_error>

#include "base/suggest.h"
#include "base/utf8.h"
#include "model/civil.h"

namespace servo::model {
namespace {

constexpr const char* kDatabase = "/usr/share/zoneinfo";
constexpr size_t kFileBytesMax = 256 * 1024;
constexpr size_t kNameLengthMax = 64;
constexpr size_t kNamesMax = 2000;
constexpr int32_t kMinuteS = 60;

bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

// Segments of letters, digits, '_', '+' and '-', the first beginning with a capital: leaves no way
// out of the directory and excludes its other files ("localtime", "posixrules", "right/…").
bool is_zone_name(std::string_view name) {
    if (name.empty() || name.size() > kNameLengthMax || !is_upper(name.front())) {
        return false;
    }
    char before = '\0';
    for (const char c : name) {
        const bool word = is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                          c == '_' || c == '+' || c == '-';
        if (!word && (c != '/' || before == '/')) {
            return false;
        }
        before = c;
    }
    return before != '/';
}

std::vector<std::string> known_names() {
    namespace fs = std::filesystem;
    std::vector<std::string> names;
    std::error_code ec;
    const fs::path root(kDatabase);
    fs::recursive_directory_iterator it(root, ec);
    const fs::recursive_directory_iterator end;
    while (!ec && it != end && names.size() < kNamesMax) {
        const std::string name = it->path().lexically_relative(root).generic_string();
        std::error_code type_ec;
        const bool folder = it->is_directory(type_ec);
        if (folder && !is_zone_name(name)) {
            it.disable_recursion_pending();
        } else if (!folder && is_zone_name(name)) {
            names.push_back(name);
        }
        it.increment(ec);
    }
    std::sort(names.begin(), names.end());
    return names;
}

Error unknown_zone(std::string_view name) {
    static std::vector<std::string> names;  // guarded by `naming`; read again while there are none
    static std::mutex naming;
    const std::lock_guard lock(naming);
    if (names.empty()) {
        names = known_names();
    }
    if (names.empty()) {
        return failed_precondition(
            "no_tz_database",
            fmt::format(
                "There is no time zone database in {}; install the tzdata package.", kDatabase
            )
        );
    }
    const std::string hint = did_you_mean(name, names);
    return invalid_argument(
        "bad_timezone",
        fmt::format(
            "\"{}\" is not a time zone.{}",
            utf8_front(name, kNameLengthMax),
            hint.empty() ? " Write an IANA name such as Europe/Berlin, or UTC." : hint
        )
    );
}

// The bytes of a regular file of at most kFileBytesMax; empty where there is none.
std::string read_zone_file(const std::string& name) {
    const std::string path = fmt::format("{}/{}", kDatabase, name);
    std::error_code ec;
    if (!std::filesystem::is_regular_file(path, ec)) {
        return "";
    }
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen(path.c_str(), "rbe"), &std::fclose
    );
    if (file == nullptr) {
        return "";
    }
    std::string bytes(kFileBytesMax, '\0');
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
    return bytes;
}

Result<std::shared_ptr<const Zone>> read_zone(const std::string& name) {
    const std::string bytes = read_zone_file(name);
    if (bytes.empty()) {
        return fail(unknown_zone(name));
    }
    Result<std::vector<ZoneStretch>> stretches = parse_tz_file(bytes);
    if (!stretches.has_value()) {
        Error error = std::move(stretches).error();
        error.message =
            fmt::format("Time zone {} ({}/{}): {}", name, kDatabase, name, error.message);
        return fail(std::move(error));
    }
    return std::make_shared<const Zone>(name, false, std::move(*stretches));
}

}  // namespace

Result<std::shared_ptr<const Zone>> Zone::load(std::string_view name) {
    static const std::shared_ptr<const Zone> utc = std::make_shared<const Zone>(
        "UTC", true, std::vector<ZoneStretch>{{kSinceEver, 2 * kSinceEver, 0}}
    );
    static std::mutex mutex;
    static std::map<std::string, std::shared_ptr<const Zone>, std::less<>> loaded;

    if (name == "UTC" || name == "Etc/UTC" || name == "Z") {
        return utc;
    }
    if (!is_zone_name(name)) {
        return fail(unknown_zone(name));
    }
    const std::lock_guard lock(mutex);
    const auto known = loaded.find(name);
    if (known != loaded.end()) {
        return known->second;
    }
    std::shared_ptr<const Zone> zone = SERVO_TRY(read_zone(std::string(name)));
    loaded.emplace(name, zone);  // bounded by the files of the database
    return zone;
}

size_t Zone::stretch_at(int64_t at_s) const {
    const auto next = std::upper_bound(
        stretches_.begin() + 1,
        stretches_.end(),
        at_s,
        [](int64_t t, const ZoneStretch& s) { return t < s.from_s; }
    );
    return static_cast<size_t>(next - stretches_.begin()) - 1;
}

int64_t Zone::first_instant(int64_t local_s) const {
    // The first stretch by whose end the clock has shown something later than local_s.
    const auto next = std::upper_bound(
        stretches_.begin() + 1,
        stretches_.end(),
        local_s,
        [](int64_t local, const ZoneStretch& s) { return local < s.reached_s; }
    );
    const ZoneStretch& stretch = *std::prev(next);
    return std::max(stretch.from_s, local_s - stretch.offset_s);
}

int64_t Zone::first_local(int64_t at_s) const {
    const ZoneStretch& stretch = stretches_[stretch_at(at_s)];
    // At the transition itself all that it skips is still to come.
    return at_s == stretch.from_s ? stretch.reached_s
                                  : std::max(stretch.reached_s, at_s + stretch.offset_s);
}

std::string format_offset(int32_t offset_s) {
    const int32_t minutes = std::abs(offset_s) / kMinuteS;
    return fmt::format("{}{:02}:{:02}", offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

std::string format_rfc3339(Instant t, const Zone& zone) {
    if (zone.is_utc()) {
        return servo::format_rfc3339(t);
    }
    const int32_t offset_s = zone.offset_at(floor_div(to_ms(t), 1000));
    const int32_t whole_s = offset_s / kMinuteS * kMinuteS;
    std::string out = servo::format_rfc3339(t + std::chrono::seconds(whole_s));
    out.pop_back();  // the Z
    return out + format_offset(whole_s);
}

Instant instant_of(const CivilTime& civil, const Zone& zone) {
    const Instant at_offset = servo::instant_of(civil);
    if (civil.offset_minutes.has_value()) {
        return at_offset;
    }
    const int64_t local_ms = to_ms(at_offset);
    const int64_t local_s = floor_div(local_ms, 1000);
    const int64_t at_s = zone.first_instant(local_s);
    // A skipped time is the transition itself; else the milliseconds stay.
    const bool shown = at_s + zone.offset_at(at_s) == local_s;
    return instant_ms(at_s * 1000 + (shown ? local_ms - local_s * 1000 : 0));
}

}  // namespace servo::model

#include "model/job_id.h"

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"

namespace servo::model {
namespace {

constexpr std::string_view kJobPrefix = "bf_";
constexpr std::string_view kGroupPrefix = "grp_";
// Layout of the ten bytes: 63 bits of the value and a zero bit, cell, check.
constexpr size_t kValueBytes = 8;
constexpr size_t kCellByte = 8;
constexpr size_t kCheckByte = 9;
constexpr size_t kPackedBytes = 10;

// CRC-8 with polynomial 0x2f: catches every error within eight adjacent bits, and so each single
// mistyped character.
char check_byte(std::string_view packed) {
    unsigned crc = 0xff;
    for (const char c : packed.substr(0, kCheckByte)) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 0x80) != 0 ? ((crc << 1) ^ 0x2f) & 0xff : crc << 1;
        }
    }
    return static_cast<char>(crc);
}

std::string pack(int64_t value) {
    std::string out;
    const uint64_t bits = static_cast<uint64_t>(value) << 1;
    for (int shift = 56; shift >= 0; shift -= 8) {
        out.push_back(static_cast<char>((bits >> shift) & 0xff));
    }
    out.push_back('\0');
    out.push_back(check_byte(out));
    return out;
}

int64_t value_of(std::string_view packed) {
    uint64_t bits = 0;
    for (const char c : packed.substr(0, kValueBytes)) {
        bits = (bits << 8) | static_cast<unsigned char>(c);
    }
    return static_cast<int64_t>(bits >> 1);
}

Error bad_id(std::string_view text, std::string_view prefix, std::string_view what) {
    return invalid_argument(
        "bad_id",
        fmt::format(
            "\"{}\" is not a {} id: {}. It is written \"{}\" and {} characters 0-9, a-z.",
            utf8_front(text, 60),
            prefix == kJobPrefix ? "backfill" : "group",
            what,
            prefix,
            kIdCharacters
        )
    );
}

Result<int64_t> parse(std::string_view text, std::string_view prefix) {
    if (!text.starts_with(prefix)) {
        return fail(bad_id(text, prefix, fmt::format("it does not begin with \"{}\"", prefix)));
    }
    const std::string_view body = text.substr(prefix.size());
    if (body.size() != kIdCharacters) {
        return fail(bad_id(text, prefix, fmt::format("it has {} characters", body.size())));
    }
    const Result<std::string> packed = base32_decode(body);
    if (!packed.has_value() || packed->size() != kPackedBytes) {
        return fail(bad_id(text, prefix, "a character is not base32"));
    }
    if ((*packed)[kCheckByte] != check_byte(*packed)) {
        return fail(bad_id(text, prefix, "the check does not match, a character was mistyped"));
    }
    if ((*packed)[kCellByte] != 0 || ((*packed)[kValueBytes - 1] & 1) != 0) {
        return fail(bad_id(text, prefix, "it belongs to another Servo"));
    }
    const int64_t value = value_of(*packed);
    if (value == 0) {
        return fail(bad_id(text, prefix, "no id has this value"));
    }
    return value;
}

}  // namespace

std::string to_text(JobId id) {
    return std::string(kJobPrefix) + base32_encode(pack(id.value));
}

std::string to_text(GroupId id) {
    return std::string(kGroupPrefix) + base32_encode(pack(id.value));
}

Result<JobId> parse_job_id(std::string_view text) {
    return JobId(SERVO_TRY(parse(text, kJobPrefix)));
}

Result<GroupId> parse_group_id(std::string_view text) {
    return GroupId(SERVO_TRY(parse(text, kGroupPrefix)));
}

Result<JobIdRange> parse_job_id_prefix(std::string_view text) {
    std::string_view body = text;
    if (body.starts_with(kJobPrefix)) {
        body.remove_prefix(kJobPrefix.size());
    }
    if (body.empty() || body.size() > kIdCharacters) {
        return fail(bad_id(text, kJobPrefix, fmt::format("it has {} characters", body.size())));
    }
    // The lowest and the highest text that begin with what was typed.
    const std::string padding(kIdCharacters - body.size(), '0');
    const std::string filling(kIdCharacters - body.size(), 'z');
    const Result<std::string> low = base32_decode(std::string(body) + padding);
    const Result<std::string> high = base32_decode(std::string(body) + filling);
    if (!low.has_value() || !high.has_value()) {
        return fail(bad_id(text, kJobPrefix, "a character is not base32"));
    }
    const JobIdRange range{value_of(*low), value_of(*high)};
    // From 13 characters on one value is left; what was typed of cell and check must agree with it.
    const std::string typed = base32_encode(*low).substr(0, body.size());
    if (range.first == range.last && !base32_encode(pack(range.first)).starts_with(typed)) {
        return fail(bad_id(text, kJobPrefix, "the check does not match, a character was mistyped"));
    }
    return range;
}

}  // namespace servo::model

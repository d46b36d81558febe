#include "base/text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

namespace servo {
namespace {

constexpr std::string_view kBase32 = "0123456789abcdefghjkmnpqrstvwxyz";

struct Unit {
    std::string_view name;
    int64_t ms;
};
constexpr std::array<Unit, 6> kUnits = {{
    {"w", 7 * 86'400'000LL},
    {"d", 86'400'000LL},
    {"h", 3'600'000LL},
    {"m", 60'000LL},
    {"s", 1'000LL},
    {"ms", 1LL},
}};

Error bad_duration(std::string_view text) {
    return invalid_argument(
        "bad_duration",
        fmt::format("\"{}\" is not a duration; write it like 90s, 15m, 2h or 1h30m.", text)
    );
}

}  // namespace

std::string shell_quote(std::string_view word) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_-./:=,@%+").find(c) != std::string_view::npos;
    };
    bool quote = word.empty();
    for (const char c : word) {
        quote = quote || !plain(c);
    }
    if (!quote) {
        return std::string(word);
    }
    std::string out = "'";
    for (const char c : word) {
        if (c == '\'') {
            out += "'\\''";
        } else {
            out += c;
        }
    }
    return out + "'";
}

Result<Millis> parse_duration(std::string_view text) {
    if (text.empty()) {
        return fail(bad_duration(text));
    }
    int64_t total = 0;
    std::string_view rest = text;
    while (!rest.empty()) {
        int64_t count = 0;
        const auto [end, status] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
        if (status != std::errc() || count < 0) {
            return fail(bad_duration(text));
        }
        rest.remove_prefix(static_cast<size_t>(end - rest.data()));
        size_t letters = 0;
        while (letters < rest.size() && rest[letters] >= 'a' && rest[letters] <= 'z') {
            ++letters;
        }
        int64_t factor = 0;
        for (const Unit& unit : kUnits) {
            if (unit.name == rest.substr(0, letters)) {
                factor = unit.ms;
            }
        }
        int64_t part = 0;
        if (factor == 0 || __builtin_mul_overflow(count, factor, &part) ||
            __builtin_add_overflow(total, part, &total)) {
            return fail(bad_duration(text));
        }
        rest.remove_prefix(letters);
    }
    return Millis(total);
}

std::string format_duration(Millis d) {
    int64_t rest = d.count();
    if (rest <= 0) {
        return "0s";
    }
    std::string out;
    for (const Unit& unit : kUnits) {
        if (rest >= unit.ms && unit.name != "w") {
            out += fmt::format("{}{}", rest / unit.ms, unit.name);
            rest %= unit.ms;
        }
    }
    return out;
}

std::string human_duration(Millis d) {
    const int64_t ms = d.count();
    if (ms < 0) {
        return "-" + human_duration(Millis(ms == std::numeric_limits<int64_t>::min() ? 0 : -ms));
    }
    if (ms < 1'000) {
        return fmt::format("{}ms", ms);
    }
    if (ms < 60'000) {
        return fmt::format("{}.{}s", ms / 1'000, ms % 1'000 / 100);
    }
    if (ms < 3'600'000) {
        return fmt::format("{}m {:02}s", ms / 60'000, ms % 60'000 / 1'000);
    }
    if (ms < 86'400'000) {
        return fmt::format("{}h {:02}m", ms / 3'600'000, ms % 3'600'000 / 60'000);
    }
    return fmt::format("{}d {:02}h", ms / 86'400'000, ms % 86'400'000 / 3'600'000);
}

Result<int64_t> parse_bytes(std::string_view text) {
    const auto bad = [&] {
        return fail(invalid_argument(
            "bad_size", fmt::format("\"{}\" is not a size; write it like 512Mi, 2Gi or 1G.", text)
        ));
    };
    int64_t count = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (status != std::errc() || count < 0) {
        return bad();
    }
    const std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
    static constexpr std::array<std::pair<std::string_view, int64_t>, 9> kSizes = {{
        {"", 1},
        {"k", 1'000},
        {"M", 1'000'000},
        {"G", 1'000'000'000},
        {"T", 1'000'000'000'000},
        {"Ki", 1LL << 10},
        {"Mi", 1LL << 20},
        {"Gi", 1LL << 30},
        {"Ti", 1LL << 40},
    }};
    for (const auto& [name, factor] : kSizes) {
        if (name == unit) {
            int64_t bytes = 0;
            if (__builtin_mul_overflow(count, factor, &bytes)) {
                return bad();
            }
            return bytes;
        }
    }
    return bad();
}

Result<int64_t> parse_integer(std::string_view text, int64_t low, int64_t high) {
    int64_t value = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (status != std::errc() || end != text.data() + text.size() || value < low || value > high) {
        return fail(invalid_argument(
            "bad_number",
            fmt::format("\"{}\" is not a whole number from {} to {}.", text, low, high)
        ));
    }
    return value;
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    size_t begin = 0;
    while (true) {
        const size_t end = text.find(separator, begin);
        if (end == std::string_view::npos) {
            parts.emplace_back(text.substr(begin));
            return parts;
        }
        parts.emplace_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    return fmt::format("{}", fmt::join(parts, separator));
}

std::string with_commas(int64_t value) {
    std::string digits = fmt::format("{}", value);
    const size_t first = digits[0] == '-' ? 1 : 0;
    for (size_t i = digits.size(); i > first + 3;) {
        i -= 3;
        digits.insert(i, ",");
    }
    return digits;
}

std::string counted(uint64_t value, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", with_commas(static_cast<int64_t>(value)), value == 1 ? one : many);
}

std::string base32_encode(std::string_view bytes) {
    std::string out;
    uint32_t buffer = 0;
    int bits = 0;
    for (const char c : bytes) {
        buffer = (buffer << 8) | static_cast<unsigned char>(c);
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            out += kBase32[(buffer >> bits) & 31];
        }
    }
    if (bits > 0) {
        out += kBase32[(buffer << (5 - bits)) & 31];
    }
    return out;
}

Result<std::string> base32_decode(std::string_view text) {
    std::string out;
    uint32_t buffer = 0;
    int bits = 0;
    for (const char c : text) {
        const size_t digit = kBase32.find(c);
        if (digit == std::string_view::npos) {
            return fail(invalid_argument("bad_base32", fmt::format("\"{}\" is not an id.", text)));
        }
        buffer = ((buffer << 5) | static_cast<uint32_t>(digit)) & 0xffffU;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>((buffer >> bits) & 0xffU);
        }
    }
    if ((buffer & ((1U << bits) - 1)) != 0) {
        return fail(invalid_argument("bad_base32", fmt::format("\"{}\" is not an id.", text)));
    }
    return out;
}

}  // namespace servo

#include "api/utf8.h"

#include <algorithm>
#include <cstdint>

namespace servo::api {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

// Length of the valid sequence at the front; 0 when there is none.
size_t sequence_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) {
        return 1;
    }
    const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) {
        return 0;
    }
    for (size_t i = 1; i < length; ++i) {
        if (!continuation(text[i])) {
            return 0;
        }
    }
    const auto second = static_cast<unsigned char>(text[1]);
    const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool beyond = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
    return overlong || beyond ? 0 : length;
}

}  // namespace

std::string valid_utf8(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const size_t length = sequence_length(bytes);
        if (length == 0) {
            out += kReplacement;
            bytes.remove_prefix(1);
        } else {
            out += bytes.substr(0, length);
            bytes.remove_prefix(length);
        }
    }
    return out;
}

std::string clean_head(std::string_view bytes, size_t max) {
    // More than `max` bytes of input cannot matter: the output is never shorter than the input.
    std::string text = valid_utf8(bytes.substr(0, max + 4));
    size_t end = std::min(text.size(), max);
    while (end < text.size() && end > 0 && continuation(text[end])) {
        --end;
    }
    text.resize(end);
    return text;
}

std::string clean_tail(std::string_view bytes, size_t max) {
    std::string text =
        valid_utf8(bytes.size() > max + 4 ? bytes.substr(bytes.size() - max - 4) : bytes);
    size_t begin = text.size() > max ? text.size() - max : 0;
    while (begin < text.size() && continuation(text[begin])) {
        ++begin;
    }
    return text.substr(begin);
}

}  // namespace servo::api

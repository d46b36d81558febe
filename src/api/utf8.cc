#include "api/utf8.h"

#include <algorithm>

#include "base/utf8.h"

namespace servo::api {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

bool continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

}  // namespace

std::string valid_utf8(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    for (;;) {
        const size_t good = valid_utf8_prefix(bytes);
        out += bytes.substr(0, good);
        bytes.remove_prefix(good);
        if (bytes.empty()) {
            return out;
        }
        out += kReplacement;
        bytes.remove_prefix(1);
    }
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

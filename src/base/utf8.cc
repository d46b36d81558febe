#include "base/utf8.h"

namespace servo {

size_t utf8_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) {
        return 1;
    }
    const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) {
        return 0;
    }
    for (size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U) {
            return 0;
        }
    }
    const auto second = static_cast<unsigned char>(text[1]);
    const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool beyond = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
    return overlong || beyond ? 0 : length;
}

size_t valid_utf8_prefix(std::string_view text) {
    size_t end = 0;
    while (end < text.size()) {
        const size_t length = utf8_length(text.substr(end));
        if (length == 0) {
            break;
        }
        end += length;
    }
    return end;
}

std::string_view utf8_front(std::string_view text, size_t bytes_max) {
    const std::string_view front = text.substr(0, bytes_max);
    return front.substr(0, valid_utf8_prefix(front));
}

TextPlace place_of(std::string_view text, size_t offset) {
    TextPlace out;
    for (size_t i = 0; i < offset && i < text.size(); ++i) {
        out.column = text[i] == '\n' ? 1 : out.column + 1;
        out.line += text[i] == '\n' ? 1U : 0U;
    }
    return out;
}

}  // namespace servo

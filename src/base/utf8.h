// What is well-formed UTF-8: shortest forms, no surrogates, nothing beyond U+10FFFF. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace servo {

// Bytes of the character at the front of `text`, which is not empty; 0 when it is none.
size_t utf8_length(std::string_view text);

// Bytes at the front of `text` that are well-formed; all of them when it is UTF-8.
size_t valid_utf8_prefix(std::string_view text);

// The front of `text`: at most so many bytes, and no character cut in two.
std::string_view utf8_front(std::string_view text, size_t bytes_max);

// A place in a text for people, both from 1; columns count bytes.
struct TextPlace {
    size_t line = 1;
    size_t column = 1;
};
TextPlace place_of(std::string_view text, size_t offset);

}  // namespace servo

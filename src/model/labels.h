// Labels of executors by name: an asset asks for some, an executor has some, its token may say
// which. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace servo::model {

using Labels = std::map<std::string, std::string>;

constexpr size_t kLabelsMax = 64;  // of one executor, token or asset
constexpr size_t kLabelBytesMax = 256;

// A name and a value without control characters and a name without "=", neither empty nor long.
bool label_ok(std::string_view name, std::string_view value);

// "zone=eu, gpu=a100".
std::string to_text(const Labels& labels, std::string_view between = ", ");

// As stored: one a line. What is no label is left out.
std::string encode_labels(const Labels& labels);
Labels decode_labels(std::string_view text);

}  // namespace servo::model

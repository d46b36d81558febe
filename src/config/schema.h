// Documents made from the declarations of config/keys.h: the JSON Schema that editors use
// (docs/reference/servo.schema.json) and the reference page (docs/reference/servo-yaml.md). Pure.
#pragma once

#include <string>

namespace servo::config {

// JSON Schema, draft 2020-12, of the asset file. It describes the shape: every file that the parser
// accepts is valid; names, bounds of durations, templates, schemes and references are the parser's.
std::string asset_file_schema();

// Markdown.
std::string asset_file_reference();

}  // namespace servo::config

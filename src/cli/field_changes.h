// How differences of a definition look: "field: before → after". Used by apply and asset diff.
#pragma once

#include <string>
#include <vector>

#include "api/asset.h"

namespace servo::cli {

// A line each, ending with a newline, after `indent`; marked +, - or ~ and coloured where asked
// for.
std::string field_changes(
    const std::vector<api::FieldChange>& changes, const std::string& indent, bool colour
);

// "by ann since 2024-01-29 05:15:00Z until …: why"; "" when there is none.
std::string describe_override(const std::optional<api::OverrideInfo>& info);

}  // namespace servo::cli

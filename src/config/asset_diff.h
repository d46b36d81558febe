// What differs between two definitions of an asset, field by field, for `apply --dry-run` and
// `asset diff`. Pure.
#pragma once

#include <string>
#include <vector>

#include "model/asset.h"

namespace servo::config {

// `before` or `after` is empty where the field is absent on that side. Fields are paths as in the
// asset file ("retries.backoff.max"); values are in its notation, defaults spelled out.
struct FieldChange {
    std::string field;
    std::string before;
    std::string after;
    bool operator==(const FieldChange&) const = default;
};

// By field name; empty when the two are equal.
std::vector<FieldChange> diff_assets(const model::AssetSpec& before, const model::AssetSpec& after);

// One line each: "~ timeout: 1h → 2h", "+ env.B: 2", "- pools.api: 1".
std::string format_diff(const std::vector<FieldChange>& changes);

}  // namespace servo::config

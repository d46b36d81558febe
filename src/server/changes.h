// What differs between two asset definitions, field by field, in the asset file's own notation.
// Pure.
#pragma once

#include <vector>

#include "api/asset.h"
#include "model/asset.h"

namespace servo::server {

// `before` may be null (the asset is new), `after` too (it was archived): then no changes.
std::vector<api::FieldChange> field_changes(
    const model::AssetSpec* before, const model::AssetSpec* after
);

}  // namespace servo::server

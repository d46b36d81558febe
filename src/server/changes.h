// What differs between two definitions of an asset or a pool, field by field, in the asset file's
// own notation. Pure.
#pragma once

#include <vector>

#include "api/asset.h"
#include "model/asset.h"
#include "model/pool.h"

namespace servo::server {

// `before` may be null (it is new), `after` too (it was archived): then no changes.
std::vector<api::FieldChange> field_changes(
    const model::AssetSpec* before, const model::AssetSpec* after
);
std::vector<api::FieldChange> field_changes(
    const model::PoolSpec* before, const model::PoolSpec* after
);

}  // namespace servo::server

// The body of one asset as a model::AssetSpec.
#pragma once

#include "config/fields.h"
#include "config/partitions.h"
#include "model/asset.h"

namespace servo::config {

// `name` is empty for a fragment (`defaults`, an override). Problems are added to those of
// `fields`; the result is of use only when none were. `overrides` is the caller's.
model::AssetSpec read_asset_body(
    const std::string& name, const Fields& fields, Completeness completeness
);

}  // namespace servo::config

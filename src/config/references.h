// What the assets of a file refer to: upstream assets and pools, in the file or already applied.
// Pure.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/asset.h"
#include "model/pool.h"

namespace servo::config {

constexpr size_t kGraphVisitsMax = 200'000;  // assets looked at in one search for cycles

// What the server already has. An empty function has nothing. Pointers are used before the next
// call only.
struct Applied {
    std::function<const model::AssetSpec*(std::string_view tenant, std::string_view asset)> asset;
    std::function<const model::PoolSpec*(std::string_view tenant, std::string_view pool)> pool;
    // Names that those two know, to suggest.
    std::function<std::vector<std::string>(std::string_view tenant)> asset_names = {};
    std::function<std::vector<std::string>(std::string_view tenant)> pool_names = {};
};

// Names that neither the file nor `Applied` knows: an error, or someone else's to check.
enum class UnknownNames { kReport, kLeave };

// Why partitions of `child` cannot be mapped to those of `parent` by `link`; empty when they can.
std::string mapping_problem(
    const model::SchemeSpec& child, const model::SchemeSpec& parent, const model::UpstreamLink& link
);

// Checks that upstream assets and pools exist, that mappings are possible, that a partition does
// not take more units than its pool has, and that there is no cycle. Fields are
// "assets.NAME.upstream.X" and "assets.NAME.pools.X", line 0.
std::vector<FieldError> check_references(
    const std::vector<const model::AssetSpec*>& assets,
    const std::map<std::string, model::PoolSpec>& pools,
    std::string_view tenant,
    const Applied& applied,
    UnknownNames unknown = UnknownNames::kReport
);

}  // namespace servo::config

// `pools` of an asset file, and what an asset takes of them.
#pragma once

#include <map>

#include "config/fields.h"
#include "model/pool.h"

namespace servo::config {

constexpr size_t kPoolsMax = 200;

std::map<std::string, model::PoolSpec> read_pools(const Fields& file);

// `pools` of an asset: {warehouse: 2}, or a list of names that means one unit each.
std::map<std::string, int> read_units(const Fields& asset);

}  // namespace servo::config

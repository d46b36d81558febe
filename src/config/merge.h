// Lays one asset body over another: `defaults` under an asset, an asset under a tenant's override.
#pragma once

#include "config/yaml_tree.h"

namespace servo::config {

// Mappings are merged key by key; lists, texts and everything of different kinds are replaced. What
// chooses one of several forms is replaced as a whole when the form changes: the runner in `run`,
// `every`, `cron`, `keys` or `dimensions` in `partitions`, and each secret and upstream link. Keys
// that start with "x-" are dropped. Lines stay those of the value that won.
YamlNode merge_asset(const YamlNode& lower, const YamlNode& upper);

}  // namespace servo::config

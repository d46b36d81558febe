// The tables behind config/keys.h, one function a part of the file. Included by keys.cc only.
#pragma once

#include "config/keys.h"

namespace servo::config {

MappingDecl file_keys();
MappingDecl asset_keys();
MappingDecl partition_keys();
MappingDecl dimension_keys();
std::vector<MappingDecl> run_keys();  // run, command, worker, batch, synthetic
std::vector<MappingDecl> asset_part_keys(
);                                     // secret, resources, retries, backoff, limits, upstream
std::vector<MappingDecl> pool_keys();  // pool, per_tenant, windows

}  // namespace servo::config

// `partitions` of an asset file as a model::SchemeSpec.
#pragma once

#include "config/fields.h"
#include "model/partition_scheme.h"

namespace servo::config {

// kFragment: part of a body that is laid under or over another, so nothing can be missing yet.
enum class Completeness { kFragment, kComplete };

// A complete scheme is also compiled, and what that finds is reported at the lines it came from.
// Everything wrong is added to the problems of `fields`; the result is then of no use.
model::SchemeSpec read_partitions(const Fields& fields, Completeness completeness);

// Adds a problem unless `cron` fires in `timezone`; for the windows of pools.
void check_cron(const Fields& fields, const std::string& cron, const std::string& timezone);

}  // namespace servo::config

// Spans of backfills, from what the leader committed: one when a backfill ends, which covers its
// whole life. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/changes.h"
#include "trace/span.h"

namespace servo::trace {

// Names for people, as they are at the time of the commit.
struct BackfillNames {
    std::string tenant;
    std::string asset;
};

// Of the jobs that `changes` brought to an end, those whose trace is recorded.
std::vector<Span> backfill_spans(
    const model::ChangeSet& changes, const std::function<BackfillNames(const model::JobRow&)>& names
);

}  // namespace servo::trace

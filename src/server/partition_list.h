// Lists of an asset's partitions: by key, filtered by status and failure class, or the largest by a
// measure. For worker threads.
#pragma once

#include "api/partition.h"
#include "server/lookup.h"

namespace servo::server {

constexpr int kDoneScannedMax = 1'000'000;  // for one list sorted by a measure

// Reads its filters from the call's query. Errors: invalid_argument ("bad_status", "bad_class",
// "bad_sort", "bad_page_token"), the scheme's for start and end; resource_exhausted /
// "too_many_partitions" when a sorted list would have to look at more than kDoneScannedMax.
Result<api::List<api::Partition>> list_partitions(Call& call, const AssetRef& asset);

}  // namespace servo::server

// One partition as the API shows it: last outcome, the open job that owns it, attempts. For worker
// threads.
#pragma once

#include <optional>
#include <string>

#include "api/partition.h"
#include "server/lookup.h"

namespace servo::server {

constexpr int kFailedAttemptsShown = 100;

// Where a partition stands, put together from the materialised state and the open jobs.
struct PartitionPlace {
    model::Ordinal ordinal = 0;
    model::PartitionInfo info;
    std::optional<store::History::StateRun> state;  // absent: never touched
    std::optional<model::JobRow> owner;             // an open job that still has it to do
    model::Index owner_index = 0;
    std::optional<core::PartitionView> owner_view;
};
// Error: the scheme's for a bad key.
Result<PartitionPlace> place_of(Call& call, const AssetRef& asset, const std::string& key);

// "missing", "pending", … of a place.
std::string status_of(const PartitionPlace& place);
std::string_view status_word(model::Outcome outcome);

Result<api::PartitionDetail> partition_detail(
    Call& call, const AssetRef& asset, const PartitionPlace& place
);

// Duration, rows and the like of one successful partition; nothing when it is not in the log.
Status fill_done(
    store::History& history,
    const Names& names,
    model::JobId job,
    model::Index index,
    api::Partition& out
);

// Class, message and the like of its last failed attempt; nothing when there is none.
Status fill_failure(
    store::History& history,
    const Names& names,
    model::JobId job,
    model::Index index,
    api::Partition& out
);

Result<Response> explain_place(Call& call, const AssetRef& asset, const PartitionPlace& place);
Result<Response> explain_partition_of(Call& call, const JobRef& job, const std::string& key);

}  // namespace servo::server

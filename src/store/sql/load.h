// Reading the active part of a store for a new leader, from within one snapshot.
#pragma once

#include <optional>

#include "store/sql/reader.h"
#include "store/sql/revision_cache.h"

namespace servo::store::sql {

// As Store::load.
Result<Snapshot> load_active(Reader& db, RevisionCache& revisions, int64_t epoch);
// What a server needs to answer of record: no jobs, no grants.
Result<Snapshot> load_definitions(Reader& db, RevisionCache& revisions);
// As Store::load_job.
Result<std::optional<Snapshot::OpenJob>> load_job(Reader& db, RevisionCache& revisions, JobId id);
// As Store::committed.
Result<bool> was_committed(Reader& db, int64_t epoch, int64_t seq);

}  // namespace servo::store::sql

// How a request's handler asks the engine's memory of jobs or a partition, for what reads memory
// and store together (engine/open_owners.h). For worker threads.
#pragma once

#include "engine/open_owners.h"
#include "engine/partition_place.h"
#include "server/call.h"

namespace servo::server {

// `call` outlives what is returned. Error, on a server that answers of record: that of
// Call::needs_what_runs.
engine::AskJobs ask_jobs(Call& call);
engine::AskOwner ask_owner(Call& call);

}  // namespace servo::server

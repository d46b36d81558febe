// From the process options to the executor's agent.
#pragma once

#include "cli/processes.h"
#include "executor/agent.h"

namespace servo::apps {

// Private folders lie under the option scratch_root; without it in `state_dir`, and where that is
// empty under TMPDIR, in a folder of this user alone.
// Error: failed_precondition / "state_dir_not_ours".
Result<executor::AgentOptions> agent_options(
    const cli::ProcessRequest& request, const std::string& state_dir
);

}  // namespace servo::apps

// From the process options to the executor's agent.
#pragma once

#include "cli/processes.h"
#include "executor/agent.h"

namespace servo::apps {

// `state_dir` empty: under the option scratch_root, else under TMPDIR; a folder of this user alone.
// Error: failed_precondition / "state_dir_not_ours".
Result<executor::AgentOptions> agent_options(
    const cli::ProcessRequest& request, const std::string& state_dir
);

}  // namespace servo::apps

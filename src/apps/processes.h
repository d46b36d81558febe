// The long-running verbs, wired: dev.cc, server.cc and executor.cc hold one each.
#pragma once

#include "cli/processes.h"

namespace servo::apps {

class ServoProcesses final : public cli::Processes {
 public:
    Result<int> dev(cli::Session& session, const cli::ProcessRequest& request) override;
    Result<int> server(cli::Session& session, const cli::ProcessRequest& request) override;
    Result<int> executor(cli::Session& session, const cli::ProcessRequest& request) override;
};

// Refuses options that are declared and not served yet, rather than passing over them.
// Error: invalid_argument / "not_in_this_version".
Status check_served(const config::Options& options);

// `quiet_level`: the level when none was asked for.
void start_logging(const config::Options& options, const std::string& quiet_level);

}  // namespace servo::apps

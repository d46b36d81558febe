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

bool logs_json(const config::Options& options);
// `quiet_level`: the level when none was asked for.
void start_logging(const config::Options& options, const std::string& quiet_level);

}  // namespace servo::apps

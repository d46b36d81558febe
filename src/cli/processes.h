// The long-running verbs (dev, server, executor, slot): their options are resolved here, run by the
// program that links server, engine and executor.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/origin.h"
#include "config/options.h"

namespace servo::cli {

class Session;

struct ProcessRequest {
    config::Options options;
    std::map<std::string, std::string> labels;  // of the executor
    // Without an admin token everyone who reaches the listener is an admin. Never print these.
    std::string admin_token;
    std::string executor_token;
    bool insecure = false;  // listen beyond loopback without a token or TLS
    bool accept_older_database = false;
    Origin config_file;  // server.yaml; empty = none
    std::string file;    // dev: asset file or folder to apply, and again on each save; empty = none
};

class Processes {
 public:
    virtual ~Processes() = default;
    // Each runs until it is told to stop and returns the exit code.
    virtual Result<int> dev(Session& session, const ProcessRequest& request) = 0;
    virtual Result<int> server(Session& session, const ProcessRequest& request) = 0;
    virtual Result<int> executor(Session& session, const ProcessRequest& request) = 0;
};

}  // namespace servo::cli

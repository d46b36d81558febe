#include "apps/agent_options.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "apps/node.h"
#include "executor/machine.h"

namespace servo::apps {
namespace {

// A shared folder may hold a trap: what is there already must be ours and no link.
Status check_ours(const std::string& path) {
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0) {
        return {};  // made later, with mode 0700
    }
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid()) {
        return fail(failed_precondition(
            "state_dir_not_ours",
            path + " exists and is not a folder of this user. Remove it, or name another "
                   "place with --scratch-root DIR."
        ));
    }
    return {};
}

Result<std::string> default_state_dir(const config::Options& options, const std::string& name) {
    if (const std::string& scratch = options.text("scratch_root"); !scratch.empty()) {
        return (std::filesystem::path(scratch) / name).string();
    }
    const char* tmp = std::getenv("TMPDIR");
    const std::string root = tmp != nullptr && *tmp != '\0' ? tmp : "/tmp";
    const std::string path = root + "/servo-executor-" + std::to_string(geteuid()) + "-" + name;
    SERVO_CHECK(check_ours(path));
    return path;
}

}  // namespace

Result<executor::AgentOptions> agent_options(
    const cli::ProcessRequest& request, const std::string& state_dir
) {
    const config::Options& options = request.options;
    executor::AgentOptions agent;
    agent.host = host_name();
    agent.name = options.text("executor_name").empty() ? agent.host : options.text("executor_name");
    const int64_t slots = options.integer("slots");
    agent.slots_follow_cpus = slots == 0;
    agent.slots = slots == 0 ? executor::usable_cpu_count() : static_cast<int>(slots);
    agent.labels = request.labels;
    agent.build = SERVO_VERSION;
    const bool usual = !state_dir.empty() && options.text("scratch_root").empty();
    agent.state_dir = usual ? state_dir : SERVO_TRY(default_state_dir(options, agent.name));
    if (const std::string& code_dir = options.text("code_dir"); !code_dir.empty()) {
        agent.code_dir = std::filesystem::absolute(code_dir).lexically_normal().string();
    }
    agent.allow_shell = !options.is_off("run_shell");
    agent.drain_timeout = options.duration("drain_timeout");
    return agent;
}

}  // namespace servo::apps

// Named servers: `servo context`. Kept in $XDG_CONFIG_HOME/servo/contexts.json (or
// ~/.config/servo/contexts.json), readable by its owner only. Tokens are never kept in it, only the
// name of a file that holds one.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/environment.h"

namespace servo::cli {

struct Context {
    std::string server;
    std::string tenant;      // empty = the server's default
    std::string token_file;  // empty = SERVO_TOKEN only
    std::string ca_file;
    std::string client_cert;
    std::string client_key;
};

struct ContextFile {
    std::string current;  // empty = none
    std::map<std::string, Context> contexts;
};

constexpr size_t kContextsMax = 200;

// Empty when neither XDG_CONFIG_HOME nor HOME is set.
std::string context_path(const Environment& environment);
// A file that is not there is an empty one. Error: invalid_argument / "bad_context_file".
Result<ContextFile> load_contexts(const std::string& path);
// Replaces the file in one step. Error: internal / "context_not_saved".
Status save_contexts(const std::string& path, const ContextFile& file);

}  // namespace servo::cli

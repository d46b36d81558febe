#include "cli/context.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/json.h"

namespace servo::cli {
namespace {

constexpr size_t kContextFileBytesMax = 1024 * 1024;

Error bad_file(const std::string& path, const std::string& what) {
    return invalid_argument(
        "bad_context_file",
        path + ": " + what + ". Repair or remove the file, then use `servo context set`."
    );
}

Error not_saved(const std::string& path, const std::string& what) {
    return internal("context_not_saved", "Cannot write " + path + ": " + what + ".");
}

std::string text_member(const boost::json::object& object, std::string_view name) {
    const boost::json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

}  // namespace

std::string context_path(const Environment& environment) {
    if (const auto xdg = environment.variable("XDG_CONFIG_HOME"); xdg && !xdg->empty()) {
        return *xdg + "/servo/contexts.json";
    }
    if (const auto home = environment.variable("HOME"); home && !home->empty()) {
        return *home + "/.config/servo/contexts.json";
    }
    return "";
}

Result<ContextFile> load_contexts(const std::string& path) {
    ContextFile file;
    std::error_code error;
    if (path.empty() || !std::filesystem::exists(path, error)) {
        return file;
    }
    if (const auto size = std::filesystem::file_size(path, error);
        error || size > kContextFileBytesMax) {
        return fail(bad_file(path, error ? error.message() : "it is larger than 1 MiB"));
    }
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) {
        return fail(bad_file(path, std::strerror(errno)));
    }
    const auto json = api::parse_json(text.str());
    if (!json) {
        return fail(bad_file(path, json.error().message));
    }
    const boost::json::object* root = json->if_object();
    const boost::json::value* contexts = root == nullptr ? nullptr : root->if_contains("contexts");
    if (contexts == nullptr || !contexts->is_object()) {
        return fail(bad_file(path, "it has no mapping \"contexts\""));
    }
    file.current = text_member(*root, "current");
    for (const auto& member : contexts->get_object()) {
        if (!member.value().is_object()) {
            return fail(
                bad_file(path, "context \"" + std::string(member.key()) + "\" is no mapping")
            );
        }
        const boost::json::object& one = member.value().get_object();
        file.contexts[std::string(member.key())] = Context{
            text_member(one, "server"),
            text_member(one, "tenant"),
            text_member(one, "token_file"),
            text_member(one, "ca_file"),
            text_member(one, "client_cert"),
            text_member(one, "client_key")};
    }
    return file;
}

Status save_contexts(const std::string& path, const ContextFile& file) {
    if (path.empty()) {
        return fail(not_saved("the context file", "neither XDG_CONFIG_HOME nor HOME is set"));
    }
    boost::json::object contexts;
    for (const auto& [name, context] : file.contexts) {
        contexts[name] = boost::json::object{
            {"server", context.server},
            {"tenant", context.tenant},
            {"token_file", context.token_file},
            {"ca_file", context.ca_file},
            {"client_cert", context.client_cert},
            {"client_key", context.client_key}};
    }
    const std::string text = api::to_pretty_text(boost::json::object{
        {"current", file.current}, {"contexts", std::move(contexts)}});
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    const std::string fresh = path + ".new";
    const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail(not_saved(path, std::strerror(errno)));
    }
    const ssize_t written = write(fd, text.data(), text.size());
    const bool whole = written == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
    const int problem = errno;
    close(fd);
    if (!whole || rename(fresh.c_str(), path.c_str()) != 0) {
        const std::string what = std::strerror(whole ? errno : problem);
        unlink(fresh.c_str());
        return fail(not_saved(path, what));
    }
    return {};
}

}  // namespace servo::cli

#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "cli/groups.h"
#include "config/init_template.h"

namespace servo::cli {
namespace {

namespace fs = std::filesystem;

struct InitArgs {
    std::string folder = ".";
    bool force = false;
};

Error cannot_write(const fs::path& path, const std::string& what) {
    return internal("init_failed", "Cannot write " + path.string() + ": " + what + ".");
}

Status write_file(const fs::path& path, const config::InitFile& file) {
    std::error_code error;
    if (path.has_parent_path() && !fs::create_directories(path.parent_path(), error) && error) {
        return fail(cannot_write(path, error.message()));
    }
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << file.content;
    out.close();
    if (!out) {
        return fail(cannot_write(path, "the disk or the folder refuses it"));
    }
    if (file.executable) {
        fs::permissions(
            path,
            fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec,
            fs::perm_options::add,
            error
        );
        if (error) {
            return fail(cannot_write(path, error.message()));
        }
    }
    return {};
}

Result<int> init(Session& session, const InitArgs& args) {
    const std::vector<config::InitFile> files = config::init_files();
    const fs::path folder(args.folder);
    for (const config::InitFile& file : files) {
        std::error_code error;
        if (!args.force && fs::exists(folder / file.name, error)) {
            return fail(failed_precondition(
                "file_exists",
                (folder / file.name).string() +
                    " is there already and was not touched. Use another folder, or --force."
            ));
        }
    }
    boost::json::array paths;
    std::string text;
    for (const config::InitFile& file : files) {
        const fs::path path = (folder / file.name).lexically_normal();
        SERVO_CHECK(write_file(path, file));
        paths.push_back(boost::json::value(path.string()));
        text += path.string() + "\n";
    }
    const std::string first = (folder / files.front().name).lexically_normal().string();
    session.output().thing({boost::json::object{{"items", std::move(paths)}}, first, text});
    session.output().note("run it with: servo dev -f " + shell_quote(first));
    return kOk;
}

}  // namespace

void add_init_command(Commands& commands) {
    auto args = std::make_shared<InitArgs>();
    CLI::App* verb = commands.verb(
        commands.root(),
        {"init",
         "Write a commented asset file and the script that it runs; both work as they are.",
         {"servo init && servo dev -f servo.yaml", "servo init weather"},
         ""},
        [args](Session& session) { return init(session, *args); }
    );
    path_argument(*verb, "folder", args->folder, "Where to write (the working directory).");
    switch_flag(*verb, "--force", args->force, "Overwrite files that are there.");
}

}  // namespace servo::cli

#include "cli/apply_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <istream>
#include <sstream>

#include "base/text.h"
#include "base/utf8.h"
#include "cli/field_changes.h"
#include "cli/text.h"

namespace servo::cli {
namespace {

namespace fs = std::filesystem;

Error no_such_file(const std::string& name, const std::string& what) {
    return not_found("no_such_file", "Cannot read " + name + ": " + what + ".");
}

// At most kApplyFileBytesMax bytes; nullopt when there are more.
std::optional<std::string> read_all(std::istream& in) {
    std::string text(kApplyFileBytesMax + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(in.gcount()));
    return text.size() > kApplyFileBytesMax ? std::nullopt : std::optional(std::move(text));
}

// Refused here, where the name and the line are known: the server would only say that the request
// is no JSON.
Status check_encoding(const std::string& name, std::string_view text) {
    const size_t good = valid_utf8_prefix(text);
    if (good == text.size()) {
        return {};
    }
    return fail(invalid_argument(
        "not_utf8",
        name + ":" + std::to_string(place_of(text, good).line) +
            ": this line is not UTF-8 text; save the file as UTF-8."
    ));
}

Result<api::ApplyFile> read_file(const std::string& name) {
    std::error_code error;
    const fs::path path = fs::absolute(name, error);
    std::ifstream in(path, std::ios::binary);
    if (error || !in) {
        return fail(no_such_file(name, error ? error.message() : "it is not there, or not readable")
        );
    }
    std::optional<std::string> text = read_all(in);
    if (!text) {
        return fail(invalid_argument("file_too_large", name + " is larger than 4 MiB."));
    }
    SERVO_CHECK(check_encoding(name, *text));
    return api::ApplyFile{name, std::move(*text), path.lexically_normal().parent_path().string()};
}

// A link to nothing is none: editors leave such ones beside a file that is open.
bool is_error(const std::error_code& code) {
    return code && code != std::errc::no_such_file_or_directory;
}

Result<std::vector<std::string>> files_of_folder(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator it(folder, error); !error && it != fs::directory_iterator();
         it.increment(error)) {
        const std::string extension = it->path().extension().string();
        std::error_code unknown;  // as of links in a circle: reading it says what is wrong
        const bool file = it->is_regular_file(unknown);
        if ((extension == ".yaml" || extension == ".yml") && (file || is_error(unknown))) {
            names.push_back(it->path().string());
        }
    }
    if (error) {
        return fail(no_such_file(folder, error.message()));
    }
    if (names.empty()) {
        return fail(not_found(
            "no_asset_files",
            "The folder " + folder + " has no *.yaml file. `servo init` writes an example."
        ));
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::string plus_of(const std::string& action) {
    if (action == "created") {
        return "+";
    }
    if (action == "unchanged") {
        return "=";
    }
    return action == "archived" ? "-" : "~";
}

}  // namespace

Result<std::vector<api::ApplyFile>> read_apply_files(
    const Environment& environment, const std::vector<std::string>& names
) {
    std::vector<api::ApplyFile> files;
    for (const std::string& name : names) {
        std::error_code error;
        if (name == "-") {
            std::optional<std::string> text = read_all(*environment.in);
            if (!text) {
                return fail(invalid_argument("file_too_large", "stdin is larger than 4 MiB."));
            }
            SERVO_CHECK(check_encoding("stdin", *text));
            files.push_back({"stdin", std::move(*text), fs::current_path(error).string()});
        } else if (fs::is_directory(name, error)) {
            for (const std::string& one : SERVO_TRY(files_of_folder(name))) {
                files.push_back(SERVO_TRY(read_file(one)));
            }
        } else {
            files.push_back(SERVO_TRY(read_file(name)));
        }
        if (files.size() > api::kApplyFilesMax) {
            return fail(invalid_argument("too_many_files", "More than 1,000 files in one apply."));
        }
    }
    return files;
}

std::string describe_apply(const api::ApplyReply& reply, bool colour) {
    std::string text;
    uint64_t unchanged = 0;
    const auto line = [&](const std::string& what,
                          const std::string& name,
                          const std::string& action,
                          const std::string& detail,
                          bool overridden) {
        unchanged += action == "unchanged" ? 1 : 0;
        if (action == "unchanged" && !overridden) {
            return;
        }
        text += paint(plus_of(action) + ' ' + what + ' ' + name, tone_of_state(action), colour) +
                ' ' + (reply.dry_run && action != "unchanged" ? "would be " : "") + action +
                detail + (overridden ? "; a `set` stays in force" : "") + '\n';
    };
    for (const api::AppliedPool& pool : reply.pools) {
        const std::string scope = pool.tenant_id ? " of " + *pool.tenant_id : " (shared)";
        line("pool", pool.name + scope, pool.action, "", pool.overridden);
        text += field_changes(pool.changes, "    ", colour);
    }
    for (const api::AppliedAsset& asset : reply.assets) {
        const std::string revision =
            asset.action == "archived" ? "" : ", revision " + std::to_string(asset.revision);
        line(
            "asset", asset.name + " of " + asset.tenant_id, asset.action, revision, asset.overridden
        );
        text += field_changes(asset.changes, "    ", colour);
    }
    if (unchanged > 0) {
        text += counted(unchanged, "definition", "definitions") + " unchanged\n";
    }
    return text;
}

}  // namespace servo::cli

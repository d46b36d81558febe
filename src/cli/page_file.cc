#include "cli/page_file.h"

#include <filesystem>
#include <fstream>
#include <ostream>
#include <string_view>

namespace servo::cli {
namespace {

constexpr std::string_view kStandardOutput = "-";

Error cannot_write(const std::string& path) {
    return failed_precondition("cannot_write", "Cannot write " + path + ".");
}

}  // namespace

Status check_page(Session& session, const std::string& path) {
    if (path == kStandardOutput) {
        return session.output().format_given()
                   ? fail(invalid_argument(
                         "usage",
                         "--html - and -o both take standard output; give --html a file, or leave "
                         "-o out."
                     ))
                   : Status{};
    }
    std::error_code ignored;
    const bool there = std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
    if (!std::ofstream(path, std::ios::app)) {
        return fail(cannot_write(path));
    }
    if (!there) {
        std::filesystem::remove(path, ignored);
    }
    return {};
}

Result<bool> write_page(Session& session, const std::string& path, const std::string& text) {
    if (path == kStandardOutput) {
        session.output().out() << text << std::flush;
        return false;
    }
    std::ofstream out(path, std::ios::binary);
    out << text;
    out.close();
    if (!out) {
        return fail(cannot_write(path));
    }
    session.output().note("wrote " + path);
    return true;
}

}  // namespace servo::cli

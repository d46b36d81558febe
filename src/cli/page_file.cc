#include "cli/page_file.h"

#include <filesystem>
#include <fstream>

namespace servo::cli {
namespace {

Error cannot_write(const std::string& path) {
    return failed_precondition("cannot_write", "Cannot write " + path + ".");
}

}  // namespace

Status check_page(const std::string& path) {
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

Status write_page(const std::string& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary);
    out << text;
    out.close();
    if (!out) {
        return fail(cannot_write(path));
    }
    return {};
}

}  // namespace servo::cli

#include "cli/page_file.h"

#include <fstream>

namespace servo::cli {

Status write_page(const std::string& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary);
    out << text;
    out.close();
    if (!out) {
        return fail(failed_precondition("cannot_write", "Cannot write " + path + "."));
    }
    return {};
}

}  // namespace servo::cli

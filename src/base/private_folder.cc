#include "base/private_folder.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

namespace servo {

std::error_code make_private_folder(const std::string& path) {
    const std::filesystem::path whole(path);
    std::filesystem::path part;
    for (const std::filesystem::path& name : whole) {
        part /= name;
        if (::mkdir(part.c_str(), 0700) != 0) {
            const int error = errno == EEXIST ? ENOTDIR : errno;
            struct stat info {};
            if (::stat(part.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
                return {error, std::generic_category()};
            }
        }
    }
    return {};
}

}  // namespace servo

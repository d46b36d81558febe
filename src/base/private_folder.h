// Folders for what is nobody else's business: the store, an executor's state. Thread-safe.
#pragma once

#include <string>
#include <system_error>

namespace servo {

// Makes the folder and those above it that are missing, each for this user alone (0700) whatever
// the umask; one that is there stays as it is. Nothing is wrong when it is there in the end.
std::error_code make_private_folder(const std::string& path);

}  // namespace servo

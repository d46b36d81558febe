// Reading asset files for `apply`, and telling what applying them changed. Shared by `servo apply`
// and `servo dev -f`.
#pragma once

#include <string>
#include <vector>

#include "api/asset.h"
#include "cli/session.h"

namespace servo::cli {

constexpr size_t kApplyFileBytesMax = 4 * 1024 * 1024;

// Files as they are; of a folder every *.yaml and *.yml directly in it, by name; "-" is stdin,
// whose relative paths count from the working directory. Errors: not_found / "no_such_file",
// "no_asset_files"; invalid_argument / "file_too_large".
Result<std::vector<api::ApplyFile>> read_apply_files(
    const Environment& environment, const std::vector<std::string>& names
);

// What changed, a line each; unchanged things are counted.
std::string describe_apply(const api::ApplyReply& reply, bool colour);

}  // namespace servo::cli

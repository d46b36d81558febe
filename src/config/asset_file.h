// The asset file (`servo apply -f servo.yaml`) as a plain value: read, `defaults` and `overrides`
// resolved, everything checked that the file alone and `Applied` can tell. Pure but for the tz
// database that partition schemes need.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/references.h"
#include "model/asset.h"
#include "model/pool.h"

namespace servo::config {

constexpr size_t kAssetsMax = 1'000;
constexpr size_t kTenantsMax = 1'000;            // listed in one file
constexpr size_t kResolvedAssetsMax = 5'000;     // assets and their overrides
constexpr size_t kResolvedNodesMax = 1'000'000;  // values in them, `defaults` counted for each

enum class TenantChoice {
    kUnset,  // the token's tenant; `default` in `servo dev`
    kListed,
    kAll,  // every tenant that exists when the file is applied
};

struct AssetEntry {
    model::AssetSpec spec;                               // with `defaults`, without overrides
    std::map<std::string, model::AssetSpec> overridden;  // tenant → with its override as well
};

struct AssetFile {
    TenantChoice tenant_choice = TenantChoice::kUnset;
    std::vector<std::string> tenants;  // kListed: at least one, as typed, no duplicates
    std::map<std::string, model::PoolSpec> pools;
    std::vector<AssetEntry> assets;    // in file order
    std::map<std::string, int> lines;  // field path of an asset or a reference → line
};

struct ParseOptions {
    std::string file_name = "servo.yaml";  // for the message
    // Asked for the file's tenants. A file that does not list them can be looked at only as far as
    // it goes by itself: with `applied` given, names from outside it are left to check_tenant.
    Applied applied;
    // Asked once the file is read and before anything of its tenants is looked up, so that whoever
    // may not apply for them learns nothing of theirs. Its error is then the answer.
    std::function<Status(const AssetFile& file)> admit = {};
};

// Error: invalid_argument / "invalid_asset_file" with one FieldError per problem (at most
// kProblemsMax, by line); `message` names the file and the first of them. Else that of `admit`.
Result<AssetFile> parse_asset_file(std::string_view text, const ParseOptions& options = {});

// The assets as `tenant` gets them. Pointers into `file`.
std::vector<const model::AssetSpec*> assets_for(const AssetFile& file, std::string_view tenant);

// The checks of references.h for one tenant, with the file's lines; for a caller that resolves
// `tenants: all` or the token's tenant after parsing.
std::vector<FieldError> check_tenant(
    const AssetFile& file, std::string_view tenant, const Applied& applied
);

}  // namespace servo::config

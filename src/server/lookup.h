// Names and ids of requests → what they stand for. For worker threads. A name that exists only for
// a tenant that the caller may not see is answered as one that does not exist.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/views.h"
#include "server/call.h"

namespace servo::server {

struct AssetRef {
    model::TenantRow tenant;
    model::AssetHead head;
    std::shared_ptr<const model::AssetRevision> revision;  // the latest
};

// The tenant of that name. Error: not_found / "no_such_tenant".
Result<model::TenantRow> find_tenant(Call& call, const std::string& name);
// The asset for the caller's tenant; where none is said, of the only tenant that has it, else of
// `default`. Errors: not_found / "no_such_asset", invalid_argument / "ambiguous_tenant".
Result<AssetRef> find_asset(Call& call, const std::string& name);
// The same for several tenants by name.
Result<std::vector<AssetRef>> find_assets(
    Call& call, const std::string& name, const std::vector<std::string>& tenants
);
// Of every tenant that has it, archived or not; at least one.
Result<std::vector<AssetRef>> find_assets_of_all(Call& call, const std::string& name);

// A job as a view, whether it is in memory or only in the store. `live`: in memory.
struct JobRef {
    core::JobView view;
    bool live = false;
};
// The id that `text` is, or the only one that begins so. Nobody looks whether the job of a full id
// is there. Errors: those of find_job.
Result<model::JobId> find_job_id(Call& call, const std::string& text);
// `text` is an id or a unique prefix. Errors: not_found / "no_such_backfill", invalid_argument /
// "ambiguous_id", "bad_id".
Result<JobRef> find_job(Call& call, const std::string& text);
// The id that `text` is, or the only one among groups of newer jobs that begins so. Nobody looks
// whether the group of a full id is there. Errors: not_found / "no_such_group", invalid_argument /
// "ambiguous_id", "bad_id".
Result<model::GroupId> find_group(Call& call, const std::string& text);
// Whether `text` begins as the id of a group does.
bool is_group(std::string_view text);
// The group's jobs as they are stored, newest first; at least one. Errors: those of find_group,
// not_found / "no_such_backfill".
Result<std::vector<store::JobPage::Item>> stored_jobs_of_group(Call& call, const std::string& text);
// Also a group's id or its beginning: its jobs, oldest first.
Result<std::vector<JobRef>> find_jobs(Call& call, const std::string& text);

// The asset's revision, from memory or the store. Error: not_found / "no_such_revision".
Result<std::shared_ptr<const model::AssetRevision>> find_revision(
    Call& call, model::AssetId asset, int revision
);

// Names for what only has numbers in stored rows.
struct Names {
    std::map<model::TenantId, std::string> tenants;
    std::map<model::AssetId, std::string> assets;
    std::map<model::ExecutorId, std::string> executors;
};
Result<Names> read_names(Backend& backend);

// Names of the tenant's assets that build on this one, directly or through others.
Result<std::vector<std::string>> downstream_of(
    Backend& backend, model::TenantId tenant, const std::string& asset
);

// The tenant whose rows the caller may see, or 0 = all. Error: not_found / "no_such_tenant".
Result<model::TenantId> tenant_filter(Call& call);

}  // namespace servo::server

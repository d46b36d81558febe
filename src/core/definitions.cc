// `servo apply`: immutable revisions of assets, and pools. Everything is planned and checked before
// anything changes; a dry run stops there.
#include <fmt/format.h>

#include <algorithm>

#include "base/suggest.h"
#include "core/rules.h"

namespace servo::core {
namespace {

struct PlannedAsset {
    AppliedAsset reply;
    TenantId tenant;  // 0: the tenant is new
    AssetId id;       // 0: the asset is new
    AssetSpec spec;
    std::shared_ptr<const PartitionScheme> scheme;
};

struct PlannedPool {
    AppliedPool reply;
    std::string tenant;  // name; empty: shared
    PoolId id;           // 0: new
    PoolSpec spec;
};

struct Plan {
    std::vector<std::string> new_tenants;
    std::vector<PlannedAsset> assets;
    std::vector<PlannedPool> pools;
};

TenantId tenant_named(const State& state, const std::string& name) {
    const auto it = state.tenant_names.find(name);
    return it == state.tenant_names.end() ? TenantId{} : it->second;
}

void plan_pool(const State& state, const std::string& tenant, const PoolSpec& spec, Plan& plan) {
    const std::string owner = spec.scope == PoolScope::kShared ? "" : tenant;
    const auto same = [&](const PlannedPool& p) {
        return p.tenant == owner && p.spec.name == spec.name;
    };
    if (std::any_of(plan.pools.begin(), plan.pools.end(), same)) {
        return;  // one file for many tenants names a shared pool once for each
    }
    PlannedPool planned;
    planned.tenant = owner;
    planned.spec = spec;
    planned.reply.tenant = owner;
    planned.reply.name = spec.name;
    planned.reply.action = AppliedAction::kCreated;
    const TenantId owner_id = owner.empty() ? TenantId{} : tenant_named(state, owner);
    const auto it = state.pool_names.find({owner_id, spec.name});
    if (it != state.pool_names.end() && (owner.empty() || owner_id)) {
        const Pool& pool = state.pools.at(it->second);
        planned.id = it->second;
        planned.reply.action =
            pool.row.spec == spec ? AppliedAction::kUnchanged : AppliedAction::kChanged;
        planned.reply.overridden = pool.row.concurrency_override.has_value();
    }
    plan.pools.push_back(std::move(planned));
}

Status check_pools_exist(
    const State& state,
    const std::string& tenant,
    TenantId tenant_id,
    const AssetSpec& spec,
    const Plan& plan
) {
    for (const auto& [name, units] : spec.pools) {
        const bool planned =
            std::any_of(plan.pools.begin(), plan.pools.end(), [&, &name = name](const auto& p) {
                return p.spec.name == name && (p.tenant.empty() || p.tenant == tenant);
            });
        if (planned || find_pool(state, tenant_id, name)) {
            continue;
        }
        std::vector<std::string> known;
        for (const PlannedPool& p : plan.pools) {
            known.push_back(p.spec.name);
        }
        return fail(invalid_argument(
            "no_such_pool",
            fmt::format(
                "assets.{}.pools: there is no pool \"{}\"; define it under `pools:`.{}",
                spec.name,
                name,
                did_you_mean(name, known)
            )
        ));
    }
    return {};
}

Result<PlannedAsset> plan_asset(
    const State& state, const std::string& tenant, TenantId tenant_id, const AssetSpec& spec
) {
    PlannedAsset planned;
    planned.tenant = tenant_id;
    planned.spec = spec;
    planned.reply.tenant = tenant;
    planned.reply.name = spec.name;
    planned.reply.action = AppliedAction::kCreated;
    planned.reply.revision = 1;
    const auto it =
        tenant_id ? state.asset_names.find({tenant_id, spec.name}) : state.asset_names.end();
    if (it != state.asset_names.end()) {
        const Asset& asset = state.assets.at(it->second);
        const AssetRevision& before = *asset.revisions.at(asset.head.latest_revision).revision;
        planned.id = it->second;
        planned.reply.before = asset.revisions.at(asset.head.latest_revision).revision;
        planned.reply.overridden = asset.head.concurrency_override.has_value();
        planned.reply.revision = asset.head.latest_revision;
        const Status allowed = check_scheme_change(before.spec.partitions, spec.partitions);
        if (!allowed.has_value()) {
            Error error = allowed.error();
            error.message = fmt::format("assets.{}.partitions: {}", spec.name, error.message);
            return fail(std::move(error));
        }
        planned.spec.partitions = merge_scheme(before.spec.partitions, spec.partitions);
        const bool same = encode_asset(planned.spec) == encode_asset(before.spec);
        if (same && !asset.head.archived) {
            planned.reply.action = AppliedAction::kUnchanged;
            planned.reply.after = planned.reply.before;
            return planned;
        }
        planned.reply.action = AppliedAction::kChanged;
        planned.reply.revision += same ? 0 : 1;
        if (same) {
            planned.reply.after = planned.reply.before;  // only taken out of the archive
        }
    }
    planned.scheme = SERVO_TRY(PartitionScheme::compile(planned.spec.partitions));
    return planned;
}

void plan_prune(const State& state, const TenantDefinitions& wanted, TenantId id, Plan& plan) {
    for (const auto& [asset_id, asset] : state.assets) {
        if (asset.head.tenant != id || asset.head.archived) {
            continue;
        }
        const bool named = std::any_of(
            wanted.assets.begin(),
            wanted.assets.end(),
            [&, &asset = asset](const AssetSpec& spec) { return spec.name == asset.head.name; }
        );
        if (named) {
            continue;
        }
        PlannedAsset planned;
        planned.tenant = id;
        planned.id = asset_id;
        planned.reply.tenant = wanted.tenant;
        planned.reply.name = asset.head.name;
        planned.reply.action = AppliedAction::kArchived;
        planned.reply.revision = asset.head.latest_revision;
        planned.reply.before = asset.revisions.at(asset.head.latest_revision).revision;
        plan.assets.push_back(std::move(planned));
    }
}

Result<Plan> make_plan(const State& state, const ApplyDefinitions& command) {
    Plan plan;
    for (const TenantDefinitions& wanted : command.tenants) {
        for (const PoolSpec& pool : wanted.pools) {
            plan_pool(state, wanted.tenant, pool, plan);
        }
    }
    for (const TenantDefinitions& wanted : command.tenants) {
        const TenantId id = tenant_named(state, wanted.tenant);
        if (!id) {
            plan.new_tenants.push_back(wanted.tenant);
        }
        for (const AssetSpec& spec : wanted.assets) {
            SERVO_CHECK(check_pools_exist(state, wanted.tenant, id, spec, plan));
            plan.assets.push_back(SERVO_TRY(plan_asset(state, wanted.tenant, id, spec)));
        }
        if (command.prune && id) {
            plan_prune(state, wanted, id, plan);
        }
    }
    for (const PlannedAsset& planned : plan.assets) {
        if (planned.reply.action == AppliedAction::kArchived &&
            !state.assets.at(planned.id).open_jobs.empty()) {
            return fail(failed_precondition(
                "open_jobs",
                fmt::format(
                    "{} is no longer in the file but has open backfills; cancel them first: servo "
                    "backfill cancel --all --asset {}",
                    planned.reply.name,
                    planned.reply.name
                )
            ));
        }
    }
    return plan;
}

void commit_pool(Context& c, const PlannedPool& planned, const std::string& actor) {
    if (planned.reply.action == AppliedAction::kUnchanged) {
        return;
    }
    PoolId id = planned.id;
    if (!id) {
        id = PoolId(++c.state.max_pool_id);
        const TenantId owner =
            planned.tenant.empty() ? TenantId{} : tenant_named(c.state, planned.tenant);
        Pool pool;
        pool.row.id = id;
        pool.row.tenant = owner;
        pool.row.breaker_since = c.now;
        c.state.pools.emplace(id, std::move(pool));
        c.state.pool_names[{owner, planned.spec.name}] = id;
    }
    Pool& pool = c.state.pools.at(id);
    if (pool.row.spec.windows != planned.spec.windows ||
        pool.row.spec.concurrency != planned.spec.concurrency) {
        pool.steps.clear();
    }
    pool.row.spec = planned.spec;
    c.changes.pools.push_back(pool.row);
    event(c, pool.row.tenant, actor, "pool.applied", planned.spec.name, "");
}

void commit_asset(Context& c, PlannedAsset& planned, const ApplyDefinitions& command) {
    if (planned.reply.action == AppliedAction::kUnchanged) {
        return;
    }
    State& state = c.state;
    if (!planned.id) {
        planned.id = AssetId(++state.max_asset_id);
        Asset asset;
        asset.head.id = planned.id;
        asset.head.tenant = tenant_named(state, planned.reply.tenant);
        asset.head.name = planned.reply.name;
        state.asset_names[{asset.head.tenant, asset.head.name}] = planned.id;
        state.assets.emplace(planned.id, std::move(asset));
    }
    Asset& asset = state.assets.at(planned.id);
    asset.head.archived = planned.reply.action == AppliedAction::kArchived;
    const bool fresh = planned.reply.revision > asset.head.latest_revision;
    if (fresh) {
        auto revision = std::make_shared<AssetRevision>();
        revision->asset = planned.id;
        revision->tenant = asset.head.tenant;
        revision->revision = planned.reply.revision;
        revision->spec = planned.spec;
        revision->scheme = planned.scheme;
        revision->created_at = c.now;
        revision->created_by = command.actor;
        revision->code_dir = command.code_dir;
        asset.head.latest_revision = planned.reply.revision;
        asset.revisions[planned.reply.revision].revision = revision;
        c.changes.revisions.push_back(revision);
        planned.reply.after = revision;
    }
    c.changes.assets.push_back(asset.head);
    const char* kind = planned.reply.action == AppliedAction::kArchived  ? "asset.archived"
                       : planned.reply.action == AppliedAction::kCreated ? "asset.created"
                                                                         : "asset.changed";
    event(
        c,
        asset.head.tenant,
        command.actor,
        kind,
        asset.head.name,
        fmt::format("Revision {}.", asset.head.latest_revision)
    );
}

// Shows what would be, for a dry run.
void preview_asset(PlannedAsset& planned) {
    if (planned.reply.after || planned.reply.action == AppliedAction::kArchived) {
        return;
    }
    auto revision = std::make_shared<AssetRevision>();
    revision->revision = planned.reply.revision;
    revision->spec = planned.spec;
    revision->scheme = planned.scheme;
    planned.reply.after = revision;
}

}  // namespace

void add_tenant(Context& c, const std::string& name, const std::string& actor) {
    Tenant tenant;
    tenant.row.id = TenantId(++c.state.max_tenant_id);
    tenant.row.name = name;
    tenant.row.created_at = c.now;
    c.changes.tenants.push_back(tenant.row);
    c.state.tenant_names[name] = tenant.row.id;
    event(c, tenant.row.id, actor, "tenant.created", name, "");
    c.state.tenants.emplace(tenant.row.id, std::move(tenant));
}

Result<Reply> apply_definitions(Context& c, const ApplyDefinitions& command) {
    Plan plan = SERVO_TRY(make_plan(c.state, command));
    if (command.mode == ApplyMode::kCommit) {
        for (const std::string& name : plan.new_tenants) {
            if (!tenant_named(c.state, name)) {
                add_tenant(c, name, command.actor);
            }
        }
        for (const PlannedPool& pool : plan.pools) {
            commit_pool(c, pool, command.actor);
        }
        for (PlannedAsset& asset : plan.assets) {
            commit_asset(c, asset, command);
        }
        ++c.state.wake;
    }
    ApplyReply reply;
    for (PlannedAsset& asset : plan.assets) {
        if (command.mode == ApplyMode::kDryRun) {
            preview_asset(asset);
        }
        reply.assets.push_back(std::move(asset.reply));
    }
    for (PlannedPool& pool : plan.pools) {
        reply.pools.push_back(std::move(pool.reply));
    }
    return Reply(std::move(reply));
}

}  // namespace servo::core

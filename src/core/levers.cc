// The levers: live overrides of tenants, pools and assets, holds, and marks. Each is audited, and
// `apply` keeps it.
#include <fmt/format.h>

#include "base/rfc3339.h"
#include "base/text.h"
#include "core/rules.h"
#include "model/settable.h"

namespace servo::core {
namespace {

Error no_such(const char* what, const std::string& name, const char* list) {
    return not_found(
        fmt::format("no_such_{}", what),
        fmt::format("There is no {} \"{}\"; `servo {} list` shows them.", what, name, list)
    );
}

// What 0 means of it.
constexpr const char* kNoLimit = "is no limit";
constexpr const char* kCloses = "closes the pool";

Status check_concurrency(std::optional<int64_t> wanted, const char* zero = kNoLimit) {
    if (wanted && (*wanted < 0 || *wanted > kConcurrencyMax)) {
        return fail(invalid_argument(
            "bad_limit",
            fmt::format("A concurrency lies between 0, which {}, and {}.", zero, kConcurrencyMax)
        ));
    }
    return {};
}

// The limits that an override changes and `command` does not name, as in "weight 200".
std::vector<std::string> carried_over(const Tenant& tenant, const SetTenant& command) {
    std::vector<std::string> out;
    const auto add = [&out](const char* name, int64_t defined, int64_t set, bool named) {
        if (set != defined && !named) {
            out.push_back(fmt::format("{} {}", name, set));
        }
    };
    if (const std::optional<TenantLimits>& set = tenant.row.override_limits) {
        const TenantLimits& defined = tenant.row.limits;
        add("weight", defined.weight, set->weight, command.weight.has_value());
        add("max_concurrency",
            defined.max_concurrency,
            set->max_concurrency,
            command.max_concurrency.has_value());
        add("max_pending", defined.max_pending, set->max_pending, command.max_pending.has_value());
    }
    return out;
}

// One end holds for all that is set of a tenant. What the command does not name goes along to
// another time, but what was set for a time does not become lasting, nor the reverse.
Status check_one_end(
    const TenantRow& row, const std::vector<std::string>& carried, const SetTenant& command
) {
    const Instant end = row.override_info.until;
    if (carried.empty() || (end == kNever) == (command.until == kNever)) {
        return {};
    }
    return fail(failed_precondition(
        "other_end",
        fmt::format(
            "{} of {} is set {}, and all that is set of a tenant ends at once: say it again {}, or "
            "take it back first: servo tenant unset {}",
            fmt::join(carried, ", "),
            row.name,
            end == kNever ? "for good" : "until " + format_rfc3339(end),
            end == kNever ? "in the same set" : "in the same set, or give this one a --for as well",
            row.name
        )
    ));
}

Result<TenantId> tenant_id(const State& state, const std::string& name) {
    const auto it = state.tenant_names.find(name);
    if (it == state.tenant_names.end()) {
        return fail(no_such("tenant", name, "tenant"));
    }
    return it->second;
}

Result<Pool*> pool_of(State& state, const std::string& tenant, const std::string& name) {
    const TenantId owner = tenant.empty() ? TenantId{} : SERVO_TRY(tenant_id(state, tenant));
    const auto id = find_pool(state, owner, name);
    if (!id) {
        return fail(no_such("pool", name, "pool"));
    }
    return &state.pools.at(*id);
}

Result<Asset*> asset_of(State& state, const std::string& tenant, const std::string& name) {
    const TenantId owner = SERVO_TRY(tenant_id(state, tenant));
    const auto it = state.asset_names.find({owner, name});
    if (it == state.asset_names.end()) {
        return fail(no_such("asset", name, "asset"));
    }
    return &state.assets.at(it->second);
}

// What one that is held is told anew. Somebody else's hold is made longer, never shorter.
bool tells_news(const Hold& held, const HoldPool& command) {
    if (held.by != command.actor) {
        return command.until > held.until;
    }
    return command.until != held.until ||
           (!command.reason.empty() && command.reason != held.reason);
}

}  // namespace

std::string said(const std::string& what, Instant until, const std::string& reason) {
    std::string out = what;
    if (until != kNever) {
        out += fmt::format("{}until {}", out.empty() ? "" : " ", format_rfc3339(until));
    }
    if (!reason.empty()) {
        out += fmt::format("{}{}", out.empty() ? "" : ": ", reason);
    }
    return out;
}

Result<Reply> set_tenant(Context& c, const SetTenant& command) {
    Tenant& tenant = c.state.tenants.at(SERVO_TRY(tenant_id(c.state, command.tenant)));
    std::optional<TenantLimits> limits;
    std::string reason = command.reason;
    if (!command.unset) {
        const std::vector<std::string> carried = carried_over(tenant, command);
        SERVO_CHECK(check_one_end(tenant.row, carried, command));
        if (reason.empty() && !carried.empty()) {
            reason = tenant.row.override_info.reason;
        }
        limits = tenant.limits();
        limits->weight = command.weight.value_or(limits->weight);
        limits->max_concurrency = command.max_concurrency.value_or(limits->max_concurrency);
        limits->max_pending = command.max_pending.value_or(limits->max_pending);
        SERVO_CHECK(check_concurrency(limits->max_concurrency));
        if (limits->weight < 1 || limits->weight > kTenantWeightMax || limits->max_pending < 0) {
            return fail(invalid_argument(
                "bad_limit",
                fmt::format(
                    "A weight lies between 1 and {}; max_pending is not negative.", kTenantWeightMax
                )
            ));
        }
    }
    if (limits == tenant.row.override_limits &&
        (!limits || tenant.row.override_info.until == command.until)) {
        return Reply(Done{false});
    }
    tenant.row.override_limits = limits;
    tenant.row.override_info = {command.actor, reason, c.now, command.until};
    c.changes.tenants.push_back(tenant.row);
    ++c.state.wake;
    event(
        c,
        tenant.row.id,
        command.actor,
        command.unset ? "tenant.unset" : "tenant.set",
        tenant.row.name,
        said(
            limits ? fmt::format(
                         "weight {}, max_concurrency {}, max_pending {}",
                         limits->weight,
                         limits->max_concurrency,
                         limits->max_pending
                     )
                   : "",
            command.unset ? kNever : command.until,
            reason
        )
    );
    return Reply(Done{true});
}

Result<Reply> set_pool(Context& c, const SetPool& command) {
    Pool& pool = *SERVO_TRY(pool_of(c.state, command.tenant, command.pool));
    const auto wanted = command.unset ? std::nullopt : command.concurrency;
    SERVO_CHECK(check_concurrency(wanted, kCloses));
    if (wanted == pool.row.concurrency_override &&
        (!wanted || pool.row.override_info.until == command.until)) {
        return Reply(Done{false});
    }
    pool.row.concurrency_override = wanted;
    pool.row.override_info = {command.actor, command.reason, c.now, command.until};
    c.changes.pools.push_back(pool.row);
    ++c.state.wake;
    event(
        c,
        pool.row.tenant,
        command.actor,
        command.unset ? "pool.unset" : "pool.set",
        pool.row.spec.name,
        said(
            wanted ? fmt::format("concurrency {}", *wanted) : "",
            command.unset ? kNever : command.until,
            command.reason
        )
    );
    return Reply(Done{true});
}

Result<Reply> hold_pool(Context& c, const HoldPool& command) {
    Pool& pool = *SERVO_TRY(pool_of(c.state, command.tenant, command.pool));
    if (command.release) {
        const bool parked = pool.breaker.state() != BreakerState::kClosed;
        if (!pool.row.hold && !parked) {
            return Reply(Done{false});
        }
        pool.row.hold.reset();
        if (parked) {
            pool.breaker.restore(BreakerState::kClosed, c.now);
            pool.row.breaker = BreakerState::kClosed;
            pool.row.breaker_since = c.now;
        }
    } else {
        if (pool.row.hold && !tells_news(*pool.row.hold, command)) {
            return Reply(Done{false});
        }
        Hold hold{command.actor, command.reason, c.now, command.until};
        if (pool.row.hold && hold.reason.empty()) {
            hold.reason = pool.row.hold->reason;
        }
        pool.row.hold = hold;
    }
    c.changes.pools.push_back(pool.row);
    event(
        c,
        pool.row.tenant,
        command.actor,
        command.release ? "pool.released" : "pool.held",
        pool.row.spec.name,
        said("", command.release ? kNever : command.until, command.reason)
    );
    if (!command.release) {
        for (auto& [id, job] : c.state.jobs) {
            for (const auto& [pool_id, units] : job.pools) {
                if (pool_id == pool.row.id && !is_terminal(job.row.state)) {
                    revoke_leases(c, job, Revoke::kShrink);
                }
            }
        }
    }
    ++c.state.wake;
    return Reply(Done{true});
}

Result<Reply> set_asset(Context& c, const SetAsset& command) {
    Asset& asset = *SERVO_TRY(asset_of(c.state, command.tenant, command.asset));
    AssetHead head = asset.head;
    if (command.archived) {
        if (*command.archived && !asset.open_jobs.empty()) {
            return fail(failed_precondition(
                "open_jobs",
                fmt::format(
                    "{} has {} open jobs; cancel them first: servo backfill cancel --all --asset "
                    "{}",
                    head.name,
                    asset.open_jobs.size(),
                    head.name
                )
            ));
        }
        head.archived = *command.archived;
    } else {
        head.concurrency_override = command.unset ? std::nullopt : command.concurrency;
        head.override_info = {command.actor, command.reason, c.now, command.until};
        SERVO_CHECK(check_concurrency(head.concurrency_override));
    }
    const bool same_end = head.override_info.until == asset.head.override_info.until;
    if (head.archived == asset.head.archived &&
        head.concurrency_override == asset.head.concurrency_override &&
        (!head.concurrency_override || same_end)) {
        return Reply(Done{false});
    }
    asset.head = head;
    c.changes.assets.push_back(head);
    ++c.state.wake;
    const char* kind = command.archived
                           ? (*command.archived ? "asset.archived" : "asset.unarchived")
                       : command.unset ? "asset.unset"
                                       : "asset.set";
    const bool sets = !command.archived && head.concurrency_override;
    event(
        c,
        head.tenant,
        command.actor,
        kind,
        head.name,
        said(
            sets ? fmt::format("concurrency {}", *head.concurrency_override) : "",
            sets ? command.until : kNever,
            command.reason
        )
    );
    return Reply(Done{true});
}

Result<Reply> set_pool_steps(Context& c, const SetPoolSteps& command) {
    const auto it = c.state.pools.find(command.pool);
    if (it == c.state.pools.end()) {
        return Reply(Done{false});
    }
    it->second.steps = command.steps;
    ++c.state.wake;
    return Reply(Done{true});
}

Result<Reply> mark_partitions(Context& c, const MarkPartitions& command) {
    Asset& asset = *SERVO_TRY(asset_of(c.state, command.tenant, command.asset));
    const OrdinalView marked(command.ordinals);
    for (const JobId id : asset.open_jobs) {
        const Job& job = c.state.jobs.at(id);
        if (!is_terminal(job.row.state) && !shared(marked, job, job.remaining).empty()) {
            return fail(conflict(
                "overlap", "An open backfill owns some of these partitions; cancel it first."
            ));
        }
    }
    if (marked.size() == 0) {
        return Reply(Done{false});
    }
    std::set<JobId> in_memory = asset.open_jobs;
    for (const JobId id : c.state.dirty_jobs) {  // those that ended in this very batch
        if (c.state.jobs.at(id).row.asset == asset.head.id) {
            in_memory.insert(id);
        }
    }
    for (const JobId id : in_memory) {
        // The mark is newer than what the job's next checkpoint would say of them.
        Job& job = c.state.jobs.at(id);
        const uint64_t before = job.done_since.size() + job.failed_since.size();
        const RunSet known = before > 0 ? job.row.ordinals->intersection(marked) : RunSet();
        job.done_since.subtract(known);
        job.failed_since.subtract(known);
        if (job.done_since.size() + job.failed_since.size() < before) {
            job.checkpoint_now = true;
            mark_dirty(c.state, job);
        }
    }
    if (command.outcome == Outcome::kMissing && !asset.head.marked_missing) {
        asset.head.marked_missing = true;
        c.changes.assets.push_back(asset.head);
    }
    c.changes.materialised.push_back(
        {asset.head.tenant,
         asset.head.id,
         command.ordinals,
         command.outcome,
         JobId{},
         asset.head.latest_revision,
         c.now}
    );
    event(
        c,
        asset.head.tenant,
        command.actor,
        "partition.marked",
        asset.head.name,
        fmt::format(
            "{} as {}: {}",
            counted(marked.size(), "partition", "partitions"),
            to_string(command.outcome),
            command.reason
        )
    );
    return Reply(Done{true});
}

std::optional<PoolId> find_pool(const State& state, TenantId tenant, const std::string& name) {
    for (const TenantId owner : {tenant, TenantId{}}) {
        const auto it = state.pool_names.find({owner, name});
        if (it != state.pool_names.end()) {
            return it->second;
        }
    }
    return std::nullopt;
}

}  // namespace servo::core

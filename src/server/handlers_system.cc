// The installation at a glance, and its upkeep.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "api/admin.h"
#include "base/text.h"
#include "server/lookup.h"
#include "server/render.h"
#include "server/report.h"
#include "server/settings.h"
#include "server/time_spent.h"

namespace servo::server {
namespace {

using namespace model;

constexpr size_t kFindingsMax = 1'000;
constexpr size_t kHoldersMax = 20;  // told one by one

Error not_in_this_version(std::string_view what) {
    return invalid_argument(
        "not_in_this_version", fmt::format("{} is not in this version of this server.", what)
    );
}

Result<std::vector<core::JobView>> open_jobs(Call& call, const std::string& tenant) {
    const auto ids = SERVO_TRY(call.backend.read([](const core::Scheduler& scheduler, Instant) {
        return scheduler.open_jobs();
    }));
    std::vector<core::JobView> out;
    for (size_t begin = 0; begin < ids.size(); begin += kJobsPerRead) {
        const size_t end = std::min(begin + kJobsPerRead, ids.size());
        const std::vector<JobId> some(
            ids.begin() + static_cast<std::ptrdiff_t>(begin),
            ids.begin() + static_cast<std::ptrdiff_t>(end)
        );
        auto views =
            SERVO_TRY(call.backend.read([some](const core::Scheduler& scheduler, Instant now) {
                std::vector<core::JobView> found;
                for (const JobId id : some) {
                    if (auto view = scheduler.job(id, now)) {
                        found.push_back(std::move(*view));
                    }
                }
                return found;
            }));
        for (core::JobView& view : views) {
            if (!is_terminal(view.row.state) && (tenant.empty() || view.tenant_name == tenant)) {
                out.push_back(std::move(view));
            }
        }
    }
    return out;
}

void add_job(const core::JobView& view, api::StatusGroup& group) {
    ++group.open_backfills;
    group.running_partitions += view.running;
    group.pending_partitions += view.pending;
    group.failed_partitions += view.counters.failed;
    group.slots += view.slots;
}

void add_totals(const std::vector<core::JobView>& jobs, api::SystemStatus& out) {
    for (const core::JobView& view : jobs) {
        ++out.backfills[std::string(to_string(view.row.state))];
        out.running_partitions += view.running;
        out.pending_partitions += view.pending;
    }
}

// Pools that are no tenant's but one's, by tenant and name.
using OwnPools = std::set<std::pair<TenantId, std::string>>;

OwnPools own_pools(const std::vector<core::PoolView>& pools) {
    OwnPools out;
    for (const core::PoolView& view : pools) {
        if (view.row.tenant) {
            out.emplace(view.row.tenant, view.row.spec.name);
        }
    }
    return out;
}

// Whether another tenant may have a pool or an asset of the subject's name.
bool is_of_tenant(const core::JobView& view, const core::GateShare& share, const OwnPools& own) {
    switch (share.gate) {
        case core::Gate::kPoolHeld:
        case core::Gate::kBreaker:
        case core::Gate::kPoolLimit:
            return own.contains({view.row.tenant, share.subject});
        case core::Gate::kAssetLimit:
        case core::Gate::kSequential:
        case core::Gate::kUpstream:
        case core::Gate::kRevision:
        case core::Gate::kNoExecutor:
            return true;
        case core::Gate::kNone:
        case core::Gate::kNotBefore:
        case core::Gate::kPaused:
        case core::Gate::kCancelling:
        case core::Gate::kOverlap:
        case core::Gate::kJobLimit:
        case core::Gate::kTenantLimit:
            return false;
    }
    return false;
}

void sort_waits(std::vector<api::WaitReason>& reasons) {
    std::stable_sort(reasons.begin(), reasons.end(), [](const auto& a, const auto& b) {
        return a.partitions > b.partitions;
    });
}

// Keeps the largest by themselves. Of the others, those of one gate become one that names nobody:
// what waits behind a gate is told in full.
void shorten(std::vector<api::WaitReason>& reasons) {
    sort_waits(reasons);
    std::map<std::string, api::WaitReason> rest;
    for (size_t i = kHoldersMax; i < reasons.size(); ++i) {
        const auto [it, only] = rest.try_emplace(reasons[i].gate, reasons[i]);
        if (!only) {
            const uint64_t before = it->second.partitions;
            it->second = api::WaitReason{};
            it->second.gate = reasons[i].gate;
            it->second.partitions = before + reasons[i].partitions;
        }
    }
    reasons.resize(std::min(reasons.size(), kHoldersMax));
    for (auto& [gate, reason] : rest) {
        reasons.push_back(std::move(reason));
    }
    sort_waits(reasons);
}

// What holds the jobs back, one for each holder: who releases one pool has not released another.
// `of_all`: of every tenant, so that its name tells one's own from another's.
std::vector<api::WaitReason> waits_of(
    const std::vector<core::JobView>& jobs, const std::vector<core::PoolView>& pools, bool of_all
) {
    const OwnPools own = own_pools(pools);
    std::map<std::tuple<core::Gate, std::string, std::string>, api::WaitReason> holders;
    for (const core::JobView& view : jobs) {
        for (const core::GateShare& share : view.waiting) {
            api::WaitReason told = render_wait(share);
            if (of_all && is_of_tenant(view, share, own)) {
                told.subject = fmt::format("{}/{}", view.tenant_name, share.subject);
            }
            api::WaitReason& reason = holders[{share.gate, told.subject, told.release}];
            const uint64_t before = reason.partitions;
            const auto since = told.since;
            if (before == 0) {
                reason = std::move(told);
            }
            if (since && (!reason.since || *since < *reason.since)) {
                reason.since = since;
            }
            reason.partitions = before + share.partitions;
        }
    }
    std::vector<api::WaitReason> out;
    for (auto& [key, reason] : holders) {
        out.push_back(std::move(reason));
    }
    shorten(out);
    return out;
}

std::vector<api::StatusGroup> group_jobs(const std::vector<core::JobView>& jobs, bool by_tenant) {
    std::map<std::string, api::StatusGroup> groups;
    for (const core::JobView& view : jobs) {
        const std::string name =
            by_tenant ? view.tenant_name : fmt::format("{}/{}", view.tenant_name, view.asset_name);
        groups[name].name = name;
        add_job(view, groups[name]);
    }
    std::vector<api::StatusGroup> out;
    for (auto& [name, group] : groups) {
        out.push_back(std::move(group));
    }
    return out;
}

struct Machinery {
    std::vector<core::ExecutorView> executors;
    std::vector<core::PoolView> pools;
    TimeViews time;     // of the caller's tenant, or of all
    TimeViews time_by;  // by what is asked for
    Instant now;
};

std::vector<api::StatusGroup> group_executors(const Machinery& machinery) {
    std::vector<api::StatusGroup> out;
    for (const core::ExecutorView& view : machinery.executors) {
        if (view.row.presence == Presence::kLeft) {
            continue;  // what it spent its time on is told all the same
        }
        api::StatusGroup group;
        group.name = view.row.name;
        group.slots = view.slots;
        group.running_partitions = static_cast<uint64_t>(std::max(view.busy, 0));
        out.push_back(std::move(group));
    }
    return out;
}

// Of the backfills that take units of a pool; its slots are the units in use.
std::vector<api::StatusGroup> group_pools(
    const Machinery& machinery, const std::vector<core::JobView>& jobs
) {
    std::vector<api::StatusGroup> out;
    for (const core::PoolView& view : machinery.pools) {
        api::StatusGroup group;
        group.name = view.row.tenant ? fmt::format("{}/{}", view.tenant_name, view.row.spec.name)
                                     : view.row.spec.name;
        for (const core::JobView& job : jobs) {
            if (std::find(job.pools.begin(), job.pools.end(), view.row.id) != job.pools.end()) {
                add_job(job, group);
            }
        }
        group.slots = view.used;
        out.push_back(std::move(group));
    }
    return out;
}

Result<std::vector<api::StatusGroup>> groups_of(
    const std::string& by, const Machinery& machinery, const std::vector<core::JobView>& jobs
) {
    if (by.empty()) {
        return std::vector<api::StatusGroup>();
    }
    if (by == "tenant" || by == "asset") {
        return group_jobs(jobs, by == "tenant");
    }
    if (by == "executor") {
        return group_executors(machinery);
    }
    if (by == "pool") {
        return group_pools(machinery, jobs);
    }
    return fail(invalid_argument(
        "bad_by", fmt::format("by: \"{}\" is not one of tenant, asset, executor, pool.", by)
    ));
}

// Rates are the ledger's, of the total and of each part alike: what ended counts, whether or not
// its backfill is still open.
template <typename Whose>
void set_time(std::optional<api::TimeSpent> spent, Whose& out) {
    out.partitions_per_second = spent ? ended_per_second(*spent) : 0;
    out.time = std::move(spent);
}

template <typename Whose>
void set_time_before(std::optional<api::TimeSpent> spent, Whose& out) {
    out.partitions_per_second_before = spent ? ended_per_second(*spent) : 0;
    out.time_before = std::move(spent);
}

// Adds what each spent its time on, also those without open work.
void add_times(
    const TimeViews& views, const RowFilter& wanted, std::vector<api::StatusGroup>& groups
) {
    const auto group = [&](const std::string& name) -> api::StatusGroup& {
        const auto found = std::find_if(groups.begin(), groups.end(), [&](const auto& one) {
            return one.name == name;
        });
        if (found != groups.end()) {
            return *found;
        }
        groups.emplace_back();
        groups.back().name = name;
        return groups.back();
    };
    for (auto& [name, spent] : time_by_name(views.now, wanted)) {
        set_time(std::move(spent), group(name));
    }
    for (auto& [name, spent] : time_by_name(views.before, wanted)) {
        set_time_before(std::move(spent), group(name));
    }
}

void count_executors(const Machinery& machinery, api::SystemStatus& out) {
    for (const core::ExecutorView& view : machinery.executors) {
        const api::Executor executor = render_executor(view, machinery.now);
        if (executor.state == kExecutorLeft) {
            continue;
        }
        if (executor.state == "lost") {
            ++out.executors_lost;
            continue;
        }
        if (view.draining) {
            ++out.executors_drained;
            out.slots_draining += executor.busy;
            continue;
        }
        ++out.executors_up;
        out.slots += executor.slots;
        out.slots_busy += executor.busy;
    }
}

Result<Response> get_status(Call& call) {
    const TenantId tenant = SERVO_TRY(tenant_filter(call));
    const auto jobs = SERVO_TRY(open_jobs(call, call.tenant));
    const auto by = ledger_scope_from(call.query_value("by"));
    const auto machinery =
        SERVO_TRY(call.backend.read([tenant, by](const core::Scheduler& scheduler, Instant now) {
            const auto scope = tenant ? LedgerScope::kTenant : LedgerScope::kAll;
            return Machinery{
                scheduler.executors(now),
                scheduler.pools(now),
                look_at_time(scheduler, scope, now),
                by ? look_at_time(scheduler, *by, now) : TimeViews{},
                now};
        }));
    // What belongs to nobody is in the total alone.
    const RowFilter own = [tenant](const core::LedgerView::Row& row) {
        return !tenant || row.tenant == tenant;
    };
    const RowFilter somebodys = [&own](const core::LedgerView::Row& row) {
        return own(row) && row.key != kLedgerNobody;
    };
    const engine::EngineStatus engine = call.backend.loop().status();
    api::SystemStatus out;
    out.version = call.backend.version();
    out.state = engine::to_string(engine.state);
    out.epoch = engine.epoch;
    out.leader = engine.leader.holder;
    out.leader_url = engine.leader.url;
    if (engine.leading_since != kNever) {
        out.leader_since = engine.leading_since;
    }
    add_totals(jobs, out);
    out.waiting = waits_of(jobs, machinery.pools, call.tenant.empty());
    count_executors(machinery, out);
    out.commits = engine.commits;
    out.commands = engine.commands;
    out.reloads = engine.reloads;
    out.queued_commands = static_cast<int64_t>(engine.queued);
    out.last_error = call.sees_all_tenants() ? engine.last_error : "";
    out.by = call.query_value("by");
    if (!call.sees_all_tenants() && (out.by == "executor" || out.by == "pool")) {
        return fail(Error{
            ErrorCode::kPermissionDenied,
            "admin_only",
            "Only an admin sees executors and pools of the installation.",
            {},
            0});
    }
    out.groups = SERVO_TRY(groups_of(out.by, machinery, jobs));
    add_times(machinery.time_by, somebodys, out.groups);
    set_time(time_spent(machinery.time.now, own), out);
    set_time_before(time_spent(machinery.time.before, own), out);
    out.contacts = call.backend.contacts();
    out.as_of = machinery.now;
    return json_response(to_json(out));
}

Result<Response> fsck(Call& call) {
    api::FsckReport out;
    const auto in_memory = SERVO_TRY(call.backend.read([](const core::Scheduler& scheduler, Instant
                                                       ) { return scheduler.check_invariants(); }));
    if (!in_memory.empty()) {
        out.findings.push_back("in memory: " + in_memory);
    }
    if (call.backend.hooks().fsck) {
        for (std::string& finding : SERVO_TRY(call.backend.hooks().fsck())) {
            out.findings.push_back("in the store: " + std::move(finding));
        }
    }
    out.sound = out.findings.empty();
    if (out.findings.size() > kFindingsMax) {
        out.findings.resize(kFindingsMax);
    }
    return json_response(to_json(out));
}

Result<Response> backup(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::BackupRequest>());
    if (!call.backend.hooks().backup) {
        return fail(not_in_this_version("backup through the server"));
    }
    if (!request.path.starts_with('/') || request.path.find('\0') != std::string::npos) {
        return fail(invalid_argument(
            "bad_path_given", "path must be an absolute path on the server's machine."
        ));
    }
    api::BackupReply out;
    out.path = request.path;
    out.bytes = SERVO_TRY(call.backend.hooks().backup(request.path));
    return json_response(to_json(out));
}

}  // namespace

HandlerTable system_handlers() {
    return {
        {"get_status", get_status},
        {"get_report", get_report},
        {"fsck", fsck},
        {"backup", backup},
    };
}

}  // namespace servo::server

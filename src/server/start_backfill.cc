// Starting a backfill: resolve, choose, refuse or preview, create. Everything is checked before the
// one command that creates the jobs, all or none.
#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>

#include "base/rfc3339.h"
#include "base/text.h"
#include "model/job_id.h"
#include "server/actions.h"
#include "server/ask_memory.h"
#include "server/lookup.h"
#include "server/render.h"
#include "server/selection.h"
#include "server/settings.h"

namespace servo::server {
namespace {

using namespace model;

// 63 random bits, never 0.
int64_t random_id() {
    int64_t value = 0;
    while (value == 0) {
        if (getrandom(&value, sizeof value, 0) != sizeof value) {
            value = 0;
        }
        value &= INT64_MAX;
    }
    return value;
}

OverlapPolicy overlap_from(const std::string& word) {
    if (word == "wait") {
        return OverlapPolicy::kWait;
    }
    return word == "skip" ? OverlapPolicy::kSkip : OverlapPolicy::kReject;
}

// Who has a tenant starts backfills of that one alone.
Status check_whose(const Call& call, const api::StartRequest& request) {
    const auto foreign = [&call](const std::string& name) { return name != call.tenant; };
    if (call.sees_all_tenants() ||
        (!request.all_tenants &&
         std::none_of(request.tenants.begin(), request.tenants.end(), foreign))) {
        return {};
    }
    return fail(Error{
        ErrorCode::kPermissionDenied,
        "admin_only",
        fmt::format(
            "Only an admin starts backfills of several tenants, or of another; the token is of "
            "tenant {}.",
            call.tenant
        ),
        {},
        0});
}

Result<std::vector<AssetRef>> assets_of(Call& call, const api::StartRequest& request) {
    SERVO_CHECK(check_whose(call, request));
    const bool chooses = call.sees_all_tenants();
    if (request.all_tenants && (!request.tenants.empty() || !call.tenant.empty())) {
        return fail(invalid_argument(
            "tenant_twice",
            "Say either all tenants (`all_tenants`) or which (`tenants`, ?tenant=): --all-tenants "
            "or --tenant, not both."
        ));
    }
    if (chooses && !request.tenants.empty() && !call.tenant.empty()) {
        return fail(invalid_argument(
            "tenant_twice", "The tenant is said in the URL and in `tenants`; leave out one."
        ));
    }
    std::vector<AssetRef> out;
    if (request.all_tenants) {
        const auto archived = [](const AssetRef& ref) { return ref.head.archived; };
        out = SERVO_TRY(find_assets_of_all(call, request.asset));
        if (!std::all_of(out.begin(), out.end(), archived)) {
            std::erase_if(out, archived);  // the others are meant
        }
    } else if (chooses && !request.tenants.empty()) {
        const std::set<std::string> unique(request.tenants.begin(), request.tenants.end());
        out = SERVO_TRY(find_assets(call, request.asset, {unique.begin(), unique.end()}));
    } else {
        out.push_back(SERVO_TRY(find_asset(call, request.asset)));
    }
    if (out.size() > api::kTenantsPerStartMax) {
        return fail(resource_exhausted(
            "too_many_tenants",
            fmt::format(
                "One request starts backfills for at most {} tenants.", api::kTenantsPerStartMax
            )
        ));
    }
    for (const AssetRef& ref : out) {
        if (ref.head.archived) {
            return fail(failed_precondition(
                "asset_archived",
                fmt::format(
                    "{} of tenant {} is archived; apply its definition again, or: servo asset "
                    "archive {} --undo",
                    ref.head.name,
                    ref.tenant.name,
                    ref.head.name
                )
            ));
        }
    }
    return out;
}

// What is there already, and the flag that would run it again.
Error nothing_to_do(const AssetRef& asset, const api::ResolvedSelection& resolved) {
    std::string text;
    if (resolved.selected == 0) {
        text = "No partition lies in the selection";
        if (resolved.not_yet_ended > 0) {
            text += fmt::format(
                ": the windows of {} have not ended yet",
                with_commas(static_cast<int64_t>(resolved.not_yet_ended))
            );
        } else if (resolved.cut_by_bounds > 0) {
            text += fmt::format(
                ": {} lie outside the asset's start and end",
                with_commas(static_cast<int64_t>(resolved.cut_by_bounds))
            );
        }
        text += fmt::format(
            ". `servo asset show {}` shows what partitions it has.", shell_quote(asset.head.name)
        );
        return failed_precondition("nothing_to_do", text);
    }
    std::vector<std::string> there;
    const auto add = [&there](uint64_t count, const char* what) {
        if (count > 0) {
            there.push_back(fmt::format("{} {}", with_commas(static_cast<int64_t>(count)), what));
        }
    };
    add(resolved.left_out_completed, "completed");
    add(resolved.left_out_failed, "failed");
    add(resolved.left_out_skipped, "skipped");
    return failed_precondition(
        "nothing_to_do",
        fmt::format(
            "There is nothing to do: of {} {} already. To run them again: --reprocess all{}",
            counted(resolved.selected, "partition", "partitions"),
            join(there, ", "),
            resolved.left_out_failed > 0 ? "; only those that failed: --reprocess failed" : ""
        )
    );
}

struct Planned {
    AssetRef asset;
    Chosen chosen;
};

JobRow new_row(
    const Call& call,
    const api::StartRequest& request,
    const Planned& planned,
    const JobSettings& settings,
    GroupId group
) {
    JobRow row;
    row.id = JobId(random_id());
    row.group = group;
    row.tenant = planned.asset.tenant.id;
    row.asset = planned.asset.head.id;
    row.revision = planned.asset.head.latest_revision;
    row.ordinals = planned.chosen.ordinals;
    row.reprocess = reprocess_policy_from(request.reprocess).value_or(ReprocessPolicy::kFailed);
    row.overlap = overlap_from(request.overlap);
    if (request.selection.keys.empty()) {  // between keys lie others
        row.range_start = planned.chosen.resolved.range_start.value_or("");
        row.range_end = planned.chosen.resolved.range_end.value_or("");
    }
    row.note = request.note;
    row.created_by = call.principal.actor;
    row.traceparent = call.traceparent;
    row.settings = settings;
    return row;
}

// The reply, but for what only the scheduler knows.
api::StartReply reply_skeleton(
    const api::StartRequest& request, const std::vector<Planned>& plans, Instant now
) {
    api::StartReply out;
    out.dry_run = request.dry_run;
    out.server_time = format_rfc3339(now);
    for (const Planned& planned : plans) {
        api::StartedBackfill item;
        item.tenant_id = planned.asset.tenant.name;
        item.asset_name = planned.asset.head.name;
        item.asset_revision = planned.asset.head.latest_revision;
        item.total_partitions = planned.chosen.resolved.count;
        item.resolved = planned.chosen.resolved;
        if (!request.dry_run) {
            item.resolved.sample_keys.clear();
        }
        out.total_partitions += item.total_partitions;
        out.items.push_back(std::move(item));
    }
    return out;
}

// `item_of[i]`: which item of the reply the i-th job belongs to (tenants with nothing to do have
// none).
api::StartReply complete_reply(
    api::StartReply out, const core::Reply& reply, const std::vector<size_t>& item_of, GroupId group
) {
    if (const auto* jobs = std::get_if<core::JobsReply>(&reply)) {
        for (size_t i = 0; i < jobs->jobs.size(); ++i) {
            api::StartedBackfill& item = out.items[item_of[i]];
            item.id = to_text(jobs->jobs[i].job);
            item.state = to_string(jobs->jobs[i].state);
            item.skipped_by_overlap = jobs->jobs[i].partitions;
            out.id = item.id;
        }
    }
    if (group) {
        out.group_id = to_text(group);
        out.id = out.group_id;
    }
    return out;
}

// The keys that come first once those of other jobs are left out.
Result<std::vector<std::string>> keys_left(const Planned& planned, const RunSet& taken) {
    const OrdinalView& chosen = *planned.chosen.ordinals;
    RunSet kept(Run{0, chosen.size()});
    kept.subtract(taken);
    std::vector<OrdinalRun> runs = SERVO_TRY(kept_runs(OrdinalView(chosen.runs()), kept));
    return sample_keys(planned.asset, OrdinalView(std::move(runs), chosen.reversed()));
}

// A dry run answers what the scheduler would: an error where it would refuse, and what is left to
// other jobs. The real run leaves that to the scheduler, which alone sees the present.
Status preview_overlap(
    Call& call, const Planned& planned, const std::string& overlap, api::StartedBackfill& item
) {
    RunSet taken;
    const OrdinalView ascending(planned.chosen.ordinals->runs());
    const auto owners =
        SERVO_TRY(engine::open_owners(*call.history, planned.asset.head.id, ask_jobs(call)));
    for (const engine::OpenOwner& owner : owners) {
        const RunSet shared = engine::to_do(owner, ascending);
        if (shared.empty()) {
            continue;
        }
        const std::string id = to_text(owner.view.row.id);
        if (overlap_from(overlap) == OverlapPolicy::kReject) {
            return fail(conflict(
                "overlap",
                fmt::format(
                    "{} of these partitions belong to {} ({}). Wait for it: servo backfill wait "
                    "{}; or cancel it: servo backfill cancel {}. Of `servo backfill start`, "
                    "--overlap wait queues behind it and --overlap skip leaves them out.",
                    with_commas(static_cast<int64_t>(shared.size())),
                    id,
                    to_string(owner.view.row.state),
                    id,
                    id
                )
            ));
        }
        taken.add(shared);
    }
    if (overlap_from(overlap) == OverlapPolicy::kSkip) {
        item.skipped_by_overlap = taken.size();
        item.resolved.sample_keys = SERVO_TRY(keys_left(planned, taken));
    }
    return {};
}

Result<Response> dry_run(
    Call& call,
    const api::StartRequest& request,
    const std::vector<Planned>& plans,
    std::vector<JobRow> rows,
    api::StartReply reply
) {
    for (size_t i = 0; i < plans.size(); ++i) {
        SERVO_CHECK(preview_overlap(call, plans[i], request.overlap, reply.items[i]));
    }
    if (request.preview) {
        reply.preview =
            SERVO_TRY(call.forecasts.preview(std::move(rows), call.principal.tenant_id));
    }
    return json_response(to_json(reply));
}

Result<std::vector<Planned>> plan(Call& call, const api::StartRequest& request) {
    const auto policy = reprocess_policy_from(request.reprocess);
    if (!policy) {
        return fail(invalid_argument("bad_reprocess", "reprocess must not be empty."));
    }
    std::vector<Planned> out;
    for (AssetRef& asset : SERVO_TRY(assets_of(call, request))) {
        Chosen chosen =
            SERVO_TRY(choose_partitions(call, asset, request.selection, *policy, request.reverse));
        out.push_back({std::move(asset), std::move(chosen)});
    }
    return out;
}

}  // namespace

Result<Response> start_backfill(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::StartRequest>());
    call.dry_run = request.dry_run;
    SERVO_CHECK(check_note("note", request.note));
    const Instant now = call.backend.now();
    const JobSettings settings = SERVO_TRY(job_settings(request, now));
    const std::vector<Planned> plans = SERVO_TRY(plan(call, request));
    const GroupId group = plans.size() > 1 ? GroupId(random_id()) : GroupId{};

    core::CreateJobs command;
    std::vector<size_t> item_of;
    for (size_t i = 0; i < plans.size(); ++i) {
        if (plans[i].chosen.resolved.count > 0) {
            command.jobs.push_back(new_row(call, request, plans[i], settings, group));
            item_of.push_back(i);
        }
    }
    if (command.jobs.empty() && !request.allow_empty) {
        return fail(nothing_to_do(plans.front().asset, plans.front().chosen.resolved));
    }
    api::StartReply skeleton = reply_skeleton(request, plans, now);
    if (request.dry_run) {
        return dry_run(call, request, plans, std::move(command.jobs), std::move(skeleton));
    }
    if (command.jobs.empty()) {
        return json_response(to_json(skeleton));
    }
    const auto render = [skeleton, item_of, group](const core::Reply& reply) {
        return to_json(complete_reply(skeleton, reply, item_of, group));
    };
    const core::Reply reply =
        SERVO_TRY(call.backend.run(std::move(command), call.repeatable(render)));
    return json_response(render(reply));
}

}  // namespace servo::server

// Assets: apply, list, one, revisions, differences, overrides.
#include <fmt/format.h>

#include <algorithm>

#include "api/asset.h"
#include "base/text.h"
#include "model/asset_codec.h"
#include "model/job_id.h"
#include "server/apply.h"
#include "server/ask_memory.h"
#include "server/changes.h"
#include "server/lookup.h"
#include "server/render.h"
#include "server/settings.h"
#include "store/state_scan.h"

namespace servo::server {
namespace {

using namespace model;

constexpr int kRevisionMax = 1'000'000'000;
constexpr size_t kOpenShownMax = 100;

void fill_asset(const AssetRef& ref, api::Asset& out) {
    const AssetSpec& spec = ref.revision->spec;
    out.name = ref.head.name;
    out.tenant_id = ref.tenant.name;
    out.revision = ref.head.latest_revision;
    out.archived = ref.head.archived;
    out.owner = spec.owner;
    out.description = spec.description;
    out.partitions = describe_scheme(spec.partitions);
    out.timezone = ref.revision->scheme->timezone();
    out.runner = to_string(spec.run.kind);
    out.code_version = spec.code_version;
    out.concurrency = ref.head.concurrency_override.value_or(spec.concurrency);
    out.override_info =
        render_override(ref.head.concurrency_override.has_value(), ref.head.override_info);
    out.updated_at = ref.revision->created_at;
    out.updated_by = ref.revision->created_by;
}

// Place of an asset in the list's order, and the page token.
std::string place_of(const AssetRef& ref) {
    return ref.head.name + "/" + ref.tenant.name;
}

Result<Response> list(Call& call) {
    const size_t limit = static_cast<size_t>(SERVO_TRY(call.limit()));
    const TenantId tenant = SERVO_TRY(tenant_filter(call));
    const bool archived_too = call.query_value("archived") == "true";
    auto refs = SERVO_TRY(
        call.backend.read([tenant, archived_too](const core::Scheduler& scheduler, Instant) {
            std::vector<AssetRef> out;
            for (const AssetHead& head : scheduler.assets()) {
                const auto row = scheduler.tenant(head.tenant);
                const auto revision = scheduler.revision(head.id, head.latest_revision);
                if (row && revision && (!tenant || head.tenant == tenant) &&
                    (archived_too || !head.archived)) {
                    out.push_back({*row, head, revision});
                }
            }
            return out;
        })
    );
    std::sort(refs.begin(), refs.end(), [](const AssetRef& a, const AssetRef& b) {
        return place_of(a) < place_of(b);
    });
    const std::string token = call.query_value("page_token");
    api::List<api::Asset> out;
    for (size_t i = 0; i < refs.size(); ++i) {
        if (!token.empty() && place_of(refs[i]) <= token) {
            continue;
        }
        fill_asset(refs[i], out.items.emplace_back());
        if (out.items.size() == limit) {
            if (i + 1 < refs.size()) {
                out.next_page_token = place_of(refs[i]);
            }
            break;
        }
    }
    return json_response(to_json(out));
}

// What open jobs did since their last checkpoints, which no state tells yet: by index of `all`.
struct Fresh {
    RunSet completed;
    RunSet failed;
    RunSet stale;  // of completed: by an older revision
};

Result<Fresh> fresh_of(Call& call, const AssetRef& ref, const OrdinalView& all) {
    Fresh out;
    for (const engine::OpenOwner& owner :
         SERVO_TRY(engine::open_owners(*call.history, ref.head.id, ask_jobs(call)))) {
        const RunSet completed = engine::fresh_completed(owner, all);
        const RunSet failed = engine::fresh_failed(owner, all);
        for (RunSet* set : {&out.completed, &out.failed, &out.stale}) {
            set->subtract(completed);
            set->subtract(failed);
        }
        out.completed.add(completed);
        out.failed.add(failed);
        if (owner.view.row.revision < ref.head.latest_revision) {
            out.stale.add(completed);
        }
    }
    return out;
}

// How many of `indices` are not among `others`.
uint64_t count_outside(const RunSet& indices, const RunSet& others) {
    uint64_t out = indices.size();
    for (const Run& run : indices.runs()) {
        out -= others.intersection(run).size();
    }
    return out;
}

Result<api::PartitionCounts> count_partitions(Call& call, const AssetRef& ref) {
    api::PartitionCounts out;
    const Resolved resolved =
        SERVO_TRY(ref.revision->scheme->resolve(Selection{}, call.backend.now()));
    out.total = resolved.count;
    if (resolved.count == 0) {
        return out;
    }
    const OrdinalView all(resolved.ordinals);
    const int latest = ref.head.latest_revision;
    const Fresh fresh = SERVO_TRY(fresh_of(call, ref, all));
    RunSet told = fresh.completed;
    told.add(fresh.failed);
    out.completed = fresh.completed.size();
    out.failed = fresh.failed.size();
    out.stale = fresh.stale.size();
    SERVO_CHECK(store::scan_states(
        *call.history,
        ref.head.id,
        all.runs().front().first,
        all.runs().back().last(),
        [&](const std::vector<store::History::StateRun>& states) {
            for (const auto& state : states) {
                const uint64_t count =
                    count_outside(all.intersection(OrdinalView({state.ordinals})), told);
                out.completed += state.outcome == Outcome::kSucceeded ? count : 0;
                out.failed += state.outcome == Outcome::kFailed ? count : 0;
                out.skipped += state.outcome == Outcome::kSkipped ? count : 0;
                out.stale +=
                    state.outcome == Outcome::kSucceeded && state.revision < latest ? count : 0;
            }
            return true;
        }
    ));
    out.missing = out.total - std::min(out.total, out.completed + out.failed + out.skipped);
    return out;
}

Result<Response> get(Call& call) {
    const AssetRef ref = SERVO_TRY(find_asset(call, call.parameter("asset")));
    api::AssetDetail out;
    fill_asset(ref, out);
    out.spec = asset_to_json(ref.revision->spec, JsonDefaults::kInclude);
    out.code_dir = ref.revision->code_dir;
    out.partition_counts = SERVO_TRY(count_partitions(call, ref));
    store::JobFilter filter;
    filter.asset = ref.head.id;
    for (size_t i = 0; i < kJobStateCount; ++i) {
        if (!is_terminal(static_cast<JobState>(i))) {
            filter.states.push_back(static_cast<JobState>(i));
        }
    }
    const auto open = SERVO_TRY(call.history->jobs(filter, kOpenShownMax, ""));
    for (const store::JobPage::Item& item : open.items) {
        out.open_backfills.push_back(to_text(item.row.id));
    }
    out.downstream = SERVO_TRY(downstream_of(call.backend, ref.tenant.id, ref.head.name));
    return json_response(to_json(out));
}

Result<Response> revisions(Call& call) {
    const AssetRef ref = SERVO_TRY(find_asset(call, call.parameter("asset")));
    auto all = SERVO_TRY(call.history->revisions(ref.head.id));
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return a->revision > b->revision;
    });
    api::List<api::Revision> out;
    for (size_t i = 0; i < all.size(); ++i) {
        const AssetRevision& revision = *all[i];
        api::Revision item;
        item.revision = revision.revision;
        item.created_at = revision.created_at;
        item.created_by = revision.created_by;
        item.code_version = revision.spec.code_version;
        item.code_dir = revision.code_dir;
        item.changes =
            field_changes(i + 1 < all.size() ? &all[i + 1]->spec : nullptr, &revision.spec);
        out.items.push_back(std::move(item));
    }
    return json_response(to_json(out));
}

Result<Response> diff(Call& call) {
    const AssetRef ref = SERVO_TRY(find_asset(call, call.parameter("asset")));
    const std::string from_text = call.query_value("from");
    const std::string to_text_given = call.query_value("to");
    int64_t to = ref.head.latest_revision;
    if (!to_text_given.empty()) {
        to = SERVO_TRY(parse_integer(to_text_given, 1, kRevisionMax));
    }
    int64_t from = to - 1;
    if (!from_text.empty()) {
        from = SERVO_TRY(parse_integer(from_text, 1, kRevisionMax));
    }
    api::AssetDiff out;
    out.name = ref.head.name;
    out.tenant_id = ref.tenant.name;
    out.from = from;
    out.to = to;
    const auto after = SERVO_TRY(find_revision(call, ref.head.id, static_cast<int>(to)));
    if (from >= 1) {
        const auto before = SERVO_TRY(find_revision(call, ref.head.id, static_cast<int>(from)));
        out.changes = field_changes(&before->spec, &after->spec);
    }
    return json_response(to_json(out));
}

Result<Response> set(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::SetAssetRequest>());
    SERVO_CHECK(check_note("reason", request.reason));
    if (!request.concurrency && !request.unset && !request.archived) {
        return fail(invalid_argument("nothing_to_set", "The request names nothing to change."));
    }
    if (request.concurrency && request.unset) {
        return fail(invalid_argument("set_and_unset", "concurrency and unset exclude each other."));
    }
    const AssetRef ref = SERVO_TRY(find_asset(call, call.parameter("asset")));
    core::SetAsset command;
    command.tenant = ref.tenant.name;
    command.asset = ref.head.name;
    command.concurrency = request.concurrency;
    command.unset = request.unset;
    command.archived = request.archived;
    command.until = SERVO_TRY(parse_hold(request.hold_for, call.backend.now()));
    command.reason = request.reason;
    command.actor = call.principal.actor;
    const core::Reply reply = SERVO_TRY(call.backend.run(std::move(command)));
    const auto* done = std::get_if<core::Done>(&reply);
    return json_response(to_json(api::Changed{done == nullptr || done->changed}));
}

}  // namespace

HandlerTable asset_handlers() {
    return {
        {"apply", apply},
        {"list_assets", list},
        {"get_asset", get},
        {"list_revisions", revisions},
        {"diff_asset", diff},
        {"set_asset", set},
    };
}

}  // namespace servo::server

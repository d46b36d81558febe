// Single partitions: where one stands, why, what it printed; and marks.
#include <fmt/format.h>

#include "base/packed_text.h"
#include "base/text.h"
#include "core/running.h"
#include "engine/loop.h"
#include "model/job_id.h"
#include "server/ask_memory.h"
#include "server/lookup.h"
#include "server/partition_list.h"
#include "server/partition_views.h"
#include "server/selection.h"
#include "server/settings.h"

namespace servo::server {
namespace {

using namespace model;

constexpr int kAttemptMax = 1'000'000;
constexpr int64_t kOffsetMax = int64_t{1} << 62;

Result<Response> list(Call& call) {
    const AssetRef asset = SERVO_TRY(find_asset(call, call.parameter("asset")));
    return json_response(to_json(SERVO_TRY(list_partitions(call, asset))));
}

Result<Response> get(Call& call) {
    const AssetRef asset = SERVO_TRY(find_asset(call, call.parameter("asset")));
    const PartitionPlace place = SERVO_TRY(place_of(call, asset, call.parameter("key")));
    return json_response(to_json(SERVO_TRY(partition_detail(call, asset, place))));
}

Result<Response> explain(Call& call) {
    const AssetRef asset = SERVO_TRY(find_asset(call, call.parameter("asset")));
    return explain_place(call, asset, SERVO_TRY(place_of(call, asset, call.parameter("key"))));
}

// The job of that name, which must be of the asset: others have partitions of the same key.
Result<JobId> job_of_asset(
    Call& call, const AssetRef& asset, const std::string& key, const std::string& name
) {
    const core::JobView view = SERVO_TRY(find_job(call, name)).view;
    if (view.row.asset != asset.head.id) {
        return fail(not_found(
            "no_such_partition",
            fmt::format(
                "{} is a backfill of {} of tenant {}, and has no partition {} of {} of tenant {}. "
                "Leave out --backfill for its last log.",
                to_text(view.row.id),
                view.asset_name,
                view.tenant_name,
                key,
                asset.head.name,
                asset.tenant.name
            )
        ));
    }
    return view.row.id;
}

// The job whose log is meant: the one named, the owner, or the one that made the partition.
Result<JobId> job_of_log(Call& call, const AssetRef& asset, const PartitionPlace& place) {
    const std::string backfill = call.query_value("backfill");
    if (!backfill.empty()) {
        return job_of_asset(call, asset, place.info.key, backfill);
    }
    if (place.owner) {
        return place.owner->id;
    }
    if (place.state && place.state->job) {
        return place.state->job;
    }
    return fail(not_found(
        "no_log",
        fmt::format(
            "{} has no recorded outcome, so no log stands for it. What a backfill that was "
            "stopped printed is shown by --backfill ID.",
            place.info.key
        )
    ));
}

Result<Response> log(Call& call) {
    const AssetRef asset = SERVO_TRY(find_asset(call, call.parameter("asset")));
    const PartitionPlace place = SERVO_TRY(place_of(call, asset, call.parameter("key")));
    std::optional<int> attempt;
    const std::string wanted = call.query_value("attempt");
    if (!wanted.empty()) {
        attempt = static_cast<int>(SERVO_TRY(parse_integer(wanted, 1, kAttemptMax)));
    }
    const JobId job = SERVO_TRY(job_of_log(call, asset, place));
    const auto row = SERVO_TRY(call.history->job(job));
    const auto index =
        row && row->row.ordinals ? row->row.ordinals->index_of(place.ordinal) : std::nullopt;
    const auto found =
        index ? SERVO_TRY(call.history->log(job, *index, attempt)) : std::optional<LogRow>();
    if (!found) {
        const bool running = status_of(place) == "running";
        return fail(not_found(
            "no_log",
            fmt::format(
                "{} has no stored log{}{}{}.",
                place.info.key,
                attempt ? fmt::format(" of attempt {}", *attempt) : "",
                " in " + to_text(job),
                running ? "; it runs now, and nothing that it printed has come from its executor"
                        : " (nothing was printed, or it is past its retention)"
            )
        ));
    }
    api::PartitionLog out;
    out.key = place.info.key;
    out.backfill_id = to_text(job);
    out.attempt = found->attempt;
    out.generation = found->generation;
    out.at = found->at;
    out.bytes_total = found->bytes_total;
    out.text = SERVO_TRY(unpack_text(found->tail, kLogTailBytesMax));
    return json_response(to_json(out));
}

// The attempt's output by its place: a lease's positions are never used twice.
std::string stream_of(const core::RunningPlace& place) {
    return fmt::format("{}.{}", place.lease.value, place.position);
}

Result<Response> live_log(Call& call) {
    const AssetRef asset = SERVO_TRY(find_asset(call, call.parameter("asset")));
    const PartitionPlace place = SERVO_TRY(place_of(call, asset, call.parameter("key")));
    api::LiveLog out;
    out.key = place.info.key;
    const std::string backfill = call.query_value("backfill");
    const std::string offset_text = call.query_value("offset");
    const int64_t said_offset =
        offset_text.empty() ? 0 : SERVO_TRY(parse_integer(offset_text, 0, kOffsetMax));
    if (!place.owner ||
        (!backfill.empty() && SERVO_TRY(find_job(call, backfill)).view.row.id != place.owner->id)) {
        return json_response(to_json(out));
    }
    const auto running =
        SERVO_TRY(call.backend.read([job = place.owner->id, index = place.owner_index](
                                        const core::Scheduler& scheduler, Instant
                                    ) { return core::running_place(scheduler, job, index); }));
    if (!running) {
        return json_response(to_json(out));
    }
    out.stream = stream_of(*running);
    const uint64_t offset =
        call.query_value("stream") == out.stream ? static_cast<uint64_t>(said_offset) : 0;
    LogWatches::Reading reading = SERVO_TRY(call.backend.log_watches().read(
        {running->session, running->lease, running->position}, offset, Millis(engine::boottime_ms())
    ));
    out.running = true;
    out.backfill_id = to_text(place.owner->id);
    out.attempt = running->attempt;
    out.generation = running->generation;
    out.known = reading.known;
    out.offset = reading.offset;
    out.next_offset = reading.next_offset;
    out.text = std::move(reading.text);
    return json_response(to_json(out));
}

Outcome outcome_of_mark(const std::string& word) {
    if (word == "completed") {
        return Outcome::kSucceeded;
    }
    return word == "skipped" ? Outcome::kSkipped : Outcome::kMissing;
}

bool names_nothing(const api::SelectionRequest& selection) {
    return selection.start.empty() && selection.end.empty() && selection.keys.empty() &&
           selection.dims.empty();
}

Status check_mark(const api::MarkRequest& request) {
    SERVO_CHECK(check_note("reason", request.reason));
    if (names_nothing(request.selection)) {
        return fail(invalid_argument(
            "bad_mark",
            "A mark needs what to mark (`selection`): a key, --start, --end, --partition or --dim."
        ));
    }
    if (request.as.empty()) {
        return fail(invalid_argument(
            "bad_mark", "A mark needs `as` what: --as completed, skipped or missing."
        ));
    }
    if (request.reason.empty()) {
        return fail(invalid_argument("bad_mark", "A mark needs a `reason`: --reason TEXT."));
    }
    return {};
}

// A dry run answers what the scheduler would, which alone sees the present and so decides the real
// one.
Status check_unowned(Call& call, AssetId asset, const OrdinalView& marked) {
    for (const engine::OpenOwner& owner :
         SERVO_TRY(engine::open_owners(*call.history, asset, ask_jobs(call)))) {
        const uint64_t shared = engine::to_do(owner, marked).size();
        if (shared > 0) {
            const std::string id = to_text(owner.view.row.id);
            return fail(conflict(
                "overlap",
                fmt::format(
                    "{} of these partitions belong to {} ({}). Wait for it: servo backfill wait "
                    "{}; or cancel it first: servo backfill cancel {}",
                    with_commas(static_cast<int64_t>(shared)),
                    id,
                    to_string(owner.view.row.state),
                    id,
                    id
                )
            ));
        }
    }
    return {};
}

Result<Response> mark(Call& call) {
    const auto request = SERVO_TRY(call.read_body<api::MarkRequest>());
    call.dry_run = request.dry_run;
    SERVO_CHECK(check_mark(request));
    const AssetRef asset = SERVO_TRY(find_asset(call, call.parameter("asset")));
    const Resolved resolved = SERVO_TRY(
        asset.revision->scheme->resolve(model_selection(request.selection), call.backend.now())
    );
    if (resolved.count == 0) {
        return fail(invalid_argument("nothing_to_do", "No partition lies in the selection."));
    }
    api::MarkReply out;
    out.tenant_id = asset.tenant.name;
    out.asset_name = asset.head.name;
    out.as = request.as;
    out.dry_run = request.dry_run;
    out.resolved = render_resolved(resolved);
    if (request.dry_run) {
        SERVO_CHECK(check_unowned(call, asset.head.id, OrdinalView(resolved.ordinals)));
        return json_response(to_json(out));
    }
    core::MarkPartitions command;
    command.tenant = asset.tenant.name;
    command.asset = asset.head.name;
    command.ordinals = resolved.ordinals;
    command.outcome = outcome_of_mark(request.as);
    command.reason = request.reason;
    command.actor = call.principal.actor;
    const auto render = [out](const core::Reply&) { return to_json(out); };
    SERVO_TRY(call.backend.run(std::move(command), call.repeatable(render)));
    return json_response(to_json(out));
}

}  // namespace

HandlerTable partition_handlers() {
    return {
        {"list_partitions", list},
        {"get_partition", get},
        {"explain_partition", explain},
        {"get_partition_log", log},
        {"get_live_log", live_log},
        {"mark_partitions", mark},
    };
}

}  // namespace servo::server

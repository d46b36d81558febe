#include "server/partition_views.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/job_id.h"
#include "server/ask_memory.h"
#include "server/render.h"

namespace servo::server {
namespace {

using namespace model;

std::optional<int64_t> known(int64_t value) {
    return value < 0 ? std::nullopt : std::optional(value);
}

std::optional<std::string> some_text(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

std::string executor_name(const Names& names, ExecutorId id) {
    const auto it = names.executors.find(id);
    return it == names.executors.end() ? "" : it->second;
}

api::FailedAttempt render_attempt(const FailureRow& row, const Names& names) {
    api::FailedAttempt out;
    out.attempt = row.attempt;
    out.generation = row.generation;
    out.failure_class = to_string(row.klass);
    out.is_final = row.final;
    if (!row.final) {
        out.retry_at = some_time(row.retry_at);
    }
    out.exit_code = exit_of(row);
    out.message = row.message;
    out.started_at = row.started_at;
    out.ended_at = row.ended_at;
    out.executor = executor_name(names, row.executor);
    out.max_rss_kb = known(row.max_rss_kb);
    if (row.cpu_us >= 0) {
        out.cpu_ms = row.cpu_us / 1'000;
    }
    return out;
}

// The job that the partition's state comes from, with the partition's index in it.
struct Maker {
    JobId job;
    Index index = 0;
};
Result<std::optional<Maker>> maker_of(Call& call, const PartitionPlace& place) {
    if (place.owner) {
        return std::optional(Maker{place.owner->id, place.owner_index});
    }
    if (!place.state || !place.state->job) {
        return std::optional<Maker>();
    }
    const auto job = SERVO_TRY(call.history->job(place.state->job));
    if (!job || !job->row.ordinals) {
        return std::optional<Maker>();
    }
    const auto index = job->row.ordinals->index_of(place.ordinal);
    return index ? std::optional(Maker{job->row.id, *index}) : std::nullopt;
}

std::string run_command(const AssetRef& asset, const std::string& key) {
    return fmt::format(
        "servo partition run {} {}{}",
        shell_quote(asset.head.name),
        shell_quote(key),
        asset.tenant.name == "default" ? "" : " --tenant " + shell_quote(asset.tenant.name)
    );
}

std::string unowned_summary(const PartitionPlace& place, const std::string& status) {
    if (!place.state) {
        return fmt::format(
            "{} has no recorded outcome, and no open backfill owns it.", place.info.key
        );
    }
    if (!place.state->job) {
        return fmt::format(
            "{} was marked {}, and no open backfill owns it.", place.info.key, status
        );
    }
    return fmt::format(
        "{} is {} by {}, and no open backfill owns it.",
        place.info.key,
        status,
        to_text(place.state->job)
    );
}

std::string owned_summary(const PartitionPlace& place, const std::string& status) {
    const core::PartitionView& view = *place.owner_view;
    const std::string id = to_text(place.owner->id);
    if (status == "pending" && view.leased) {
        return fmt::format(
            "{} is leased to an executor and starts soon; {} owns it.", place.info.key, id
        );
    }
    if (status == "pending") {
        return fmt::format(
            "{} waits: {}{}{}; {} owns it.",
            place.info.key,
            core::to_string(view.waiting.gate),
            view.waiting.subject.empty() ? "" : " of ",
            view.waiting.subject,
            id
        );
    }
    return fmt::format("{} is {} in {}.", place.info.key, status, id);
}

}  // namespace

std::string_view status_word(Outcome outcome) {
    switch (outcome) {
        case Outcome::kSucceeded:
            return "completed";
        case Outcome::kFailed:
            return "failed";
        case Outcome::kSkipped:
            return "skipped";
        case Outcome::kMissing:
            return "missing";
    }
    return "";
}

Result<PartitionPlace> place_of(Call& call, const AssetRef& asset, const std::string& key) {
    PartitionPlace out;
    const PartitionScheme& scheme = *asset.revision->scheme;
    out.ordinal = SERVO_TRY(scheme.parse_key(key));
    out.info = SERVO_TRY(scheme.describe(out.ordinal));
    auto place =
        SERVO_TRY(engine::place_of(*call.history, asset.head.id, out.ordinal, ask_owner(call)));
    out.state = std::move(place.state);
    if (place.owner) {
        out.owner = std::move(place.owner->row);
        out.owner_index = place.owner->index;
        out.owner_view = place.owner->view;
    }
    return out;
}

std::string status_of(const PartitionPlace& place) {
    if (place.owner_view) {
        return std::string(core::to_string(place.owner_view->state));
    }
    return std::string(status_word(place.state ? place.state->outcome : Outcome::kMissing));
}

Status fill_done(
    store::History& history, const Names& names, JobId job, Index index, api::Partition& out
) {
    const auto done = SERVO_TRY(history.done(job, Run{index, index + 1}, 1));
    if (done.empty()) {
        return {};
    }
    const DoneEntry& entry = done.front();
    out.started_at = entry.started_at;
    out.duration_ms = std::chrono::duration_cast<Millis>(entry.duration).count();
    // The materialised state is written some time after its attempt ended, which tells truly.
    out.at = entry.started_at + Millis(*out.duration_ms);
    out.attempt = entry.attempt;
    out.rows = known(entry.rows);
    out.bytes = known(entry.bytes);
    out.max_rss_kb = known(entry.max_rss_kb);
    if (entry.cpu_us >= 0) {
        out.cpu_ms = entry.cpu_us / 1'000;
    }
    out.executor = executor_name(names, entry.executor);
    return {};
}

Status fill_failure(
    store::History& history, const Names& names, JobId job, Index index, api::Partition& out
) {
    const auto rows = SERVO_TRY(history.failures(job, index, false, 1, 0, nullptr));
    if (rows.empty()) {
        return {};
    }
    const FailureRow& last = rows.front();
    out.started_at = last.started_at;
    out.duration_ms = (last.ended_at - last.started_at).count();
    out.at = last.ended_at;
    out.attempt = last.attempt;
    out.max_rss_kb = known(last.max_rss_kb);
    out.executor = executor_name(names, last.executor);
    out.failure_class = to_string(last.klass);
    out.exit_code = exit_of(last);
    out.message = last.message;
    return {};
}

Result<api::PartitionDetail> partition_detail(
    Call& call, const AssetRef& asset, const PartitionPlace& place
) {
    api::PartitionDetail out;
    out.key = place.info.key;
    out.tenant_id = asset.tenant.name;
    out.asset_name = asset.head.name;
    out.status = status_of(place);
    out.start = some_text(place.info.start_text);
    out.end = some_text(place.info.end_text);
    out.dimensions = place.info.dimensions;
    if (place.owner && (out.status == "completed" || out.status == "failed")) {
        out.asset_revision = place.owner->revision;  // so lately that the state is an older one
    } else if (place.state) {
        out.at = place.state->at;
        out.asset_revision = place.state->revision;
    }
    const auto maker = SERVO_TRY(maker_of(call, place));
    if (!maker) {
        return out;
    }
    out.backfill_id = to_text(maker->job);
    const Names names = SERVO_TRY(read_names(call.backend));
    if (out.status == "completed") {
        SERVO_CHECK(fill_done(*call.history, names, maker->job, maker->index, out));
    }
    for (const FailureRow& row : SERVO_TRY(call.history->failures(
             maker->job, maker->index, false, kFailedAttemptsShown, 0, nullptr
         ))) {
        out.failed_attempts.push_back(render_attempt(row, names));
    }
    if (out.status == "failed") {
        SERVO_CHECK(fill_failure(*call.history, names, maker->job, maker->index, out));
    }
    if (place.owner_view && out.status == "pending") {
        out.attempt = place.owner_view->attempt;
        out.waiting = render_wait(place.owner_view->waiting);
    }
    return out;
}

Result<Response> explain_place(Call& call, const AssetRef& asset, const PartitionPlace& place) {
    api::Explanation out;
    out.partition = place.info.key;
    out.state = status_of(place);
    out.as_of = call.backend.now();
    if (!place.owner_view) {
        out.summary = unowned_summary(place, out.state);
        model::Selection alone;
        alone.keys = {place.info.key};
        if (SERVO_TRY(asset.revision->scheme->resolve(alone, out.as_of)).not_yet_ended > 0) {
            out.summary += fmt::format(
                " It cannot run yet: its window ends at {}{}.",
                place.info.end_text,
                place.info.window && place.info.window->end <= out.as_of
                    ? ", and the asset's end_offset holds back the latest windows"
                    : ""
            );
        } else {
            out.command = run_command(asset, place.info.key);
        }
        return json_response(to_json(out));
    }
    out.backfill_id = to_text(place.owner->id);
    out.summary = owned_summary(place, out.state);
    if (out.state == "pending") {
        api::WaitReason reason = render_wait(place.owner_view->waiting);
        reason.partitions = 1;
        out.reasons.push_back(std::move(reason));
    } else if (out.state == "failed") {
        out.command = fmt::format("servo backfill retry {}", out.backfill_id);
    }
    return json_response(to_json(out));
}

Result<Response> explain_partition_of(Call& call, const JobRef& job, const std::string& key) {
    call.tenant = job.view.tenant_name;
    AssetRef asset = SERVO_TRY(find_asset(call, job.view.asset_name));
    const PartitionPlace place = SERVO_TRY(place_of(call, asset, key));
    if (!job.view.row.ordinals || !job.view.row.ordinals->index_of(place.ordinal)) {
        return fail(not_found(
            "no_such_partition",
            fmt::format(
                "{} is no partition of {}; `servo partition explain {} {}` looks elsewhere.",
                place.info.key,
                to_text(job.view.row.id),
                shell_quote(job.view.asset_name),
                shell_quote(place.info.key)
            )
        ));
    }
    return explain_place(call, asset, place);
}

}  // namespace servo::server

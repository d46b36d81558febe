// Live changes of a backfill's settings, for good or for a time.
#include <fmt/format.h>

#include "base/text.h"
#include "core/rules.h"
#include "model/job_id.h"

namespace servo::core {
namespace {

// The values of `change` come into force: for good, or until info.until, and then what would hold
// without them holds again.
void change_settings(JobRow& row, const SettingsChange& change, const Override& info) {
    const SettingsChange lasting = values_of(lasting_settings(row.settings, row.temporary), change);
    for (TemporarySettings& one : row.temporary) {
        take_out(one.lasting, change);
    }
    std::erase_if(row.temporary, [](const TemporarySettings& one) {
        return names_nothing(one.lasting);
    });
    apply(change, row.settings);
    if (info.until != kNever) {
        row.temporary.push_back({lasting, info});
    }
}

// "priority 3, timeout 2h, revision latest"
std::string in_words(const SettingsChange& change, bool revision) {
    std::vector<std::string> out;
    for (const SettingText& setting : to_texts(change)) {
        out.push_back(fmt::format("{} {}", setting.name, setting.value));
    }
    if (revision) {
        out.push_back("revision latest");
    }
    return join(out, ", ");
}

void settings_changed(Context& c, Job& job) {
    job.row_dirty = true;
    mark_dirty(c.state, job);
    reorder_job(c.state, job, c.now);
    ++c.state.wake;
}

// The revision that the job goes on with.
Result<int> revision_after(const State& state, const Job& job, const SetJob& command) {
    const int latest = state.asset_of(job).head.latest_revision;
    if (!command.latest_revision || job.row.revision == latest) {
        return job.row.revision;
    }
    if (!job.leases.empty()) {
        return fail(failed_precondition(
            "partitions_running",
            fmt::format(
                "The revision changes between partitions only: servo backfill pause {}, wait "
                "until none runs, then set it and resume.",
                to_text(job.row.id)
            )
        ));
    }
    return latest;
}

}  // namespace

void lift_max_failures(Job& job) {
    SettingsChange none;
    none.max_failures = MaxFailures{0, 0, 0};
    change_settings(job.row, none, Override{});
}

Result<Reply> set_job(Context& c, const SetJob& command) {
    Job& job = *SERVO_TRY(find_open_job(c.state, command.job));
    const int priority = command.change.priority.value_or(0);
    if (priority < kPriorityMin || priority > kPriorityMax) {
        return fail(invalid_argument(
            "bad_priority",
            fmt::format("A priority lies between {} and {}.", kPriorityMin, kPriorityMax)
        ));
    }
    const int revision = SERVO_TRY(revision_after(c.state, job, command));
    JobRow row = job.row;
    change_settings(row, command.change, {command.actor, command.reason, c.now, command.until});
    const bool newer = revision != row.revision;
    const bool changed =
        newer || row.settings != job.row.settings || row.temporary != job.row.temporary;
    if (changed) {
        if (newer) {
            materialise_results(c, job);  // made by the revision before
            job.checkpoint_now = true;
        }
        job.row = std::move(row);
        if (newer) {
            job.row.revision = revision;
            job.revision = c.state.asset_of(job).revisions.at(revision).revision;
            resolve_pools(c.state, job);  // no lease is charged to the old ones
        }
        settings_changed(c, job);
        event(
            c,
            job.row.tenant,
            command.actor,
            "backfill.set",
            to_text(job.row.id),
            said(in_words(command.change, newer), command.until, command.reason)
        );
    }
    return Reply(JobReply{job.row.id, job.row.state, changed});
}

void end_temporary_settings(Context& c, Job& job) {
    const auto over = [&c](const TemporarySettings& one) { return one.info.until <= c.now; };
    for (const TemporarySettings& one : job.row.temporary) {
        if (over(one)) {
            apply(one.lasting, job.row.settings);
            event(
                c,
                job.row.tenant,
                "servo",
                "backfill.unset",
                to_text(job.row.id),
                fmt::format("Its time was over: {} again.", in_words(one.lasting, false))
            );
        }
    }
    if (std::erase_if(job.row.temporary, over) > 0) {
        settings_changed(c, job);
    }
}

void end_temporary_settings(Context& c) {
    for (auto& [id, job] : c.state.jobs) {
        if (!is_terminal(job.row.state)) {  // one that ended is looked at when it is retried
            end_temporary_settings(c, job);
        }
    }
}

}  // namespace servo::core

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
    JobRow row = job.row;
    change_settings(row, command.change, {command.actor, command.reason, c.now, command.until});
    const bool newer = command.latest_revision && !row.wants_latest &&
                       row.revision != c.state.asset_of(job).head.latest_revision;
    row.wants_latest = row.wants_latest || newer;
    const bool changed =
        newer || row.settings != job.row.settings || row.temporary != job.row.temporary;
    if (changed) {
        job.row = std::move(row);
        settings_changed(c, job);
        if (newer) {
            revoke_leases(c, job, Revoke::kShrink);
            take_wanted_revision(c, job);
        }
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

void take_wanted_revision(Context& c, Job& job) {
    if (!job.row.wants_latest || !job.leases.empty() || is_terminal(job.row.state)) {
        return;
    }
    const Asset& asset = c.state.asset_of(job);
    materialise_results(c, job);  // made by the revision before
    job.checkpoint_now = true;
    job.row.wants_latest = false;
    job.row.revision = asset.head.latest_revision;
    job.revision = asset.revisions.at(job.row.revision).revision;
    resolve_pools(c.state, job);
    settings_changed(c, job);
}

void take_wanted_revisions(Context& c) {
    for (auto& [id, job] : c.state.jobs) {
        take_wanted_revision(c, job);
    }
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

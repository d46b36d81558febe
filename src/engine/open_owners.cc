#include "engine/open_owners.h"

#include <fmt/format.h>

namespace servo::engine {

using namespace model;

namespace {

store::JobFilter open_jobs_of(AssetId asset) {
    store::JobFilter filter;
    filter.asset = asset;
    for (size_t i = 0; i < kJobStateCount; ++i) {
        if (!is_terminal(static_cast<JobState>(i))) {
            filter.states.push_back(static_cast<JobState>(i));
        }
    }
    return filter;
}

// Those of the page that have not ended meanwhile: who has owns nothing any more.
Status add_owners(
    store::History& history,
    const store::JobPage& page,
    const AskJobs& ask,
    std::vector<OpenOwner>& out
) {
    if (page.items.empty()) {
        return {};
    }
    // The store first: what is done between the two looks is then in both, and not in neither.
    std::vector<JobId> ids;
    std::vector<std::optional<JobCheckpoint>> checkpoints;
    for (const store::JobPage::Item& item : page.items) {
        ids.push_back(item.row.id);
        checkpoints.push_back(SERVO_TRY(history.checkpoint(item.row.id)));
    }
    std::vector<std::optional<LiveJob>> jobs = SERVO_TRY(ask(ids));
    for (size_t i = 0; i < ids.size(); ++i) {
        if (jobs[i] && checkpoints[i]) {
            out.push_back(
                {std::move(jobs[i]->view),
                 std::move(*checkpoints[i]),
                 std::move(jobs[i]->unwritten)}
            );
        }
    }
    return {};
}

}  // namespace

std::optional<LiveJob> live_job(const core::Scheduler& scheduler, JobId id, Instant now) {
    std::optional<core::JobView> view = scheduler.job(id, now);
    std::optional<core::Unwritten> unwritten = scheduler.unwritten(id);
    if (!view || !unwritten || !view->row.ordinals || is_terminal(view->row.state)) {
        return std::nullopt;
    }
    return LiveJob{std::move(*view), std::move(*unwritten)};
}

Result<bool> has_open_jobs(store::History& history, AssetId asset) {
    return !SERVO_TRY(history.jobs(open_jobs_of(asset), 1, "")).items.empty();
}

Result<std::vector<OpenOwner>> open_owners(
    store::History& history, AssetId asset, const AskJobs& ask
) {
    const store::JobFilter filter = open_jobs_of(asset);
    std::vector<OpenOwner> out;
    std::string page_token;
    for (int pages = 0; pages < kOwnerPagesMax; ++pages) {
        const store::JobPage page = SERVO_TRY(history.jobs(filter, store::kPageMax, page_token));
        SERVO_CHECK(add_owners(history, page, ask, out));
        page_token = page.next_page_token;
        if (page_token.empty()) {
            return out;
        }
    }
    return fail(resource_exhausted(
        "too_many_open_backfills",
        fmt::format(
            "More than {} backfills of this asset are open; wait for some of them, or cancel them.",
            kOwnerPagesMax * store::kPageMax
        )
    ));
}

RunSet to_do(const OpenOwner& owner, const OrdinalView& all) {
    return translate(owner.ordinals(), owner.checkpoint.remaining, all);
}

RunSet fresh_completed(const OpenOwner& owner, const OrdinalView& all) {
    return translate(owner.ordinals(), owner.unwritten.done, all);
}

RunSet fresh_failed(const OpenOwner& owner, const OrdinalView& all) {
    return translate(owner.ordinals(), owner.unwritten.failed, all);
}

RunSet both(const RunSet& a, const RunSet& b) {
    RunSet only_a = a;
    only_a.subtract(b);
    RunSet out = a;
    out.subtract(only_a);
    return out;
}

RunSet translate(const OrdinalView& from, const RunSet& indices, const OrdinalView& to) {
    RunSet out;
    for (const Run& run : indices.runs()) {
        out.add(to.intersection(OrdinalView(from.slice(run))));
    }
    return out;
}

}  // namespace servo::engine

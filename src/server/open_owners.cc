#include "server/open_owners.h"

#include <fmt/format.h>

namespace servo::server {

using namespace model;

namespace {

// nullopt: it ended meanwhile, and owns nothing any more.
Result<std::optional<OpenOwner>> open_owner(Call& call, JobId id) {
    struct Live {
        std::optional<core::JobView> view;
        std::optional<core::Unwritten> unwritten;
    };
    Live live = SERVO_TRY(call.backend.read([id](const core::Scheduler& scheduler, Instant now) {
        return Live{scheduler.job(id, now), scheduler.unwritten(id)};
    }));
    auto checkpoint = SERVO_TRY(call.history->checkpoint(id));
    if (!live.view || !live.view->row.ordinals || !live.unwritten || !checkpoint ||
        is_terminal(live.view->row.state)) {
        return std::nullopt;
    }
    return OpenOwner{std::move(*live.view), std::move(*checkpoint), std::move(*live.unwritten)};
}

}  // namespace

Result<std::vector<OpenOwner>> open_owners(Call& call, AssetId asset) {
    store::JobFilter filter;
    filter.asset = asset;
    for (size_t i = 0; i < kJobStateCount; ++i) {
        if (!is_terminal(static_cast<JobState>(i))) {
            filter.states.push_back(static_cast<JobState>(i));
        }
    }
    std::vector<OpenOwner> out;
    std::string page_token;
    for (int pages = 0; pages < kOwnerPagesMax; ++pages) {
        const store::JobPage page =
            SERVO_TRY(call.history->jobs(filter, store::kPageMax, page_token));
        if (!page.items.empty()) {
            SERVO_CHECK(call.needs_what_runs());
        }
        for (const store::JobPage::Item& item : page.items) {
            if (auto owner = SERVO_TRY(open_owner(call, item.row.id))) {
                out.push_back(std::move(*owner));
            }
        }
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

}  // namespace servo::server

// Which backfills a command is about: ids, unique prefixes, group ids, or --all with filters.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace servo::cli {

constexpr size_t kSelectedJobsMax = 10'000;

// A group has jobs of several tenants: where one of `ids` names a group, a tenant that nobody typed
// must not cut it. To be called before session.client().
void keep_groups_whole(Session& session, const std::vector<std::string>& ids);

// The full id for what was typed: an id, a group id, or a prefix that fits one of them alone.
// Errors: invalid_argument / "bad_id"; not_found / "no_such_backfill", "no_such_group"; conflict or
// invalid_argument / "ambiguous_id".
Result<std::string> resolve_id(client::Client& client, const std::string& typed);
bool is_group_id(const std::string& id);

struct JobChoice {
    std::vector<std::string> ids;
    bool all = false;
    std::string asset;
    std::string pool;
    std::string group;
    std::string priority_below;
    std::string paused_by;  // only with `resume`
};

// The backfills of a group, in any state. Error: not_found / "no_such_group".
Result<std::vector<api::Backfill>> backfills_of_group(
    client::Client& client, const std::string& group
);

void add_job_choice(CLI::App& verb, JobChoice& choice);

// Full ids, each once, in order. `states`: what --all looks at. A choice of nothing by --all is
// empty; of nothing at all is an error.
Result<std::vector<std::string>> choose_jobs(
    Session& session, const JobChoice& choice, const std::string& states
);

// The same for a command that changes them: says first where and for whom, if that is known.
Result<std::vector<std::string>> choose_jobs_to_change(
    Session& session, const JobChoice& choice, const std::string& states
);

// An id says nothing of its tenant, and a filter may fit jobs of several. Where no flag, context or
// group says whose is changed, the first says where alone, and the second whose it was, as the
// replies have it.
Status echo_before(Session& session);
Status echo_after(Session& session, const std::vector<api::ActionResult>& changed);

// All backfills that a query yields, page by page, up to `limit`; a next_page_token: some are left.
using Collected = api::List<api::Backfill>;
Result<Collected> collect_backfills(
    client::Client& client, client::BackfillQuery query, size_t limit
);

}  // namespace servo::cli

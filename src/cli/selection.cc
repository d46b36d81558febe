#include "cli/selection.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/words.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/pages.h"
#include "model/job.h"
#include "model/job_id.h"
#include "model/token.h"

namespace servo::cli {
namespace {

constexpr size_t kTenantsNamed = 5;

// Who types, as the trail has it: with a token it is this one's doing, whoever else is of this
// user.
Result<std::string> me(Session& session) {
    const Connection* to = SERVO_TRY(session.connection());
    const auto token = model::parse_token(to->token.value);
    return token ? session.actor() + "/" + token->id : session.actor();
}

// The trail has "ann" where no token was asked for, and "ann/<token id>" where one was.
bool is_actor(const std::string& recorded, const std::string& who) {
    return recorded == who || recorded.starts_with(who + "/");
}

Error ambiguous(const std::string& typed, const std::vector<api::Backfill>& found) {
    std::string text = "\"" + typed + "\" fits more than one backfill:";
    for (const api::Backfill& job : found) {
        text += "\n  " + job.id + "  " + job.asset_name + "  " + job.state;
    }
    return conflict("ambiguous_id", text + "\nType some more characters of the one you mean.");
}

Error no_such_group(const std::string& typed) {
    return not_found(
        "no_such_group",
        "There is no group " + typed + ". `servo backfill list -o wide` shows groups."
    );
}

// Whether the asset of a job takes units of the pool; asked once per asset, of the job's tenant.
class PoolUse {
 public:
    PoolUse(client::Client& client, std::string pool) : client_(client), pool_(std::move(pool)) {}
    Result<bool> operator()(const api::Backfill& job) {
        const std::pair key(job.tenant_id, job.asset_name);
        if (const auto known = uses_.find(key); known != uses_.end()) {
            return known->second;
        }
        const api::AssetDetail detail = SERVO_TRY(client_.get_asset(job.asset_name, job.tenant_id));
        const boost::json::value* pools = detail.spec.if_contains("pools");
        bool uses = false;
        if (pools != nullptr && pools->is_object()) {
            uses = pools->get_object().contains(pool_);
        } else if (pools != nullptr && pools->is_array()) {
            const boost::json::array& names = pools->get_array();
            uses = std::find(names.begin(), names.end(), boost::json::value(pool_)) != names.end();
        }
        uses_[key] = uses;
        return uses;
    }

 private:
    client::Client& client_;
    std::string pool_;
    std::map<std::pair<std::string, std::string>, bool> uses_;  // by tenant and asset
};

Result<std::vector<std::string>> choose_by_filter(
    Session& session, const JobChoice& choice, const std::string& states
) {
    client::Client* client = SERVO_TRY(session.client());
    int64_t below = model::kPriorityMax + 1;
    if (!choice.priority_below.empty()) {
        below = SERVO_TRY(flag_number(
            "--priority-below", choice.priority_below, model::kPriorityMin, model::kPriorityMax + 1
        ));
    }
    if (!choice.pool.empty()) {
        // Several tenants may have a pool of that name, which is no mistake here.
        const auto pool = client->get_pool(choice.pool);
        if (!pool && pool.error().code == ErrorCode::kNotFound) {
            return fail(pool.error());
        }
    }
    client::BackfillQuery query;
    query.status = states;
    query.asset = choice.asset;
    if (!choice.group.empty()) {
        query.group = SERVO_TRY(resolve_id(*client, choice.group));
    }
    const Collected found = SERVO_TRY(collect_backfills(*client, query, kSelectedJobsMax));
    if (found.next_page_token) {
        return fail(invalid_argument(
            "too_many_backfills",
            "More than 10,000 backfills fit: narrow it with --tenant, --asset or --group."
        ));
    }
    const std::string paused_by =
        choice.paused_by == "me" ? SERVO_TRY(me(session)) : choice.paused_by;
    PoolUse uses_pool(*client, choice.pool);
    std::vector<std::string> ids;
    bool others_paused = false;  // other tokens of the same user
    for (const api::Backfill& job : found.items) {
        if (job.priority >= below) {
            continue;
        }
        if (!paused_by.empty() && !is_actor(job.state_by, paused_by)) {
            others_paused = others_paused ||
                            (choice.paused_by == "me" && is_actor(job.state_by, session.actor()));
            continue;
        }
        if (!choice.pool.empty() && !SERVO_TRY(uses_pool(job))) {
            continue;
        }
        ids.push_back(job.id);
    }
    if (ids.empty() && others_paused) {
        session.output().note(
            "nothing here was paused by " + paused_by + "; --paused-by " + session.actor() +
            " takes what any token of that user paused"
        );
    }
    return ids;
}

// The server knows which group a prefix stands for; one of its backfills tells.
Result<std::string> full_group_id(client::Client& client, const std::string& typed) {
    if (model::parse_group_id(typed)) {
        return typed;
    }
    client::BackfillQuery query;
    query.group = typed;
    query.status = api::every_job_state();
    query.limit = 1;
    const api::List<api::Backfill> found = SERVO_TRY(client.list_backfills(query));
    if (found.items.empty() || !found.items.front().group_id) {
        return fail(no_such_group(typed));
    }
    return *found.items.front().group_id;
}

}  // namespace

void keep_groups_whole(Session& session, const std::vector<std::string>& ids) {
    if (std::any_of(ids.begin(), ids.end(), is_group_id)) {
        session.only_typed_tenant("all tenants of the group");
    }
}

bool is_group_id(const std::string& id) {
    return id.starts_with("grp_");
}

Result<std::string> resolve_id(client::Client& client, const std::string& typed) {
    if (is_group_id(typed)) {
        return full_group_id(client, typed);
    }
    if (model::parse_job_id(typed)) {
        return typed;
    }
    SERVO_CHECK(model::parse_job_id_prefix(typed));
    client::BackfillQuery query;
    query.id_prefix = typed;
    query.status = api::every_job_state();
    query.limit = 5;
    const api::List<api::Backfill> found = SERVO_TRY(client.list_backfills(query));
    if (found.items.empty()) {
        return fail(not_found(
            "no_such_backfill",
            "There is no backfill whose id starts with \"" + typed +
                "\". `servo backfill list` shows the open and the latest ones."
        ));
    }
    if (found.items.size() > 1) {
        return fail(ambiguous(typed, found.items));
    }
    return found.items.front().id;
}

Result<std::vector<api::Backfill>> backfills_of_group(
    client::Client& client, const std::string& group
) {
    client::BackfillQuery query;
    query.group = group;
    query.status = api::every_job_state();
    Collected found = SERVO_TRY(collect_backfills(client, query, kSelectedJobsMax));
    if (found.items.empty()) {
        return fail(no_such_group(group));
    }
    return std::move(found.items);
}

void add_job_choice(CLI::App& verb, JobChoice& choice) {
    arguments(verb, "id", choice.ids, "Ids of backfills or groups; a unique prefix is enough.");
    switch_flag(verb, "--all", choice.all, "Instead of ids: all that the filters below leave.");
    value_flag(verb, "--asset", choice.asset, "NAME", "With --all: only of this asset.");
    value_flag(verb, "--pool", choice.pool, "NAME", "With --all: only those that need this pool.");
    value_flag(verb, "--group", choice.group, "ID", "With --all: only of this group.");
    value_flag(
        verb,
        "--priority-below",
        choice.priority_below,
        "N",
        "With --all: only with a lower priority."
    );
}

Result<std::vector<std::string>> choose_jobs(
    Session& session, const JobChoice& choice, const std::string& states
) {
    const bool filtered = !choice.asset.empty() || !choice.pool.empty() || !choice.group.empty() ||
                          !choice.priority_below.empty() || !choice.paused_by.empty();
    if (choice.all && !choice.ids.empty()) {
        return fail(invalid_argument("usage", "Give ids or --all, not both."));
    }
    if (!choice.all && filtered) {
        return fail(invalid_argument("usage", "Filters such as --asset go with --all."));
    }
    keep_groups_whole(session, choice.ids);
    keep_groups_whole(session, {choice.group});
    if (choice.all) {
        return choose_by_filter(session, choice, states);
    }
    if (choice.ids.empty()) {
        return fail(invalid_argument(
            "usage",
            "Which backfill? Give an id (`servo backfill list` shows them), or --all with filters."
        ));
    }
    client::Client* client = SERVO_TRY(session.client());
    std::vector<std::string> ids;
    for (const std::string& typed : choice.ids) {
        std::string id = SERVO_TRY(resolve_id(*client, typed));
        if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
            ids.push_back(std::move(id));
        }
    }
    return ids;
}

Result<std::vector<std::string>> choose_jobs_to_change(
    Session& session, const JobChoice& choice, const std::string& states
) {
    keep_groups_whole(session, choice.ids);
    keep_groups_whole(session, {choice.group});
    SERVO_CHECK(echo_before(session));
    return choose_jobs(session, choice, states);
}

Status echo_before(Session& session) {
    return SERVO_TRY(session.tenant_is_said()) ? session.echo_change() : session.echo_change_of("");
}

Status echo_after(Session& session, const std::vector<api::ActionResult>& changed) {
    std::set<std::string> tenants;
    for (const api::ActionResult& one : changed) {
        tenants.insert(one.tenant_id);
    }
    if (tenants.empty() || SERVO_TRY(session.tenant_is_said())) {
        return {};
    }
    if (tenants.size() > kTenantsNamed) {
        session.output().note(std::to_string(tenants.size()) + " tenants");
        return {};
    }
    const std::string word = tenants.size() == 1 ? "tenant " : "tenants ";
    session.output().note(word + join({tenants.begin(), tenants.end()}, ", "));
    return {};
}

Result<Collected> collect_backfills(
    client::Client& client, client::BackfillQuery query, size_t limit
) {
    return collect_pages<api::Backfill>(std::move(query), limit, [&client](const auto& one) {
        return client.list_backfills(one);
    });
}

}  // namespace servo::cli

#include "load/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace servo::load {
namespace {

constexpr const char* kReason = "servo loadtest";
constexpr int kPage = 500;
constexpr int kPagesMax = 100;
constexpr Millis kLookAgain{100};

bool ours(const std::string& tenant) {
    return tenant.starts_with("loadtest-");
}

std::vector<std::string> assets_of(const Scenario& scenario) {
    std::vector<std::string> names;
    for (size_t i = 0; i < scenario.classes.size(); ++i) {
        names.push_back(asset_name(i));
    }
    names.push_back(kProbeAsset);
    return names;
}

void keep_first(Status& first, const Status& next) {
    if (first && !next) {
        first = next;
    }
}

Result<std::vector<std::string>> open_ids(client::Client& client) {
    client::BackfillQuery query;
    query.status = "open";
    query.limit = kPage;
    std::vector<std::string> out;
    for (int page = 0; page < kPagesMax; ++page) {
        const auto found = SERVO_TRY(client.list_backfills(query));
        for (const api::Backfill& job : found.items) {
            if (ours(job.tenant_id) && job.state != "cancelling") {
                out.push_back(job.id);
            }
        }
        if (!found.next_page_token) {
            break;
        }
        query.page_token = *found.next_page_token;
    }
    return out;
}

// Whether some of them are still open, also those that are being cancelled.
Result<bool> any_open(client::Client& client) {
    client::BackfillQuery query;
    query.status = "open";
    query.limit = kPage;
    const auto found = SERVO_TRY(client.list_backfills(query));
    return std::any_of(found.items.begin(), found.items.end(), [](const api::Backfill& job) {
        return ours(job.tenant_id);
    });
}

}  // namespace

Status check_target(client::Client& client, bool local_executors) {
    SERVO_TRY(client.list_tenants());  // for admins alone
    const api::SystemStatus status = SERVO_TRY(client.get_status(""));
    if (SERVO_TRY(any_open(client))) {
        return fail(failed_precondition(
            "loadtest_running",
            "Backfills of tenants loadtest-… are open there: another load test runs, or was broken "
            "off. Wait for it, or cancel them: servo backfill list --status open"
        ));
    }
    int64_t open = 0;
    for (const auto& [state, count] : status.backfills) {
        open += count;
    }
    if (local_executors && (open > 0 || status.executors_up > 0)) {
        return fail(failed_precondition(
            "server_in_use",
            fmt::format(
                "The server has {} open backfills and {} executors: local executors would take "
                "work that is not theirs. Measure the executors that are there with "
                "--expect-executors N, or leave --server out for a temporary server.",
                open,
                status.executors_up
            )
        ));
    }
    return {};
}

Status prepare_target(client::Client& client, const Scenario& scenario, bool local_executors) {
    SERVO_TRY(client.apply(asset_file(scenario, local_executors), client::new_idempotency_key()));
    for (size_t i = 0; i < scenario.weights.size(); ++i) {
        api::SetTenantRequest request;
        request.weight = scenario.weights[i];
        request.reason = kReason;
        SERVO_TRY(client.set_tenant(tenant_name(i), request));
    }
    return {};
}

Status cancel_all(client::Client& client, const Scenario&) {
    api::CancelRequest request;
    request.reason = kReason;
    request.force = true;
    for (Millis waited{0};; waited += kLookAgain) {
        for (const std::string& id : SERVO_TRY(open_ids(client))) {
            const auto cancelled = client.cancel_backfill(id, request);
            // It may have ended by itself meanwhile.
            if (!cancelled && cancelled.error().code != ErrorCode::kFailedPrecondition &&
                cancelled.error().code != ErrorCode::kConflict) {
                return fail(cancelled.error());
            }
        }
        if (!SERVO_TRY(any_open(client))) {
            return {};
        }
        if (waited >= kCancelWithin || !client.http().pause(kLookAgain)) {
            return fail(Error{
                ErrorCode::kDeadlineExceeded,
                "not_cancelled",
                "Some backfills of the load test are still open: servo backfill list --status open",
                {},
                0});
        }
    }
}

Status clean_target(const MakeClient& make, const Scenario& scenario) {
    const auto client = make("");
    Status first = cancel_all(*client, scenario);
    for (size_t i = 0; i < scenario.weights.size(); ++i) {
        const auto of_tenant = make(tenant_name(i));
        for (const std::string& asset : assets_of(scenario)) {
            api::SetAssetRequest archive;
            archive.archived = true;
            archive.reason = kReason;
            const auto archived = of_tenant->set_asset(asset, archive);
            keep_first(first, archived ? Status() : fail(archived.error()));
        }
        api::SetTenantRequest unset;
        unset.unset = true;
        unset.reason = kReason;
        const auto done = client->set_tenant(tenant_name(i), unset);
        keep_first(first, done ? Status() : fail(done.error()));
    }
    return first;
}

Result<std::vector<api::Backfill>> list_jobs(
    client::Client& client, const std::string& asset, const std::string& states, Millis age
) {
    client::BackfillQuery query;
    query.asset = asset;
    query.status = states;
    query.since = fmt::format("{}s", age.count() / 1'000 + 1);
    query.limit = kPage;
    std::vector<api::Backfill> out;
    for (int page = 0; page < kPagesMax; ++page) {
        auto found = SERVO_TRY(client.list_backfills(query));
        for (api::Backfill& job : found.items) {
            if (ours(job.tenant_id)) {
                out.push_back(std::move(job));
            }
        }
        if (!found.next_page_token) {
            break;
        }
        query.page_token = *found.next_page_token;
    }
    return out;
}

}  // namespace servo::load

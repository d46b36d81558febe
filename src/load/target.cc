#include "load/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/page.h"
#include "base/text.h"

namespace servo::load {
namespace {

constexpr const char* kReason = "servo loadtest";
constexpr int kPagesMax = 100;
constexpr Millis kLookAgain{100};
constexpr const char* kNotCancelled = "not_cancelled";

// Items of every page of a list, those that `wanted` takes.
template <typename Item, typename Ask, typename Wanted>
Result<std::vector<Item>> collect(const Ask& ask, const Wanted& wanted) {
    std::vector<Item> out;
    std::string page_token;
    for (int page = 0; page < kPagesMax; ++page) {
        auto found = SERVO_TRY(ask(page_token));
        for (Item& item : found.items) {
            if (wanted(item)) {
                out.push_back(std::move(item));
            }
        }
        if (!found.next_page_token) {
            break;
        }
        page_token = *found.next_page_token;
    }
    return out;
}

Result<std::vector<api::Backfill>> collect_jobs(
    client::Client& client, client::BackfillQuery query
) {
    query.limit = api::kPageMax;
    return collect<api::Backfill>(
        [&](const std::string& page_token) {
            query.page_token = page_token;
            return client.list_backfills(query);
        },
        [](const api::Backfill& job) { return is_load_tenant(job.tenant_id); }
    );
}

Result<std::vector<api::Backfill>> open_jobs(client::Client& client) {
    client::BackfillQuery query;
    query.status = "open";
    return collect_jobs(client, query);
}

bool nobody_answers(const Status& status) {
    return !status && status.error().reason != kNotCancelled &&
           (status.error().code == ErrorCode::kUnavailable ||
            status.error().code == ErrorCode::kDeadlineExceeded);
}

Error is_taken(const OpenWork& work, Instant now, const std::string& clean_command) {
    const std::string found = describe(work, now);
    return failed_precondition(
        "loadtest_running",
        may_be_running(work, now)
            ? "Another load test seems to run there: " + found +
                  ". Wait for it. If it was broken off, take away what it left; one that still "
                  "runs would fail: " +
                  clean_command
            : "Another load test was broken off there: " + found +
                  ". Take away what it left: " + clean_command
    );
}

Status archive_assets(client::Client& of_tenant) {
    const auto assets = SERVO_TRY(collect<api::Asset>(
        [&](const std::string& page_token) {
            return of_tenant.list_assets(false, api::kPageMax, page_token);
        },
        [](const api::Asset& asset) { return is_load_asset(asset.name); }
    ));
    for (const api::Asset& asset : assets) {
        api::SetAssetRequest archive;
        archive.archived = true;
        archive.reason = kReason;
        SERVO_CHECK(of_tenant.set_asset(asset.name, archive));
    }
    return {};
}

Status unset_tenant(client::Client& client, const std::string& tenant) {
    api::SetTenantRequest unset;
    unset.unset = true;
    unset.reason = kReason;
    SERVO_CHECK(client.set_tenant(tenant, unset));
    return {};
}

Status clean_tenant(client::Client& client, const MakeClient& make, const api::Tenant& tenant) {
    const Status archived = archive_assets(*make(tenant.name));
    if (!tenant.override_info || nobody_answers(archived)) {
        return archived;
    }
    const Status unset = unset_tenant(client, tenant.name);
    return archived ? unset : archived;
}

}  // namespace

Status check_target(
    client::Client& client, bool local_executors, const std::string& clean_command
) {
    SERVO_TRY(client.list_tenants());  // for admins alone
    const api::SystemStatus status = SERVO_TRY(client.get_status(""));
    if (const OpenWork work = SERVO_TRY(open_work(client)); work.backfills > 0) {
        return fail(is_taken(work, status.as_of, clean_command));
    }
    int64_t open = 0;
    for (const auto& [state, count] : status.backfills) {
        open += count;
    }
    if (local_executors && (open > 0 || status.executors_up > 0)) {
        return fail(failed_precondition(
            "server_in_use",
            fmt::format(
                "The server has {} and {}: local executors would take work that is not theirs. "
                "Measure the executors that are there with --expect-executors N, or leave --server "
                "out for a temporary server.",
                counted(static_cast<uint64_t>(open), "open backfill", "open backfills"),
                counted(static_cast<uint64_t>(status.executors_up), "executor", "executors")
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

Result<OpenWork> open_work(client::Client& client) {
    OpenWork work;
    for (const api::Backfill& job : SERVO_TRY(open_jobs(client))) {
        ++work.backfills;
        work.running += job.running_partitions;
        work.latest_start = std::max(work.latest_start, job.created_at);
    }
    return work;
}

bool may_be_running(const OpenWork& work, Instant now) {
    return work.running > 0 || (work.backfills > 0 && now - work.latest_start < kStartedLately);
}

std::string describe(const OpenWork& work, Instant now) {
    return fmt::format(
        "{} of tenants loadtest-…, the last started {} ago, {}",
        counted(work.backfills, "open backfill", "open backfills"),
        human_duration(std::max<Millis>(Millis(0), now - work.latest_start)),
        counted(work.running, "partition runs", "partitions run")
    );
}

Status cancel_all(client::Client& client) {
    api::CancelRequest request;
    request.reason = kReason;
    request.force = true;
    for (Millis waited{0};; waited += kLookAgain) {
        const std::vector<api::Backfill> open = SERVO_TRY(open_jobs(client));
        if (open.empty()) {
            return {};
        }
        for (const api::Backfill& job : open) {
            if (job.state == "cancelling") {
                continue;
            }
            const auto cancelled = client.cancel_backfill(job.id, request);
            // It may have ended by itself meanwhile.
            if (!cancelled && cancelled.error().code != ErrorCode::kFailedPrecondition &&
                cancelled.error().code != ErrorCode::kConflict) {
                return fail(cancelled.error());
            }
        }
        if (waited >= kCancelWithin || !client.http().pause(kLookAgain)) {
            return fail(Error{
                ErrorCode::kDeadlineExceeded,
                kNotCancelled,
                fmt::format(
                    "{} still open.",
                    counted(
                        open.size(),
                        "backfill of the load test is",
                        "backfills of the load test are"
                    )
                ),
                {},
                0});
        }
    }
}

Result<size_t> clean_target(const MakeClient& make) {
    const auto client = make("");
    Status first = cancel_all(*client);
    if (nobody_answers(first)) {
        return fail(first.error());
    }
    size_t found = 0;
    const api::List<api::Tenant> tenants = SERVO_TRY(client->list_tenants());
    for (const api::Tenant& tenant : tenants.items) {
        if (!is_load_tenant(tenant.name)) {
            continue;
        }
        ++found;
        const Status cleaned = clean_tenant(*client, make, tenant);
        if (first) {
            first = cleaned;
        }
        if (nobody_answers(cleaned)) {
            break;
        }
    }
    if (!first) {
        return fail(first.error());
    }
    return found;
}

Result<std::vector<api::Backfill>> list_jobs(
    client::Client& client, const std::string& asset, const std::string& states, Millis age
) {
    client::BackfillQuery query;
    query.asset = asset;
    query.status = states;
    query.since = fmt::format("{}s", age.count() / 1'000 + 1);
    return collect_jobs(client, query);
}

}  // namespace servo::load

#include "api/routes.h"

#include <fmt/format.h>

#include <array>

#include "api/page.h"
#include "base/assert.h"
#include "base/utf8.h"

namespace servo::api {
namespace {

using enum Method;
using enum Role;
using enum Scope;
using enum Repeat;

constexpr QueryParameter kTenantFilter{"tenant", "Only this tenant."};
constexpr QueryParameter kTenantOf{
    "tenant", "The tenant meant, where the name alone is ambiguous."};
constexpr QueryParameter kPageToken{"page_token", "next_page_token of the page before."};
constexpr QueryParameter kSince{"since", "RFC 3339, a date, or an age such as 24h."};

QueryParameter limit() {
    static const std::string doc =
        fmt::format("Most items in the answer, 1 to {}; {} if absent.", kPageMax, kPageDefault);
    return {"limit", doc};
}

std::vector<Route> backfill_routes() {
    return {
        {"start_backfill",
         kPost,
         "/v1/backfills",
         kWrite,
         kTenant,
         "Starts a backfill, or with dry_run says what it would do and how long it would take.",
         "StartRequest",
         "StartReply",
         kKey,
         {kTenantOf},
         true},
        {"list_backfills",
         kGet,
         "/v1/backfills",
         kRead,
         kTenant,
         "Lists backfills, newest first. Without status: open ones and those that ended in 24 h.",
         "",
         "BackfillList",
         kSafe,
         {{"status", "Comma-separated states, or `open`."},
          kTenantFilter,
          {"asset", "Only this asset."},
          {"group", "Only this group."},
          kSince,
          {"id_prefix", "Only ids that start with this; `bf_` may be left out."},
          {"sort",
           "created (default), -created, priority, rank, progress or rate: other than created, the "
           "order holds within the page."},
          limit(),
          kPageToken}},
        {"get_backfill",
         kGet,
         "/v1/backfills/{id}",
         kRead,
         kTenant,
         "One backfill: progress, rate, estimate, slot holders, why the rest waits, failures.",
         "",
         "BackfillDetail",
         kSafe,
         {}},
        {"set_backfill",
         kPatch,
         "/v1/backfills/{id}",
         kWrite,
         kTenant,
         "Changes settings; they take effect at the next grant.",
         "SettingsRequest",
         "ActionReply",
         kNatural,
         {}},
        {"pause_backfill",
         kPost,
         "/v1/backfills/{id}/pause",
         kWrite,
         kTenant,
         "Pauses at partition boundaries, or with now at once without spending attempts.",
         "PauseRequest",
         "ActionReply",
         kNatural,
         {}},
        {"resume_backfill",
         kPost,
         "/v1/backfills/{id}/resume",
         kWrite,
         kTenant,
         "Resumes a paused backfill.",
         "ResumeRequest",
         "ActionReply",
         kNatural,
         {}},
        {"cancel_backfill",
         kPost,
         "/v1/backfills/{id}/cancel",
         kWrite,
         kTenant,
         "Cancels at partition boundaries, or with force at once.",
         "CancelRequest",
         "ActionReply",
         kNatural,
         {}},
        {"retry_backfill",
         kPost,
         "/v1/backfills/{id}/retry",
         kWrite,
         kTenant,
         "Runs the finally failed partitions again, of all or some failure classes.",
         "RetryRequest",
         "ActionReply",
         kNatural,
         {}},
        {"explain_backfill",
         kGet,
         "/v1/backfills/{id}/explain",
         kRead,
         kTenant,
         "Why it, or one partition of it, is not running, since when, and what would release it.",
         "",
         "Explanation",
         kSafe,
         {{"partition", "Key of a partition of the backfill."}}},
    };
}

std::vector<Route> partition_routes() {
    return {
        {"list_partitions",
         kGet,
         "/v1/assets/{asset}/partitions",
         kRead,
         kTenant,
         "Lists partitions of an asset by key, or the largest by a measure.",
         "",
         "PartitionList",
         kSafe,
         {kTenantOf,
          {"status", "Comma-separated: missing, pending, running, completed, failed, skipped."},
          {"class", "Comma-separated failure classes of the last attempt."},
          {"start", "Windows that start at or after this."},
          {"end", "Windows that start before this; a date alone is inclusive."},
          {"sort", "rows, bytes or duration: the largest first, one page."},
          limit(),
          kPageToken}},
        {"get_partition",
         kGet,
         "/v1/assets/{asset}/partitions/{key}",
         kRead,
         kTenant,
         "One partition: what made it, when, how long, rows, failed attempts.",
         "",
         "PartitionDetail",
         kSafe,
         {kTenantOf}},
        {"explain_partition",
         kGet,
         "/v1/assets/{asset}/partitions/{key}/explain",
         kRead,
         kTenant,
         "Which backfill owns it, what holds it back, what would release it, or how to run it.",
         "",
         "Explanation",
         kSafe,
         {kTenantOf}},
        {"get_partition_log",
         kGet,
         "/v1/assets/{asset}/partitions/{key}/logs",
         kRead,
         kTenant,
         "The end of what its latest, or the given, attempt printed.",
         "",
         "PartitionLog",
         kSafe,
         {kTenantOf,
          {"attempt", "Number of the attempt, from 1."},
          {"backfill", "Of this backfill, not the latest."}}},
        {"get_live_log",
         kGet,
         "/v1/assets/{asset}/partitions/{key}/logs/live",
         kRead,
         kTenant,
         "What a running partition has printed, from its executor; call again to go on.",
         "",
         "LiveLog",
         kSafe,
         {kTenantOf,
          {"backfill", "Only while this backfill runs it."},
          {"stream", "As the answer before said; absent: from the beginning."},
          {"offset", "The next_offset of the answer before."}}},
        {"mark_partitions",
         kPost,
         "/v1/assets/{asset}/mark",
         kWrite,
         kTenant,
         "Adopts or waives history: marks partitions completed, skipped or missing.",
         "MarkRequest",
         "MarkReply",
         kKey,
         {kTenantOf},
         true},
    };
}

std::vector<Route> asset_routes() {
    return {
        {"apply",
         kPost,
         "/v1/apply",
         kWrite,
         kTenant,
         "Applies asset files: all of them or none. Never removes, except with prune.",
         "ApplyRequest",
         "ApplyReply",
         kKey,
         {},
         true},
        {"list_assets",
         kGet,
         "/v1/assets",
         kRead,
         kTenant,
         "Lists assets by name.",
         "",
         "AssetList",
         kSafe,
         {kTenantFilter, {"archived", "`true` lists archived ones, too."}, limit(), kPageToken}},
        {"get_asset",
         kGet,
         "/v1/assets/{asset}",
         kRead,
         kTenant,
         "One asset: definition, partitions by outcome, open backfills.",
         "",
         "AssetDetail",
         kSafe,
         {kTenantOf}},
        {"set_asset",
         kPatch,
         "/v1/assets/{asset}",
         kWrite,
         kTenant,
         "Overrides the asset's concurrency, ends the override, or archives the asset.",
         "SetAssetRequest",
         "Changed",
         kNatural,
         {kTenantOf}},
        {"list_revisions",
         kGet,
         "/v1/assets/{asset}/revisions",
         kRead,
         kTenant,
         "Revisions of an asset, newest first, each with what it changed.",
         "",
         "RevisionList",
         kSafe,
         {kTenantOf}},
        {"diff_asset",
         kGet,
         "/v1/assets/{asset}/diff",
         kRead,
         kTenant,
         "What differs between two revisions; by default the latest two.",
         "",
         "AssetDiff",
         kSafe,
         {kTenantOf, {"from", "Revision number."}, {"to", "Revision number."}}},
    };
}

std::vector<Route> operator_routes() {
    return {
        {"list_pools",
         kGet,
         "/v1/pools",
         kRead,
         kTenant,
         "Lists pools: shared ones and tenants'.",
         "",
         "PoolList",
         kSafe,
         {kTenantFilter}},
        {"get_pool",
         kGet,
         "/v1/pools/{pool}",
         kRead,
         kTenant,
         "One pool.",
         "",
         "Pool",
         kSafe,
         {kTenantOf}},
        {"set_pool",
         kPatch,
         "/v1/pools/{pool}",
         kWrite,
         kTenant,
         "Overrides the pool's concurrency, or ends the override.",
         "SetPoolRequest",
         "Changed",
         kNatural,
         {kTenantOf}},
        {"hold_pool",
         kPost,
         "/v1/pools/{pool}/hold",
         kWrite,
         kTenant,
         "Holds back all work that needs the pool.",
         "HoldPoolRequest",
         "Changed",
         kNatural,
         {kTenantOf}},
        {"release_pool",
         kPost,
         "/v1/pools/{pool}/release",
         kWrite,
         kTenant,
         "Ends a hold.",
         "HoldPoolRequest",
         "Changed",
         kNatural,
         {kTenantOf}},
        {"check_pool",
         kPost,
         "/v1/pools/{pool}/check",
         kWrite,
         kTenant,
         "Measures the pool's endpoints from an executor: phases, times and status of each.",
         "CheckPoolRequest",
         "CheckPoolReply",
         kNatural,
         {kTenantOf}},
        {"list_tenants",
         kGet,
         "/v1/tenants",
         kAdmin,
         kInstallation,
         "Lists tenants.",
         "",
         "TenantList",
         kSafe,
         {}},
        {"get_tenant",
         kGet,
         "/v1/tenants/{tenant}",
         kRead,
         kInstallation,
         "One tenant.",
         "",
         "Tenant",
         kSafe,
         {}},
        {"set_tenant",
         kPatch,
         "/v1/tenants/{tenant}",
         kAdmin,
         kInstallation,
         "Overrides the tenant's weight and limits, or ends the override.",
         "SetTenantRequest",
         "Changed",
         kNatural,
         {}},
        {"list_executors",
         kGet,
         "/v1/executors",
         kAdmin,
         kInstallation,
         "Lists executors.",
         "",
         "ExecutorList",
         kSafe,
         {{"state",
           "Comma-separated: up, stuck, draining, drained, lost, left. Absent: all but left."}}},
        {"get_executor",
         kGet,
         "/v1/executors/{executor}",
         kAdmin,
         kInstallation,
         "One executor.",
         "",
         "Executor",
         kSafe,
         {}},
        {"drain_executors",
         kPost,
         "/v1/executors/drain",
         kAdmin,
         kInstallation,
         "Drains executors by name, or the idlest until `keep` are left.",
         "DrainRequest",
         "DrainReply",
         kNatural,
         {}},
        {"undrain_executors",
         kPost,
         "/v1/executors/undrain",
         kAdmin,
         kInstallation,
         "Takes drained executors back into service.",
         "DrainRequest",
         "DrainReply",
         kNatural,
         {}},
        {"get_status",
         kGet,
         "/v1/status",
         kRead,
         kTenant,
         "The installation at a glance, with by= also per tenant, asset, executor or pool.",
         "",
         "SystemStatus",
         kSafe,
         {kTenantFilter, {"by", "tenant, asset, executor or pool."}}},
        {"list_events",
         kGet,
         "/v1/events",
         kRead,
         kTenant,
         "What happened, newest first: applies, sets, pauses, executors, pools, leader changes.",
         "",
         "EventList",
         kSafe,
         {kTenantFilter,
          kSince,
          {"subject",
           "Only about this: the id of a job or of a group or its beginning, the name of an asset, "
           "pool, tenant, executor, server or token, or tenant/name."},
          limit(),
          kPageToken}},
        {"get_report",
         kGet,
         "/v1/report",
         kRead,
         kTenant,
         "What the time since then came to, against as long a time before it.",
         "",
         "Report",
         kSafe,
         {kTenantFilter,
          {"since", "An age from 1h to 45d, or the time or date of one; 7d if absent."}}},
        {"fsck",
         kPost,
         "/v1/fsck",
         kAdmin,
         kInstallation,
         "Recounts everything in memory and in the store; lists each contradiction.",
         "",
         "FsckReport",
         kNatural,
         {}},
        {"backup",
         kPost,
         "/v1/backup",
         kAdmin,
         kInstallation,
         "Writes a consistent copy of the store to a new file on the server's machine.",
         "BackupRequest",
         "BackupReply",
         kNatural,
         {}},
    };
}

std::vector<Route> token_routes() {
    return {
        {"create_token",
         kPost,
         "/v1/tokens",
         kAdmin,
         kInstallation,
         "Makes a token; its text is in this answer alone.",
         "CreateTokenRequest",
         "NewToken",
         kNever,
         {}},
        {"list_tokens",
         kGet,
         "/v1/tokens",
         kAdmin,
         kInstallation,
         "Lists tokens, ended ones included, without their text.",
         "",
         "TokenList",
         kSafe,
         {}},
        {"revoke_token",
         kPost,
         "/v1/tokens/{token}/revoke",
         kAdmin,
         kInstallation,
         "Ends a token within a second.",
         "RevokeTokenRequest",
         "Changed",
         kNatural,
         {}},
        {"rotate_token",
         kPost,
         "/v1/tokens/{token}/rotate",
         kAdmin,
         kInstallation,
         "Makes a token that replaces this one, which ends after the overlap.",
         "RotateTokenRequest",
         "NewToken",
         kNever,
         {}},
    };
}

std::vector<Route> machine_routes() {
    return {
        {"executor_register",
         kPost,
         "/v1/executor/register",
         kExecutor,
         kInstallation,
         "Opens a session of an executor.",
         "RegisterRequest",
         "RegisterReply",
         kNatural,
         {}},
        {"executor_report",
         kPost,
         "/v1/executor/report",
         kExecutor,
         kInstallation,
         "Heartbeat, results and held leases; answers with control and new grants at once.",
         "CallRequest",
         "CallReply",
         kNatural,
         {},
         true},
        {"executor_acquire",
         kPost,
         "/v1/executor/acquire",
         kExecutor,
         kInstallation,
         "Asks for work; answered when there is work or control, at the latest after 20 s.",
         "CallRequest",
         "CallReply",
         kNatural,
         {}},
        {"executor_logs",
         kPost,
         "/v1/executor/logs",
         kExecutor,
         kInstallation,
         "What watched partitions printed; answers with what is still watched. Called only after "
         "a report was answered with the header Servo-Logs-Wanted.",
         "LogReport",
         "LogWishes",
         kNatural,
         {},
         true},
        {"executor_health",
         kPost,
         "/v1/executor/health",
         kExecutor,
         kInstallation,
         "Tells how the executor and its machine do, apart from its work; about every ten seconds.",
         "HealthRequest",
         "HealthReply",
         kNatural,
         {}},
        {"livez",
         kGet,
         "/livez",
         kPublic,
         kInstallation,
         "The process's loop turns.",
         "",
         "Health",
         kSafe,
         {}},
        {"readyz",
         kGet,
         "/readyz",
         kPublic,
         kInstallation,
         "The engine leads and can write, or stands by for the leader.",
         "",
         "Health",
         kSafe,
         {{"verbose", "With the epoch and the leader's address."}}},
        {"version",
         kGet,
         "/version",
         kRead,
         kInstallation,
         "What runs here.",
         "",
         "Version",
         kSafe,
         {}},
        {"openapi",
         kGet,
         "/openapi.json",
         kPublic,
         kInstallation,
         "This document.",
         "",
         "Document",
         kSafe,
         {}},
    };
}

std::vector<Route> all_routes() {
    std::vector<Route> all;
    for (std::vector<Route> part :
         {backfill_routes(),
          partition_routes(),
          asset_routes(),
          operator_routes(),
          token_routes(),
          machine_routes()}) {
        all.insert(all.end(), part.begin(), part.end());
    }
    return all;
}

bool unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

std::string_view to_string(Method method) {
    switch (method) {
        case kGet:
            return "GET";
        case kPost:
            return "POST";
        case kPatch:
            return "PATCH";
    }
    return "";
}

std::string_view to_string(Role role) {
    switch (role) {
        case kPublic:
            return "public";
        case kRead:
            return "tenant-read";
        case kWrite:
            return "tenant-admin";
        case kAdmin:
            return "admin";
        case kExecutor:
            return "executor";
        case kMetrics:
            return "metrics";
    }
    return "";
}

const std::vector<Route>& routes() {
    static const std::vector<Route> all = all_routes();
    return all;
}

const Route& route(std::string_view id) {
    for (const Route& candidate : routes()) {
        if (candidate.id == id) {
            return candidate;
        }
    }
    SERVO_ASSERT(!"a route of this id");
    return routes().front();
}

std::string percent_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (unreserved(c)) {
            out += c;
        } else {
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return out;
}

Result<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return fail(invalid_argument(
                    "bad_path", "The URL has a % that is not followed by two hexadecimal digits."
                ));
            }
            c = static_cast<char>(high * 16 + low);
            i += 2;
        }
        if (c == '\0') {
            return fail(invalid_argument("bad_path", "The URL contains a NUL character."));
        }
        out += c;
    }
    if (valid_utf8_prefix(out) < out.size()) {
        return fail(invalid_argument("bad_path", "The URL is not UTF-8 text."));
    }
    return out;
}

std::string expand_path(
    const Route& route,
    const std::vector<std::string>& values,
    const std::vector<std::pair<std::string, std::string>>& query
) {
    std::string out;
    size_t next = 0;
    for (size_t i = 0; i < route.path.size(); ++i) {
        if (route.path[i] == '{') {
            SERVO_ASSERT(next < values.size());
            out += percent_encode(values[next++]);
            i = route.path.find('}', i);
        } else {
            out += route.path[i];
        }
    }
    SERVO_ASSERT(next == values.size());
    char separator = '?';
    for (const auto& [name, value] : query) {
        out += separator + percent_encode(name) + "=" + percent_encode(value);
        separator = '&';
    }
    return out;
}

}  // namespace servo::api

#include "api/review.h"
#include "client/call.h"

namespace servo::client {

Result<api::ApplyReply> Client::apply(
    const api::ApplyRequest& request, const std::string& idempotency_key
) {
    return call<api::ApplyReply>(
        {.route = "apply",
         .body = api::to_json(request),
         .idempotency_key = idempotency_key,
         .timeout = kSlowCallTimeout}
    );
}

Result<api::List<api::Asset>> Client::list_assets(
    bool archived, int limit, const std::string& page_token
) {
    return call<api::List<api::Asset>>(
        {.route = "list_assets",
         .query =
             {{"archived", archived ? "true" : ""},
              {"limit", number(limit)},
              {"page_token", page_token}}}
    );
}

Result<api::AssetDetail> Client::get_asset(const std::string& asset, const std::string& tenant) {
    const bool said = !options_.tenant.empty();
    return call<api::AssetDetail>(
        {.route = "get_asset", .values = {asset}, .query = {{"tenant", said ? "" : tenant}}}
    );
}

Result<api::Changed> Client::set_asset(
    const std::string& asset, const api::SetAssetRequest& request
) {
    return call<api::Changed>(
        {.route = "set_asset", .values = {asset}, .body = api::to_json(request)}
    );
}

Result<api::List<api::Revision>> Client::list_revisions(const std::string& asset) {
    return call<api::List<api::Revision>>({.route = "list_revisions", .values = {asset}});
}

Result<api::AssetDiff> Client::diff_asset(const std::string& asset, int64_t from, int64_t to) {
    return call<api::AssetDiff>(
        {.route = "diff_asset",
         .values = {asset},
         .query = {{"from", number(from)}, {"to", number(to)}}}
    );
}

Result<api::List<api::Pool>> Client::list_pools() {
    return call<api::List<api::Pool>>({.route = "list_pools"});
}

Result<api::Pool> Client::get_pool(const std::string& pool) {
    return call<api::Pool>({.route = "get_pool", .values = {pool}});
}

Result<api::Changed> Client::set_pool(const std::string& pool, const api::SetPoolRequest& request) {
    return call<api::Changed>({.route = "set_pool", .values = {pool}, .body = api::to_json(request)}
    );
}

Result<api::Changed> Client::hold_pool(
    const std::string& pool, const api::HoldPoolRequest& request
) {
    return call<api::Changed>(
        {.route = "hold_pool", .values = {pool}, .body = api::to_json(request)}
    );
}

// Each of the pool's endpoints has its own time-out, one after the other.
constexpr Millis kCheckTimeout{120'000};

Result<api::CheckPoolReply> Client::check_pool(
    const std::string& pool, const api::CheckPoolRequest& request
) {
    return call<api::CheckPoolReply>(
        {.route = "check_pool",
         .values = {pool},
         .body = api::to_json(request),
         .timeout = kCheckTimeout}
    );
}

Result<api::Changed> Client::release_pool(
    const std::string& pool, const api::HoldPoolRequest& request
) {
    return call<api::Changed>(
        {.route = "release_pool", .values = {pool}, .body = api::to_json(request)}
    );
}

Result<api::List<api::Tenant>> Client::list_tenants() {
    return call<api::List<api::Tenant>>({.route = "list_tenants"});
}

Result<api::Tenant> Client::get_tenant(const std::string& tenant) {
    return call<api::Tenant>({.route = "get_tenant", .values = {tenant}});
}

Result<api::Changed> Client::set_tenant(
    const std::string& tenant, const api::SetTenantRequest& request
) {
    return call<api::Changed>(
        {.route = "set_tenant", .values = {tenant}, .body = api::to_json(request)}
    );
}

Result<api::List<api::Executor>> Client::list_executors(const std::string& states) {
    return call<api::List<api::Executor>>({.route = "list_executors", .query = {{"state", states}}}
    );
}

Result<api::Executor> Client::get_executor(const std::string& executor) {
    return call<api::Executor>({.route = "get_executor", .values = {executor}});
}

Result<api::DrainReply> Client::drain_executors(const api::DrainRequest& request) {
    return call<api::DrainReply>({.route = "drain_executors", .body = api::to_json(request)});
}

Result<api::DrainReply> Client::undrain_executors(const api::DrainRequest& request) {
    return call<api::DrainReply>({.route = "undrain_executors", .body = api::to_json(request)});
}

Result<api::NewToken> Client::create_token(const api::CreateTokenRequest& request) {
    return call<api::NewToken>({.route = "create_token", .body = api::to_json(request)});
}

Result<api::List<api::Token>> Client::list_tokens() {
    return call<api::List<api::Token>>({.route = "list_tokens"});
}

Result<api::Changed> Client::revoke_token(
    const std::string& id, const api::RevokeTokenRequest& request
) {
    return call<api::Changed>(
        {.route = "revoke_token", .values = {id}, .body = api::to_json(request)}
    );
}

Result<api::NewToken> Client::rotate_token(
    const std::string& id, const api::RotateTokenRequest& request
) {
    return call<api::NewToken>(
        {.route = "rotate_token", .values = {id}, .body = api::to_json(request)}
    );
}

Result<api::SystemStatus> Client::get_status(const std::string& by) {
    return call<api::SystemStatus>({.route = "get_status", .query = {{"by", by}}});
}

Result<api::List<api::Event>> Client::list_events(const EventQuery& query) {
    return call<api::List<api::Event>>(
        {.route = "list_events",
         .query =
             {{"since", query.since},
              {"subject", query.subject},
              {"limit", number(query.limit)},
              {"page_token", query.page_token}}}
    );
}

Result<api::Report> Client::get_report(const std::string& since) {
    return call<api::Report>(
        {.route = "get_report", .query = {{"since", since}}, .timeout = kSlowCallTimeout}
    );
}

Result<api::FsckReport> Client::fsck() {
    return call<api::FsckReport>(
        {.route = "fsck", .body = boost::json::object(), .timeout = kSlowCallTimeout}
    );
}

Result<api::BackupReply> Client::backup(const api::BackupRequest& request) {
    return call<api::BackupReply>(
        {.route = "backup", .body = api::to_json(request), .timeout = kSlowCallTimeout}
    );
}

Result<api::Version> Client::version() {
    return call<api::Version>({.route = "version"});
}

Result<api::Health> Client::ready() {
    return call<api::Health>({.route = "readyz"});
}

}  // namespace servo::client

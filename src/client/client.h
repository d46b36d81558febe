// The API as calls: wire structs in, wire structs out. Retries what may be repeated while the
// server says "try again". One thread at a time; http().abort() from any thread.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/admin.h"
#include "api/asset.h"
#include "api/backfill.h"
#include "api/partition.h"
#include "client/http.h"

namespace servo::api {
struct Report;  // api/review.h
}

namespace servo::client {

// While the server answers 503 or 429, a call that may be repeated is repeated this often at most,
// and for this long at most.
constexpr int kTriesMax = 6;
constexpr Millis kRetryFor{15'000};
constexpr Millis kRetryPauseFirst{250};  // without Retry-After; doubles

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct ClientOptions {
    std::string tenant;            // empty = the server's default for this token
    std::string actor;             // who acts, where no token says it
    std::string traceparent = {};  // sent along; empty = none
};

struct BackfillQuery {
    std::string status;
    std::string asset;
    std::string group;
    std::string since;
    std::string id_prefix;
    std::string sort;
    int limit = 50;
    std::string page_token;
};

struct PartitionQuery {
    std::string status;
    std::string failure_class;
    std::string start;
    std::string end;
    std::string sort;
    int limit = 50;
    std::string page_token;
};

struct EventQuery {
    std::string since;
    std::string subject;
    int limit = 50;
    std::string page_token = {};
};

class Client {
 public:
    Client(std::unique_ptr<Http> http, ClientOptions options)
        : http_(std::move(http)), options_(std::move(options)) {}

    Http& http() { return *http_; }
    const std::string& tenant() const { return options_.tenant; }

    Result<api::StartReply> start_backfill(
        const api::StartRequest& request, const std::string& idempotency_key
    );
    Result<api::List<api::Backfill>> list_backfills(const BackfillQuery& query);
    Result<api::BackfillDetail> get_backfill(const std::string& id);
    Result<api::ActionReply> set_backfill(
        const std::string& id, const api::SettingsRequest& request
    );
    Result<api::ActionReply> pause_backfill(
        const std::string& id, const api::PauseRequest& request
    );
    Result<api::ActionReply> resume_backfill(const std::string& id);
    Result<api::ActionReply> cancel_backfill(
        const std::string& id, const api::CancelRequest& request
    );
    Result<api::ActionReply> retry_backfill(
        const std::string& id, const api::RetryRequest& request
    );
    // `partition` may be empty.
    Result<api::Explanation> explain_backfill(const std::string& id, const std::string& partition);

    Result<api::List<api::Partition>> list_partitions(
        const std::string& asset, const PartitionQuery& query
    );
    Result<api::PartitionDetail> get_partition(const std::string& asset, const std::string& key);
    Result<api::Explanation> explain_partition(const std::string& asset, const std::string& key);
    // `attempt` 0: the latest; `backfill` empty: the latest.
    Result<api::PartitionLog> get_partition_log(
        const std::string& asset,
        const std::string& key,
        int64_t attempt,
        const std::string& backfill
    );
    // Of a running partition, from its executor. `stream` and `offset` as the answer before said.
    Result<api::LiveLog> get_live_log(
        const std::string& asset,
        const std::string& key,
        const std::string& backfill,
        const std::string& stream,
        uint64_t offset
    );
    Result<api::MarkReply> mark_partitions(
        const std::string& asset,
        const api::MarkRequest& request,
        const std::string& idempotency_key
    );

    Result<api::ApplyReply> apply(
        const api::ApplyRequest& request, const std::string& idempotency_key
    );
    Result<api::List<api::Asset>> list_assets(
        bool archived, int limit, const std::string& page_token
    );
    // `tenant`: whose it is, where the options name none; empty: whose the server finds.
    Result<api::AssetDetail> get_asset(const std::string& asset, const std::string& tenant = "");
    Result<api::Changed> set_asset(const std::string& asset, const api::SetAssetRequest& request);
    Result<api::List<api::Revision>> list_revisions(const std::string& asset);
    // 0: the latest two.
    Result<api::AssetDiff> diff_asset(const std::string& asset, int64_t from, int64_t to);

    Result<api::List<api::Pool>> list_pools();
    Result<api::Pool> get_pool(const std::string& pool);
    Result<api::Changed> set_pool(const std::string& pool, const api::SetPoolRequest& request);
    Result<api::Changed> hold_pool(const std::string& pool, const api::HoldPoolRequest& request);
    Result<api::Changed> release_pool(const std::string& pool, const api::HoldPoolRequest& request);
    // Answered when the executor has measured.
    Result<api::CheckPoolReply> check_pool(
        const std::string& pool, const api::CheckPoolRequest& request
    );

    Result<api::List<api::Tenant>> list_tenants();
    Result<api::Tenant> get_tenant(const std::string& tenant);
    Result<api::Changed> set_tenant(
        const std::string& tenant, const api::SetTenantRequest& request
    );

    Result<api::List<api::Executor>> list_executors(const std::string& states);
    Result<api::Executor> get_executor(const std::string& executor);
    Result<api::DrainReply> drain_executors(const api::DrainRequest& request);
    Result<api::DrainReply> undrain_executors(const api::DrainRequest& request);

    Result<api::NewToken> create_token(const api::CreateTokenRequest& request);
    Result<api::List<api::Token>> list_tokens();
    Result<api::Changed> revoke_token(
        const std::string& id, const api::RevokeTokenRequest& request
    );
    Result<api::NewToken> rotate_token(
        const std::string& id, const api::RotateTokenRequest& request
    );

    // `by`: tenant, asset, executor, pool, or empty.
    Result<api::SystemStatus> get_status(const std::string& by);
    Result<api::List<api::Event>> list_events(const EventQuery& query);
    // `since`: an age such as 7d, or a time.
    Result<api::Report> get_report(const std::string& since);
    Result<api::FsckReport> fsck();
    Result<api::BackupReply> backup(const api::BackupRequest& request);
    Result<api::Version> version();
    // Whether the server leads and can write; answered by /readyz.
    Result<api::Health> ready();

 private:
    struct Call {
        std::string_view route;
        std::vector<std::string> values = {};  // of the path's parameters
        Pairs query = {};                      // empty values are left out
        std::optional<boost::json::object> body = {};
        std::string idempotency_key = {};
        Millis timeout = kRequestTimeoutDefault;
    };
    Result<std::string> send(const Call& call);
    template <typename Reply>
    Result<Reply> call(const Call& call);

    std::unique_ptr<Http> http_;
    ClientOptions options_;
};

// 128 random bits as text: for requests that must not be carried out twice.
std::string new_idempotency_key();

}  // namespace servo::client

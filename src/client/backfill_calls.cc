#include "client/call.h"

namespace servo::client {

Result<api::StartReply> Client::start_backfill(
    const api::StartRequest& request, const std::string& idempotency_key
) {
    return call<api::StartReply>(
        {.route = "start_backfill",
         .body = api::to_json(request),
         .idempotency_key = idempotency_key,
         .timeout = kSlowCallTimeout}
    );
}

Result<api::List<api::Backfill>> Client::list_backfills(const BackfillQuery& query) {
    return call<api::List<api::Backfill>>(
        {.route = "list_backfills",
         .query =
             {{"status", query.status},
              {"asset", query.asset},
              {"group", query.group},
              {"since", query.since},
              {"id_prefix", query.id_prefix},
              {"sort", query.sort},
              {"limit", number(query.limit)},
              {"page_token", query.page_token}}}
    );
}

Result<api::BackfillDetail> Client::get_backfill(const std::string& id) {
    return call<api::BackfillDetail>({.route = "get_backfill", .values = {id}});
}

Result<api::ActionReply> Client::set_backfill(
    const std::string& id, const api::SettingsRequest& request
) {
    return call<api::ActionReply>(
        {.route = "set_backfill", .values = {id}, .body = api::to_json(request)}
    );
}

Result<api::ActionReply> Client::pause_backfill(
    const std::string& id, const api::PauseRequest& request
) {
    return call<api::ActionReply>(
        {.route = "pause_backfill", .values = {id}, .body = api::to_json(request)}
    );
}

Result<api::ActionReply> Client::resume_backfill(const std::string& id) {
    return call<api::ActionReply>(
        {.route = "resume_backfill", .values = {id}, .body = api::to_json(api::ResumeRequest{})}
    );
}

Result<api::ActionReply> Client::cancel_backfill(
    const std::string& id, const api::CancelRequest& request
) {
    return call<api::ActionReply>(
        {.route = "cancel_backfill", .values = {id}, .body = api::to_json(request)}
    );
}

Result<api::ActionReply> Client::retry_backfill(
    const std::string& id, const api::RetryRequest& request
) {
    return call<api::ActionReply>(
        {.route = "retry_backfill", .values = {id}, .body = api::to_json(request)}
    );
}

Result<api::Explanation> Client::explain_backfill(
    const std::string& id, const std::string& partition
) {
    return call<api::Explanation>(
        {.route = "explain_backfill", .values = {id}, .query = {{"partition", partition}}}
    );
}

Result<api::List<api::Partition>> Client::list_partitions(
    const std::string& asset, const PartitionQuery& query
) {
    return call<api::List<api::Partition>>(
        {.route = "list_partitions",
         .values = {asset},
         .query =
             {{"status", query.status},
              {"class", query.failure_class},
              {"start", query.start},
              {"end", query.end},
              {"sort", query.sort},
              {"limit", number(query.limit)},
              {"page_token", query.page_token}}}
    );
}

Result<api::PartitionDetail> Client::get_partition(
    const std::string& asset, const std::string& key
) {
    return call<api::PartitionDetail>({.route = "get_partition", .values = {asset, key}});
}

Result<api::Explanation> Client::explain_partition(
    const std::string& asset, const std::string& key
) {
    return call<api::Explanation>({.route = "explain_partition", .values = {asset, key}});
}

Result<api::PartitionLog> Client::get_partition_log(
    const std::string& asset, const std::string& key, int64_t attempt, const std::string& backfill
) {
    return call<api::PartitionLog>(
        {.route = "get_partition_log",
         .values = {asset, key},
         .query = {{"attempt", number(attempt)}, {"backfill", backfill}}}
    );
}

Result<api::LiveLog> Client::get_live_log(
    const std::string& asset,
    const std::string& key,
    const std::string& backfill,
    const std::string& stream,
    uint64_t offset
) {
    return call<api::LiveLog>(
        {.route = "get_live_log",
         .values = {asset, key},
         .query = {{"backfill", backfill}, {"stream", stream}, {"offset", std::to_string(offset)}}}
    );
}

Result<api::MarkReply> Client::mark_partitions(
    const std::string& asset, const api::MarkRequest& request, const std::string& idempotency_key
) {
    return call<api::MarkReply>(
        {.route = "mark_partitions",
         .values = {asset},
         .body = api::to_json(request),
         .idempotency_key = idempotency_key,
         .timeout = kSlowCallTimeout}
    );
}

}  // namespace servo::client

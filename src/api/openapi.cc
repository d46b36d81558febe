#include "api/openapi.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <string>

#include "api/admin.h"
#include "api/asset.h"
#include "api/backfill.h"
#include "api/executor_wire.h"
#include "api/live_log.h"
#include "api/partition.h"
#include "api/problem.h"
#include "api/routes.h"

namespace servo::api {
namespace {

namespace json = boost::json;

template <typename... Ts>
void add_schemas(json::object& schemas) {
    ((schemas[kWireName<Ts>] = schema<Ts>()), ...);
}

json::object problem_schema() {
    const json::object text{{"type", "string"}};
    const json::object integer{{"type", "integer"}};
    const json::object field{
        {"type", "object"},
        {"properties", {{"field", text}, {"line", integer}, {"message", text}}}};
    return {
        {"type", "object"},
        {"required", {"type", "title", "status", "detail", "code", "reason", "request_id"}},
        {"properties",
         {{"type", {{"type", "string"}, {"description", "about:servo/<reason>"}}},
          {"title", text},
          {"status", integer},
          {"detail",
           {{"type", "string"}, {"description", "What was wrong, where, what to do next."}}},
          {"code", {{"type", "string"}, {"description", "One of a closed list."}}},
          {"reason", {{"type", "string"}, {"description", "Finer than code; stable."}}},
          {"fields", {{"type", "array"}, {"items", field}}},
          {"request_id", text},
          {"retry_after_s", integer}}}};
}

void add_backfill_schemas(json::object& schemas) {
    add_schemas<SelectionRequest, StartRequest, ResolvedSelection, StartedBackfill>(schemas);
    add_schemas<PreviewDelay, Preview, StartReply, Backfill, SlotHolder, WaitReason>(schemas);
    add_schemas<FailureExample, FailureSummary, BackfillDetail, List<Backfill>>(schemas);
    add_schemas<PauseRequest, ResumeRequest, CancelRequest, RetryRequest>(schemas);
    add_schemas<ActionResult, ActionReply, SettingsRequest, Explanation>(schemas);
}

void add_partition_schemas(json::object& schemas) {
    add_schemas<Partition, FailedAttempt, PartitionDetail, PartitionLog>(schemas);
    add_schemas<LiveLog, MarkRequest, MarkReply, List<Partition>>(schemas);
}

void add_asset_schemas(json::object& schemas) {
    add_schemas<ApplyFile, ApplyRequest, FieldChange, AppliedAsset, AppliedPool>(schemas);
    add_schemas<ApplyReply, OverrideInfo, Asset, PartitionCounts, AssetDetail>(schemas);
    add_schemas<Revision, AssetDiff, SetAssetRequest, List<Asset>, List<Revision>>(schemas);
}

void add_admin_schemas(json::object& schemas) {
    add_schemas<PoolHold, PoolWindow, Pool, SetPoolRequest, HoldPoolRequest>(schemas);
    add_schemas<Tenant, SetTenantRequest, Executor, DrainRequest, DrainReply>(schemas);
    add_schemas<Changed, Event, StatusGroup, SystemStatus, FsckReport>(schemas);
    add_schemas<BackupRequest, BackupReply, Version, Health>(schemas);
    add_schemas<List<Pool>, List<Tenant>, List<Executor>, List<Event>>(schemas);
}

void add_executor_schemas(json::object& schemas) {
    add_schemas<HeldWire, RegisterRequestWire, RegisterReplyWire, DoneColumns>(schemas);
    add_schemas<FailedWire, LogWire, ResultsWire, CallRequestWire>(schemas);
    add_schemas<GrantWire, ControlWire, DefinitionWire, CallReplyWire>(schemas);
    add_schemas<LogChunkWire, LogReportWire, LogWishWire, LogWishesWire>(schemas);
}

json::object all_schemas() {
    json::object schemas;
    add_backfill_schemas(schemas);
    add_partition_schemas(schemas);
    add_asset_schemas(schemas);
    add_admin_schemas(schemas);
    add_executor_schemas(schemas);
    schemas["Document"] = json::object{{"type", "object"}};
    schemas["Problem"] = problem_schema();
    return schemas;
}

json::object reference(std::string_view name) {
    return {{"$ref", fmt::format("#/components/schemas/{}", name)}};
}

json::object content(std::string_view type, std::string_view name) {
    return {{type, {{"schema", reference(name)}}}};
}

json::object parameter(
    std::string_view name, std::string_view in, std::string_view doc, bool required
) {
    json::object out{
        {"name", name}, {"in", in}, {"required", required}, {"schema", {{"type", "string"}}}};
    if (!doc.empty()) {
        out["description"] = doc;
    }
    return out;
}

json::array parameters(const Route& route, const std::string& path, bool under_tenant) {
    json::array out;
    for (size_t at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1)) {
        out.push_back(parameter(path.substr(at + 1, path.find('}', at) - at - 1), "path", "", true)
        );
    }
    for (const QueryParameter& query : route.query) {
        if (!under_tenant || query.name != "tenant") {
            out.push_back(parameter(query.name, "query", query.doc, false));
        }
    }
    if (route.repeat == Repeat::kKey) {
        out.push_back(parameter(
            kIdempotencyKeyHeader,
            "header",
            "The same key and body within 7 days get the first answer again.",
            false
        ));
    }
    return out;
}

json::object operation(const Route& route, const std::string& path, bool under_tenant) {
    json::object out;
    out["operationId"] =
        under_tenant ? fmt::format("{}_of_tenant", route.id) : std::string(route.id);
    out["summary"] = route.summary;
    out["x-servo-role"] = to_string(under_tenant ? Role::kAdmin : route.role);
    json::array list = parameters(route, path, under_tenant);
    if (!list.empty()) {
        out["parameters"] = std::move(list);
    }
    if (!route.request.empty()) {
        out["requestBody"] =
            json::object{{"required", true}, {"content", content(kJsonContentType, route.request)}};
    }
    json::object responses;
    responses["200"] =
        json::object{{"description", "Done."}, {"content", content(kJsonContentType, route.reply)}};
    responses["default"] = json::object{
        {"description", "A problem."}, {"content", content(kProblemContentType, "Problem")}};
    out["responses"] = std::move(responses);
    if (route.role == Role::kPublic) {
        out["security"] = json::array();
    }
    return out;
}

void add_operation(
    json::object& paths, const Route& route, const std::string& path, bool under_tenant
) {
    std::string method(to_string(route.method));
    for (char& c : method) {
        c = static_cast<char>(c - 'A' + 'a');
    }
    json::value& item = paths[path];
    if (item.is_null()) {
        item = json::object();
    }
    item.as_object()[method] = operation(route, path, under_tenant);
}

}  // namespace

json::object openapi_document() {
    json::object paths;
    for (const Route& route : routes()) {
        add_operation(paths, route, std::string(route.path), false);
        if (route.scope == Scope::kTenant) {
            const std::string rest(route.path.substr(std::string_view("/v1").size()));
            add_operation(paths, route, std::string(kTenantPrefix) + rest, true);
        }
    }
    json::object document;
    document["openapi"] = "3.1.0";
    document["info"] = json::object{
        {"title", "Servo"},
        {"version", "v1"},
        {"description",
         "Backfills, partitions and what they run on. Times are RFC 3339 in UTC; lists are "
         "{\"items\": [...], \"next_page_token\": ...}; unknown members and parameters are "
         "errors."}};
    document["paths"] = std::move(paths);
    document["components"] = json::object{
        {"schemas", all_schemas()},
        {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}};
    document["security"] = json::array{json::object{{"token", json::array()}}};
    return document;
}

}  // namespace servo::api

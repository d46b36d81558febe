#include "api/openapi.h"

#include <fmt/format.h>

#include <array>
#include <boost/json/array.hpp>
#include <string>

#include "api/admin.h"
#include "api/as_of.h"
#include "api/asset.h"
#include "api/backfill.h"
#include "api/executor_health.h"
#include "api/executor_wire.h"
#include "api/live_log.h"
#include "api/partition.h"
#include "api/problem.h"
#include "api/review.h"
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
    add_schemas<PreviewDelay, Preview, StartReply, SlotHolder, WaitReason>(schemas);
    add_schemas<OverrideInfo, TemporarySetting, Backfill>(schemas);
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
    add_schemas<ApplyReply, Asset, PartitionCounts, AssetDetail>(schemas);
    add_schemas<Revision, AssetDiff, SetAssetRequest, List<Asset>, List<Revision>>(schemas);
}

void add_admin_schemas(json::object& schemas) {
    add_schemas<PoolHold, PoolWindow, PoolCheck, Pool, SetPoolRequest, HoldPoolRequest>(schemas);
    add_schemas<CheckPoolRequest, CheckPoolReply>(schemas);
    add_schemas<Tenant, SetTenantRequest, Executor, DrainRequest, DrainReply>(schemas);
    add_schemas<Changed, Event, TimeSpent, StatusGroup, SystemStatus, FsckReport>(schemas);
    add_schemas<BackupRequest, BackupReply, Version, Health>(schemas);
    add_schemas<Token, CreateTokenRequest, RotateTokenRequest, RevokeTokenRequest>(schemas);
    add_schemas<NewToken, List<Token>>(schemas);
    add_schemas<List<Pool>, List<Tenant>, List<Executor>, List<Event>>(schemas);
    add_schemas<ReportTotals, ReportGroup, ReportClass, ReportStep>(schemas);
    add_schemas<ReportDeadline, ReportWaste, Report>(schemas);
}

void add_executor_schemas(json::object& schemas) {
    add_schemas<HeldWire, RegisterRequestWire, RegisterReplyWire, DoneColumns>(schemas);
    add_schemas<FailedWire, LogWire, PhasesWire, ResultsWire, CallRequestWire>(schemas);
    add_schemas<GrantWire, ControlWire, DefinitionWire, CallReplyWire>(schemas);
    add_schemas<LogChunkWire, LogReportWire, LogWishWire, LogWishesWire>(schemas);
    add_schemas<StuckSlot, ExecutorError, ExecutorHealth, HealthRequest, HealthReply>(schemas);
    add_schemas<SecretWire, EndpointAsk, EndpointResult, CheckAsk, CheckAnswer>(schemas);
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

// What goes wrong with status, as documents refer to it.
struct Refusal {
    int status;
    std::string_view name;
    std::string_view description;
    bool of_public;  // also where nobody is asked who they are
};
constexpr std::array<Refusal, 15> kRefusals = {{
    {400, "BadRequest", "No HTTP, no JSON, or a URL that cannot be decoded.", true},
    {401, "Unauthenticated", "No token, a wrong one, or one that has ended.", false},
    {403, "Forbidden", "The token's role may not do this, or a page of another site asks.", true},
    {404, "NotFound", "There is none, or it is another tenant's.", false},
    {409, "Conflict", "It conflicts with something else, or exists already.", false},
    {412, "PreconditionFailed", "The state of things does not allow it.", false},
    {413, "TooLarge", "The body is over its limit.", true},
    {415, "NotJson", "The body is not declared as JSON.", true},
    {421, "WrongHost", "The request is meant for another host.", true},
    {422, "Invalid", "A value or parameter is not valid; `fields` says which.", true},
    {429, "TooMany", "A limit is reached; Retry-After says when to ask again.", false},
    {431, "HeaderTooLarge", "The header is over its limit.", true},
    {500, "Internal", "An error inside Servo.", false},
    {503, "Unavailable", "Not available at the moment; Retry-After says when.", true},
    {504, "TimedOut", "It took too long; whether it was done is not known.", false},
}};

json::object responses_of(const Route& route) {
    json::object out;
    out["200"] =
        json::object{{"description", "Done."}, {"content", content(kJsonContentType, route.reply)}};
    if (told_of_record(route) || told_of_past(route)) {
        out["200"].as_object()["headers"] = json::object{
            {kAsOfHeader,
             {{"description",
               "Only where the answer may lack the newest, since a server that does not lead gives "
               "it of record, or it comes from a replica: everything up to this time is in it."},
              {"schema", {{"type", "string"}, {"format", "date-time"}}}}}};
    }
    for (const Refusal& refusal : kRefusals) {
        if (route.role != Role::kPublic || refusal.of_public) {
            out[std::to_string(refusal.status)] =
                json::object{{"$ref", fmt::format("#/components/responses/{}", refusal.name)}};
        }
    }
    if (route.id == "readyz" || route.id == "livez") {
        out["503"] = json::object{
            {"description", "Not yet, or not any more."},
            {"content", content(kJsonContentType, route.reply)}};
    }
    return out;
}

json::object all_responses() {
    json::object out;
    for (const Refusal& refusal : kRefusals) {
        json::object one{
            {"description", refusal.description},
            {"content", content(kProblemContentType, "Problem")}};
        if (refusal.status == 429 || refusal.status == 503) {
            one["headers"] = json::object{
                {"Retry-After", {{"description", "Seconds."}, {"schema", {{"type", "integer"}}}}}};
        }
        out[refusal.name] = std::move(one);
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
    out["responses"] = responses_of(route);
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
        {"responses", all_responses()},
        {"securitySchemes",
         {{"token",
           {{"type", "http"},
            {"scheme", "bearer"},
            {"bearerFormat", "svo_<kind>_<id>_<secret>"},
            {"description", "`servo token create` makes one; x-servo-role says which role."}}}}}};
    document["security"] = json::array{json::object{{"token", json::array()}}};
    return document;
}

}  // namespace servo::api

#include "trace/otlp.h"

#include <boost/json.hpp>

namespace servo::trace {
namespace {

namespace json = boost::json;

constexpr int kKindInternal = 1;
constexpr int kStatusError = 2;
constexpr int64_t kNanosPerMilli = 1'000'000;
constexpr int64_t kNanosPerMicro = 1'000;

// 64-bit numbers are text in OTLP's JSON, as in proto3's.
json::object attribute(std::string_view key, const AttributeValue& value) {
    json::object typed;
    if (const auto* text = std::get_if<std::string>(&value)) {
        typed["stringValue"] = *text;
    } else {
        typed["intValue"] = std::to_string(std::get<int64_t>(value));
    }
    return {{"key", key}, {"value", std::move(typed)}};
}

json::object span_object(const Span& span) {
    const int64_t start = to_ms(span.start) * kNanosPerMilli;
    const int64_t end = start + span.duration.count() * kNanosPerMicro;
    json::object out{
        {"traceId", model::to_hex(span.trace)},
        {"spanId", model::to_hex(span.id)},
        {"name", span.name},
        {"kind", kKindInternal},
        {"startTimeUnixNano", std::to_string(start)},
        {"endTimeUnixNano", std::to_string(end)},
    };
    if (span.parent != 0) {
        out["parentSpanId"] = model::to_hex(span.parent);
    }
    json::array attributes;
    for (const auto& [key, value] : span.attributes) {
        attributes.push_back(attribute(key, value));
    }
    out["attributes"] = std::move(attributes);
    if (span.failed) {
        out["status"] = json::object{{"code", kStatusError}, {"message", span.message}};
    }
    return out;
}

}  // namespace

std::string otlp_body(const Resource& resource, const std::vector<Span>& spans) {
    json::array rendered;
    rendered.reserve(spans.size());
    for (const Span& span : spans) {
        rendered.push_back(span_object(span));
    }
    const json::object from{
        {"attributes",
         json::array{
             attribute("service.name", resource.service),
             attribute("service.version", resource.version),
             attribute("service.instance.id", resource.instance)}}};
    json::object scope_spans{
        {"scope", json::object{{"name", "servo"}, {"version", resource.version}}},
        {"spans", std::move(rendered)}};
    return json::serialize(json::object{
        {"resourceSpans",
         json::array{json::object{
             {"resource", from}, {"scopeSpans", json::array{std::move(scope_spans)}}}}}});
}

}  // namespace servo::trace

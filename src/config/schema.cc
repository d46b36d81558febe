#include "config/schema.h"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>

#include "config/keys.h"
#include "config/pretty_json.h"

namespace servo::config {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, kScopeCount> kDefinitionNames = {
    "file",
    "asset",
    "partitions",
    "dimension",
    "run",
    "command",
    "worker",
    "batch",
    "synthetic",
    "secret",
    "resources",
    "retries",
    "backoff",
    "limits",
    "upstream",
    "pool",
    "per_tenant",
    "window",
    "check"};

// `defaults` and overrides: an asset without the key `overrides`.
constexpr std::string_view kFragmentName = "fragment";

std::string anchored(std::string_view pattern) {
    return fmt::format("^(?:{})$", pattern);
}

json::object reference(std::string_view definition) {
    return {{"$ref", fmt::format("#/$defs/{}", definition)}};
}

json::array scalar_types() {
    return {"string", "number", "boolean"};
}

// Text as typed: what other YAML readers take for a number or a boolean is text here too.
json::object text_schema(int64_t low, int64_t high) {
    json::object out = {{"type", scalar_types()}};
    if (low > 0) {
        out["minLength"] = low;
    }
    out["maxLength"] = high;
    return out;
}

json::object pattern_schema(json::array types, std::string_view pattern) {
    return {{"type", std::move(types)}, {"pattern", anchored(pattern)}};
}

json::object integer_schema(const KeyDecl& key) {
    return {{"type", "integer"}, {"minimum", key.low}, {"maximum", key.high}};
}

json::array word_array(const std::vector<std::string>& words) {
    json::array out;
    for (const std::string& word : words) {
        out.emplace_back(word);
    }
    return out;
}

json::object map_schema(std::string_view name_pattern, json::object value) {
    if (name_pattern == kHeaderPattern) {  // where "x-…" is a name
        return {
            {"type", "object"},
            {"propertyNames", {{"pattern", fmt::format("^(?:{})$", name_pattern)}}},
            {"additionalProperties", std::move(value)}};
    }
    return {
        {"type", "object"},
        {"propertyNames", {{"pattern", fmt::format("^(?:x-.*|{})$", name_pattern)}}},
        {"patternProperties", {{"^x-", true}}},
        {"additionalProperties", std::move(value)}};
}

json::object list_schema(json::object item, int64_t low, int64_t high) {
    return {{"type", "array"}, {"items", std::move(item)}, {"minItems", low}, {"maxItems", high}};
}

json::object any_of(json::object first, json::object second) {
    return {{"anyOf", json::array{std::move(first), std::move(second)}}};
}

constexpr std::string_view kDurationPattern = "(?:[0-9]+(?:ms|s|m|h|d|w))+";
constexpr int64_t kTextMax = 1 << 20;

json::object number_schema(const KeyDecl& key) {
    if (key.form == KeyForm::kDuration) {
        return pattern_schema({"string"}, kDurationPattern);
    }
    if (key.form == KeyForm::kMicros) {
        return pattern_schema({"string"}, fmt::format("[0-9]+us|{}", kDurationPattern));
    }
    if (key.form == KeyForm::kBytes) {
        return pattern_schema({"string", "integer"}, "[0-9]+(?:k|[MGT]|[KMGT]i)?");
    }
    if (key.form == KeyForm::kCpu) {
        return pattern_schema({"string", "number"}, "[0-9]+(?:\\.[0-9]{1,3})?|[0-9]+m");
    }
    if (key.form == KeyForm::kPercent) {
        return pattern_schema({"string"}, "[0-9]+(?:\\.[0-9])?%");
    }
    if (key.form == KeyForm::kEvery) {
        return pattern_schema({"string"}, "[1-9][0-9]*[mh]|hour|day|week|month");
    }
    return integer_schema(key);
}

json::object list_form_schema(const KeyDecl& key, std::string_view child) {
    if (key.form == KeyForm::kTextList) {
        return list_schema(text_schema(0, kTextMax), key.low, key.high);
    }
    if (key.form == KeyForm::kStaticKeys) {
        return list_schema(
            pattern_schema({"string", "number", "boolean", "null"}, kStaticKeyPattern),
            key.low,
            key.high
        );
    }
    if (key.form == KeyForm::kTenants) {
        return any_of(
            {{"const", "all"}},
            list_schema(pattern_schema(scalar_types(), kTenantPattern), 1, 1'000)
        );
    }
    return list_schema(reference(child), 0, key.high);
}

json::object map_form_schema(const KeyDecl& key, std::string_view child) {
    if (key.form == KeyForm::kExitCodes) {
        return map_schema(
            "[1-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5]",
            {{"enum", word_array(exit_code_classes())}}
        );
    }
    if (key.form == KeyForm::kAttempts) {
        return map_schema(
            fmt::format("{}", fmt::join(counted_classes(), "|")), integer_schema(key)
        );
    }
    if (key.form == KeyForm::kUnits) {
        return any_of(
            list_schema(pattern_schema(scalar_types(), key.names), 0, kTextMax),
            map_schema(key.names, integer_schema(key))
        );
    }
    if (key.form == KeyForm::kNamed) {
        return map_schema(key.names, reference(child));
    }
    return map_schema(key.names, text_schema(0, key.high));
}

json::object mapping_word_schema(const KeyDecl& key) {
    json::object offset = integer_schema(key);
    offset["not"] = {{"const", 0}};
    return any_of(
        {{"enum", {"same", "overlap", "all"}}},
        {{"type", "object"},
         {"properties", {{"offset", std::move(offset)}}},
         {"required", {"offset"}},
         {"additionalProperties", false}}
    );
}

json::object form_schema(const KeyDecl& key, std::string_view child) {
    switch (key.form) {
        case KeyForm::kText:
            return text_schema(key.low, key.high);
        case KeyForm::kBoolean:
            return {{"type", "boolean"}};
        case KeyForm::kWord:
            return {{"enum", word_array({key.words.begin(), key.words.end()})}};
        case KeyForm::kTenant:
            return pattern_schema(scalar_types(), kTenantPattern);
        case KeyForm::kUpstreamMapping:
            return mapping_word_schema(key);
        case KeyForm::kDuration:
        case KeyForm::kMicros:
        case KeyForm::kBytes:
        case KeyForm::kCpu:
        case KeyForm::kInteger:
        case KeyForm::kPercent:
        case KeyForm::kEvery:
            return number_schema(key);
        case KeyForm::kTextList:
        case KeyForm::kStaticKeys:
        case KeyForm::kTenants:
        case KeyForm::kList:
            return list_form_schema(key, child);
        case KeyForm::kTextMap:
        case KeyForm::kLabelMap:
        case KeyForm::kExitCodes:
        case KeyForm::kAttempts:
        case KeyForm::kUnits:
        case KeyForm::kNamed:
            return map_form_schema(key, child);
        case KeyForm::kArgvOr:
            return any_of(list_schema(text_schema(0, kTextMax), 1, kTextMax), reference(child));
        case KeyForm::kMapping:
            return reference(child);
    }
    return {};
}

json::object schema_of(const KeyDecl& key, Scope owner) {
    if (key.reserved) {
        return {{"description", "Not in this version."}, {"not", json::object()}};
    }
    const bool is_fragment =
        key.child == Scope::kAsset && (owner == Scope::kAsset || key.form == KeyForm::kMapping);
    const std::string_view child =
        is_fragment ? kFragmentName : kDefinitionNames[static_cast<size_t>(key.child)];
    json::object out = form_schema(key, child);
    out["description"] = key.doc;
    if (!key.usual.empty()) {
        out["x-default"] = key.usual;  // as typed; "default" would need the value's JSON type
    }
    return out;
}

json::object requires_keys(const std::vector<std::string_view>& keys) {
    json::object out;
    out.emplace("required", json::array(keys.begin(), keys.end()));
    return out;
}

json::object mapping_schema(const MappingDecl& mapping, bool is_fragment) {
    json::object properties;
    for (const KeyDecl& key : mapping.keys) {
        if (!(is_fragment && key.name == "overrides")) {
            properties.emplace(key.name, schema_of(key, mapping.scope));
        }
    }
    json::object out = {
        {"description", mapping.doc},
        {"type", "object"},
        {"properties", std::move(properties)},
        {"patternProperties", {{"^x-", true}}},
        {"additionalProperties", false}};
    if (!mapping.required.empty()) {
        out["required"] = json::array(mapping.required.begin(), mapping.required.end());
    }
    json::array pairs;
    json::array singles;
    const std::vector<std::string_view>& choice = mapping.at_most_one;
    for (size_t i = 0; i < choice.size(); ++i) {
        singles.emplace_back(requires_keys({choice[i]}));
        for (size_t k = i + 1; k < choice.size(); ++k) {
            json::object both;
            both.emplace("not", requires_keys({choice[i], choice[k]}));
            pairs.emplace_back(std::move(both));
        }
    }
    if (!pairs.empty()) {
        out["allOf"] = std::move(pairs);
    }
    if (mapping.needs_one) {
        out["anyOf"] = std::move(singles);
    }
    return out;
}

// Every asset has `key`, unless `defaults` gives it to all.
json::object in_all_assets(std::string_view key) {
    const json::object has_key = requires_keys({key});
    json::object by_default = requires_keys({"defaults"});
    by_default["properties"] = {{"defaults", has_key}};
    return any_of(
        std::move(by_default),
        {{"properties",
          {{"assets",
            {{"patternProperties", {{"^x-", true}}}, {"additionalProperties", has_key}}}}}}
    );
}

}  // namespace

std::string asset_file_schema() {
    json::object root = {
        {"$schema", "https://json-schema.org/draft/2020-12/schema"},
        {"title", "Servo asset file, version 1"}};
    for (auto& member : mapping_schema(declaration(Scope::kFile), false)) {
        root.emplace(member.key(), std::move(member.value()));
    }
    for (const std::string_view key : {"partitions", "run"}) {
        root["allOf"].as_array().push_back(in_all_assets(key));
    }
    json::object definitions;
    for (size_t i = 1; i < kScopeCount; ++i) {
        definitions.emplace(
            kDefinitionNames[i], mapping_schema(declaration(static_cast<Scope>(i)), false)
        );
    }
    definitions.emplace(kFragmentName, mapping_schema(declaration(Scope::kAsset), true));
    root.emplace("$defs", std::move(definitions));
    return pretty_json(root) + "\n";
}

}  // namespace servo::config

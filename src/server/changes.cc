#include "server/changes.h"

#include <fmt/format.h>

#include <map>
#include <string>

#include "api/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "model/asset_codec.h"

namespace servo::server {
namespace {

namespace json = boost::json;

constexpr size_t kValueBytesMax = 2'000;  // of a shown value; a list of a million keys is cut

// "retries.max_attempts" → its value as text, for every member that is no object.
void flatten(
    const std::string& path, const json::value& value, std::map<std::string, std::string>& out
) {
    if (const json::object* object = value.if_object(); object != nullptr && !object->empty()) {
        for (const auto& member : *object) {
            const std::string name(member.key());
            flatten(path.empty() ? name : path + "." + name, member.value(), out);
        }
        return;
    }
    const json::string* text = value.if_string();
    out[path] = text != nullptr ? std::string(*text) : api::to_text(value);
}

std::string shown(const std::string& value) {
    return value.size() <= kValueBytesMax ? value
                                          : fmt::format("{}…", utf8_front(value, kValueBytesMax));
}

using FieldTexts = std::map<std::string, std::string>;

FieldTexts fields_of(const model::AssetSpec& spec) {
    FieldTexts out;
    flatten("", asset_to_json(spec, model::JsonDefaults::kLeaveOut), out);
    out.erase("name");
    return out;
}

json::object secret_json(const model::SecretRef& secret) {
    return secret.env.empty() ? json::object{{"file", secret.file}}
                              : json::object{{"env", secret.env}};
}

json::array windows_json(const model::PoolSpec& spec) {
    json::array out;
    for (const model::PoolWindow& window : spec.windows) {
        out.push_back(json::object{
            {"cron", window.cron},
            {"for", format_duration(window.length)},
            {"timezone", window.timezone},
            {"concurrency", window.concurrency}});
    }
    return out;
}

json::array checks_json(const model::PoolSpec& spec) {
    json::array out;
    for (const model::PoolCheck& check : spec.checks) {
        json::object one{{"url", check.url}, {"timeout", format_duration(check.timeout)}};
        if (check.bearer) {
            one["bearer"] = secret_json(*check.bearer);
        }
        json::object headers;
        for (const auto& [name, secret] : check.headers) {
            headers[name] = secret_json(secret);
        }
        if (!headers.empty()) {
            one["headers"] = std::move(headers);
        }
        out.push_back(std::move(one));
    }
    return out;
}

FieldTexts fields_of(const model::PoolSpec& spec) {
    FieldTexts out;
    if (spec.concurrency > 0) {
        out["concurrency"] = std::to_string(spec.concurrency);
    }
    if (spec.per_tenant_concurrency > 0) {
        out["per_tenant.concurrency"] = std::to_string(spec.per_tenant_concurrency);
    }
    if (!spec.windows.empty()) {
        out["windows"] = api::to_text(windows_json(spec));
    }
    if (!spec.checks.empty()) {
        out["check"] = api::to_text(checks_json(spec));
    }
    if (!spec.contact.empty()) {
        out["contact"] = spec.contact;
    }
    return out;
}

template <typename Spec>
std::vector<api::FieldChange> compare(const Spec* before, const Spec* after) {
    std::vector<api::FieldChange> out;
    if (before == nullptr || after == nullptr) {
        return out;
    }
    const FieldTexts old_fields = fields_of(*before);
    const FieldTexts new_fields = fields_of(*after);
    for (const auto& [field, value] : old_fields) {
        const auto now = new_fields.find(field);
        if (now == new_fields.end()) {
            out.push_back({field, shown(value), std::nullopt});
        } else if (now->second != value) {
            out.push_back({field, shown(value), shown(now->second)});
        }
    }
    for (const auto& [field, value] : new_fields) {
        if (!old_fields.contains(field)) {
            out.push_back({field, std::nullopt, shown(value)});
        }
    }
    return out;
}

}  // namespace

std::vector<api::FieldChange> field_changes(
    const model::AssetSpec* before, const model::AssetSpec* after
) {
    return compare(before, after);
}

std::vector<api::FieldChange> field_changes(
    const model::PoolSpec* before, const model::PoolSpec* after
) {
    return compare(before, after);
}

}  // namespace servo::server

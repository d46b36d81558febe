#include "server/changes.h"

#include <map>
#include <string>

#include "api/json.h"
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
    return value.size() <= kValueBytesMax ? value : value.substr(0, kValueBytesMax) + "…";
}

std::map<std::string, std::string> fields_of(const model::AssetSpec* spec) {
    std::map<std::string, std::string> out;
    if (spec != nullptr) {
        flatten("", asset_to_json(*spec, model::JsonDefaults::kLeaveOut), out);
        out.erase("name");
    }
    return out;
}

}  // namespace

std::vector<api::FieldChange> field_changes(
    const model::AssetSpec* before, const model::AssetSpec* after
) {
    std::vector<api::FieldChange> out;
    if (before == nullptr || after == nullptr) {
        return out;
    }
    const auto old_fields = fields_of(before);
    const auto new_fields = fields_of(after);
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

}  // namespace servo::server

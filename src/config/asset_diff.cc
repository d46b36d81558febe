#include "config/asset_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "base/text.h"
#include "model/asset_codec.h"

namespace servo::config {
namespace {

namespace json = boost::json;

constexpr size_t kKeysShownMax = 5;

using Flat = std::map<std::string, std::string>;

// A text as it is, unless it has characters that would break a line or a terminal.
std::string show(const json::value& value) {
    if (const json::string* text = value.if_string()) {
        const bool plain = !text->empty() && std::all_of(text->begin(), text->end(), [](char c) {
            return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
        });
        return plain ? std::string(*text) : json::serialize(value);
    }
    return json::serialize(value);
}

bool is_key_list(std::string_view path) {
    return path == "partitions.keys" || path == "partitions.retired" ||
           (path.starts_with("partitions.dimensions.") &&
            (path.ends_with(".keys") || path.ends_with(".retired")));
}

void flatten(const json::value& value, const std::string& path, Flat& out) {
    if (const json::object* object = value.if_object()) {
        for (const auto& member : *object) {
            const std::string name(member.key());
            flatten(member.value(), path.empty() ? name : path + "." + name, out);
        }
        return;
    }
    if (path == "partitions.dimensions") {
        json::array order;
        for (const json::value& dimension : value.as_array()) {
            json::object body = dimension.as_object();
            const std::string name(body.at("name").as_string());
            order.emplace_back(name);
            body.erase("name");
            flatten(body, path + "." + name, out);
        }
        out["partitions.dimensions"] = json::serialize(order);
        return;
    }
    out[path] = is_key_list(path) ? json::serialize(value) : show(value);
}

std::vector<std::string> texts_of(const std::string& list) {
    std::vector<std::string> out;
    if (!list.empty()) {
        const json::value parsed = json::parse(list);
        for (const json::value& item : parsed.get_array()) {
            out.emplace_back(item.as_string());
        }
    }
    return out;
}

std::string some_of(const std::vector<std::string>& keys) {
    const size_t shown = std::min(keys.size(), kKeysShownMax);
    std::string out = join({keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(shown)}, ", ");
    if (keys.size() > shown) {
        out += fmt::format(" and {} more", with_commas(static_cast<int64_t>(keys.size() - shown)));
    }
    return out;
}

// Key lists can be long: counts, and what was added or removed.
FieldChange summarise_keys(const FieldChange& change) {
    const std::vector<std::string> before = texts_of(change.before);
    const std::vector<std::string> after = texts_of(change.after);
    const std::set<std::string> had(before.begin(), before.end());
    const std::set<std::string> has(after.begin(), after.end());
    std::vector<std::string> added;
    std::vector<std::string> removed;
    std::set_difference(has.begin(), has.end(), had.begin(), had.end(), std::back_inserter(added));
    std::set_difference(
        had.begin(), had.end(), has.begin(), has.end(), std::back_inserter(removed)
    );
    const auto count = [](const std::vector<std::string>& keys) {
        return fmt::format("{} keys", with_commas(static_cast<int64_t>(keys.size())));
    };
    FieldChange out{
        change.field, before.empty() ? "" : count(before), after.empty() ? "" : count(after)};
    std::string& last = after.empty() ? out.before : out.after;
    if (!added.empty()) {
        last += ", added " + some_of(added);
    }
    if (!removed.empty()) {
        last += ", removed " + some_of(removed);
    }
    if (added.empty() && removed.empty()) {
        last += ", in another order";
    }
    return out;
}

}  // namespace

std::vector<FieldChange> diff_assets(
    const model::AssetSpec& before, const model::AssetSpec& after
) {
    Flat old_fields;
    Flat new_fields;
    flatten(asset_to_json(before, model::JsonDefaults::kInclude), "", old_fields);
    flatten(asset_to_json(after, model::JsonDefaults::kInclude), "", new_fields);
    std::map<std::string, FieldChange> changes;
    for (const auto& [field, value] : old_fields) {
        changes[field] = {field, value, ""};
    }
    for (const auto& [field, value] : new_fields) {
        FieldChange& change = changes[field];
        change.field = field;
        change.after = value;
    }
    std::vector<FieldChange> out;
    for (const auto& [field, change] : changes) {
        if (change.before != change.after) {
            out.push_back(is_key_list(field) ? summarise_keys(change) : change);
        }
    }
    return out;
}

std::string format_diff(const std::vector<FieldChange>& changes) {
    std::string out;
    for (const FieldChange& change : changes) {
        if (change.before.empty()) {
            out += fmt::format("+ {}: {}\n", change.field, change.after);
        } else if (change.after.empty()) {
            out += fmt::format("- {}: {}\n", change.field, change.before);
        } else {
            out += fmt::format("~ {}: {} → {}\n", change.field, change.before, change.after);
        }
    }
    return out;
}

}  // namespace servo::config

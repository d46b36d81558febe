#include "config/merge.h"

#include <algorithm>
#include <array>

#include "config/keys.h"

namespace servo::config {
namespace {

constexpr std::array<std::string_view, 4> kRunners = {"command", "worker", "batch", "synthetic"};
constexpr std::array<std::string_view, 2> kProducts = {"keys", "dimensions"};

bool is_mapping(const YamlNode& node) {
    return node.kind == YamlNode::Kind::kMapping;
}

template <size_t N>
std::string_view chosen(const YamlNode& node, const std::array<std::string_view, N>& forms) {
    for (const std::string_view form : forms) {
        if (node.find(form) != nullptr) {
            return form;
        }
    }
    return "";
}

void drop(YamlNode& node, std::string_view name) {
    std::erase_if(node.entries, [name](const YamlEntry& entry) { return entry.name == name; });
}

YamlNode merge(YamlNode lower, const YamlNode& upper) {
    if (!is_mapping(lower) || !is_mapping(upper)) {
        return upper;
    }
    lower.line = upper.line;
    lower.column = upper.column;
    for (const YamlEntry& entry : upper.entries) {
        if (YamlNode* below = lower.find(entry.name)) {
            *below = merge(std::move(*below), entry.value);
        } else {
            lower.entries.push_back(entry);
        }
    }
    return lower;
}

// `run`: another runner replaces the one below.
YamlNode merge_run(YamlNode lower, const YamlNode& upper) {
    if (is_mapping(lower) && is_mapping(upper)) {
        const std::string_view above = chosen(upper, kRunners);
        const std::string_view below = chosen(lower, kRunners);
        if (!above.empty() && above != below) {
            return upper;
        }
    }
    return merge(std::move(lower), upper);
}

// `partitions`: keys and dimensions replace everything below; `every` and `cron` replace each
// other. The first day of the week goes with weeks alone.
YamlNode merge_partitions(YamlNode lower, const YamlNode& upper) {
    if (!is_mapping(lower) || !is_mapping(upper)) {
        return upper;
    }
    if (!chosen(upper, kProducts).empty()) {
        return upper;
    }
    const bool windows_above = upper.find("every") != nullptr || upper.find("cron") != nullptr;
    if (windows_above) {
        if (!chosen(lower, kProducts).empty()) {
            return upper;
        }
        const YamlNode* every = upper.find("every");
        if (every == nullptr || every->text != "week") {
            drop(lower, "week_start");
        }
        for (const std::string_view form : {"every", "cron"}) {
            drop(lower, form);
        }
    }
    return merge(std::move(lower), upper);
}

// `secrets`, `upstream`: entries by name, each replaced as a whole.
YamlNode merge_entries(YamlNode lower, const YamlNode& upper) {
    if (!is_mapping(lower) || !is_mapping(upper)) {
        return upper;
    }
    for (const YamlEntry& entry : upper.entries) {
        drop(lower, entry.name);
        lower.entries.push_back(entry);
    }
    return lower;
}

}  // namespace

YamlNode merge_asset(const YamlNode& lower, const YamlNode& upper) {
    if (!is_mapping(lower) || !is_mapping(upper)) {
        return upper;
    }
    YamlNode out = lower;
    out.line = upper.line;
    out.column = upper.column;
    for (const YamlEntry& entry : upper.entries) {
        YamlNode* below = out.find(entry.name);
        if (below == nullptr) {
            out.entries.push_back(entry);
        } else if (entry.name == "run") {
            *below = merge_run(std::move(*below), entry.value);
        } else if (entry.name == "partitions") {
            *below = merge_partitions(std::move(*below), entry.value);
        } else if (entry.name == "secrets" || entry.name == "upstream") {
            *below = merge_entries(std::move(*below), entry.value);
        } else {
            *below = merge(std::move(*below), entry.value);
        }
    }
    std::erase_if(out.entries, [](const YamlEntry& entry) { return is_ignored_key(entry.name); });
    return out;
}

}  // namespace servo::config

#include "config/partitions.h"

#include <fmt/format.h>

#include <charconv>

#include "model/asset_codec.h"

namespace servo::config {
namespace {

void read_every(const Fields& fields, model::TimeWindows& windows) {
    const YamlNode* node = fields.find("every");
    if (node == nullptr) {
        return;
    }
    const auto text = read_text(*node, fields.path("every"), 40, fields.problems());
    if (!text) {
        return;
    }
    const auto every = model::parse_every(*text);
    const bool counted_day = every && every->first != model::Unit::kMinutes &&
                             every->first != model::Unit::kHours && (*text)[0] <= '9';
    if (!every || counted_day) {
        fields.problem(
            "every",
            fmt::format(
                "\"{}\" is not a window; write 15m, hour, 6h, day, week or month, or use cron.",
                *text
            )
        );
        return;
    }
    windows.unit = every->first;
    windows.every = every->second;
}

model::TimeWindows read_windows(const Fields& fields, Completeness completeness) {
    model::TimeWindows windows;
    read_every(fields, windows);
    if (fields.text("cron", windows.cron)) {
        windows.unit = model::Unit::kCron;
    }
    if (std::string day; fields.word("week_start", day)) {
        windows.week_start = *model::weekday_from(day);
        if (completeness == Completeness::kComplete && windows.unit != model::Unit::kWeek) {
            fields.problem("week_start", "Only weeks have a first day; remove it.");
        }
    }
    fields.text("timezone", windows.timezone);
    fields.text("start", windows.start);
    fields.text("end", windows.end);
    fields.integer("end_offset", windows.end_offset);
    if (completeness == Completeness::kComplete) {
        fields.require({"start"});
    }
    return windows;
}

model::StaticKeys read_keys(const Fields& fields) {
    model::StaticKeys out;
    for (const std::string_view key : {"start", "end", "timezone", "week_start", "end_offset"}) {
        if (fields.has(key)) {
            fields.problem(key, fmt::format("\"{}\" belongs to time windows, not to keys.", key));
        }
    }
    const YamlNode& list = *fields.find("keys");
    if (list.kind != YamlNode::Kind::kSequence || list.items.empty()) {
        fields.problem("keys", "Must be a list of at least one key.");
        return out;
    }
    std::map<std::string_view, size_t> seen;
    for (size_t i = 0; i < list.items.size(); ++i) {
        const YamlNode& item = list.items[i];
        const std::string path = fmt::format("{}[{}]", fields.path("keys"), i);
        if (!is_static_key(item.text)) {  // the text of a bare `null` is kept, so it is a key
            fields.problems().add(
                path,
                item,
                fmt::format(
                    "\"{}\" is not a key; use 1 to 128 letters, digits, \".\", \"_\" and \"-\".",
                    shown(item.text)
                )
            );
        } else if (const auto [first, is_new] = seen.emplace(item.text, i); !is_new) {
            fields.problems().add(
                path,
                item,
                fmt::format("\"{}\" is listed twice, first at [{}].", item.text, first->second)
            );
        } else {
            out.keys.push_back(item.text);
        }
    }
    return out;
}

std::variant<model::TimeWindows, model::StaticKeys> read_values(
    const Fields& fields, Completeness completeness
) {
    if (fields.has("keys")) {
        return read_keys(fields);
    }
    const bool has_form = fields.has("every") || fields.has("cron");
    if (completeness == Completeness::kComplete && !has_form) {
        fields.problems().add(
            fields.path(), fields.node(), "Needs one of: every, cron, keys, dimensions."
        );
        return model::StaticKeys{};
    }
    return read_windows(fields, completeness);
}

// The node that `path` ("dimensions.region.keys[3]") names below `root`, or the last one on the
// way.
const YamlNode& locate(const YamlNode& root, std::string_view path) {
    const YamlNode* at = &root;
    while (!path.empty()) {
        const YamlNode* next = nullptr;
        if (path[0] == '[') {
            size_t index = 0;
            const size_t close = path.find(']');
            const char* const end =
                path.data() + (close == std::string_view::npos ? path.size() : close);
            const auto parsed = std::from_chars(path.data() + 1, end, index);
            if (parsed.ec == std::errc() && index < at->items.size()) {
                next = &at->items[index];
            }
            path.remove_prefix(close == std::string_view::npos ? path.size() : close + 1);
        } else {
            const size_t stop = path.find_first_of(".[");
            next = at->find(path.substr(0, stop));
            path.remove_prefix(stop == std::string_view::npos ? path.size() : stop);
        }
        if (next == nullptr) {
            return *at;
        }
        at = next;
        if (path.starts_with('.')) {
            path.remove_prefix(1);
        }
    }
    return *at;
}

void report_compile_errors(const Fields& fields, const Error& error) {
    if (error.fields.empty()) {
        fields.problems().add(fields.path(), fields.node(), error.message);
        return;
    }
    for (const FieldError& problem : error.fields) {
        const std::string path = problem.field.empty() ? fields.path() : fields.path(problem.field);
        fields.problems().add(path, locate(fields.node(), problem.field), problem.message);
    }
}

}  // namespace

model::SchemeSpec read_partitions(const Fields& fields, Completeness completeness) {
    model::SchemeSpec scheme;
    const size_t problems_before = fields.problems().reported();
    if (fields.has("dimensions")) {
        for (const YamlEntry& entry : fields.node().entries) {
            if (entry.name != "dimensions" && fields.has(entry.name)) {
                fields.problem(
                    entry.name,
                    fmt::format("\"{}\" belongs inside one of the dimensions.", entry.name)
                );
            }
        }
        fields.entries(
            "dimensions",
            kDimensionNames,
            [&](const std::string& name, const YamlNode& value, const std::string& path) {
                const Fields dimension(value, Scope::kDimension, path, fields.problems());
                scheme.dimensions.push_back({name, read_values(dimension, completeness)});
            }
        );
    } else {
        scheme.dimensions.push_back({"", read_values(fields, completeness)});
    }
    if (completeness == Completeness::kComplete &&
        fields.problems().reported() == problems_before) {
        const auto compiled = model::PartitionScheme::compile(scheme);
        if (!compiled) {
            report_compile_errors(fields, compiled.error());
        }
    }
    return scheme;
}

void check_cron(const Fields& fields, const std::string& cron, const std::string& timezone) {
    model::TimeWindows windows;
    windows.unit = model::Unit::kCron;
    windows.cron = cron;
    windows.timezone = timezone;
    windows.start = "2024-01-01";
    model::SchemeSpec scheme;
    scheme.dimensions.push_back({"", windows});
    const auto compiled = model::PartitionScheme::compile(scheme);
    if (!compiled) {
        report_compile_errors(fields, compiled.error());
    }
}

}  // namespace servo::config

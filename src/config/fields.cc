#include "config/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "base/suggest.h"
#include "base/text.h"
#include "base/utf8.h"
#include "model/asset_codec.h"

namespace servo::config {
namespace {

const YamlNode& empty_mapping() {
    static const YamlNode kEmpty = [] {
        YamlNode node;
        node.kind = YamlNode::Kind::kMapping;
        return node;
    }();
    return kEmpty;
}

constexpr std::string_view kLowerHint =
    "lower-case letters, digits, \".\", \"_\" and \"-\", a letter or digit first";

std::string no_value(const YamlNode& node) {
    return node.text.empty()
               ? "Has no value; give it one or remove the line."
               : fmt::format("Has no value; if the text is meant, write \"{}\".", node.text);
}

std::string not_text(const YamlNode& node) {
    return fmt::format("Must be a single value, not {}.", describe_kind(node));
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t';
    });
}

// "whole.tenths" with up to `decimals` digits after the point, scaled by 10^decimals.
std::optional<int64_t> parse_decimal(std::string_view text, int decimals) {
    const size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    std::string digits(whole);
    std::string_view rest;
    if (point != std::string_view::npos) {
        rest = text.substr(point + 1);
        if (rest.empty() || rest.size() > static_cast<size_t>(decimals)) {
            return std::nullopt;
        }
    }
    digits += rest;
    digits.append(static_cast<size_t>(decimals) - rest.size(), '0');
    const bool all_digits = !whole.empty() && std::all_of(digits.begin(), digits.end(), [](char c) {
        return c >= '0' && c <= '9';
    });
    if (!all_digits) {
        return std::nullopt;
    }
    const Result<int64_t> value =
        parse_integer(digits, 0, std::numeric_limits<int64_t>::max() / 1'000);
    return value ? std::optional(*value) : std::nullopt;
}

}  // namespace

const NameRule kAssetNames = {is_name, "asset name", kLowerHint};
const NameRule kPoolNames = {is_name, "pool name", kLowerHint};
const NameRule kTenantNames = {
    is_tenant_name, "tenant name", "at most 63 lower-case letters, digits, \".\", \"_\" and \"-\""};
const NameRule kDimensionNames = {
    is_dimension_name,
    "dimension name",
    "a lower-case letter, then at most 62 lower-case letters, digits and \"_\""};
const NameRule kVariableNames = {
    is_variable_name,
    "environment variable",
    "letters, digits and \"_\", no digit first; SERVO_ is for Servo's own"};
const NameRule kHeaderNames = {
    .accepts = is_header_name,
    .noun = "header name",
    .hint = "at most 64 letters, digits and \"-\"",
    .x_is_name = true};
const NameRule kLabelNames = {
    is_static_key, "label name", "at most 128 letters, digits, \".\", \"_\" and \"-\""};

std::string shown(std::string_view text) {
    constexpr size_t kShownBytesMax = 128;
    if (text.size() <= kShownBytesMax) {
        return std::string(text);
    }
    const std::string_view front = text.substr(0, kShownBytesMax);
    return fmt::format("{}… ({} bytes)", front.substr(0, valid_utf8_prefix(front)), text.size());
}

void Problems::add(std::string field, const YamlNode& at, std::string message) {
    ++reported_;
    if (!seen_.emplace(at.line, at.column, message).second) {
        return;
    }
    if (list_.size() >= kProblemsMax) {
        ++left_out_;
        seen_.erase({at.line, at.column, message});  // bounded memory; counts may repeat
        return;
    }
    list_.push_back({std::move(field), at.line, std::move(message)});
}

std::vector<FieldError> Problems::take() {
    std::stable_sort(list_.begin(), list_.end(), [](const FieldError& a, const FieldError& b) {
        return a.line < b.line;
    });
    if (left_out_ > 0) {
        list_.push_back({"", 0, "More problems follow; they are shown when these are gone."});
    }
    return std::move(list_);
}

Fields::Fields(const YamlNode& node, Scope scope, std::string path, Problems& problems)
    : node_(&node), scope_(scope), path_(std::move(path)), problems_(&problems) {
    if (node.kind != YamlNode::Kind::kMapping) {
        problems.add(path_, node, fmt::format("Must be a mapping, not {}.", describe_kind(node)));
        node_ = &empty_mapping();
        return;
    }
    check_keys();
    check_exclusions();
}

void Fields::check_keys() const {
    for (const YamlEntry& entry : node_->entries) {
        if (is_ignored_key(entry.name)) {
            continue;
        }
        YamlNode at = {};
        at.line = entry.line;
        at.column = entry.value.column;
        const KeyDecl* key = find_key(scope_, entry.name);
        if (key == nullptr && scope_ == Scope::kSecret) {
            // The unknown word may be the secret itself.
            problems_->add(path_, at, "Only env and file are known here, never the value itself.");
        } else if (key == nullptr) {
            const std::vector<std::string> known = known_keys(scope_);
            std::string advice = did_you_mean(shown(entry.name), known);
            if (advice.empty()) {
                advice = fmt::format(" Known: {}.", join(known, ", "));
            }
            problems_->add(
                path(entry.name),
                at,
                fmt::format("\"{}\" is not known here.{}", shown(entry.name), advice)
            );
        } else if (key->reserved) {
            problems_->add(
                path(entry.name), at, fmt::format("\"{}\" is not in this version.", entry.name)
            );
        } else if (entry.value.kind == YamlNode::Kind::kNull) {
            problems_->add(path(entry.name), at, no_value(entry.value));
        }
    }
}

void Fields::check_exclusions() const {
    std::vector<std::string> present;
    for (const std::string_view key : declaration(scope_).at_most_one) {
        if (has(key)) {
            present.emplace_back(key);
        }
    }
    if (present.size() > 1) {
        problem(
            present[1],
            fmt::format("\"{}\" and \"{}\" exclude each other; keep one.", present[0], present[1])
        );
    }
}

std::string Fields::path(std::string_view key) const {
    return path_.empty() ? shown(key) : fmt::format("{}.{}", path_, shown(key));
}

const YamlNode* Fields::find(std::string_view key) const {
    const YamlNode* value = node_->find(key);
    const bool usable = value != nullptr && value->kind != YamlNode::Kind::kNull &&
                        find_key(scope_, key) != nullptr;
    return usable ? value : nullptr;
}

void Fields::problem(std::string_view key, std::string message) const {
    const YamlNode* value = find(key);
    problems_->add(path(key), value == nullptr ? *node_ : *value, std::move(message));
}

void Fields::require(const std::vector<std::string_view>& keys) const {
    for (const std::string_view key : keys) {
        if (node_->find(key) == nullptr) {
            problem(key, fmt::format("\"{}\" is missing.", key));
        }
    }
}

const KeyDecl& Fields::key_of(std::string_view key) const {
    const KeyDecl* found = find_key(scope_, key);
    SERVO_ASSERT(found != nullptr);
    return *found;
}

const YamlNode* Fields::scalar(std::string_view key) const {
    const YamlNode* value = find(key);
    if (value != nullptr && value->kind != YamlNode::Kind::kScalar) {
        problem(key, not_text(*value));
        return nullptr;
    }
    return value;
}

bool Fields::text(std::string_view key, std::string& out) const {
    const YamlNode* value = scalar(key);
    if (value == nullptr) {
        return false;
    }
    const KeyDecl& decl = key_of(key);
    const auto length = static_cast<int64_t>(value->text.size());
    if (length < decl.low || length > decl.high) {
        problem(
            key,
            length == 0 ? "Must not be empty."
                        : fmt::format("Has {} bytes; at most {} are allowed.", length, decl.high)
        );
        return false;
    }
    if (has_control_character(value->text)) {
        problem(key, "Must not contain control characters.");
        return false;
    }
    out = value->text;
    return true;
}

bool Fields::boolean(std::string_view key, bool& out) const {
    const YamlNode* value = scalar(key);
    if (value == nullptr) {
        return false;
    }
    if (value->quoted || (value->text != "true" && value->text != "false")) {
        problem(key, fmt::format("Must be true or false, not \"{}\".", value->text));
        return false;
    }
    out = value->text == "true";
    return true;
}

bool Fields::integer(std::string_view key, int64_t& out) const {
    const YamlNode* value = find(key);
    if (value == nullptr) {
        return false;
    }
    const KeyDecl& decl = key_of(key);
    const auto number = read_integer(*value, path(key), decl.low, decl.high, *problems_);
    out = number.value_or(out);
    return number.has_value();
}

bool Fields::integer(std::string_view key, int& out) const {
    int64_t wide = out;
    const bool found = integer(key, wide);
    SERVO_ASSERT(
        wide >= std::numeric_limits<int>::min() && wide <= std::numeric_limits<int>::max()
    );
    out = static_cast<int>(wide);
    return found;
}

bool Fields::micros(std::string_view key, Micros& out) const {
    const YamlNode* value = scalar(key);
    if (value == nullptr) {
        return false;
    }
    const Result<Micros> parsed = model::parse_micros(value->text);
    if (!parsed) {
        problem(key, parsed.error().message);
        return false;
    }
    const KeyDecl& decl = key_of(key);
    if (parsed->count() < decl.low || parsed->count() > decl.high) {
        problem(
            key,
            fmt::format(
                "Must be from {} to {}, not {}.",
                model::format_micros(Micros(decl.low)),
                model::format_micros(Micros(decl.high)),
                value->text
            )
        );
        return false;
    }
    out = *parsed;
    return true;
}

bool Fields::duration(std::string_view key, Millis& out) const {
    const YamlNode* value = scalar(key);
    if (value == nullptr) {
        return false;
    }
    const Result<Millis> parsed = parse_duration(value->text);
    if (!parsed) {
        problem(key, parsed.error().message);
        return false;
    }
    const KeyDecl& decl = key_of(key);
    if (parsed->count() < decl.low || parsed->count() > decl.high) {
        problem(
            key,
            fmt::format(
                "Must be from {} to {}, not {}.",
                format_duration(Millis(decl.low)),
                format_duration(Millis(decl.high)),
                value->text
            )
        );
        return false;
    }
    out = *parsed;
    return true;
}

bool Fields::bytes(std::string_view key, int64_t& out) const {
    const YamlNode* value = scalar(key);
    if (value == nullptr) {
        return false;
    }
    const Result<int64_t> parsed = parse_bytes(value->text);
    if (!parsed) {
        problem(key, parsed.error().message);
        return false;
    }
    const KeyDecl& decl = key_of(key);
    if (*parsed < decl.low || *parsed > decl.high) {
        problem(
            key,
            fmt::format(
                "Must be from {} to {}, not {}.",
                model::format_bytes(decl.low),
                model::format_bytes(decl.high),
                value->text
            )
        );
        return false;
    }
    out = *parsed;
    return true;
}

bool Fields::cpu(std::string_view key, int& milli) const {
    const YamlNode* value = scalar(key);
    if (value == nullptr) {
        return false;
    }
    const KeyDecl& decl = key_of(key);
    const std::optional<int64_t> parsed = parse_cpu(value->text);
    if (!parsed || *parsed < decl.low || *parsed > decl.high) {
        problem(
            key,
            fmt::format(
                "\"{}\" is not a number of processors; write it like 1, 0.5 or 500m.", value->text
            )
        );
        return false;
    }
    milli = static_cast<int>(*parsed);
    return true;
}

bool Fields::percent(std::string_view key, int& per_mille) const {
    const YamlNode* value = scalar(key);
    if (value == nullptr) {
        return false;
    }
    const KeyDecl& decl = key_of(key);
    const std::optional<int64_t> parsed = parse_percent(value->text);
    if (!parsed || *parsed < decl.low || *parsed > decl.high) {
        problem(
            key,
            fmt::format(
                "\"{}\" is not a percentage from 0% to {}%; write it like 20% or 0.5%.",
                value->text,
                decl.high / 10
            )
        );
        return false;
    }
    per_mille = static_cast<int>(*parsed);
    return true;
}

bool Fields::word(std::string_view key, std::string& out) const {
    const YamlNode* value = scalar(key);
    if (value == nullptr) {
        return false;
    }
    const KeyDecl& decl = key_of(key);
    if (std::find(decl.words.begin(), decl.words.end(), value->text) == decl.words.end()) {
        const std::vector<std::string> words(decl.words.begin(), decl.words.end());
        problem(
            key,
            fmt::format(
                "Must be one of {}, not \"{}\".{}",
                join(words, ", "),
                value->text,
                did_you_mean(value->text, words)
            )
        );
        return false;
    }
    out = value->text;
    return true;
}

bool Fields::text_list(std::string_view key, std::vector<std::string>& out) const {
    const YamlNode* value = find(key);
    if (value == nullptr) {
        return false;
    }
    if (value->kind != YamlNode::Kind::kSequence) {
        problem(key, fmt::format("Must be a list, not {}.", describe_kind(*value)));
        return false;
    }
    const KeyDecl& decl = key_of(key);
    const auto count = static_cast<int64_t>(value->items.size());
    if (count < decl.low || count > decl.high) {
        problem(key, fmt::format("Must have {} to {} items, not {}.", decl.low, decl.high, count));
        return false;
    }
    std::vector<std::string> texts;
    for (size_t i = 0; i < value->items.size(); ++i) {
        const auto text = read_text(
            value->items[i], fmt::format("{}[{}]", path(key), i), kYamlBytesMax, *problems_
        );
        if (!text) {
            return false;
        }
        texts.push_back(*text);
    }
    out = std::move(texts);
    return true;
}

std::optional<Fields> Fields::child(std::string_view key) const {
    const YamlNode* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    return Fields(*value, key_of(key).child, path(key), *problems_);
}

void Fields::entries(std::string_view key, const NameRule& rule, const EachEntry& each) const {
    const YamlNode* value = find(key);
    if (value == nullptr) {
        return;
    }
    if (value->kind != YamlNode::Kind::kMapping) {
        problem(
            key, fmt::format("Must be a mapping by {}, not {}.", rule.noun, describe_kind(*value))
        );
        return;
    }
    for (const YamlEntry& entry : value->entries) {
        if (is_ignored_key(entry.name) && !rule.x_is_name) {
            continue;
        }
        const std::string entry_path = fmt::format("{}.{}", path(key), shown(entry.name));
        YamlNode at = {};
        at.line = entry.line;
        at.column = entry.value.column;
        if (!rule.accepts(entry.name)) {
            problems_->add(
                entry_path,
                at,
                fmt::format(
                    "\"{}\" is not a valid {}; use {}.{}",
                    shown(entry.name),
                    rule.noun,
                    rule.hint,
                    rule.known == nullptr ? "" : did_you_mean(entry.name, *rule.known)
                )
            );
        } else if (entry.value.kind == YamlNode::Kind::kNull) {
            problems_->add(entry_path, at, no_value(entry.value));
        } else {
            each(entry.name, entry.value, entry_path);
        }
    }
}

std::optional<int64_t> read_integer(
    const YamlNode& node, const std::string& path, int64_t low, int64_t high, Problems& problems
) {
    if (node.kind != YamlNode::Kind::kScalar) {
        problems.add(path, node, not_text(node));
        return std::nullopt;
    }
    if (node.quoted) {
        problems.add(
            path, node, fmt::format("\"{}\" is text; write the number without quotes.", node.text)
        );
        return std::nullopt;
    }
    const Result<int64_t> value = parse_integer(node.text, low, high);
    if (!value) {
        problems.add(path, node, value.error().message);
        return std::nullopt;
    }
    return *value;
}

std::optional<std::string> read_text(
    const YamlNode& node, const std::string& path, int64_t length_max, Problems& problems
) {
    if (node.kind == YamlNode::Kind::kNull) {
        problems.add(path, node, no_value(node));
        return std::nullopt;
    }
    if (node.kind != YamlNode::Kind::kScalar) {
        problems.add(path, node, not_text(node));
        return std::nullopt;
    }
    if (static_cast<int64_t>(node.text.size()) > length_max) {
        problems.add(
            path,
            node,
            fmt::format("Has {} bytes; at most {} are allowed.", node.text.size(), length_max)
        );
        return std::nullopt;
    }
    return node.text;
}

std::optional<int64_t> parse_cpu(std::string_view text) {
    if (text.ends_with('m')) {
        return parse_decimal(text.substr(0, text.size() - 1), 0);
    }
    return parse_decimal(text, 3);
}

std::optional<int64_t> parse_percent(std::string_view text) {
    if (!text.ends_with('%')) {
        return std::nullopt;
    }
    return parse_decimal(text.substr(0, text.size() - 1), 1);
}

}  // namespace servo::config

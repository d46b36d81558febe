#include "config/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/assert.h"
#include "base/suggest.h"
#include "base/text.h"
#include "config/keys.h"
#include "config/yaml_tree.h"
#include "model/asset_codec.h"

namespace servo::config {
namespace {

std::string bad_value(const OptionDecl& option, std::string_view text, std::string_view want) {
    return option.secret ? fmt::format("Must be {}.", want)
                         : fmt::format("Must be {}, not \"{}\".", want, text);
}

std::string bounds_text(const OptionDecl& option) {
    if (option.form == OptionForm::kDuration) {
        return fmt::format(
            "a duration from {} to {}",
            format_duration(Millis(option.low)),
            format_duration(Millis(option.high))
        );
    }
    if (option.form == OptionForm::kBytes) {
        return fmt::format(
            "a size from {} to {}",
            model::format_bytes(option.low),
            model::format_bytes(option.high)
        );
    }
    const std::string_view also = option.form == OptionForm::kSlots ? ", or auto" : "";
    return fmt::format("a whole number from {} to {}{}", option.low, option.high, also);
}

bool within(const OptionDecl& option, int64_t value) {
    return value >= option.low && value <= option.high;
}

// What is wrong with `text`; nothing when it is right.
std::optional<std::string> check(const OptionDecl& option, std::string_view text) {
    const bool is_word =
        std::find(option.words.begin(), option.words.end(), text) != option.words.end();
    switch (option.form) {
        case OptionForm::kText:
        case OptionForm::kPath: {
            const auto length = static_cast<int64_t>(text.size());
            const bool clean = std::all_of(text.begin(), text.end(), [](char c) {
                return static_cast<unsigned char>(c) >= 0x20;
            });
            if (!clean || !within(option, length)) {
                return fmt::format(
                    "Must be text of {} to {} bytes without control characters.",
                    option.low,
                    option.high
                );
            }
            return std::nullopt;
        }
        case OptionForm::kAddress: {
            const Result<Address> address = parse_address(text);
            return is_word || address ? std::nullopt : std::optional(address.error().message);
        }
        case OptionForm::kSlots:
            if (text == "auto") {
                return std::nullopt;
            }
            [[fallthrough]];
        case OptionForm::kInteger:
            return parse_integer(text, option.low, option.high)
                       ? std::nullopt
                       : std::optional(bad_value(option, text, bounds_text(option)));
        case OptionForm::kDuration: {
            const Result<Millis> value = parse_duration(text);
            return value && within(option, value->count())
                       ? std::nullopt
                       : std::optional(bad_value(option, text, bounds_text(option)));
        }
        case OptionForm::kBytes: {
            const Result<int64_t> value = parse_bytes(text);
            return value && within(option, *value)
                       ? std::nullopt
                       : std::optional(bad_value(option, text, bounds_text(option)));
        }
        case OptionForm::kTexts:
        case OptionForm::kNumbers:
            return std::nullopt;  // see check_entry
        case OptionForm::kWord:
            break;
    }
    const std::string want = fmt::format("one of {}", fmt::join(option.words, ", "));
    return is_word ? std::nullopt
                   : std::optional(
                         bad_value(option, text, want) +
                         did_you_mean(text, {option.words.begin(), option.words.end()})
                     );
}

// What is wrong with an entry of a mapping; nothing when it is right.
std::optional<std::string> check_entry(
    const OptionDecl& option, const std::string& key, const std::string& text
) {
    const std::vector<std::string> known(option.words.begin(), option.words.end());
    if (std::find(known.begin(), known.end(), key) == known.end()) {
        return fmt::format(
            "\"{}\" is not one of {}.{}", key, fmt::join(known, ", "), did_you_mean(key, known)
        );
    }
    if (option.form == OptionForm::kTexts) {
        OptionDecl one = option;
        one.form = OptionForm::kText;
        return check(one, text);
    }
    double number = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    const bool fine = read.ec == std::errc() && read.ptr == end && std::isfinite(number);
    const bool is_share =
        std::find(option.shares.begin(), option.shares.end(), key) != option.shares.end();
    if (fine && number > 0 && (number <= 1 || !is_share)) {
        return std::nullopt;
    }
    return bad_value(
        option, text, is_share ? "a number above 0 and at most 1" : "a number above 0"
    );
}

std::vector<std::string> names_of(const std::vector<OptionDecl>& declarations) {
    std::vector<std::string> names;
    for (const OptionDecl& option : declarations) {
        names.emplace_back(option.name);
    }
    return names;
}

template <typename T>
const T* find(const std::map<std::string, T>& values, const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : &found->second;
}

// "server.yaml: line 3: slots"; what is not known is left out.
std::string place_of(const std::string& path, int line, const std::string& field) {
    std::string out = path;
    if (line > 0) {
        out += fmt::format("{}line {}", out.empty() ? "" : ": ", line);
    }
    return field.empty() ? out : out + (out.empty() ? "" : ": ") + field;
}

Error invalid(std::string reason, std::vector<FieldError> problems, const std::string& path = "") {
    const FieldError& first = problems.front();
    const std::string where = place_of(first.line > 0 ? path : "", first.line, first.field);
    Error error =
        invalid_argument(std::move(reason), where + (where.empty() ? "" : ": ") + first.message);
    error.fields = std::move(problems);
    return error;
}

// An entry of the file as an option takes it. Error: what is wrong with it.
Result<OptionsFile::Typed> typed_as(
    const YamlEntry& entry, const std::vector<OptionDecl>& declarations
) {
    const auto wrong = [](std::string message) {
        return fail(invalid_argument("invalid_config_file", std::move(message)));
    };
    const auto option =
        std::find_if(declarations.begin(), declarations.end(), [&entry](const OptionDecl& one) {
            return one.name == entry.name;
        });
    if (option == declarations.end()) {
        return wrong(fmt::format(
            "There is no option \"{}\".{}",
            entry.name,
            did_you_mean(entry.name, names_of(declarations))
        ));
    }
    const auto expected = is_mapping(*option) ? YamlNode::Kind::kMapping : YamlNode::Kind::kScalar;
    if (entry.value.kind != expected) {
        return wrong(fmt::format(
            "Must be {}, not {}.",
            is_mapping(*option) ? "a mapping" : "a single value",
            describe_kind(entry.value)
        ));
    }
    OptionsFile::Typed out{entry.value.text, entry.line};
    for (const YamlEntry& one : entry.value.entries) {
        if (one.value.kind != YamlNode::Kind::kScalar) {
            return wrong(fmt::format(
                "{} must be a single value, not {}.", one.name, describe_kind(one.value)
            ));
        }
        out.entries[one.name] = one.value.text;
        out.text += fmt::format("{}{}: {}", out.text.empty() ? "" : ", ", one.name, one.value.text);
    }
    return out;
}

}  // namespace

bool is_mapping(const OptionDecl& option) {
    return option.form == OptionForm::kTexts || option.form == OptionForm::kNumbers;
}

std::string flag_of(const OptionDecl& option) {
    std::string out = "--" + std::string(option.name);
    std::replace(out.begin(), out.end(), '_', '-');
    return out;
}

std::string variable_of(const OptionDecl& option) {
    std::string out = "SERVO_";
    for (const char c : option.name) {
        out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return out;
}

std::string_view to_string(OptionSource source) {
    switch (source) {
        case OptionSource::kDefault:
            return "default";
        case OptionSource::kFile:
            return "file";
        case OptionSource::kEnvironment:
            return "environment";
        case OptionSource::kFlag:
            return "flag";
    }
    return "default";
}

Result<Address> parse_address(std::string_view text) {
    const auto bad = [&] {
        return fail(invalid_argument(
            "bad_address",
            fmt::format(
                "\"{}\" is not an address; write host:port, such as 127.0.0.1:7420 or [::1]:7420.",
                text
            )
        ));
    };
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return bad();
    }
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    const bool clean =
        !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [&](char c) {
            const auto byte = static_cast<unsigned char>(c);
            return std::isalnum(byte) != 0 || c == '.' || c == '-' || c == '_' ||
                   (bracketed && (c == ':' || c == '%'));
        });
    const Result<int64_t> port = parse_integer(text.substr(colon + 1), 0, 65'535);
    if (!clean || !port) {
        return bad();
    }
    return Address{std::string(host), static_cast<uint16_t>(*port)};
}

Result<Options> Options::resolve(
    const OptionInput& input, const std::vector<OptionDecl>& declarations
) {
    Options out;
    std::vector<FieldError> problems;
    const std::vector<std::string> names = names_of(declarations);
    const auto expect_known = [&](const std::string& name, int line) {
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            problems.push_back(
                {name,
                 line,
                 fmt::format("There is no option \"{}\".{}", name, did_you_mean(name, names))}
            );
        }
    };
    for (const auto& [name, typed] : input.file.values) {
        expect_known(name, typed.line);
    }
    for (const auto& [name, text] : input.flags) {
        expect_known(name, 0);
    }
    for (const OptionDecl& option : declarations) {
        const std::string name(option.name);
        Value value{&option, std::string(option.usual), OptionSource::kDefault, name};
        FieldError where{name, 0, ""};
        if (const auto* typed = find(input.file.values, name)) {
            value = {
                &option,
                typed->text,
                OptionSource::kFile,
                place_of(input.file.path, typed->line, name),
                typed->entries};
            where.line = typed->line;
            for (const auto& [key, text] : typed->entries) {
                if (auto problem = check_entry(option, key, text)) {
                    problems.push_back({name + "." + key, typed->line, *std::move(problem)});
                }
            }
        }
        const auto take = [&](const std::string* text, OptionSource source, std::string typed_at) {
            if (text != nullptr) {
                where = {typed_at, 0, ""};
                value = {&option, *text, source, std::move(typed_at)};
            }
        };
        if (!is_mapping(option)) {
            take(
                find(input.environment, variable_of(option)),
                OptionSource::kEnvironment,
                variable_of(option)
            );
            take(find(input.flags, name), OptionSource::kFlag, flag_of(option));
        }
        if (auto problem = check(option, value.text)) {
            where.message = *std::move(problem);
            problems.push_back(std::move(where));
        }
        out.values_.push_back(std::move(value));
    }
    if (!problems.empty()) {
        return fail(invalid("invalid_option", std::move(problems), input.file.path));
    }
    return out;
}

const Options::Value& Options::value(std::string_view name) const {
    const auto found = std::find_if(values_.begin(), values_.end(), [name](const Value& value) {
        return value.declaration->name == name;
    });
    SERVO_ASSERT(found != values_.end());
    return *found;
}

const std::string& Options::text(std::string_view name) const {
    return value(name).text;
}

const std::string& Options::typed_at(std::string_view name) const {
    return value(name).typed_at;
}

OptionSource Options::source(std::string_view name) const {
    return value(name).source;
}

int64_t Options::integer(std::string_view name) const {
    const Value& found = value(name);
    const bool is_slots = found.declaration->form == OptionForm::kSlots;
    SERVO_ASSERT(is_slots || found.declaration->form == OptionForm::kInteger);
    if (is_slots && found.text == "auto") {
        return 0;
    }
    return parse_integer(found.text, found.declaration->low, found.declaration->high).value();
}

Millis Options::duration(std::string_view name) const {
    const Value& found = value(name);
    SERVO_ASSERT(found.declaration->form == OptionForm::kDuration);
    return parse_duration(found.text).value();
}

int64_t Options::bytes(std::string_view name) const {
    const Value& found = value(name);
    SERVO_ASSERT(found.declaration->form == OptionForm::kBytes);
    return parse_bytes(found.text).value();
}

Address Options::address(std::string_view name) const {
    const Value& found = value(name);
    SERVO_ASSERT(found.declaration->form == OptionForm::kAddress && !is_off(name));
    return parse_address(found.text).value();
}

const std::map<std::string, std::string>& Options::entries(std::string_view name) const {
    const Value& found = value(name);
    SERVO_ASSERT(is_mapping(*found.declaration));
    return found.entries;
}

std::vector<Options::Row> Options::rows() const {
    std::vector<Row> out;
    for (const Value& one : values_) {
        const OptionDecl& option = *one.declaration;
        out.push_back(
            {std::string(option.name),
             option.secret && !one.text.empty() ? "(hidden)" : one.text,
             one.source,
             one.source == OptionSource::kEnvironment ? variable_of(option)
             : one.source == OptionSource::kFlag      ? flag_of(option)
                                                      : ""}
        );
    }
    return out;
}

Result<OptionsFile> parse_options_file(
    std::string_view text, const std::vector<OptionDecl>& declarations
) {
    Result<YamlNode> root = parse_yaml(text);
    if (!root) {
        return fail(invalid("invalid_config_file", std::move(root.error().fields)));
    }
    OptionsFile out;
    std::vector<FieldError> problems;
    if (root->kind != YamlNode::Kind::kMapping && root->kind != YamlNode::Kind::kNull) {
        problems.push_back(
            {"", root->line, fmt::format("Must be a mapping, not {}.", describe_kind(*root))}
        );
    }
    for (const YamlEntry& entry : root->entries) {
        if (is_ignored_key(entry.name)) {
            continue;
        }
        auto typed = typed_as(entry, declarations);
        if (typed) {
            out.values[entry.name] = *std::move(typed);
        } else {
            problems.push_back({entry.name, entry.line, std::move(typed.error().message)});
        }
    }
    if (!problems.empty()) {
        return fail(invalid("invalid_config_file", std::move(problems)));
    }
    return out;
}

}  // namespace servo::config

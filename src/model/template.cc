#include "model/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/suggest.h"

namespace servo::model {
namespace {

constexpr std::string_view kDimensionPrefix = "partition.dim.";

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

// A stretch of a template: literal text, or one {word}.
struct Piece {
    std::string_view text;
    bool is_word = false;
};

// Cuts the next piece off `rest`, which is not empty.
Piece next_piece(std::string_view& rest, TemplateSyntax syntax) {
    const auto cut = [&rest](size_t length, size_t from, size_t count, bool is_word) {
        const Piece piece{rest.substr(from, count), is_word};
        rest.remove_prefix(length);
        return piece;
    };
    if (syntax == TemplateSyntax::kShell && rest.starts_with("${")) {
        return cut(2, 0, 2, false);
    }
    if (rest.starts_with("{{")) {
        return cut(2, 1, 1, false);
    }
    if (rest[0] == '{') {
        size_t end = 1;
        while (end < rest.size() && is_word_character(rest[end])) {
            ++end;
        }
        if (end > 1 && end < rest.size() && rest[end] == '}') {
            return cut(end + 1, 1, end - 1, true);
        }
    }
    size_t length = 1;
    while (length < rest.size() && rest[length] != '{' && rest[length] != '$') {
        ++length;
    }
    return cut(length, 0, length, false);
}

Error bad_template(std::string message) {
    return invalid_argument("bad_template", std::move(message));
}

std::vector<std::string> words_of(const TemplateScope& scope) {
    if (scope.use == TemplateUse::kWorker) {
        return {"tenant"};
    }
    std::vector<std::string> words;
    if (scope.use == TemplateUse::kPartition) {
        words = {"partition.key", "partition.index"};
        for (const std::string& name : scope.dimensions) {
            words.push_back(std::string(kDimensionPrefix) + name);
        }
    }
    if (scope.has_window) {
        words.push_back("partition.start");
        words.push_back("partition.end");
    }
    words.push_back("tenant");
    words.push_back("attempt");
    return words;
}

std::string why_absent(std::string_view word, const TemplateScope& scope) {
    const bool is_window = word == "partition.start" || word == "partition.end";
    const bool is_ours = is_window || word == "partition.key" || word == "partition.index" ||
                         word == "attempt" || word.starts_with(kDimensionPrefix);
    if (is_ours && scope.use == TemplateUse::kWorker) {
        return " A worker serves many partitions: they arrive on its stdin.";
    }
    if (is_window && !scope.has_window) {
        return " The asset's partitions have no time windows.";
    }
    if (is_ours && scope.use == TemplateUse::kBatch && !is_window) {
        return " A batch serves many partitions: their keys are in $SERVO_PARTITION_KEYS_FILE.";
    }
    return "";
}

std::optional<std::string> value_of(std::string_view word, const TemplateValues& values) {
    const auto present = [](const std::string& text) {
        return text.empty() ? std::nullopt : std::optional(text);
    };
    if (word == "partition.key") {
        return present(values.key);
    }
    if (word == "partition.start") {
        return present(values.start);
    }
    if (word == "partition.end") {
        return present(values.end);
    }
    if (word == "partition.index") {
        return fmt::format("{}", values.index);
    }
    if (word == "tenant") {
        return present(values.tenant);
    }
    if (word == "attempt") {
        return fmt::format("{}", values.attempt);
    }
    if (word.starts_with(kDimensionPrefix)) {
        const auto found =
            values.dimensions.find(std::string(word.substr(kDimensionPrefix.size())));
        return found == values.dimensions.end() ? std::nullopt : std::optional(found->second);
    }
    return std::nullopt;
}

bool safe_in_shell(std::string_view value) {
    return std::all_of(value.begin(), value.end(), [](char c) {
        return is_word_character(c) || c == ':' || c == '+';
    });
}

}  // namespace

Status check_template(std::string_view text, const TemplateScope& scope, TemplateSyntax syntax) {
    const std::vector<std::string> words = words_of(scope);
    // `${partition.key}` is no variable of a shell, and without one the "$" would stay.
    for (size_t at = text.find("${"); at != text.npos; at = text.find("${", at + 1)) {
        if (at > 0 && (text[at - 1] == '$' || text[at - 1] == '\\')) {
            continue;  // a "$" that is meant, as in a text of SQL
        }
        const std::string_view word = text.substr(at + 2, text.find('}', at) - at - 2);
        if (word.find('.') != word.npos &&
            std::find(words.begin(), words.end(), word) != words.end()) {
            return fail(bad_template(
                fmt::format("\"${{{0}}}\" is not replaced; write {{{0}}}, without the \"$\".", word)
            ));
        }
    }
    while (!text.empty()) {
        const Piece piece = next_piece(text, syntax);
        if (!piece.is_word) {
            continue;
        }
        if (std::find(words.begin(), words.end(), piece.text) == words.end()) {
            std::string advice = why_absent(piece.text, scope);
            if (advice.empty()) {
                advice = did_you_mean(piece.text, words);
            }
            return fail(bad_template(fmt::format(
                "\"{{{}}}\" cannot be replaced here.{} Known: {}; write {{{{ for a brace.",
                piece.text,
                advice,
                fmt::join(words, ", ")
            )));
        }
        if (syntax == TemplateSyntax::kShell && piece.text == "partition.key" &&
            scope.dimensions.size() > 1) {
            return fail(bad_template(
                "\"{partition.key}\" of several dimensions contains \"|\", which a shell "
                "interprets; write \"$SERVO_PARTITION_KEY\" in a script."
            ));
        }
    }
    return {};
}

Result<std::string> expand_template(
    std::string_view text, const TemplateValues& values, TemplateSyntax syntax
) {
    std::string out;
    while (!text.empty()) {
        const Piece piece = next_piece(text, syntax);
        if (!piece.is_word) {
            out += piece.text;
        } else {
            const std::optional<std::string> value = value_of(piece.text, values);
            if (!value) {
                return fail(bad_template(fmt::format("\"{{{}}}\" has no value here.", piece.text)));
            }
            if (syntax == TemplateSyntax::kShell && !safe_in_shell(*value)) {
                return fail(bad_template(fmt::format(
                    "The value of \"{{{}}}\" is not safe inside a shell script; use the "
                    "SERVO_* environment variables there.",
                    piece.text
                )));
            }
            out += *value;
        }
        if (out.size() > kExpandedBytesMax) {
            return fail(invalid_argument(
                "template_too_long",
                fmt::format("A template grows beyond {} bytes.", kExpandedBytesMax)
            ));
        }
    }
    return out;
}

}  // namespace servo::model

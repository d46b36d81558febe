#include "api/json.h"

#include <fmt/format.h>

#include <boost/json/parser.hpp>
#include <boost/json/serialize.hpp>
#include <exception>

#include "api/json_arena.h"
#include "base/utf8.h"

namespace servo::api {
namespace {

namespace json = boost::json;

constexpr size_t kScratchBytes = 4'096;

void pretty(std::string& out, const json::value& value, size_t indent) {
    const std::string inner(indent + 2, ' ');
    const std::string outer(indent, ' ');
    if (value.is_object() && !value.get_object().empty()) {
        out += "{\n";
        bool first = true;
        for (const auto& member : value.get_object()) {
            out += first ? "" : ",\n";
            first = false;
            out += inner + json::serialize(json::value(member.key())) + ": ";
            pretty(out, member.value(), indent + 2);
        }
        out += "\n" + outer + "}";
    } else if (value.is_array() && !value.get_array().empty()) {
        out += "[\n";
        bool first = true;
        for (const auto& item : value.get_array()) {
            out += first ? inner : ",\n" + inner;
            first = false;
            pretty(out, item, indent + 2);
        }
        out += "\n" + outer + "]";
    } else {
        out += json::serialize(value);
    }
}

// "line 3, column 14" of a byte offset.
std::string place(std::string_view text, size_t offset) {
    const TextPlace at = place_of(text, offset);
    return fmt::format("line {}, column {}", at.line, at.column);
}

}  // namespace

Result<json::value> parse_json(std::string_view text) {
    // One allocation arena a document: it lives shortly and is freed as a whole.
    return parse_json(text, json::make_shared_resource<json::monotonic_resource>());
}

Result<json::value> parse_json(std::string_view text, json::storage_ptr storage) {
    if (text.empty()) {
        return fail(invalid_argument("bad_json", "The body is empty; a JSON document is expected.")
        );
    }
    try {
        json::parse_options options;
        options.max_depth = kJsonDepthMax;
        unsigned char scratch[kScratchBytes];  // for the parser alone; it takes more when it must
        json::parser parser({}, options, scratch);
        parser.reset(std::move(storage));
        json::error_code error;
        const size_t used = parser.write(text.data(), text.size(), error);
        if (error == json::error::too_deep) {
            return fail(invalid_argument(
                "json_too_deep",
                fmt::format("The JSON is nested deeper than {} levels.", kJsonDepthMax)
            ));
        }
        if (error) {
            return fail(invalid_argument(
                "bad_json",
                fmt::format(
                    "The body is not valid JSON at {}: {}.", place(text, used), error.message()
                )
            ));
        }
        return parser.release();
    } catch (const std::exception& e) {
        return fail(
            invalid_argument("bad_json", fmt::format("The body cannot be read: {}.", e.what()))
        );
    }
}

std::string to_text(const json::value& value) {
    return json::serialize(value);
}

std::string to_pretty_text(const json::value& value) {
    std::string out;
    pretty(out, value, 0);
    out += "\n";
    return out;
}

}  // namespace servo::api

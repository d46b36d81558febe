#include "api/json_names.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "api/json.h"
#include "api/utf8.h"
#include "base/utf8.h"

namespace servo::api {
namespace {

namespace json = boost::json;

constexpr size_t kShownBytesMax = 200;  // of a name

// Sees a document go by, as a handler of json::basic_parser, and stops at a name that its object
// has already.
class NameWatch {
 public:
    static constexpr size_t max_object_size = static_cast<size_t>(-1);
    static constexpr size_t max_array_size = static_cast<size_t>(-1);
    static constexpr size_t max_key_size = static_cast<size_t>(-1);
    static constexpr size_t max_string_size = static_cast<size_t>(-1);

    // "selection.start"; nothing while no name is repeated.
    const std::optional<std::string>& repeated() const { return repeated_; }

    bool on_object_begin(json::error_code&) {
        open_.emplace_back();
        return true;
    }
    bool on_object_end(size_t, json::error_code&) {
        open_.pop_back();
        return true;
    }
    bool on_key_part(json::string_view part, size_t, json::error_code&) {
        name_.append(part.data(), part.size());
        return true;
    }
    bool on_key(json::string_view part, size_t, json::error_code& error) {
        name_.append(part.data(), part.size());
        Object& object = open_.back();
        const bool fresh = object.names.insert(name_).second;
        object.at = std::move(name_);
        name_.clear();
        if (!fresh) {
            repeated_.emplace();
            for (const Object& outer : open_) {
                *repeated_ += (repeated_->empty() ? "" : ".") + outer.at;
            }
            repeated_ = clean_head(*repeated_, kShownBytesMax);
            error = json::error::syntax;
        }
        return fresh;
    }
    bool on_document_begin(json::error_code&) { return true; }
    bool on_document_end(json::error_code&) { return true; }
    bool on_array_begin(json::error_code&) { return true; }
    bool on_array_end(size_t, json::error_code&) { return true; }
    bool on_string_part(json::string_view, size_t, json::error_code&) { return true; }
    bool on_string(json::string_view, size_t, json::error_code&) { return true; }
    bool on_number_part(json::string_view, json::error_code&) { return true; }
    bool on_int64(int64_t, json::string_view, json::error_code&) { return true; }
    bool on_uint64(uint64_t, json::string_view, json::error_code&) { return true; }
    bool on_double(double, json::string_view, json::error_code&) { return true; }
    bool on_bool(bool, json::error_code&) { return true; }
    bool on_null(json::error_code&) { return true; }
    bool on_comment_part(json::string_view, json::error_code&) { return true; }
    bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
    struct Object {
        std::unordered_set<std::string> names;
        std::string at;  // the name whose value is being read
    };
    std::vector<Object> open_;
    std::string name_;
    std::optional<std::string> repeated_;
};

}  // namespace

Status refuse_repeated_names(std::string_view text) {
    json::parse_options options;
    options.max_depth = kJsonDepthMax;
    json::basic_parser<NameWatch> parser(options);
    json::error_code error;
    const size_t used = parser.write_some(false, text.data(), text.size(), error);
    const std::optional<std::string>& name = parser.handler().repeated();
    if (!name) {
        return {};  // anything else that is wrong is for parse_json to say
    }
    const TextPlace at = place_of(text, used);
    Error refused = invalid_argument(
        "repeated_name",
        fmt::format(
            "{} is given a second time at line {}, column {}; keep one.", *name, at.line, at.column
        )
    );
    refused.fields.push_back({*name, 0, "is given a second time"});
    return fail(std::move(refused));
}

}  // namespace servo::api

// Wire structs ⇄ JSON. Each struct is described once (describe() in its .cc file); writing, reading
// and the JSON Schema of the OpenAPI document all come from that description. Pure functions.
//
// Rules: optional members that are absent are written as null, and null reads as absent. Times are
// RFC 3339 in UTC, durations are whole milliseconds with the unit in the name.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/json.h"
#include "base/result.h"

namespace servo::api {

// What a reader does with members that it does not know: a server refuses them (a typo must not be
// ignored), a client passes over them (the server may be newer).
enum class Unknown { kRefuse, kIgnore };

constexpr size_t kFieldErrorsMax = 20;  // further ones of the same document are not listed

// A page of a list; every list has this shape.
template <typename T>
struct List {
    std::vector<T> items;
    std::optional<std::string> next_page_token;  // absent: no more
};

// Name of the schema in the OpenAPI document; given beside each struct.
template <typename T>
inline constexpr std::string_view kWireName = "";

template <typename T>
boost::json::object to_json(const T& value);

// Where in a document a reader is; turned into text only when there is something to say.
struct JsonPath {
    const JsonPath* parent = nullptr;
    std::string_view name;     // of a member; empty for an element and for the document itself
    size_t index = 0;          // of an element
    std::string text() const;  // "selection.keys[3]"; empty for the document itself
};

// Adds a FieldError with its path for each problem; false when there was one.
template <typename T>
bool read_json(
    const boost::json::value& json,
    Unknown unknown,
    const JsonPath& path,
    std::vector<FieldError>& errors,
    T& out
);

// JSON Schema (2020-12) of the struct itself; other structs are referred to by name.
template <typename T>
boost::json::object schema();

// Error: invalid_argument / "bad_body" with a FieldError for each bad field.
Error bad_body(std::vector<FieldError> errors);

template <typename T>
Result<T> from_json(const boost::json::value& json, Unknown unknown) {
    T out;
    std::vector<FieldError> errors;
    if (!read_json(json, unknown, JsonPath{}, errors, out)) {
        return fail(bad_body(std::move(errors)));
    }
    return out;
}

template <typename T>
Result<T> from_text(std::string_view text, Unknown unknown) {
    auto json = parse_json(text);
    if (!json) {
        return fail(std::move(json).error());
    }
    return from_json<T>(*json, unknown);
}

}  // namespace servo::api

// Beside each wire struct: its schema name, and that its codec is instantiated in one .cc file (by
// SERVO_WIRE of codec_impl.h).
#define SERVO_WIRE_TYPE(T, name)                                                               \
    template <>                                                                                \
    inline constexpr std::string_view kWireName<T> = name;                                     \
    extern template boost::json::object to_json<T>(const T&);                                  \
    extern template bool read_json<                                                            \
        T>(const boost::json::value&, Unknown, const JsonPath&, std::vector<FieldError>&, T&); \
    extern template boost::json::object schema<T>()

// The readers of a struct's description: JSON writer, text writer, JSON reader, JSON Schema.
// Included by the .cc files that hold describe() functions; ends with the macro that instantiates a
// struct there.
//
// A description is `template <typename V> void describe(V& v, T& t)` and calls, per member,
//   v.field(name, member, doc)             may be absent when read: the member keeps its value
//   v.required(name, member, doc)          must be there when read
//   v.word(name, member, words, doc)       text that a strict reader takes only when it is one of
//                                          `words`
//   v.given(name, member, doc)             text of which empty means that it is absent: then null
//                                          on the wire, and a strict reader refuses empty text, so
//                                          that an unset variable does not mean "for ever"
//   v.reserved(name)                       not in this version: a strict reader says so
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <concepts>
#include <limits>
#include <map>
#include <type_traits>

#include "api/codec.h"
#include "base/rfc3339.h"
#include "base/suggest.h"

namespace servo::api {

using Words = std::vector<std::string>;

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsMap : std::false_type {};
template <typename T>
struct IsMap<std::map<std::string, T>> : std::true_type {};

template <typename T, typename V>
void describe(V& v, List<T>& list) {
    v.required("items", list.items, "The page.");
    v.field("next_page_token", list.next_page_token, "Absent: no more.");
}

// --- writing ------------------------------------------------------------------------------------

template <typename T>
boost::json::value write_value(const T& value) {
    if constexpr (IsOptional<T>::value) {
        return value ? write_value(*value) : boost::json::value(nullptr);
    } else if constexpr (IsVector<T>::value) {
        boost::json::array array;
        array.reserve(value.size());
        for (const auto& item : value) {
            array.push_back(write_value(item));
        }
        return array;
    } else if constexpr (IsMap<T>::value) {
        boost::json::object object;
        for (const auto& [key, item] : value) {
            object[key] = write_value(item);
        }
        return object;
    } else if constexpr (std::same_as<T, Instant>) {
        return boost::json::value(format_rfc3339(value));
    } else if constexpr (std::same_as<T, std::string> || std::is_arithmetic_v<T> || std::same_as<T, boost::json::object>) {
        return boost::json::value(value);
    } else {
        return to_json(value);
    }
}

class Writer {
 public:
    template <typename T>
    void field(std::string_view name, const T& member, std::string_view) {
        object_[name] = write_value(member);
    }
    template <typename T>
    void required(std::string_view name, const T& member, std::string_view doc) {
        field(name, member, doc);
    }
    template <typename T>
    void word(std::string_view name, const T& member, const Words&, std::string_view doc) {
        field(name, member, doc);
    }
    void given(std::string_view name, const std::string& member, std::string_view) {
        object_[name] = member.empty() ? boost::json::value(nullptr) : boost::json::value(member);
    }
    void reserved(std::string_view) {}
    boost::json::object take() { return std::move(object_); }

 private:
    boost::json::object object_;
};

template <typename T>
boost::json::object to_json(const T& value) {
    Writer writer;
    // describe() takes a mutable reference for the reader's sake; the writer changes nothing.
    describe(writer, const_cast<T&>(value));
    return writer.take();
}

// --- writing text at once -----------------------------------------------------------------------

constexpr size_t kTextReserved = 1'024;  // most calls fit

inline void append_quoted(std::string& out, std::string_view text) {
    const bool plain = std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
    });
    if (plain) {
        out += '"';
        out += text;
        out += '"';
    } else {
        out += boost::json::serialize(boost::json::string_view(text.data(), text.size()));
    }
}

template <typename List, typename Append>
void append_list(std::string& out, char open, const List& list, char close, Append append) {
    out += open;
    bool first = true;
    for (const auto& item : list) {
        if (!first) {
            out += ',';
        }
        first = false;
        append(item);
    }
    out += close;
}

template <typename T>
void append_text(std::string& out, const T& value) {
    if constexpr (IsOptional<T>::value) {
        if (value) {
            append_text(out, *value);
        } else {
            out += "null";
        }
    } else if constexpr (std::same_as<T, bool>) {
        out += value ? "true" : "false";
    } else if constexpr (std::integral<T>) {
        char digits[std::numeric_limits<T>::digits10 + 3];
        out.append(digits, std::to_chars(digits, digits + sizeof(digits), value).ptr);
    } else if constexpr (std::same_as<T, std::string>) {
        append_quoted(out, value);
    } else if constexpr (std::same_as<T, boost::json::object>) {
        out += boost::json::serialize(value);
    } else if constexpr (IsVector<T>::value) {
        append_list(out, '[', value, ']', [&](const auto& item) { append_text(out, item); });
    } else if constexpr (IsMap<T>::value) {
        append_list(out, '{', value, '}', [&](const auto& item) {
            append_quoted(out, item.first);
            out += ':';
            append_text(out, item.second);
        });
    } else {
        append_struct(out, value);
    }
}

// The same text as that of the document which Writer makes, for the calls that are many.
class TextWriter {
 public:
    explicit TextWriter(std::string& out) : out_(out) {}

    template <typename T>
    void field(std::string_view name, const T& member, std::string_view) {
        out_ += first_ ? '{' : ',';
        first_ = false;
        out_ += '"';
        out_ += name;
        out_ += '"';
        out_ += ':';
        append_text(out_, member);
    }
    template <typename T>
    void required(std::string_view name, const T& member, std::string_view doc) {
        field(name, member, doc);
    }
    void finish() { out_ += first_ ? "{}" : "}"; }

 private:
    std::string& out_;
    bool first_ = true;
};

template <typename T>
void append_struct(std::string& out, const T& value) {
    TextWriter writer(out);
    describe(writer, const_cast<T&>(value));
    writer.finish();
}

template <typename T>
std::string struct_text(const T& value) {
    std::string out;
    out.reserve(kTextReserved);
    append_struct(out, value);
    return out;
}

// --- reading ------------------------------------------------------------------------------------

// The names that a description knows, for what a refusal says.
class NameLister {
 public:
    template <typename T>
    void field(std::string_view name, T&, std::string_view) {
        names_.emplace_back(name);
    }
    template <typename T>
    void required(std::string_view name, T& member, std::string_view doc) {
        field(name, member, doc);
    }
    template <typename T>
    void word(std::string_view name, T& member, const Words&, std::string_view doc) {
        field(name, member, doc);
    }
    void given(std::string_view name, std::string& member, std::string_view doc) {
        field(name, member, doc);
    }
    void reserved(std::string_view name) { names_.emplace_back(name); }
    const Words& names() const { return names_; }

 private:
    Words names_;
};

class Reader {
 public:
    Reader(
        const boost::json::object& object,
        Unknown unknown,
        const JsonPath& path,
        std::vector<FieldError>& errors
    )
        : object_(object), unknown_(unknown), path_(path), errors_(errors) {}

    template <typename T>
    void field(std::string_view name, T& member, std::string_view) {
        (void)read_member(name, member);
    }
    template <typename T>
    void required(std::string_view name, T& member, std::string_view) {
        if (!read_member(name, member)) {
            ok_ = add(at(name), "is missing");
        }
    }
    template <typename T>
    void word(std::string_view name, T& member, const Words& words, std::string_view) {
        const size_t before = errors_.size();
        if (read_member(name, member) && errors_.size() == before && unknown_ == Unknown::kRefuse) {
            check_words(at(name), member, words);
        }
    }
    void given(std::string_view name, std::string& member, std::string_view) {
        std::optional<std::string> text;
        const size_t before = errors_.size();
        if (!read_member(name, text) || errors_.size() != before) {
            return;
        }
        if (text && text->empty() && unknown_ == Unknown::kRefuse) {
            ok_ = add(at(name), "must not be empty; leave it out instead");
        }
        member = text.value_or("");
    }
    void reserved(std::string_view name) {
        if (unknown_ == Unknown::kRefuse && object_.contains(name)) {
            ++found_;
            ok_ = add(at(name), "is not in this version");
        }
    }
    // Ends the reading of `out`: members that its description does not name are errors of a strict
    // reader.
    template <typename T>
    bool finish(T& out) {
        if (unknown_ == Unknown::kRefuse && found_ < object_.size()) {
            NameLister known;
            describe(known, out);
            refuse_others(known.names());
        }
        return ok_;
    }

 private:
    // False when the document does not have it.
    template <typename T>
    bool read_member(std::string_view name, T& member) {
        const boost::json::value* json = object_.if_contains(name);
        if (json == nullptr) {
            return false;
        }
        ++found_;
        ok_ = read(*json, at(name), member) && ok_;
        return true;
    }
    void refuse_others(const Words& known) {
        for (const auto& member : object_) {
            const std::string name(member.key());
            if (std::find(known.begin(), known.end(), name) == known.end()) {
                ok_ = add(at(name), "is not known here." + did_you_mean(name, known));
            }
        }
    }
    JsonPath at(std::string_view name) const { return {&path_, name, 0}; }
    bool add(const JsonPath& path, std::string message) {
        if (errors_.size() < kFieldErrorsMax) {
            errors_.push_back(FieldError{path.text(), 0, std::move(message)});
        }
        return false;
    }
    void check_words(const JsonPath& path, const std::string& word, const Words& words) {
        if (std::find(words.begin(), words.end(), word) == words.end()) {
            std::string list;
            for (const std::string& candidate : words) {
                list += (list.empty() ? "" : ", ") + candidate;
            }
            ok_ =
                add(path,
                    fmt::format("\"{}\" is not one of {}.{}", word, list, did_you_mean(word, words))
                );
        }
    }
    void check_words(
        const JsonPath& path, const std::optional<std::string>& word, const Words& words
    ) {
        if (word) {
            check_words(path, *word, words);
        }
    }
    void check_words(
        const JsonPath& path, const std::vector<std::string>& list, const Words& words
    ) {
        for (const std::string& word : list) {
            check_words(path, word, words);
        }
    }

    template <typename T>
    bool read_integer(const boost::json::value& json, const JsonPath& path, T& out) {
        boost::json::error_code error;
        const T number = json.to_number<T>(error);
        if (error) {
            return add(
                path,
                std::is_unsigned_v<T> ? "must be a whole number, 0 or more"
                                      : "must be a whole number"
            );
        }
        out = number;
        return true;
    }

    template <typename T>
    bool read_items(const boost::json::value& json, const JsonPath& path, T& out) {
        const boost::json::array* array = json.if_array();
        if (array == nullptr) {
            return add(path, "must be a list");
        }
        bool ok = true;
        out.clear();
        out.reserve(array->size());
        for (size_t i = 0; i < array->size(); ++i) {
            typename T::value_type item{};
            if constexpr (std::same_as<typename T::value_type, int64_t>) {
                // Columns of the executor protocol, which are long.
                if (const int64_t* number = (*array)[i].if_int64()) {
                    out.push_back(*number);
                    continue;
                }
            }
            ok = read((*array)[i], JsonPath{&path, {}, i}, item) && ok;
            out.push_back(std::move(item));
        }
        return ok;
    }

    template <typename T>
    bool read(const boost::json::value& json, const JsonPath& path, T& out) {
        if constexpr (IsOptional<T>::value) {
            if (json.is_null()) {
                out.reset();
                return true;
            }
            return read(json, path, out.emplace());
        } else if constexpr (std::same_as<T, bool>) {
            const bool* flag = json.if_bool();
            out = flag != nullptr && *flag;
            return flag != nullptr || add(path, "must be true or false");
        } else if constexpr (std::integral<T>) {
            return read_integer(json, path, out);
        } else if constexpr (std::floating_point<T>) {
            boost::json::error_code error;
            out = json.to_number<T>(error);
            return !error || add(path, "must be a number");
        } else if constexpr (std::same_as<T, std::string>) {
            const boost::json::string* text = json.if_string();
            if (text == nullptr) {
                return add(path, "must be text");
            }
            out.assign(text->data(), text->size());
            return true;
        } else if constexpr (std::same_as<T, Instant>) {
            const boost::json::string* text = json.if_string();
            auto civil = parse_civil_time(text == nullptr ? "" : std::string_view(*text));
            if (!civil) {
                return add(path, "must be an RFC 3339 time such as 2024-01-29T05:15:00Z");
            }
            out = instant_of(*civil);
            return true;
        } else if constexpr (IsVector<T>::value) {
            return read_items(json, path, out);
        } else if constexpr (IsMap<T>::value) {
            return read_map(json, path, out);
        } else if constexpr (std::same_as<T, boost::json::object>) {
            if (!json.is_object()) {
                return add(path, "must be an object");
            }
            out = json.get_object();
            return true;
        } else {
            return read_json(json, unknown_, path, errors_, out);
        }
    }

    template <typename T>
    bool read_map(const boost::json::value& json, const JsonPath& path, T& out) {
        const boost::json::object* object = json.if_object();
        if (object == nullptr) {
            return add(path, "must be an object");
        }
        bool ok = true;
        out.clear();
        for (const auto& member : *object) {
            const std::string key(member.key());
            ok = read(member.value(), JsonPath{&path, key, 0}, out[key]) && ok;
        }
        return ok;
    }

    const boost::json::object& object_;
    const Unknown unknown_;
    const JsonPath& path_;
    std::vector<FieldError>& errors_;
    size_t found_ = 0;  // members of the document that the description named
    bool ok_ = true;
};

template <typename T>
bool read_json(
    const boost::json::value& json,
    Unknown unknown,
    const JsonPath& path,
    std::vector<FieldError>& errors,
    T& out
) {
    const boost::json::object* object = json.if_object();
    if (object == nullptr) {
        if (errors.size() < kFieldErrorsMax) {
            const std::string where = path.text();
            errors.push_back(FieldError{where.empty() ? "body" : where, 0, "must be an object"});
        }
        return false;
    }
    Reader reader(*object, unknown, path, errors);
    describe(reader, out);
    return reader.finish(out);
}

// --- schema -------------------------------------------------------------------------------------

template <typename T>
boost::json::object schema_of() {
    if constexpr (IsOptional<T>::value) {
        boost::json::object inner = schema_of<typename T::value_type>();
        if (inner.contains("$ref")) {
            return {{"anyOf", boost::json::array{inner, boost::json::object{{"type", "null"}}}}};
        }
        inner["type"] = boost::json::array{inner["type"], "null"};
        return inner;
    } else if constexpr (std::same_as<T, bool>) {
        return {{"type", "boolean"}};
    } else if constexpr (std::unsigned_integral<T>) {
        return {{"type", "integer"}, {"format", "int64"}, {"minimum", 0}};
    } else if constexpr (std::integral<T>) {
        return {{"type", "integer"}, {"format", "int64"}};
    } else if constexpr (std::floating_point<T>) {
        return {{"type", "number"}};
    } else if constexpr (std::same_as<T, std::string>) {
        return {{"type", "string"}};
    } else if constexpr (std::same_as<T, Instant>) {
        return {{"type", "string"}, {"format", "date-time"}};
    } else if constexpr (IsVector<T>::value) {
        return {{"type", "array"}, {"items", schema_of<typename T::value_type>()}};
    } else if constexpr (IsMap<T>::value) {
        return {{"type", "object"}, {"additionalProperties", schema_of<typename T::mapped_type>()}};
    } else if constexpr (std::same_as<T, boost::json::object>) {
        return {{"type", "object"}};
    } else {
        static_assert(!kWireName<T>.empty(), "a wire struct needs SERVO_WIRE_TYPE");
        return {{"$ref", fmt::format("#/components/schemas/{}", kWireName<T>)}};
    }
}

class SchemaWriter {
 public:
    template <typename T>
    void field(std::string_view name, const T&, std::string_view doc) {
        add(name, schema_of<T>(), doc);
    }
    template <typename T>
    void required(std::string_view name, const T& member, std::string_view doc) {
        required_.push_back(boost::json::value(name));
        field(name, member, doc);
    }
    template <typename T>
    void word(std::string_view name, const T&, const Words& words, std::string_view doc) {
        boost::json::object inner = schema_of<T>();
        boost::json::array list;
        for (const std::string& word : words) {
            list.push_back(boost::json::value(word));
        }
        if constexpr (IsVector<T>::value) {
            inner["items"].as_object()["enum"] = std::move(list);
        } else {
            if constexpr (IsOptional<T>::value) {
                list.push_back(nullptr);
            }
            inner["enum"] = std::move(list);
        }
        add(name, std::move(inner), doc);
    }
    void given(std::string_view name, const std::string&, std::string_view doc) {
        add(name, {{"type", boost::json::array{"string", "null"}}, {"minLength", 1}}, doc);
    }
    void reserved(std::string_view) {}
    boost::json::object take() {
        boost::json::object out{{"type", "object"}};
        if (!required_.empty()) {
            out["required"] = std::move(required_);
        }
        out["properties"] = std::move(properties_);
        return out;
    }

 private:
    void add(std::string_view name, boost::json::object inner, std::string_view doc) {
        if (!doc.empty()) {
            inner["description"] = doc;
        }
        properties_[name] = std::move(inner);
    }

    boost::json::object properties_;
    boost::json::array required_;
};

template <typename T>
boost::json::object schema() {
    SchemaWriter writer;
    T value;
    describe(writer, value);
    return writer.take();
}

}  // namespace servo::api

#define SERVO_WIRE(T)                                                                          \
    template boost::json::object to_json<T>(const T&);                                         \
    template bool read_json<                                                                   \
        T>(const boost::json::value&, Unknown, const JsonPath&, std::vector<FieldError>&, T&); \
    template boost::json::object schema<T>()

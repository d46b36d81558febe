#include "store/postgres/params.h"

#include "base/utf8.h"

namespace servo::store::postgres {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

// Bytes of the character at `at` that PostgreSQL takes; 0: it takes none.
size_t character_length(std::string_view text, size_t at) {
    return text[at] == '\0' ? 0 : utf8_length(text.substr(at));
}

std::string encoded(const sql::Value& value) {
    std::string out;
    if (const auto* number = std::get_if<int64_t>(&value)) {
        put_integer(out, *number, 8);
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
        out = clean_text(*text);
    } else if (const auto* blob = std::get_if<sql::Blob>(&value)) {
        out = blob->bytes;
    }
    return out;
}

unsigned array_type(unsigned element_type) {
    return element_type == kInt8 ? kInt8Array : element_type == kText ? kTextArray : kByteaArray;
}

}  // namespace

std::string clean_text(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        const size_t length = character_length(text, at);
        out += length == 0 ? kReplacement : text.substr(at, length);
        at += length == 0 ? 1 : length;
    }
    return out;
}

void put_integer(std::string& out, int64_t value, int size) {
    for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
        out.push_back(static_cast<char>((static_cast<uint64_t>(value) >> shift) & 0xff));
    }
}

int64_t read_integer(std::string_view bytes) {
    uint64_t value = 0;
    if (!bytes.empty() && (static_cast<unsigned char>(bytes.front()) & 0x80) != 0 &&
        bytes.size() > 1) {
        value = ~uint64_t{0};  // the sign
    }
    for (const char byte : bytes) {
        value = (value << 8) | static_cast<unsigned char>(byte);
    }
    return static_cast<int64_t>(value);
}

void Column::add_value(const sql::Value& value) {
    ++count_;
    if (std::holds_alternative<std::nullptr_t>(value)) {
        nulls_ = true;
        put_integer(body_, -1, 4);
        return;
    }
    const std::string bytes = encoded(value);
    put_integer(body_, static_cast<int64_t>(bytes.size()), 4);
    body_ += bytes;
}

std::string Column::encode() const {
    std::string out;
    put_integer(out, count_ == 0 ? 0 : 1, 4);  // dimensions
    put_integer(out, nulls_ ? 1 : 0, 4);
    put_integer(out, element_type_, 4);
    if (count_ > 0) {
        put_integer(out, count_, 4);
        put_integer(out, 1, 4);  // lower bound
    }
    return out + body_;
}

Params Params::of_values(const std::vector<sql::Value>& values) {
    Params out;
    for (const sql::Value& value : values) {
        out.add(value);
    }
    return out;
}

void Params::add(const sql::Value& value) {
    if (std::holds_alternative<std::nullptr_t>(value)) {
        types_.push_back(kInt8);  // every column that may be NULL is a number
        values_.emplace_back(std::nullopt);
        return;
    }
    types_.push_back(
        std::holds_alternative<int64_t>(value)            ? kInt8
        : std::holds_alternative<std::string_view>(value) ? kText
                                                          : kBytea
    );
    values_.emplace_back(encoded(value));
}

void Params::add(const Column& column) {
    types_.push_back(array_type(column.element_type()));
    values_.emplace_back(column.encode());
}

std::vector<const char*> Params::pointers() const {
    std::vector<const char*> out;
    for (const auto& value : values_) {
        out.push_back(value ? value->c_str() : nullptr);
    }
    return out;
}

std::vector<int> Params::lengths() const {
    std::vector<int> out;
    for (const auto& value : values_) {
        out.push_back(value ? static_cast<int>(value->size()) : 0);
    }
    return out;
}

}  // namespace servo::store::postgres

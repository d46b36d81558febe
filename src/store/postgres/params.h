// Parameters of a statement in PostgreSQL's binary formats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/strong_id.h"
#include "base/time.h"
#include "store/sql/reader.h"

namespace servo::store::postgres {

// Type numbers of PostgreSQL's catalogue; they never change.
constexpr unsigned kBytea = 17;
constexpr unsigned kInt8 = 20;
constexpr unsigned kText = 25;
constexpr unsigned kByteaArray = 1001;
constexpr unsigned kTextArray = 1009;
constexpr unsigned kInt8Array = 1016;

// PostgreSQL's text holds neither a NUL nor broken UTF-8; each such byte becomes U+FFFD.
std::string clean_text(std::string_view text);

// A column of values for unnest(): one array parameter.
class Column {
 public:
    explicit Column(unsigned element_type) : element_type_(element_type) {}

    template <typename T>
    void add(const T& value) {
        add_value(sql::value_of(value));
    }
    size_t size() const { return count_; }
    unsigned element_type() const { return element_type_; }
    // Whole, with its header.
    std::string encode() const;

 private:
    void add_value(const sql::Value& value);

    unsigned element_type_;
    uint32_t count_ = 0;
    bool nulls_ = false;
    std::string body_;
};

class Params {
 public:
    template <typename... Args>
    static Params of(const Args&... args) {
        Params out;
        (out.add(sql::value_of(args)), ...);
        return out;
    }
    static Params of_values(const std::vector<sql::Value>& values);

    void add(const sql::Value& value);
    void add(const Column& column);

    int size() const { return static_cast<int>(types_.size()); }
    const std::vector<unsigned>& types() const { return types_; }
    // Pointers into this object, for libpq.
    std::vector<const char*> pointers() const;
    std::vector<int> lengths() const;

 private:
    std::vector<unsigned> types_;
    std::vector<std::optional<std::string>> values_;
};

// Rows for unnest(): one array a column.
class Rows {
 public:
    explicit Rows(const std::vector<unsigned>& types) {
        for (const unsigned type : types) {
            columns_.emplace_back(type);
        }
    }
    // As many values as there are columns.
    template <typename... Args>
    void add(const Args&... args) {
        size_t at = 0;
        (columns_[at++].add(args), ...);
    }
    bool empty() const { return columns_.front().size() == 0; }
    Params params() const {
        Params out;
        for (const Column& column : columns_) {
            out.add(column);
        }
        return out;
    }

 private:
    std::vector<Column> columns_;
};

// Reads a big-endian integer of 1, 2, 4 or 8 bytes.
int64_t read_integer(std::string_view bytes);
void put_integer(std::string& out, int64_t value, int size);

}  // namespace servo::store::postgres

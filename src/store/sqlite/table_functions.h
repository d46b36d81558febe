// Glue between SQLite's virtual tables and row sources written in C++. Private to store/sqlite.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/sql/reader.h"

namespace servo::store::sqlite {

// NULL, an integer or text.
struct Value {
    Value() = default;
    Value(int64_t value) : number(value) {}               // NOLINT: implicit on purpose
    Value(std::string value) : text(std::move(value)) {}  // NOLINT
    std::optional<int64_t> number;
    std::optional<std::string> text;
};
using ValueRow = std::vector<Value>;

// What the query asks for; a source may ignore it, SQLite checks the rows again.
struct RowFilter {
    std::optional<std::string> job_id;
    std::optional<int64_t> index;
};

// Yields the rows of a table one by one, on the connection that runs the query.
class RowSource {
 public:
    virtual ~RowSource() = default;
    // nullopt: no more.
    virtual Result<std::optional<ValueRow>> next() = 0;
};

struct TableFunction {
    const char* name;
    const char* columns;  // as in CREATE TABLE
    int job_column = -1;  // column of the job's text id; -1: none
    int index_column = -1;
    std::unique_ptr<RowSource> (*open)(sql::Reader& db, const RowFilter& filter);
};

// `table` must outlive the connection (static).
Status register_table(sqlite3* db, const TableFunction& table);

// The tables of sql_functions.h.
const std::vector<TableFunction>& table_functions();

}  // namespace servo::store::sqlite

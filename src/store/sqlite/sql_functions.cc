#include "store/sqlite/sql_functions.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/packed_text.h"
#include "base/rfc3339.h"
#include "base/utf8.h"
#include "model/job_id.h"
#include "model/records.h"
#include "store/sqlite/database.h"
#include "store/sqlite/fsck.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/table_functions.h"

namespace servo::store {
namespace sqlite {
namespace {

void result_text(sqlite3_context* context, const std::string& text) {
    sqlite3_result_text(context, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
}

void time_function(sqlite3_context* context, int, sqlite3_value** arguments) {
    if (sqlite3_value_type(arguments[0]) != SQLITE_NULL) {
        result_text(context, format_rfc3339(instant_ms(sqlite3_value_int64(arguments[0]))));
    }
}

void job_id_function(sqlite3_context* context, int, sqlite3_value** arguments) {
    if (sqlite3_value_type(arguments[0]) != SQLITE_NULL) {
        result_text(context, model::to_text(model::JobId(sqlite3_value_int64(arguments[0]))));
    }
}

void job_function(sqlite3_context* context, int, sqlite3_value** arguments) {
    const unsigned char* text = sqlite3_value_text(arguments[0]);
    if (text == nullptr) {
        return;
    }
    const auto id = model::parse_job_id(reinterpret_cast<const char*>(text));
    if (id) {
        sqlite3_result_int64(context, id->value);
    } else {
        sqlite3_result_error(context, id.error().message.c_str(), -1);
    }
}

void text_function(sqlite3_context* context, int, sqlite3_value** arguments) {
    const auto* data = static_cast<const char*>(sqlite3_value_blob(arguments[0]));
    if (data == nullptr) {
        return;
    }
    const auto size = static_cast<size_t>(sqlite3_value_bytes(arguments[0]));
    const auto text = unpack_text(std::string(data, size), model::kLogTailBytesMax);
    if (text) {
        result_text(context, *text);
    } else {
        sqlite3_result_error(context, text.error().message.c_str(), -1);
    }
}

Status register_functions(sqlite3* db) {
    const struct {
        const char* name;
        void (*function)(sqlite3_context*, int, sqlite3_value**);
    } functions[] = {
        {"servo_time", time_function},
        {"servo_job_id", job_id_function},
        {"servo_job", job_function},
        {"servo_text", text_function},
    };
    for (const auto& entry : functions) {
        const int rc = sqlite3_create_function_v2(
            db,
            entry.name,
            1,
            SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
            nullptr,
            entry.function,
            nullptr,
            nullptr,
            nullptr
        );
        if (rc != SQLITE_OK) {
            return fail(sql_error(db, rc, "registering a function"));
        }
    }
    for (const TableFunction& table : table_functions()) {
        SERVO_CHECK(register_table(db, table));
    }
    return {};
}

std::string hex_blob(std::string_view bytes) {
    std::string out = "x'";
    for (const char byte : bytes) {
        out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    }
    return out + "'";
}

SqlCell cell(sqlite3_stmt* statement, int column) {
    const int type = sqlite3_column_type(statement, column);
    if (type == SQLITE_NULL) {
        return {};
    }
    if (type == SQLITE_BLOB) {
        const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, column));
        const auto length = static_cast<size_t>(sqlite3_column_bytes(statement, column));
        return {hex_blob(length == 0 ? std::string_view() : std::string_view(data, length))};
    }
    const std::string_view text(
        reinterpret_cast<const char*>(sqlite3_column_text(statement, column)),
        static_cast<size_t>(sqlite3_column_bytes(statement, column))
    );
    if (valid_utf8_prefix(text) != text.size()) {
        return {hex_blob(text)};
    }
    return {std::string(text), type != SQLITE_TEXT};
}

Error bad_sql(const std::string& message) {
    return invalid_argument(
        "bad_sql",
        message +
            ". Type one statement that only reads; `SELECT name FROM sqlite_schema` lists tables."
    );
}

struct Finalizer {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using OwnedStatement = std::unique_ptr<sqlite3_stmt, Finalizer>;

Result<OwnedStatement> prepare_one(sqlite3* db, const std::string& sql) {
    sqlite3_stmt* raw = nullptr;
    const char* rest = nullptr;
    if (sqlite3_prepare_v2(db, sql.c_str(), -1, &raw, &rest) != SQLITE_OK) {
        return fail(bad_sql(sqlite3_errmsg(db)));
    }
    OwnedStatement statement(raw);
    const std::string_view tail = rest;
    if (raw == nullptr || tail.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
        return fail(bad_sql(raw == nullptr ? "there is no statement" : "there are two statements"));
    }
    if (sqlite3_stmt_readonly(raw) == 0) {
        return fail(bad_sql("the statement would change the database"));
    }
    return statement;
}

}  // namespace

Result<Connection> open_for_reading(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        return fail(not_found(
            "no_store",
            fmt::format("There is no database at {}. Name its folder with --data-dir DIR.", path)
        ));
    }
    auto db = Connection::open(path, OpenMode::kReadOnly);
    if (!db) {
        return fail(explain(db.error(), path));
    }
    const auto application = db->pragma("application_id");
    if (!application && application.error().reason != "store_corrupt") {
        return fail(explain(application.error(), path));
    }
    if (!application || *application != std::to_string(kApplicationId)) {
        return fail(failed_precondition(
            "not_a_servo_store",
            fmt::format("{} is not a database of Servo, or its first page is damaged.", path)
        ));
    }
    const auto steps = SERVO_TRY(sql::parse_migrations(embedded_migrations()));
    if (const Status known = check_schema(*db, steps); !known) {
        return fail(explain(known.error(), path));
    }
    SERVO_CHECK(register_functions(db->handle()));
    return db;
}

}  // namespace sqlite

Result<SqlTable> query_sqlite(const std::string& path, const std::string& sql, size_t rows_max) {
    using namespace sqlite;
    Connection db = SERVO_TRY(open_for_reading(path));
    const OwnedStatement statement = SERVO_TRY(prepare_one(db.handle(), sql));
    SqlTable out;
    const int columns = sqlite3_column_count(statement.get());
    for (int i = 0; i < columns; ++i) {
        out.columns.emplace_back(sqlite3_column_name(statement.get(), i));
    }
    int rc = sqlite3_step(statement.get());
    for (; rc == SQLITE_ROW; rc = sqlite3_step(statement.get())) {
        if (out.rows.size() == rows_max) {
            out.cut = true;
            return out;
        }
        auto& row = out.rows.emplace_back();
        for (int i = 0; i < columns; ++i) {
            row.push_back(cell(statement.get(), i));
        }
    }
    if (rc != SQLITE_DONE) {
        const Error error = sql_error(db.handle(), rc, "reading");
        return fail(error.reason == "store_error" ? bad_sql(sqlite3_errmsg(db.handle())) : error);
    }
    return out;
}

Result<SchemaSteps> pending_sqlite(const std::string& path) {
    sqlite::Connection db = SERVO_TRY(sqlite::open_for_reading(path));
    return sqlite::pending_steps(db);
}

Result<std::vector<std::string>> fsck_sqlite(const std::string& path) {
    sqlite::Connection db = SERVO_TRY(sqlite::open_for_reading(path));
    auto findings = sqlite::check_sqlite(db);
    if (!findings && findings.error().reason == "store_corrupt") {
        return std::vector<std::string>{findings.error().message};
    }
    return findings;
}

}  // namespace servo::store

#include "store/sqlite/table_functions.h"

#include <cstring>

#include "store/sqlite/adapter.h"

namespace servo::store::sqlite {
namespace {

constexpr int kByJob = 1;  // bits of idxNum
constexpr int kByIndex = 2;
constexpr double kCostOfAll = 1e9;
constexpr double kCostOfJob = 1e5;
constexpr double kCostOfIndex = 1e2;

struct Table : sqlite3_vtab {
    sqlite3* db = nullptr;
    const TableFunction* function = nullptr;
};

struct Cursor : sqlite3_vtab_cursor {
    explicit Cursor(sqlite3* db)
        : sqlite3_vtab_cursor{}, connection(Connection::borrow(db)), adapter(connection) {}
    Connection connection;  // its statements end with the cursor
    Adapter adapter;
    std::unique_ptr<RowSource> source;
    std::optional<ValueRow> row;
    int64_t number = 0;
};

Cursor* as_cursor(sqlite3_vtab_cursor* cursor) {
    return static_cast<Cursor*>(cursor);
}

int connect(
    sqlite3* db, void* function, int, const char* const*, sqlite3_vtab** out, char** error
) {
    const auto* table_function = static_cast<const TableFunction*>(function);
    const std::string declaration = std::string("CREATE TABLE x(") + table_function->columns + ")";
    const int rc = sqlite3_declare_vtab(db, declaration.c_str());
    if (rc != SQLITE_OK) {
        *error = sqlite3_mprintf("%s", sqlite3_errmsg(db));
        return rc;
    }
    auto* table = new Table();
    table->db = db;
    table->function = table_function;
    *out = table;
    return SQLITE_OK;
}

int disconnect(sqlite3_vtab* table) {
    delete static_cast<Table*>(table);
    return SQLITE_OK;
}

int best_index(sqlite3_vtab* vtab, sqlite3_index_info* info) {
    const TableFunction& function = *static_cast<Table*>(vtab)->function;
    int job = -1;
    int index = -1;
    for (int i = 0; i < info->nConstraint; ++i) {
        const auto& constraint = info->aConstraint[i];
        if (constraint.usable == 0 || constraint.op != SQLITE_INDEX_CONSTRAINT_EQ) {
            continue;
        }
        if (constraint.iColumn == function.job_column) {
            job = i;
        } else if (constraint.iColumn == function.index_column) {
            index = i;
        }
    }
    int argument = 0;
    info->estimatedCost = kCostOfAll;
    if (job >= 0) {
        info->aConstraintUsage[job].argvIndex = ++argument;
        info->idxNum |= kByJob;
        info->estimatedCost = kCostOfJob;
    }
    if (index >= 0) {
        info->aConstraintUsage[index].argvIndex = ++argument;
        info->idxNum |= kByIndex;
        info->estimatedCost = job >= 0 ? kCostOfIndex : kCostOfJob;
    }
    return SQLITE_OK;
}

int open_cursor(sqlite3_vtab* vtab, sqlite3_vtab_cursor** out) {
    *out = new Cursor(static_cast<Table*>(vtab)->db);
    return SQLITE_OK;
}

int close_cursor(sqlite3_vtab_cursor* cursor) {
    delete as_cursor(cursor);
    return SQLITE_OK;
}

int next_row(sqlite3_vtab_cursor* cursor) {
    Cursor* self = as_cursor(cursor);
    auto row = self->source->next();
    ++self->number;
    if (!row) {
        sqlite3_free(self->pVtab->zErrMsg);
        self->pVtab->zErrMsg = sqlite3_mprintf("%s", row.error().message.c_str());
        self->row.reset();
        return SQLITE_ERROR;
    }
    self->row = std::move(*row);
    return SQLITE_OK;
}

int filter(sqlite3_vtab_cursor* cursor, int plan, const char*, int, sqlite3_value** arguments) {
    Cursor* self = as_cursor(cursor);
    RowFilter wanted;
    int argument = 0;
    if ((plan & kByJob) != 0) {
        const unsigned char* text = sqlite3_value_text(arguments[argument++]);
        wanted.job_id = text != nullptr ? reinterpret_cast<const char*>(text) : "";
    }
    if ((plan & kByIndex) != 0) {
        wanted.index = sqlite3_value_int64(arguments[argument]);
    }
    const auto* table = static_cast<Table*>(self->pVtab);
    self->source = table->function->open(self->adapter, wanted);
    self->number = 0;
    return next_row(cursor);
}

int at_end(sqlite3_vtab_cursor* cursor) {
    return as_cursor(cursor)->row ? 0 : 1;
}

int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int number) {
    const Value& value = (*as_cursor(cursor)->row)[static_cast<size_t>(number)];
    if (value.number) {
        sqlite3_result_int64(context, *value.number);
    } else if (value.text) {
        sqlite3_result_text(
            context, value.text->data(), static_cast<int>(value.text->size()), SQLITE_TRANSIENT
        );
    } else {
        sqlite3_result_null(context);
    }
    return SQLITE_OK;
}

int row_id(sqlite3_vtab_cursor* cursor, sqlite3_int64* out) {
    *out = as_cursor(cursor)->number;
    return SQLITE_OK;
}

// No xCreate: the tables exist on every connection by their names alone.
const sqlite3_module& module() {
    static const sqlite3_module table = [] {
        sqlite3_module m{};
        m.xConnect = connect;
        m.xBestIndex = best_index;
        m.xDisconnect = disconnect;
        m.xOpen = open_cursor;
        m.xClose = close_cursor;
        m.xFilter = filter;
        m.xNext = next_row;
        m.xEof = at_end;
        m.xColumn = column;
        m.xRowid = row_id;
        return m;
    }();
    return table;
}

}  // namespace

Status register_table(sqlite3* db, const TableFunction& table) {
    const int rc = sqlite3_create_module_v2(
        db, table.name, &module(), const_cast<TableFunction*>(&table), nullptr
    );
    return rc == SQLITE_OK ? Status{} : fail(sql_error(db, rc, "registering a table"));
}

}  // namespace servo::store::sqlite

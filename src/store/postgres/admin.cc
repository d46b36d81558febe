#include "store/postgres/admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "store/postgres/migrations.h"
#include "store/postgres/store_impl.h"

namespace servo::store {

Result<std::string> shown_database(const std::string& url) {
    return SERVO_TRY(postgres::Target::parse(url, "servo", postgres::Access::kReadOnly)).shown();
}

Result<SchemaSteps> migrate_postgres(const PostgresOptions& options, bool apply) {
    using namespace postgres;
    const Target target = SERVO_TRY(target_of(options, Access::kReadWrite));
    const auto db = SERVO_TRY(Connection::open(target, {.sees = TenantScope::all()}));
    return migrate(*db, apply);
}

Result<std::vector<std::string>> fsck_postgres(const PostgresOptions& options) {
    using namespace postgres;
    const Target target = SERVO_TRY(target_of(options, Access::kReadOnly));
    const auto db = SERVO_TRY(Connection::open(target, {.sees = TenantScope::all()}));
    SERVO_CHECK(check_schema(*db));
    auto findings = check_postgres(*db);
    if (!findings && findings.error().reason == "store_corrupt") {
        return std::vector<std::string>{findings.error().message};
    }
    return findings;
}

namespace {

Error bad_sql(const std::string& message) {
    return invalid_argument(
        "bad_sql",
        message +
            ". Type one statement that only reads; `SELECT table_name FROM "
            "information_schema.tables WHERE table_schema = 'public'` lists tables."
    );
}

// Type numbers of PostgreSQL's catalogue: int8, int2, int4, float4, float8, numeric.
constexpr std::array<Oid, 6> kNumbers = {20, 21, 23, 700, 701, 1700};
constexpr Oid kBool = 16;

SqlCell cell_of(const PGresult* result, int row, int column) {
    if (PQgetisnull(result, row, column) != 0) {
        return {};
    }
    const std::string_view text = PQgetvalue(result, row, column);
    const Oid type = PQftype(result, column);
    if (type == kBool) {
        return {text == "t" ? "true" : "false", true};
    }
    return {std::string(text), std::find(kNumbers.begin(), kNumbers.end(), type) != kNumbers.end()};
}

SqlTable table_of(const PGresult* result, size_t rows_max) {
    SqlTable out;
    const int columns = PQnfields(result);
    for (int i = 0; i < columns; ++i) {
        out.columns.emplace_back(PQfname(result, i));
    }
    const auto rows = static_cast<size_t>(PQntuples(result));
    out.cut = rows > rows_max;
    for (size_t r = 0; r < std::min(rows, rows_max); ++r) {
        auto& row = out.rows.emplace_back();
        for (int i = 0; i < columns; ++i) {
            row.push_back(cell_of(result, static_cast<int>(r), i));
        }
    }
    return out;
}

}  // namespace

Result<SqlTable> query_postgres(
    const PostgresOptions& options, const std::string& sql, size_t rows_max
) {
    using namespace postgres;
    const Target target = SERVO_TRY(target_of(options, Access::kReadOnly));
    const SessionLimits limits{.sees = TenantScope::all(), .statement = kFsckLimit};
    const auto db = SERVO_TRY(Connection::open(target, limits));
    const ReadScope snapshot(*db, limits);
    Pipeline begin(*db);
    begin.add_once("SELECT 1");
    SERVO_TRY(begin.run());
    const auto result = db->read_text(sql);
    if (!result) {
        const Error& error = result.error();
        if (error.reason == "database_unreachable") {
            return fail(error);
        }
        const bool writes = error.reason == "database_read_only";
        return fail(bad_sql(writes ? "`servo sql` changes nothing" : error.message));
    }
    return table_of(result->get(), rows_max);
}

}  // namespace servo::store

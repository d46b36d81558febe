#include "sqlite_rig.h"

#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace servo::store::test {
namespace {

int statements_left = 0;  // of die_at_statement

int count_statement(unsigned, void*, void*, void*) {
    if (--statements_left == 0) {
        ::_exit(0);
    }
    return 0;
}

int watch_connection(sqlite3* db, const char**, const void*) {
    sqlite3_trace_v2(db, SQLITE_TRACE_STMT, count_statement, nullptr);
    return SQLITE_OK;
}

}  // namespace

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

void write_file(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

Error open_error(const std::string& path, const SqliteOptions& options) {
    auto opened = open_sqlite(path, options);
    EXPECT_FALSE(opened.has_value());
    return opened ? Error{} : opened.error();
}

int in_child(const std::function<void()>& body) {
    const pid_t child = ::fork();
    if (child == 0) {
        body();
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void die_at_statement(int statement) {
    statements_left = statement;
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(watch_connection));
}

std::string ask(const std::string& path, const std::string& sql) {
    const SqlTable table = take(query_sqlite(path, sql, 1'000));
    if (table.rows.empty()) {
        return "-";
    }
    std::string out;
    for (const auto& cell : table.rows.front()) {
        out += (out.empty() ? "" : "|") + cell.text.value_or("NULL");
    }
    return out;
}

void tamper(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
}

void fill_database(const std::string& path) {
    OpenedStore opened = take(open_sqlite(path));
    const int64_t epoch = opened.store->take_leadership({"test"}).value();
    int64_t seq = 0;
    const auto commit = [&](const ChangeSet& changes) {
        const CommitOutcome outcome =
            opened.store->commit({epoch, ++seq, instant_ms(1'700'000'000'000 + seq), &changes});
        ASSERT_EQ(outcome.fate, CommitFate::kCommitted) << outcome.message;
    };
    commit(definitions());
    ChangeSet created = new_job(job(1, 1, 10'000), 2);
    created.grants = {grant(5, 1, 1, RunSet(model::Run{5'000, 5'010}))};
    commit(created);
    for (Index first = 0; first < 5'000; first += 100) {
        ChangeSet work;
        add_done(work, 1, done_run(first, first + 100));
        work.materialised = {
            {TenantId(1),
             AssetId(10),
             {{static_cast<Ordinal>(first), 100, 1}},
             Outcome::kSucceeded,
             JobId(1),
             1,
             instant_ms(1)}};
        commit(work);
    }
    ChangeSet failed;
    failed.failures = {failure(1, 9'000, true), failure(1, 9'001, false)};
    commit(failed);
}

}  // namespace servo::store::test

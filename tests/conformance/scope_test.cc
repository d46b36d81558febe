// Tenants apart: history within a tenant's scope, and the wall that PostgreSQL itself puts up.
#include <fmt/format.h>

#include "postgres_server.h"
#include "rig.h"
#include "store/postgres/admin.h"
#include "store/postgres/migrations.h"
#include "store/postgres/store_impl.h"

namespace servo::store::test {
namespace {

constexpr int64_t kFirst = 1'700'000'000'000;

// Rows of every kind for a tenant, but for its job, which has the tenant's number.
ChangeSet rows_of(int64_t id) {
    const JobId job_id(id);
    const TenantId owner(id);
    const AssetId made(10 * id);
    ChangeSet out;
    out.pools = {pool(id, id, "warehouse")};
    ExecutorRow executor;
    executor.id = ExecutorId(id);
    executor.name = fmt::format("worker-{}", id);
    executor.tenant = owner;
    out.executors = {executor};
    TokenRow token;
    token.id = fmt::format("token{:07}", id);
    token.role = TokenRole::kTenantRead;
    token.tenant = owner;
    token.created_at = instant_ms(id);
    out.tokens = {token};
    out.grants = {grant(id, 1, id, RunSet(model::Run{50, 60}))};
    out.grants[0].tenant = owner;
    out.failures = {failure(id, 7, true)};
    out.logs = {{job_id, 7, 1, 1, instant_ms(kFirst), 5, "tail"}};
    out.materialised = {
        {owner, made, {{0, 3, 1}}, Outcome::kSucceeded, job_id, 1, instant_ms(kFirst)}};
    DurationStats stats;
    stats.add(Micros(1'000), 3);
    out.durations = {{made, 1, stats}};
    out.events = {{owner, instant_ms(kFirst), "ann", "backfill.started", "x", "y"}};
    out.idempotency = {{owner, "start_backfill", "key", "hash", 200, "{}", instant_ms(kFirst)}};
    add_done(out, id, done_run(0, 3));
    return out;
}

void fill(Rig& rig) {
    rig.commit(definitions());
    for (int64_t id : {1, 2}) {
        rig.commit(new_job(job(id, id, 100), rig.seq + 1));
        rig.commit(rows_of(id));
    }
    ChangeSet common;
    common.events = {{TenantId(), instant_ms(kFirst), "servo", "executor.joined", "e", "z"}};
    common.pools = {pool(3, 0, "shared")};
    common.ledger = {
        {LedgerSpan::kMinute, instant_ms(kFirst), rig.epoch, LedgerScope::kTenant, {}}};
    common.ledger[0].entries[{1, 0}] = {{"slot.busy", 5}};
    rig.commit(common);
}

// What a reader sees of the tenant's rows: a word for each call that found something.
std::string seen_of(History& history, int64_t id) {
    const JobId job_id(id);
    const AssetId made(10 * id);
    std::string out;
    const auto note = [&out](const char* word, bool found) { out += found ? word : ""; };
    JobFilter filter;
    filter.asset = made;
    note("jobs ", !take(history.jobs(filter, 10, "")).items.empty());
    filter.tenant = TenantId(id);
    note("jobs-of ", !take(history.jobs(filter, 10, "")).items.empty());
    note("job ", take(history.job(job_id)).has_value());
    note("checkpoint ", take(history.checkpoint(job_id)).has_value());
    note("done ", !take(history.done(job_id, {0, 100}, 10)).empty());
    int64_t next = 7;
    note("failures ", !take(history.failures(job_id, {}, false, 10, 0, &next)).empty());
    EXPECT_EQ(next, 0);
    note("classes ", !take(history.failed_by_class(job_id)).empty());
    note("log ", take(history.log(job_id, 7, {})).has_value());
    note("states ", !take(history.partition_states(made, 0, 100, 10)).empty());
    note("revision ", take(history.revision(made, 1)) != nullptr);
    note("revisions ", !take(history.revisions(made)).empty());
    note("events ", !take(history.events({TenantId(id)}, 10, "")).items.empty());
    note(
        "reply ", take(history.idempotent_reply(TenantId(id), "start_backfill", "key")).has_value()
    );
    for (const StoredToken& token : take(history.tokens())) {
        note("token ", token.row.tenant == TenantId(id));
    }
    return out;
}

const std::string kEverything =
    "jobs jobs-of job checkpoint done failures classes log states revision revisions events reply "
    "token ";

class ScopeConformance : public Conformance {
 protected:
    void SetUp() override { fill(rig); }
};

TEST_P(ScopeConformance, TenantSeesItsOwnRowsAndNoOthers) {
    for (const int64_t id : {1, 2}) {
        EXPECT_EQ(seen_of(rig.history(), id), kEverything);
        const auto own = rig.within(id);
        EXPECT_EQ(seen_of(*own, id), kEverything);
        EXPECT_EQ(seen_of(*own, 3 - id), "");
        EXPECT_EQ(take(own->jobs({}, 10, "")).items.size(), 1U);
        EXPECT_EQ(take(own->events({}, 10, "")).items.size(), 1U) << "none of the installation's";
        EXPECT_EQ(take(own->tokens()).size(), 1U);
    }
    EXPECT_EQ(seen_of(*rig.within(3), 1), "");
}

// A revision that somebody read is cached for all readers.
TEST_P(ScopeConformance, CacheOfRevisionsKeepsTenantsApart) {
    EXPECT_NE(take(rig.history().revision(AssetId(20), 1)), nullptr);
    EXPECT_EQ(take(rig.within(1)->revision(AssetId(20), 1)), nullptr);
    EXPECT_NE(take(rig.within(2)->revision(AssetId(20), 1)), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Stores, ScopeConformance, all_stores(), kind_name);

// --- PostgreSQL's own wall -----------------------------------------------------------------------

class TenantWall : public testing::TestWithParam<Kind> {
 protected:
    Rig rig{GetParam()};
    PostgresOptions options;

    void SetUp() override {
        fill(rig);
        options.url = rig.database_url();
        if (GetParam() == Kind::kPooledPostgres) {
            options.pooling = PostgresPooling::kAssume;
        }
    }
    // Every table that has a tenant_id, as the catalogue says.
    std::vector<std::string> tables() const {
        const SqlTable found = take(query_postgres(
            options,
            "SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')"
            " AND a.attname = 'tenant_id' AND NOT a.attisdropped ORDER BY 1",
            1'000
        ));
        std::vector<std::string> out;
        for (const auto& row : found.rows) {
            out.push_back(*row[0].text);
        }
        return out;
    }
};

// Which tenants' rows a statement without any condition sees: "0 1 2 "; 0 is the installation.
std::string tenants_in(sql::Reader& db, const std::string& table) {
    sql::Query rows = take(db.once("SELECT DISTINCT tenant_id FROM " + table + " ORDER BY 1"));
    std::string out;
    while (take(rows.step())) {
        out += std::to_string(rows.integer(0)) + " ";
    }
    return out;
}

TEST_P(TenantWall, StatementWithoutAConditionSeesTheScopesRowsAlone) {
    postgres::PostgresSessions sessions(
        take(postgres::target_of(options, postgres::Access::kReadOnly))
    );
    ASSERT_GE(tables().size(), 17U);
    const auto seen = [&](TenantScope scope, const std::string& table) {
        const auto session = take(sessions.begin(scope, sql::Reads::kOneStatement));
        return tenants_in(session->reader(), table);
    };
    for (const std::string& table : tables()) {
        // All tenants are in one row of these: they are the installation's.
        const bool common = table == "ledger" || table == "lease_log";
        // Where this fails fill() has no rows of the table, and the rest would prove nothing.
        const std::string all = seen(TenantScope::all(), table);
        ASSERT_TRUE(common ? all == "0 " : all.ends_with("1 2 ")) << table << " " << all;
        EXPECT_EQ(seen(TenantScope::of(TenantId(1)), table), common ? "" : "1 ") << table;
        EXPECT_EQ(seen(TenantScope::of(TenantId(2)), table), common ? "" : "2 ") << table;
        EXPECT_EQ(seen(TenantScope::of(TenantId(9)), table), "") << table;
    }
    for (const char* view : {"work_ranges", "done_ranges", "partitions", "partition_states"}) {
        EXPECT_EQ(seen(TenantScope::of(TenantId(1)), view), "1 ") << view;
    }
}

TEST_P(TenantWall, ConnectionThatSaidNothingSeesAndWritesNothing) {
    const auto target = take(postgres::target_of(options, postgres::Access::kReadWrite));
    const auto db = take(postgres::Connection::open(target, {}));
    postgres::Adapter adapter(*db);
    for (const std::string& table : tables()) {
        EXPECT_EQ(tenants_in(adapter, table), "") << table;
    }
    EXPECT_FALSE(db->exec("INSERT INTO job_ordinals VALUES (77, 1, '')"));
    EXPECT_TRUE(db->exec("DELETE FROM events"));
    EXPECT_EQ(take(rig.history().events({}, 10, "")).items.size(), 3U);
}

TEST_P(TenantWall, DoctorSeesAHoleInIt) {
    const auto verdict = [&] {
        for (const PostgresCheck& check : examine_postgres(options)) {
            if (check.name == "db tenant wall") {
                return check.result + ": " + check.detail;
            }
        }
        return std::string();
    };
    EXPECT_TRUE(verdict().starts_with("ok")) << verdict();
    PostgresServer& server = PostgresServer::instance();
    server.ask(options.url, "ALTER TABLE jobs NO FORCE ROW LEVEL SECURITY");
    EXPECT_TRUE(verdict().starts_with("failed: table jobs")) << verdict();
    for (const char* hole :
         {"ALTER TABLE jobs NO FORCE ROW LEVEL SECURITY",
          "ALTER TABLE jobs DISABLE ROW LEVEL SECURITY",
          "DROP POLICY tenant_rows ON jobs"}) {
        server.ask(options.url, hole);
        EXPECT_TRUE(verdict().starts_with("failed: table jobs")) << hole << verdict();
        server.ask(options.url, "CALL servo_wall_tenants()");
        EXPECT_TRUE(verdict().starts_with("ok")) << hole << " " << verdict();
    }
    options.url.replace(options.url.find("//servo:"), 8, "//postgres:");
    EXPECT_TRUE(verdict().starts_with("warning: role postgres")) << verdict();
}

INSTANTIATE_TEST_SUITE_P(
    Stores, TenantWall, testing::Values(Kind::kPostgres, Kind::kPooledPostgres), kind_name
);

}  // namespace
}  // namespace servo::store::test

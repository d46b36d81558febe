// What only a store on a server can meet: connections that die, other servers, settings, secrets.
#include <thread>

#include "postgres_server.h"
#include "rig.h"
#include "store/postgres/admin.h"
#include "store/postgres/postgres_store.h"
#include "store/sql/migrations.h"
#include "store/sqlite/sql_functions.h"

namespace servo::store::test {
namespace {

constexpr int kPolls = 2'000;  // of 5 ms

class Postgres : public testing::Test {
 protected:
    PostgresServer& server = PostgresServer::instance();
    std::string url = server.create_database();

    void TearDown() override { server.drop_database(url); }

    PostgresOptions options(const std::string& host = "one") const {
        PostgresOptions out;
        out.url = url;
        out.host = host;
        out.migrate = true;
        out.lock_limit = std::chrono::milliseconds(300);
        return out;
    }
    std::string ask(const std::string& sql) { return server.ask(url, sql); }
    std::string url_of_superuser() const {
        std::string out = url;
        return out.replace(url.find("//servo:"), 8, "//postgres:");
    }

    // Until the statement's first cell is `wanted`.
    testing::AssertionResult becomes(const std::string& sql, const std::string& wanted) {
        std::string seen;
        for (int i = 0; i < kPolls; ++i) {
            seen = ask(sql);
            if (seen == wanted) {
                return testing::AssertionSuccess();
            }
            ask("SELECT pg_sleep(0.005)");
        }
        return testing::AssertionFailure() << sql << " stays " << seen;
    }
    static std::string backend_of(const std::string& host, const std::string& column) {
        return "SELECT coalesce(max(" + column +
               "::text), '') FROM pg_stat_activity WHERE application_name = 'servo-server-" + host +
               "'";
    }
};

// A session of somebody else, in an open transaction.
class Stranger {
 public:
    Stranger(const std::string& url, const std::string& sql) : db_(PQconnectdb(url.c_str())) {
        run("BEGIN");
        run(sql);
    }
    ~Stranger() { PQfinish(db_); }
    Stranger(const Stranger&) = delete;
    void run(const std::string& sql) {
        PGresult* result = PQexec(db_, sql.c_str());
        EXPECT_NE(PQresultStatus(result), PGRES_FATAL_ERROR) << PQerrorMessage(db_);
        PQclear(result);
    }

 private:
    PGconn* db_;
};

CommitOutcome commit(OpenedStore& opened, int64_t epoch, int64_t seq, const ChangeSet& changes) {
    return opened.store->commit({epoch, seq, instant_ms(1'700'000'000'000 + seq), &changes});
}

TEST_F(Postgres, CommitWhoseConnectionDiesBeforeItIsDoneIsUnknownAndNotThere) {
    PostgresOptions patient = options();
    patient.lock_limit = Millis(60'000);
    OpenedStore opened = take(open_postgres(patient));
    const int64_t epoch = opened.store->take_leadership({"one"}).value();
    ASSERT_EQ(commit(opened, epoch, 1, definitions()).fate, CommitFate::kCommitted);
    CommitOutcome outcome;
    {
        const Stranger locker(url, "LOCK TABLE events IN ACCESS EXCLUSIVE MODE");
        ChangeSet changes;
        changes.events = {{TenantId(1), instant_ms(1), "me", "backfill.paused", "x", "y"}};
        std::thread writer([&] { outcome = commit(opened, epoch, 2, changes); });
        EXPECT_TRUE(becomes(backend_of("one", "wait_event_type"), "Lock"));
        ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'servo-server-one'");
        writer.join();
    }
    EXPECT_EQ(outcome.fate, CommitFate::kUnknown) << outcome.message;
    const int64_t next = opened.store->take_leadership({"one"}).value();
    EXPECT_EQ(next, epoch + 1);
    EXPECT_TRUE(opened.store->committed(epoch, 1).value());
    EXPECT_FALSE(opened.store->committed(epoch, 2).value());
    EXPECT_EQ(opened.store->load(next).value().last_seq, 1);
    EXPECT_EQ(commit(opened, next, 2, {}).fate, CommitFate::kCommitted);
}

TEST_F(Postgres, CommitWhoseConnectionDiesBeforeTheAnswerIsUnknownAndThere) {
    OpenedStore opened = take(open_postgres(options()));
    const int64_t epoch = opened.store->take_leadership({"one"}).value();
    // A replica that never answers: the commit is on the disk, and waits.
    ask("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    ask("SELECT pg_reload_conf()");
    ASSERT_TRUE(becomes("SHOW synchronous_standby_names", "nobody"));
    CommitOutcome outcome;
    std::thread writer([&] { outcome = commit(opened, epoch, 1, definitions()); });
    EXPECT_TRUE(becomes(backend_of("one", "wait_event"), "SyncRep"));
    ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'servo-server-one'");
    writer.join();
    ask("ALTER SYSTEM RESET synchronous_standby_names");
    ask("SELECT pg_reload_conf()");
    ASSERT_TRUE(becomes("SHOW synchronous_standby_names", ""));
    EXPECT_EQ(outcome.fate, CommitFate::kUnknown) << outcome.message;
    const int64_t next = opened.store->take_leadership({"one"}).value();
    EXPECT_TRUE(opened.store->committed(epoch, 1).value());
    EXPECT_EQ(opened.store->load(next).value().tenants.size(), 2U);
}

TEST_F(Postgres, CommitThatCannotHaveTheLeadersRowGivesUpAndWritesNothing) {
    OpenedStore opened = take(open_postgres(options()));
    const int64_t epoch = opened.store->take_leadership({"one"}).value();
    {
        const Stranger locker(url, "UPDATE leader SET holder = 'stranger'");
        EXPECT_EQ(commit(opened, epoch, 1, definitions()).fate, CommitFate::kUnknown);
    }
    const int64_t next = opened.store->take_leadership({"one"}).value();
    EXPECT_FALSE(opened.store->committed(epoch, 1).value());
    EXPECT_EQ(commit(opened, next, 1, definitions()).fate, CommitFate::kCommitted);
}

TEST_F(Postgres, TakeoverEndsTheConnectionOfALeaderThatHangsInACommit) {
    PostgresOptions patient = options("one");
    patient.lock_limit = Millis(60'000);
    OpenedStore old_leader = take(open_postgres(patient));
    OpenedStore new_leader = take(open_postgres(options("two")));
    const int64_t epoch = old_leader.store->take_leadership({"one", "http://one"}).value();
    EXPECT_FALSE(new_leader.store->leader().value().gone);
    CommitOutcome outcome;
    int64_t next = 0;
    {
        const Stranger locker(url, "LOCK TABLE batches IN ACCESS EXCLUSIVE MODE");
        std::thread writer([&] { outcome = commit(old_leader, epoch, 1, definitions()); });
        EXPECT_TRUE(becomes(backend_of("one", "wait_event_type"), "Lock"));
        next = new_leader.store->take_leadership({"two", "http://two", epoch}).value();
        writer.join();
    }
    EXPECT_EQ(next, epoch + 1);
    EXPECT_EQ(outcome.fate, CommitFate::kUnknown) << outcome.message;
    EXPECT_FALSE(new_leader.store->committed(epoch, 1).value());
    EXPECT_EQ(commit(new_leader, next, 1, definitions()).fate, CommitFate::kCommitted);
    EXPECT_EQ(new_leader.store->leader().value().url, "http://two");
    EXPECT_EQ(
        old_leader.store->take_leadership({"one", "http://one", epoch}).error().reason, "deposed"
    );
}

TEST_F(Postgres, LeaderWhoseConnectionEndedIsGone) {
    OpenedStore watcher = take(open_postgres(options("two")));
    {
        OpenedStore leader = take(open_postgres(options("one")));
        ASSERT_EQ(leader.store->take_leadership({"one"}).value(), 1);
        EXPECT_FALSE(watcher.store->leader().value().gone);
    }
    ASSERT_TRUE(becomes(backend_of("one", "pid"), ""));
    EXPECT_TRUE(watcher.store->leader().value().gone);
}

TEST_F(Postgres, LeaderOfAnotherRoleIsNotTakenForGone) {
    OpenedStore watcher = take(open_postgres(options("two")));
    PostgresOptions other = options("one");
    other.url = url_of_superuser();
    OpenedStore leader = take(open_postgres(other));
    ASSERT_EQ(leader.store->take_leadership({"one"}).value(), 1);
    EXPECT_FALSE(watcher.store->leader().value().gone);
}

TEST_F(Postgres, CommitThatTheRoleMayNotMakeIsNotTheBatchsFault) {
    OpenedStore opened = take(open_postgres(options()));
    const int64_t epoch = opened.store->take_leadership({"one"}).value();
    ask("REVOKE INSERT ON batches FROM servo");
    EXPECT_EQ(commit(opened, epoch, 1, definitions()).fate, CommitFate::kUnknown);
    ask("GRANT INSERT ON batches TO servo");
    const int64_t next = opened.store->take_leadership({"one"}).value();
    EXPECT_FALSE(opened.store->committed(epoch, 1).value());
    EXPECT_EQ(commit(opened, next, 1, definitions()).fate, CommitFate::kCommitted);
}

TEST_F(Postgres, HistoryGoesOnAfterItsConnectionsDied) {
    OpenedStore opened = take(open_postgres(options()));
    const int64_t epoch = opened.store->take_leadership({"one"}).value();
    ASSERT_EQ(commit(opened, epoch, 1, definitions()).fate, CommitFate::kCommitted);
    EXPECT_EQ(
        opened.archive->within(TenantScope::all())->revisions(AssetId(10)).value().size(), 1U
    );
    ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'servo-server-one'");
    ASSERT_TRUE(becomes(backend_of("one", "pid"), ""));
    EXPECT_EQ(
        opened.archive->within(TenantScope::all())->revisions(AssetId(10)).value().size(), 1U
    );
}

TEST_F(Postgres, TextThatPostgresCannotHoldIsKeptAsFarAsItCan) {
    OpenedStore opened = take(open_postgres(options()));
    const int64_t epoch = opened.store->take_leadership({"one"}).value();
    ChangeSet changes = definitions();
    const std::string raw("nul \0 and \xff, \xc3\xa9 stays", 21);
    changes.events = {{TenantId(1), instant_ms(1), "me", "backfill.paused", "x", raw}};
    ASSERT_EQ(commit(opened, epoch, 1, changes).fate, CommitFate::kCommitted);
    EXPECT_EQ(
        opened.archive->within(TenantScope::all())
            ->events({TenantId(1), {}, ""}, 1, "")
            .value()
            .items[0]
            .detail,
        "nul \xef\xbf\xbd and \xef\xbf\xbd, \xc3\xa9 stays"
    );
}

// --- opening -----------------------------------------------------------------------------------

TEST_F(Postgres, SchemaIsAppliedOnceAndAServerDoesNotApplyIt) {
    PostgresOptions server_options = options();
    server_options.migrate = false;
    EXPECT_EQ(open_postgres(server_options).error().reason, "schema_too_old");
    EXPECT_EQ(take(migrate_postgres(server_options, false)).steps.size(), 2U);
    EXPECT_EQ(open_postgres(server_options).error().reason, "schema_too_old");
    std::vector<std::thread> migrations;
    std::array<size_t, 4> applied{};
    for (size_t& count : applied) {
        migrations.emplace_back([&] {
            count = take(migrate_postgres(options(), true)).steps.size();
        });
    }
    for (std::thread& migration : migrations) {
        migration.join();
    }
    EXPECT_EQ(applied[0] + applied[1] + applied[2] + applied[3], 2U);
    EXPECT_TRUE(take(migrate_postgres(server_options, true)).steps.empty());
    EXPECT_FALSE(take(open_postgres(server_options)).created);
}

TEST_F(Postgres, ReadDatabaseThatIsNoReplicaIsRefusedAndOneThatIsDeadIsNot) {
    take(open_postgres(options()));
    const std::string other = server.create_database();
    PostgresOptions given = options();
    given.read_url = other;
    EXPECT_EQ(open_postgres(given).error().reason, "read_database_foreign") << "an empty one";
    PostgresOptions elsewhere = options();
    elsewhere.url = other;
    take(migrate_postgres(elsewhere, true));
    const auto refused = open_postgres(given);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().reason, "read_database_foreign") << refused.error().message;
    server.drop_database(other);
    given.read_url = "nonsense";
    EXPECT_EQ(open_postgres(given).error().reason, "bad_database_url");

    for (const char* dead : {"postgresql://servo@127.0.0.1:1/x", ""}) {
        given.read_url = dead;
        OpenedStore opened = take(open_postgres(given));
        const DatedPast past = opened.archive->past(TenantScope::all());
        EXPECT_FALSE(past.as_of.has_value());
        EXPECT_TRUE(past.past->events({}, 10, "").has_value());
    }
}

// The same rows as another way to the same database, which is what a replica that follows is.
TEST_F(Postgres, PastIsReadWhereItIsAskedForAndSaysAsOfWhen) {
    PostgresOptions given = options();
    take(migrate_postgres(given, true));
    given.read_url = url;
    OpenedStore opened = take(open_postgres(given));
    const int64_t epoch = opened.store->take_leadership({"one"}).value();
    ASSERT_EQ(commit(opened, epoch, 1, definitions()).fate, CommitFate::kCommitted);
    const DatedPast past = opened.archive->past(TenantScope::all());
    EXPECT_EQ(past.as_of, instant_ms(1'700'000'000'001)) << "as of the last commit that it has";
    EXPECT_TRUE(past.past->jobs({}, 10, "").has_value());
}

TEST_F(Postgres, SchemaOfANewerServoIsRefusedUnlessItSaysThatItIsFine) {
    take(migrate_postgres(options(), true));
    ask("INSERT INTO schema_migrations VALUES (3, 'next', 'compatible', 7, 1, 0)");
    EXPECT_TRUE(open_postgres(options()).has_value());
    ask("UPDATE schema_migrations SET oldest_allowed = 3 WHERE version = 3");
    const Error refused = open_postgres(options()).error();
    EXPECT_EQ(refused.reason, "schema_too_new");
    EXPECT_EQ(migrate_postgres(options(), true).error().reason, "schema_too_new");
    ask("DELETE FROM schema_migrations WHERE version = 3");
    ask("UPDATE schema_migrations SET checksum = 1");
    EXPECT_EQ(open_postgres(options()).error().reason, "schema_mismatch");
}

TEST_F(Postgres, BreakingStepEndsTheLeadershipOfAnOlderServo) {
    OpenedStore opened = take(open_postgres(options()));
    const int64_t epoch = opened.store->take_leadership({"one"}).value();
    ASSERT_EQ(commit(opened, epoch, 1, definitions()).fate, CommitFate::kCommitted);
    sql::Migration step{3, "next", sql::MigrationKind::kCompatible, "SELECT 1;\n", 7};
    ask(sql::statements_of({&step, 1}, {.by_hand = "", .begin = "", .now_ms = "0"}));
    EXPECT_EQ(commit(opened, epoch, 2, {}).fate, CommitFate::kCommitted);
    step.version = 4;
    step.kind = sql::MigrationKind::kBreaking;
    ask(sql::statements_of({&step, 4}, {.by_hand = "", .begin = "", .now_ms = "0"}));
    EXPECT_EQ(commit(opened, epoch, 3, {}).fate, CommitFate::kDeposed);
    EXPECT_TRUE(opened.store->leader().value().gone);
    EXPECT_EQ(opened.store->take_leadership({"one"}).error().reason, "schema_too_new");
}

TEST_F(Postgres, SettingsThatLoseCommitsAreRefused) {
    for (const char* setting : {"off", "local"}) {
        PostgresOptions unsafe = options();
        unsafe.url += std::string("%20-csynchronous_commit%3D") + setting;
        const auto opened = open_postgres(unsafe);
        ASSERT_FALSE(opened.has_value());
        EXPECT_EQ(opened.error().reason, "database_not_durable");
        EXPECT_NE(opened.error().message.find("ALTER SYSTEM SET"), std::string::npos);
    }
}

TEST_F(Postgres, NoMessageHoldsThePassword) {
    const std::string secret = server.password();
    std::vector<std::string> urls = {
        "postgresql://servo:" + secret + "@127.0.0.1:1/x",  // nobody there
        "postgresql://servo:" + secret + "@127.0.0.1:port/x",
        "postgresql://servo:" + secret + "@[::1/x",
        "host=127.0.0.1 password=" + secret + " nonsense=1",
        "host=127.0.0.1 password='" + secret,
    };
    const size_t at = url.find(secret);
    std::string wrong = url;
    urls.push_back(wrong.replace(at, secret.size(), secret + "x"));
    std::string absent = url;
    urls.push_back(absent.replace(absent.find("/postgres"), 9, "/absent"));
    for (const std::string& bad : urls) {
        PostgresOptions given = options();
        given.url = bad;
        const auto opened = open_postgres(given);
        ASSERT_FALSE(opened.has_value()) << bad;
        EXPECT_EQ(opened.error().message.find(secret), std::string::npos) << opened.error().message;
        for (const PostgresCheck& check : examine_postgres(given)) {
            EXPECT_EQ(check.detail.find(secret), std::string::npos) << check.detail;
        }
    }
    const std::string shown = take(shown_database(url));
    EXPECT_EQ(shown.find(secret), std::string::npos);
    EXPECT_NE(shown.find("user=servo"), std::string::npos);
}

// One session of the superuser's for each that the plain role may not look into.
TEST_F(Postgres, DoctorCountsTheConnectionsOfOtherRoles) {
    const auto used = [&] {
        for (const PostgresCheck& check : examine_postgres(options())) {
            if (check.name == "db connections") {
                return std::stoi(check.detail);
            }
        }
        return -1;
    };
    const Stranger one(url_of_superuser(), "SELECT 1");
    const Stranger two(url_of_superuser(), "SELECT 1");
    EXPECT_GE(used(), 3);  // with the doctor's own
}

TEST_F(Postgres, DoctorSaysThatALockIsInItsWay) {
    take(migrate_postgres(options(), true));
    const Stranger locker(url, "LOCK TABLE done_log IN ACCESS EXCLUSIVE MODE");
    for (const PostgresCheck& check : examine_postgres(options())) {
        if (check.name == "db size") {
            EXPECT_EQ(check.result, "warning");
            EXPECT_NE(check.detail.find("holds a lock"), std::string::npos) << check.detail;
        }
    }
}

TEST_F(Postgres, DoctorLooksAtEverythingAndFindsAMissingIndexAndABlockedSession) {
    const auto verdicts = [&] {
        std::map<std::string, std::string> out;
        for (const PostgresCheck& check : examine_postgres(options())) {
            out[check.name] = check.result + ": " + check.detail;
        }
        return out;
    };
    EXPECT_TRUE(verdicts()["db schema"].starts_with("failed"));
    EXPECT_EQ(verdicts().count("db indexes"), 0U) << "without a schema there is nothing to miss";
    take(migrate_postgres(options(), true));
    auto seen = verdicts();
    for (const char* name :
         {"database",
          "db durability",
          "db schema",
          "db connections",
          "db indexes",
          "db index use",
          "db vacuum",
          "db size"}) {
        EXPECT_TRUE(seen[name].starts_with("ok")) << name << " " << seen[name];
    }
    // The role is a plain one.
    EXPECT_NE(seen["db statistics"].find("GRANT pg_read_all_stats TO servo;"), std::string::npos)
        << seen["db statistics"];
    for (const char* name : {"db long work", "db blocked", "db replicas"}) {
        EXPECT_TRUE(seen[name].starts_with("warning: cannot be told")) << name << seen[name];
    }
    ask("GRANT pg_read_all_stats TO servo");
    seen = verdicts();
    ask("REVOKE pg_read_all_stats FROM servo");
    for (const char* name : {"db statistics", "db blocked", "db replicas"}) {
        EXPECT_TRUE(seen[name].starts_with("ok")) << name << " " << seen[name];
    }
    ask("DROP INDEX logs_by_index");
    seen = verdicts();
    EXPECT_TRUE(seen["db indexes"].starts_with("failed: index logs_by_index"))
        << seen["db indexes"];
}

TEST_F(Postgres, FsckNamesATableThatIsLost) {
    take(migrate_postgres(options(), true));
    EXPECT_TRUE(take(fsck_postgres(options())).empty());
    ask("DROP TABLE partition_logs CASCADE");
    const std::vector<std::string> findings = take(fsck_postgres(options()));
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_NE(findings[0].find("partition_logs"), std::string::npos) << findings[0];
}

TEST_F(Postgres, SqlReadsAndCannotWrite) {
    take(migrate_postgres(options(), true));
    const SqlTable table = take(query_postgres(options(), "SELECT epoch, holder FROM leader", 10));
    EXPECT_EQ(table.columns, (std::vector<std::string>{"epoch", "holder"}));
    EXPECT_EQ(table.rows[0][0], (SqlCell{"0", true}));
    EXPECT_EQ(table.rows[0][1], (SqlCell{"", false}));
    const SqlTable kinds =
        take(query_postgres(options(), "SELECT true, false, 't', NULL::bool", 10));
    const std::vector<SqlCell> cells = {{"true", true}, {"false", true}, {"t", false}, {}};
    EXPECT_EQ(kinds.rows[0], cells);
    for (const char* bad :
         {"DELETE FROM leader", "nonsense", "SELECT 1; SELECT 2", "COPY leader TO STDOUT"}) {
        const Error error = query_postgres(options(), bad, 10).error();
        EXPECT_EQ(error.reason, "bad_sql") << bad;
        EXPECT_EQ(error.message.find("primary"), std::string::npos) << error.message;
    }
    EXPECT_TRUE(take(query_postgres(options(), "SELECT generate_series(1, 5)", 3)).cut);
}

// --- views -------------------------------------------------------------------------------------

// Work of every kind: done in several batches and blocks, failed, to be retried, leased, skipped.
void fill(Rig& rig) {
    rig.commit(definitions());
    ChangeSet created = new_job(job(1, 1, 9'000), rig.seq + 1);
    created.checkpoints[0].remaining.subtract(RunSet(model::Run{8'990, 8'995}));
    created.checkpoints[0].skipped.add(model::Run{8'990, 8'995});
    created.grants = {
        grant(5, 1, 1, RunSet(model::Run{5'000, 5'010})),
        grant(6, 1, 1, RunSet(model::Run{6'000, 6'001})),
        grant(7, 1, 1, RunSet(model::Run{7'000, 7'002}))};
    rig.commit(created);
    rig.commit(new_job(job(2, 2, 10, JobState::kCancelling), rig.seq + 1));
    ChangeSet work;
    work.ended_grants = {{LeaseId(6), 1}, {LeaseId(7), 1}};
    work.grants = {grant(7, 1, 1, RunSet(model::Run{7'000, 7'001}))};  // shrunk
    add_done(work, 1, done_run(0, 3));
    add_done(work, 1, done_run(4'000, 4'200));
    add_done(work, 1, {done(5'001, 1'700'000'123'456, 98'765'432'109), done(5'003)});
    work.failures = {failure(1, 7, true), failure(1, 9, false), failure(2, 3, false)};
    work.materialised = {
        {TenantId(1),
         AssetId(10),
         {{0, 3, 1}, {4'100, 20, 7}},
         Outcome::kSucceeded,
         JobId(1),
         1,
         instant_ms(1'700'000'000'001)},
        {TenantId(1), AssetId(10), {{-9, 4, 2}}, Outcome::kFailed, JobId(), 1, instant_ms(5)}};
    rig.commit(work);
    ChangeSet more;
    add_done(more, 1, {done(9)});
    for (const LedgerScope scope :
         {LedgerScope::kTenant, LedgerScope::kAsset, LedgerScope::kPool}) {
        LedgerRow row;
        row.at = instant_ms(1'700'000'040'000);
        row.epoch = 1;
        row.scope = scope;
        const int64_t id = scope == LedgerScope::kAsset ? 10 : 1;
        const int revision = scope == LedgerScope::kAsset ? 1 : 0;
        row.entries[{id, revision}] = {{"slot.down", 10 * id + static_cast<int64_t>(scope)}};
        row.entries[kLedgerNobody] = {{"slot.held", 20 + static_cast<int64_t>(scope)}};
        row.entries[kLedgerOthers] = {{"earned", 30 + static_cast<int64_t>(scope)}};
        more.ledger.push_back(row);
    }
    more.failures = {failure(1, 7, true, 2)};
    rig.commit(more);
}

TEST(PostgresViews, ShowTheSameRowsAsThoseOfSqlite) {
    Rig file(Kind::kSqlite);
    Rig database(Kind::kPostgres);
    fill(file);
    fill(database);
    PostgresOptions options;
    options.url = database.database_url();
    for (const std::string sql :
         {"SELECT * FROM work_ranges ORDER BY job_id, state, first",
          "SELECT * FROM done_ranges ORDER BY job_id, first",
          "SELECT * FROM partitions ORDER BY job_id, idx",
          "SELECT * FROM partition_states ORDER BY asset_id, outcome, first",
          "SELECT lease_id, grant_number, tenant_id, job_id, session_id, executor_id, generation,"
          " attempt, token_base, first_position, deaths, granted_at_ms, partitions FROM leases"
          " ORDER BY lease_id",
          "SELECT * FROM time_spent ORDER BY amount"}) {
        const SqlTable wanted = take(query_sqlite(file.database_path(), sql, 100'000));
        const SqlTable seen = take(query_postgres(options, sql, 100'000));
        EXPECT_EQ(seen.columns, wanted.columns) << sql;
        ASSERT_GT(wanted.rows.size(), 1U) << sql;
        ASSERT_EQ(seen.rows.size(), wanted.rows.size()) << sql;
        for (size_t row = 0; row < wanted.rows.size(); ++row) {
            ASSERT_EQ(seen.rows[row], wanted.rows[row]) << sql << " row " << row;
        }
    }
}

}  // namespace
}  // namespace servo::store::test

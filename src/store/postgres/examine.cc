// The looks at a database that `servo doctor` takes: each a statement whose rows are a verdict and
// a sentence. No row: all is well, as far as it can be seen.
#include <fmt/format.h>

#include <array>

#include "store/postgres/admin.h"
#include "store/postgres/migrations.h"
#include "store/postgres/replica.h"
#include "store/postgres/store_impl.h"

namespace servo::store {
namespace postgres {
namespace {

// What a look needs: the schema, or to see the sessions of other roles.
enum class Needs { kNothing, kSchema, kOthers };

struct Look {
    const char* name;
    const char* well;  // what to say when there is no row
    const char* sql;
    Needs needs = Needs::kNothing;
};

constexpr std::chrono::milliseconds kLookLock{1'000};
constexpr const char* kOthersLook = "db statistics";

constexpr std::array kLooks = {
    // For a role without this right, pg_stat_activity and pg_stat_replication hide the state of
    // others.
    Look{
        kOthersLook,
        "sessions of every role are seen",
        "SELECT 'warning', format('role %s sees nothing of what other roles'' sessions do, nor of"
        " replicas: type in psql, as a superuser: GRANT pg_read_all_stats TO %I;', current_user,"
        " current_user) WHERE NOT pg_has_role('pg_read_all_stats', 'USAGE')",
    },
    // Where the kind of a session is hidden, one with a role and a database is a client.
    Look{
        "db connections",
        "",
        "SELECT CASE WHEN used >= 0.9 * room THEN 'failed' WHEN used >= 0.7 * room THEN 'warning'"
        " ELSE 'ok' END,"
        " format('%s of %s connections in use%s', used, room, CASE WHEN used >= 0.7 * room THEN"
        " ': end idle ones, put PgBouncer in front, or ALTER SYSTEM SET max_connections = '"
        " || 2 * room || '; and restart PostgreSQL' ELSE '' END)"
        " FROM (SELECT count(*) AS used, (current_setting('max_connections')::int"
        " - current_setting('superuser_reserved_connections')::int) AS room"
        " FROM pg_stat_activity WHERE coalesce(backend_type = 'client backend',"
        " usesysid IS NOT NULL AND datid IS NOT NULL)) AS c",
    },
    Look{
        "db long work",
        "no statement or transaction runs for more than a minute",
        "SELECT 'warning', format('pid %s (%s) is %s for %s s: ask its owner, then SELECT"
        " pg_terminate_backend(%s);', pid, coalesce(nullif(application_name, ''), usename), state,"
        " extract(epoch FROM now() - coalesce(xact_start, query_start))::int, pid)"
        " FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        " AND state IN ('active', 'idle in transaction', 'idle in transaction (aborted)')"
        " AND now() - coalesce(xact_start, query_start) > interval '1 minute'"
        " ORDER BY coalesce(xact_start, query_start) LIMIT 10",
        Needs::kOthers,
    },
    Look{
        "db blocked",
        "nobody has waited for a lock for 5 s",
        "SELECT 'failed', format('pid %s (%s) waits %s s for pid %s (%s, %s): ask its owner, then"
        " SELECT pg_terminate_backend(%s);', w.pid, w.application_name,"
        " extract(epoch FROM now() - w.state_change)::int, b.pid, b.application_name, b.state,"
        " b.pid)"
        " FROM pg_stat_activity AS w, unnest(pg_blocking_pids(w.pid)) AS blocker (pid)"
        " JOIN pg_stat_activity AS b USING (pid)"
        " WHERE cardinality(pg_blocking_pids(w.pid)) > 0"
        " AND now() - w.state_change > interval '5 seconds' LIMIT 10",
        Needs::kOthers,
    },
    Look{
        "db indexes",
        "every index that Servo reads by is there and valid",
        "SELECT 'failed', format('index %s of %s is %s: %s', wanted.index, wanted.table,"
        " CASE WHEN i.indexrelid IS NULL THEN 'missing' ELSE 'not valid' END,"
        " CASE WHEN i.indexrelid IS NULL THEN 'create it as `servo migrate --show-sql` of a new"
        " database says' ELSE 'REINDEX INDEX CONCURRENTLY ' || wanted.index || ';' END)"
        " FROM (VALUES ('jobs', 'jobs_pkey'), ('jobs', 'jobs_by_time'), ('jobs', 'jobs_by_tenant'),"
        " ('jobs', 'jobs_open'), ('jobs', 'jobs_ended'), ('lease_log', 'lease_log_pkey'),"
        " ('done_log', 'done_log_pkey'),"
        " ('partition_failures', 'partition_failures_pkey'),"
        " ('partition_failures', 'failures_by_job'), ('partition_failures', 'failures_by_index'),"
        " ('partition_logs', 'logs_by_index'), ('partition_state', 'partition_state_pkey'),"
        " ('events', 'events_by_tenant'), ('events', 'events_by_subject'),"
        " ('batches', 'batches_pkey')) AS wanted (\"table\", index)"
        " LEFT JOIN pg_index AS i ON i.indexrelid = to_regclass(wanted.index)"
        " WHERE i.indexrelid IS NULL OR NOT i.indisvalid",
        Needs::kSchema,
    },
    Look{
        "db index use",
        "no large index is idle",
        "SELECT 'warning', format('index %s of %s (%s) was never read since the statistics began"
        " (%s)', indexrelname, relname, pg_size_pretty(pg_relation_size(indexrelid)),"
        " coalesce(stats_reset::date::text, 'at its creation'))"
        " FROM pg_stat_user_indexes, pg_stat_database WHERE datname = current_database()"
        " AND idx_scan = 0 AND pg_relation_size(indexrelid) > 64 * 1024 * 1024 LIMIT 10",
    },
    Look{
        "db tenant wall",
        "row-level security keeps tenants apart",
        "SELECT 'failed', format('table %s has no row-level security, or not all of it: type in"
        " psql, as its owner: CALL servo_wall_tenants();', one)"
        " FROM servo_unwalled_tables() AS walls (one)"
        " UNION ALL SELECT 'warning', format('role %s is a superuser or has BYPASSRLS, and goes"
        " around row-level security: give Servo a role of its own (docs/postgresql.md)', rolname)"
        " FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)",
        Needs::kSchema,
    },
    Look{
        "db vacuum",
        "dead rows are cleaned up in time",
        "SELECT 'warning', format('%s has %s dead rows beside %s live ones: VACUUM (ANALYZE) %s;"
        " and look for old transactions', relname, n_dead_tup, n_live_tup, relname)"
        " FROM pg_stat_user_tables WHERE n_dead_tup > 100000 AND n_dead_tup > n_live_tup LIMIT 10",
    },
    Look{
        "db replicas",
        "no replica, or each is less than 10 s behind",
        "SELECT 'warning', format('replica %s is %s behind: see its load and its network',"
        " coalesce(nullif(application_name, ''), host(client_addr)), replay_lag)"
        " FROM pg_stat_replication WHERE replay_lag > interval '10 seconds' LIMIT 10",
        Needs::kOthers,
    },
    Look{
        "db size",
        "",
        "SELECT 'ok', format('%s, of it %s in the done log; PostgreSQL cannot tell how much its"
        " disk has left: df on %s there', pg_size_pretty(pg_database_size(current_database())),"
        " pg_size_pretty(coalesce(pg_total_relation_size(to_regclass('done_log')), 0)),"
        " coalesce((SELECT setting FROM pg_settings WHERE name = 'data_directory'),"
        " 'its data directory'))",
    },
};

// Gives a look up that would wait for somebody's lock.
SessionLimits look_limits() {
    SessionLimits limits;
    limits.statement = kReadLimit;
    limits.lock = kLookLock;
    return limits;
}

// What there is to know before one looks.
struct Sight {
    bool schema = false;
    bool others = true;
};

// Who keeps readers out of a table or index, asked right after a look had to wait. The look has
// gone by then, so nobody need wait any more: "db blocked" does not have it. "": nobody is found.
std::string lock_holder(Connection& db) {
    const auto result = db.read_text(
        "SELECT format('pid %s (%s, %s) holds a lock that keeps all others out of %s: ask its"
        " owner, then SELECT pg_terminate_backend(%s);', l.pid,"
        " coalesce(nullif(a.application_name, ''), a.usename),"
        " coalesce(a.state, 'state not shown'), l.relation::regclass, l.pid)"
        " FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a USING (pid)"
        " WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'"
        " AND l.pid <> pg_backend_pid() AND l.database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
        " ORDER BY a.xact_start LIMIT 1"
    );
    return result && PQntuples(result->get()) > 0 ? PQgetvalue(result->get(), 0, 0) : "";
}

std::string not_seen(Connection& db, const Error& error) {
    if (error.reason != "read_too_long" && error.reason != "store_busy") {
        return error.message;
    }
    const std::string holder = lock_holder(db);
    return holder.empty() ? "no answer in time: something holds a lock on what it reads, or the "
                            "database has too much to do; see \"db blocked\" and try again"
                          : "no answer in time: " + holder;
}

void look(Connection& db, const Look& look, const Sight& sight, std::vector<PostgresCheck>& out) {
    if (look.needs == Needs::kSchema && !sight.schema) {
        return;
    }
    const auto result = db.read_text(look.sql);
    if (!result) {
        out.push_back({look.name, "warning", not_seen(db, result.error())});
        return;
    }
    const int rows = PQntuples(result->get());
    for (int row = 0; row < rows; ++row) {
        out.push_back(
            {look.name, PQgetvalue(result->get(), row, 0), PQgetvalue(result->get(), row, 1)}
        );
    }
    const bool hidden = look.needs == Needs::kOthers && !sight.others;
    if (rows == 0) {
        out.push_back(
            {look.name,
             hidden ? "warning" : "ok",
             hidden ? fmt::format("cannot be told, see \"{}\"", kOthersLook) : look.well}
        );
    }
}

// How far the replica is, held against a position of the primary that was read before.
PostgresCheck check_lag(Connection& replica, const std::string& position) {
    const auto result = replica.read_text(fmt::format(
        "SELECT CASE WHEN NOT pg_is_in_recovery() THEN 'is no standby, such as one that was"
        " promoted: it may get nothing more. Name one that follows the primary'"
        " WHEN pg_last_wal_replay_lsn() >= '{}' THEN NULL"
        " WHEN pg_is_wal_replay_paused() THEN 'has paused its replay: type in psql there, as a"
        " superuser: SELECT pg_wal_replay_resume();'"
        " WHEN pg_last_xact_replay_timestamp() > now() - interval '10 seconds' THEN NULL"
        " ELSE format('is %s behind: see its load and its network',"
        " coalesce(date_trunc('second', now() - pg_last_xact_replay_timestamp())::text,"
        " 'an unknown time')) END",
        position
    ));
    const std::string shown = replica.target().shown();
    if (!result) {
        return {"read database", "warning", not_seen(replica, result.error())};
    }
    return PQgetisnull(result->get(), 0, 0) != 0
               ? PostgresCheck{"read database", "ok", shown + " follows the primary"}
               : PostgresCheck{
                     "read database", "warning", shown + " " + PQgetvalue(result->get(), 0, 0)};
}

PostgresCheck check_read_database(const PostgresOptions& options, Connection& primary) {
    // A server starts and goes on without it, but not with a wrong one.
    const auto bad = [](const Error& error) {
        const bool wrong =
            error.reason == "read_database_foreign" || error.reason == "bad_database_url";
        return PostgresCheck{
            "read database",
            wrong ? "failed" : "warning",
            error.message + (wrong ? "" : " History is read from the primary meanwhile.")};
    };
    const auto target = read_target_of(options);
    if (!target) {
        return bad(target.error());
    }
    const auto installation = installation_of(primary);
    const auto position = primary.read_text("SELECT pg_current_wal_lsn()");
    if (!installation || !position) {
        return bad(installation ? position.error() : installation.error());
    }
    const auto replica = Connection::open(*target, look_limits());
    if (!replica) {
        return bad(replica.error());
    }
    if (const Status same = check_installation(**replica, *installation); !same) {
        return bad(same.error());
    }
    return check_lag(**replica, PQgetvalue(position->get(), 0, 0));
}

}  // namespace
}  // namespace postgres

std::vector<PostgresCheck> examine_postgres(const PostgresOptions& options) {
    using namespace postgres;
    std::vector<PostgresCheck> out;
    const auto target = target_of(options, Access::kReadOnly);
    if (!target) {
        return {{"database", "failed", target.error().message}};
    }
    const auto db = Connection::open(*target, look_limits());
    if (!db) {
        return {{"database", "failed", db.error().message}};
    }
    const int version = (*db)->server_version();
    out.push_back(
        {"database",
         "ok",
         fmt::format(
             "{}, PostgreSQL {}.{}{}",
             target->shown(),
             version / 10'000,
             version % 10'000,
             (*db)->pooled() ? ", behind a pooler" : ""
         )}
    );
    const Status durable = check_durable(**db);
    out.push_back(
        {"db durability",
         durable ? "ok" : "failed",
         durable ? "commits survive a crash" : durable.error().message}
    );
    const Status schema = check_schema(**db);
    out.push_back(
        {"db schema", schema ? "ok" : "failed", schema ? "up to date" : schema.error().message}
    );
    Sight sight{.schema = schema.has_value()};
    for (const Look& one : kLooks) {
        look(**db, one, sight, out);
        if (std::string_view(one.name) == kOthersLook) {
            sight.others = out.back().result == "ok";
        }
    }
    if (!options.read_url.empty() && schema) {
        out.push_back(check_read_database(options, **db));
    }
    return out;
}

}  // namespace servo::store

#include "store/postgres/replica.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace servo::store::postgres {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kForeign = "read_database_foreign";

Result<bool> in_recovery(Connection& db) {
    Adapter adapter(db);
    return SERVO_TRY(adapter.integer("SELECT pg_is_in_recovery()::int")) == 1;
}

}  // namespace

Result<std::string> installation_of(Connection& db) {
    Adapter adapter(db);
    if (!SERVO_TRY(adapter.integer("SELECT 1::int8 WHERE to_regclass('installation') IS NOT NULL")
        )) {
        return std::string();
    }
    sql::Query row = SERVO_TRY(adapter.query("SELECT name FROM installation"));
    return SERVO_TRY(row.step()) ? row.text(0) : std::string();
}

Status check_installation(Connection& db, const std::string& installation) {
    const std::string found = SERVO_TRY(installation_of(db));
    if (found == installation) {
        return {};
    }
    if (found.empty() && SERVO_TRY(in_recovery(db))) {
        return fail(unavailable(
            "database_unreachable",
            fmt::format("The replica {} does not have Servo's schema yet.", db.target().shown())
        ));
    }
    return fail(failed_precondition(
        std::string(kForeign),
        fmt::format(
            "The database {} that --read-database-url names {}. Name a replica of --database-url, "
            "or leave the option out.",
            db.target().shown(),
            found.empty() ? "holds no Servo" : "is another installation of Servo"
        )
    ));
}

Status Replica::check() {
    const auto answer = ask();
    if (!answer && answer.error().reason == kForeign) {
        return fail(answer.error());  // nothing is read from anywhere then
    }
    note(answer);
    return {};
}

std::optional<Instant> Replica::as_of() {
    if (rests()) {
        return std::nullopt;
    }
    const auto answer = ask();
    note(answer);
    return answer ? std::optional(*answer) : std::nullopt;
}

// What is no standby, as one that was promoted, is as of the last commit that it has.
Result<Instant> Replica::ask() {
    const auto session = SERVO_TRY(sessions_.begin(TenantScope::all(), sql::Reads::kOneStatement));
    sql::Query row = SERVO_TRY(
        session->reader().query("SELECT coalesce((extract(epoch FROM CASE WHEN pg_is_in_recovery()"
                                " THEN pg_last_xact_replay_timestamp() END) * 1000)::int8,"
                                " (SELECT max(now_ms) FROM batches), 0)")
    );
    SERVO_TRY(row.step());
    return row.instant(0);
}

// One that did not answer is asked again by one request at a time, so that the others do not wait.
bool Replica::rests() {
    const std::lock_guard lock(mutex_);
    if (answers_) {
        return false;
    }
    const auto now = Clock::now();
    if (now < rest_until_) {
        return true;
    }
    rest_until_ = now + kReplicaRest;
    return false;
}

void Replica::note(const Result<Instant>& answer) {
    const std::lock_guard lock(mutex_);
    if (answer.has_value() != answers_) {
        if (answer) {
            spdlog::info("history is read from {} again", target_.shown());
        } else {
            spdlog::warn(
                "history is read from the primary, since {} cannot be used: {}",
                target_.shown(),
                answer.error().message
            );
        }
    }
    answers_ = answer.has_value();
    rest_until_ = Clock::now() + kReplicaRest;
}

// --- archive -----------------------------------------------------------------------------------

std::unique_ptr<History> PostgresArchive::within(TenantScope scope) {
    return std::make_unique<sql::SqlHistory>(*primary_, *revisions_, scope);
}

DatedPast PostgresArchive::past(TenantScope scope) {
    const auto as_of = replica_ ? replica_->as_of() : std::nullopt;
    if (!as_of) {
        return {within(scope), std::nullopt};
    }
    return {std::make_unique<sql::SqlHistory>(replica_->sessions(), *revisions_, scope), as_of};
}

}  // namespace servo::store::postgres

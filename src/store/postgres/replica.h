// The database that history may be read from, and the archive that chooses between it and the
// primary. Private to store/postgres. Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "store/postgres/store_impl.h"

namespace servo::store::postgres {

constexpr std::chrono::seconds kReplicaRest{10};  // it is left alone after it did not answer

// The number that a database of Servo was given with its schema, and its copies have, too; "" where
// there is no schema of Servo.
Result<std::string> installation_of(Connection& db);

// Whether history may be read there. Errors: failed_precondition / "read_database_foreign" when it
// is no copy of that installation; unavailable / "database_unreachable" when it does not have the
// schema yet.
Status check_installation(Connection& db, const std::string& installation);

class Replica {
 public:
    // Of the primary's installation.
    Replica(Target target, const std::string& installation)
        : target_(target), sessions_(std::move(target), installation) {}

    // Refuses one of another installation; one that does not answer is only left alone for a while,
    // with a warning. Error: failed_precondition / "read_database_foreign".
    Status check();
    // Everything committed until then is in what it answers from now on. nullopt: it does not
    // answer, and the primary is to be asked instead.
    std::optional<Instant> as_of();
    PostgresSessions& sessions() { return sessions_; }

 private:
    Result<Instant> ask();
    bool rests();
    void note(const Result<Instant>& answer);

    Target target_;
    PostgresSessions sessions_;
    std::mutex mutex_;
    bool answers_ = true;                               // under mutex_
    std::chrono::steady_clock::time_point rest_until_;  // under mutex_
};

class PostgresArchive final : public Archive {
 public:
    // `replica` may be null.
    PostgresArchive(
        std::shared_ptr<PostgresSessions> primary,
        std::shared_ptr<sql::RevisionCache> revisions,
        std::unique_ptr<Replica> replica
    )
        : primary_(std::move(primary)),
          revisions_(std::move(revisions)),
          replica_(std::move(replica)) {}
    std::unique_ptr<History> within(TenantScope scope) override;
    DatedPast past(TenantScope scope) override;

 private:
    std::shared_ptr<PostgresSessions> primary_;
    std::shared_ptr<sql::RevisionCache> revisions_;
    std::unique_ptr<Replica> replica_;
};

}  // namespace servo::store::postgres

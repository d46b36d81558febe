// The process ends at every possible statement; what was acknowledged is there, nothing is twice.
#include <unistd.h>

#include <map>

#include "sqlite_rig.h"

namespace servo::store::test {
namespace {

// One whole life of a store: open, lead, commit definitions, a job, work with failures, a
// checkpoint, housekeeping. After each commit one byte is written to `acks`.
void live(const std::string& path, int acks) {
    auto opened = open_sqlite(path);
    if (!opened) {
        ::_exit(9);
    }
    Store& store = *opened->store;
    const int64_t epoch = store.take_leadership({"child"}).value();
    int64_t seq = store.load(epoch).value().last_seq;
    const auto commit = [&](const ChangeSet& changes) {
        const Instant now = instant_ms(1'700'000'000'000 + seq);
        if (store.commit({epoch, seq + 1, now, &changes}).fate != CommitFate::kCommitted) {
            ::_exit(8);
        }
        ++seq;
        if (::write(acks, "x", 1) != 1) {
            ::_exit(7);
        }
    };
    commit(definitions());
    const JobRow row = job(1, 1, 201);  // one is never done: the job stays open
    commit(new_job(row, seq + 1));
    for (Index first = 0; first < 200; first += 2) {
        ChangeSet work;
        add_done(work, 1, done_run(first, first + 1));
        work.failures = {failure(1, first + 1, true)};
        commit(work);
    }
    ChangeSet sealed;
    sealed.checkpoints = {store.load_job(JobId(1)).value().value().checkpoint};
    sealed.checkpoints[0].covers_seq = seq + 1;
    const auto state = [&row](Ordinal first, Outcome outcome) {
        const Instant at = instant_ms(1'700'000'000'000);
        return MaterialisedChange{row.tenant, row.asset, {{first, 100, 2}}, outcome, row.id, 1, at};
    };
    sealed.materialised = {state(0, Outcome::kSucceeded), state(1, Outcome::kFailed)};
    commit(sealed);
    while (store.maintain(instant_ms(1'700'000'100'000)).value()) {
    }
}

// Runs a life that ends at the given statement; how many commits were acknowledged. `ended`: it got
// through without dying.
int64_t die_and_count(const std::string& path, int statement, bool& ended) {
    int acks[2];
    EXPECT_EQ(::pipe(acks), 0);
    const int status = in_child([&] {
        ::close(acks[0]);
        die_at_statement(statement);
        live(path, acks[1]);
        ::_exit(3);
    });
    ::close(acks[1]);
    int64_t count = 0;
    char byte = 0;
    while (::read(acks[0], &byte, 1) == 1) {
        ++count;
    }
    ::close(acks[0]);
    EXPECT_TRUE(status == 0 || status == 3) << "status " << status;
    ended = status == 3;
    return count;
}

// A file system whose writes or syncs can be told to fail. For use inside in_child.
namespace faulty {

sqlite3_vfs* real = nullptr;
// By kind of file; all kinds write and sync by the same functions.
std::map<const sqlite3_io_methods*, sqlite3_io_methods> methods;
const sqlite3_io_methods* real_methods = nullptr;
int write_error = SQLITE_OK;
int sync_error = SQLITE_OK;

int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 at) {
    return write_error != SQLITE_OK ? write_error : real_methods->xWrite(file, bytes, count, at);
}
int sync(sqlite3_file* file, int flags) {
    return sync_error != SQLITE_OK ? sync_error : real_methods->xSync(file, flags);
}
int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    const int rc = real->xOpen(real, name, file, flags, out);
    if (rc == SQLITE_OK && file->pMethods != nullptr) {
        real_methods = file->pMethods;
        sqlite3_io_methods& ours = methods[real_methods] = *real_methods;
        ours.xWrite = write;
        ours.xSync = sync;
        file->pMethods = &ours;
    }
    return rc;
}
void install() {
    static sqlite3_vfs vfs;
    real = sqlite3_vfs_find(nullptr);
    vfs = *real;
    vfs.zName = "faulty";
    vfs.xOpen = open;
    sqlite3_vfs_register(&vfs, 1);
}

}  // namespace faulty

// One commit under the fault and one after it, as digits of CommitFate.
int fates_under(const std::string& path, int& error_switch, int error) {
    return in_child([&] {
        faulty::install();
        OpenedStore opened = take(open_sqlite(path));
        const int64_t epoch = opened.store->take_leadership({"child"}).value();
        const int64_t last = opened.store->load(epoch).value().last_seq;
        ChangeSet changes;
        changes.events = {{TenantId(1), instant_ms(1), "a", "k", "s", "d"}};
        const auto commit = [&] {
            return static_cast<int>(
                opened.store->commit({epoch, last + 1, instant_ms(1'700'000'001'000), &changes})
                    .fate
            );
        };
        error_switch = error;
        const int first = commit();
        error_switch = SQLITE_OK;
        ::_exit(10 * (first + 1) + commit());
    });
}

int digits(CommitFate first, CommitFate second) {
    return 10 * (static_cast<int>(first) + 1) + static_cast<int>(second);
}

TEST(SqliteFaults, FullDiskLosesOneCommitAndSyncErrorsAreForTheProcessToEnd) {
    TemporaryFolder folder;
    const std::string path = folder.path("servo.db");
    fill_database(path);
    EXPECT_EQ(
        fates_under(path, faulty::write_error, SQLITE_FULL),
        digits(CommitFate::kFull, CommitFate::kCommitted)
    );
    EXPECT_EQ(
        fates_under(path, faulty::write_error, SQLITE_IOERR_WRITE) / 10,
        static_cast<int>(CommitFate::kBroken) + 1
    );
    EXPECT_EQ(
        fates_under(path, faulty::sync_error, SQLITE_IOERR_FSYNC) / 10,
        static_cast<int>(CommitFate::kBroken) + 1
    );
    OpenedStore opened = take(open_sqlite(path));
    const int64_t epoch = opened.store->take_leadership({"after"}).value();
    EXPECT_GE(opened.store->load(epoch).value().last_seq, 54);
    EXPECT_EQ(opened.store->fsck().value(), std::vector<std::string>{});
}

TEST(SqliteCrash, NothingAcknowledgedIsLostAtAnyStatement) {
    bool ended = false;
    int deaths = 0;
    // Every statement of the opening, then with growing steps, each with another remainder.
    for (int statement = 1; !ended; statement += statement < 60 ? 1 : 1 + statement / 9) {
        TemporaryFolder folder;
        const std::string path = folder.path("servo.db");
        const int64_t acknowledged = die_and_count(path, statement, ended);
        ++deaths;
        auto opened = open_sqlite(path);
        ASSERT_TRUE(opened.has_value())
            << "statement " << statement << ": " << opened.error().message;
        const int64_t epoch = opened->store->take_leadership({"after"}).value();
        const Snapshot seen = opened->store->load(epoch).value();
        // The last commit may have become durable without its acknowledgement.
        EXPECT_GE(seen.last_seq, acknowledged) << "statement " << statement;
        EXPECT_LE(seen.last_seq, acknowledged + 1) << "statement " << statement;
        if (seen.last_seq >= 3) {
            const JobCounters& counters = seen.jobs.at(0).checkpoint.counters;
            const auto work = static_cast<uint64_t>(std::min<int64_t>(seen.last_seq - 2, 100));
            EXPECT_EQ(counters.completed, work) << "statement " << statement;
            EXPECT_EQ(counters.failed, work) << "statement " << statement;
        }
        EXPECT_EQ(opened->store->fsck().value(), std::vector<std::string>{})
            << "statement " << statement;
    }
    EXPECT_GT(deaths, 70);
}

TEST(SqliteCrash, SurvivesDyingAgainAndAgainOnOneDatabase) {
    TemporaryFolder folder;
    const std::string path = folder.path("servo.db");
    fill_database(path);
    int64_t last = take(open_sqlite(path)).store->committed(1, 53).value() ? 53 : 0;
    ASSERT_EQ(last, 53);
    for (int round = 0; round < 30; ++round) {
        const int status = in_child([&] {
            die_at_statement(25 + 7 * round);
            auto opened = open_sqlite(path);
            const int64_t epoch = opened.value().store->take_leadership({"child"}).value();
            int64_t seq = opened->store->load(epoch).value().last_seq;
            for (;;) {
                ChangeSet work;
                work.events = {{TenantId(1), instant_ms(1), "a", "k", "s", "d"}};
                work.failures = {failure(1, 6'000, false)};
                opened->store->commit({epoch, ++seq, instant_ms(1'700'000'001'000), &work});
            }
        });
        ASSERT_EQ(status, 0);
        OpenedStore opened = take(open_sqlite(path));
        const int64_t epoch = opened.store->take_leadership({"after"}).value();
        const Snapshot seen = opened.store->load(epoch).value();
        EXPECT_GE(seen.last_seq, last);
        last = seen.last_seq;
        EXPECT_EQ(
            seen.jobs.at(0)
                .checkpoint.counters.attempts_failed[static_cast<size_t>(FailureClass::kTimeout)],
            static_cast<uint64_t>(last - 53 + 2)
        );
        EXPECT_EQ(opened.store->fsck().value(), std::vector<std::string>{});
    }
    EXPECT_GT(last, 60);
}

}  // namespace
}  // namespace servo::store::test

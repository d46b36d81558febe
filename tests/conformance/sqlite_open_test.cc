// Opening: refuses what it must not touch, says what to type, and never replaces.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <future>

#include "sqlite_rig.h"
#include "store/sqlite/backup.h"

namespace servo::store::test {
namespace {

namespace fs = std::filesystem;

unsigned mode_of(const std::string& name) {
    struct stat info {};
    EXPECT_EQ(::stat(name.c_str(), &info), 0) << name;
    return info.st_mode & 0777U;
}

class SqliteOpen : public testing::Test {
 protected:
    TemporaryFolder folder;
    std::string path = folder.path("servo.db");

    // The refusal has the reason, says something to do, and the files are as they were.
    void expect_refused(const std::string& reason, const std::string& advice) {
        const std::string before = read_file(path);
        const Error error = open_error(path);
        EXPECT_EQ(error.reason, reason) << error.message;
        EXPECT_NE(error.message.find(advice), std::string::npos) << error.message;
        EXPECT_EQ(read_file(path), before);
        // It says the same again: the first attempt has not changed what the second one sees.
        EXPECT_EQ(open_error(path).reason, reason);
    }
    void kill_after_work() {
        ASSERT_EQ(
            in_child([&] {
                OpenedStore opened = take(open_sqlite(path));
                const int64_t epoch = opened.store->take_leadership({"child"}).value();
                const ChangeSet changes = definitions();
                opened.store->commit({epoch, 1, instant_ms(1), &changes});
                ::_exit(0);
            }),
            0
        );
    }
};

TEST_F(SqliteOpen, MakesTheFolderAndTheDatabaseOnce) {
    const std::string deep = folder.path("a/b/servo.db");
    EXPECT_TRUE(take(open_sqlite(deep)).created);
    EXPECT_FALSE(take(open_sqlite(deep)).created);
    EXPECT_FALSE(fs::exists(deep + ".new"));
    EXPECT_FALSE(fs::exists(deep + "-wal")) << "a clean end leaves one file";
    EXPECT_EQ(
        ask(deep, "SELECT version, name, kind, oldest_allowed FROM schema_migrations"),
        "1|initial|breaking|1"
    );
    EXPECT_EQ(ask(deep, "SELECT clean FROM meta"), "1");
}

TEST_F(SqliteOpen, SecondProcessIsToldWhoHoldsIt) {
    const OpenedStore held = take(open_sqlite(path));
    const Error error = open_error(path);
    EXPECT_EQ(error.reason, "store_in_use");
    EXPECT_NE(error.message.find(std::to_string(::getpid())), std::string::npos) << error.message;
    EXPECT_NE(error.message.find("--data-dir"), std::string::npos);
}

// Whatever the umask, nobody else reads what the store holds.
TEST_F(SqliteOpen, FilesAndFoldersAreForTheirUserAlone) {
    const mode_t before = ::umask(0);
    const std::string home = folder.path("a");
    const std::string file = home + "/b/servo.db";
    {
        const OpenedStore open = take(open_sqlite(file));
        for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
            EXPECT_EQ(mode_of(file + suffix), 0600U) << suffix;
        }
        EXPECT_EQ(mode_of(home), 0700U);
        EXPECT_EQ(mode_of(home + "/b"), 0700U);
        EXPECT_TRUE(backup_sqlite(file, folder.path("saved.db")));
    }
    EXPECT_EQ(mode_of(folder.path("saved.db")), 0600U);
    EXPECT_TRUE(
        restore_sqlite(folder.path("saved.db"), folder.path("c/servo.db"), Existing::kRefuse)
    );
    EXPECT_EQ(mode_of(folder.path("c")), 0700U);
    EXPECT_EQ(mode_of(folder.path("c/servo.db")), 0600U);
    ::umask(before);
}

// As after kill -9, when the start comes before the end is over.
TEST_F(SqliteOpen, ALockThatIsLetGoInTimeIsWaitedFor) {
    const std::string lock = path + ".lock";
    const int held = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_EQ(::flock(held, LOCK_EX | LOCK_NB), 0);
    const int watch = ::inotify_init1(IN_CLOEXEC);
    ASSERT_GE(::inotify_add_watch(watch, lock.c_str(), IN_OPEN), 0);
    auto opening = std::async(std::launch::async, [this] { return open_sqlite(path).has_value(); });
    std::array<char, 1'024> event{};
    EXPECT_GT(::read(watch, event.data(), event.size()), 0);  // it has come as far as the lock
    ::close(watch);
    ::close(held);
    EXPECT_TRUE(opening.get());
}

TEST_F(SqliteOpen, LockEndsWithItsProcess) {
    kill_after_work();
    EXPECT_TRUE(open_sqlite(path).has_value());
}

TEST_F(SqliteOpen, ForeignFilesAreRefused) {
    write_file(path, "# not a database\n" + std::string(5'000, 'x'));
    expect_refused("not_a_servo_store", "--data-dir");
    fs::remove(path);
    tamper(path, "CREATE TABLE t (x); PRAGMA user_version = 3;");
    expect_refused("not_a_servo_store", "is not a database of Servo");
}

TEST_F(SqliteOpen, EmptyAndCutFilesAreRefused) {
    fill_database(path);
    const std::string whole = read_file(path);
    for (const size_t size :
         {size_t{0},
          size_t{50},
          size_t{100},
          size_t{4'096},
          whole.size() / 2,
          whole.size() - 4'096,
          whole.size() - 1}) {
        write_file(path, whole.substr(0, size));
        expect_refused("store_corrupt", "servo restore");
    }
    write_file(path, whole);
    EXPECT_TRUE(open_sqlite(path).has_value());
}

TEST_F(SqliteOpen, DatabaseThatIsGoneIsNotReplaced) {
    fill_database(path);
    fs::rename(path, path + ".away");
    const Error error = open_error(path);
    EXPECT_EQ(error.reason, "store_missing");
    EXPECT_NE(error.message.find("servo restore"), std::string::npos) << error.message;
    EXPECT_FALSE(fs::exists(path));
    fs::rename(path + ".away", path);
    EXPECT_TRUE(open_sqlite(path).has_value());
    // As the message says, to start afresh.
    fs::remove(path);
    fs::remove(path + ".lock");
    EXPECT_TRUE(take(open_sqlite(path)).created);
}

TEST_F(SqliteOpen, LostLogOfAnUncleanEndIsNoticed) {
    fill_database(path);
    kill_after_work();
    ASSERT_TRUE(fs::exists(path + "-wal"));
    fs::rename(path + "-wal", path + "-wal.away");
    expect_refused("store_missing", "-wal is gone");
    fs::remove(path + "-wal");
    fs::rename(path + "-wal.away", path + "-wal");
    EXPECT_TRUE(open_sqlite(path).has_value());
}

TEST_F(SqliteOpen, FlippedBitsInTheLogOfAnUncleanEndAreRefusedOrChangeNothing) {
    ASSERT_EQ(
        in_child([&] {
            fill_database(path);
            OpenedStore opened = take(open_sqlite(path));
            const int64_t epoch = opened.store->take_leadership({"child"}).value();
            for (int64_t seq = 54; seq < 64; ++seq) {
                const ChangeSet changes = new_job(job(seq, 1, 10), seq);
                opened.store->commit({epoch, seq, instant_ms(1'700'000'001'000), &changes});
            }
            ::_exit(0);
        }),
        0
    );
    const std::string log = read_file(path + "-wal");
    const std::string file = read_file(path);
    ASSERT_GT(log.size(), 100'000U);
    const auto last_seq = [&]() -> int64_t {
        auto opened = open_sqlite(path);
        if (!opened) {
            EXPECT_EQ(opened.error().reason, "store_corrupt") << opened.error().message;
            EXPECT_NE(opened.error().message.find("servo restore"), std::string::npos);
            return 0;
        }
        const int64_t epoch = opened->store->take_leadership({"after"}).value();
        return opened->store->load(epoch).value().last_seq;
    };
    // The last transaction cannot be told from a torn one; all of the log before it can.
    const size_t last_transaction = log.size() - 8 * (4'096 + 24);
    int refused = 0;
    for (size_t at = 1; at < last_transaction; at += 1'777) {
        std::string bad = log;
        bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
        fs::remove(path + "-shm");
        write_file(path, file);
        write_file(path + "-wal", bad);
        const int64_t seen = last_seq();
        EXPECT_TRUE(seen == 0 || seen == 63) << "byte " << at << ": batch " << seen;
        refused += seen == 0 ? 1 : 0;
    }
    EXPECT_GT(refused, 30);
    fs::remove(path + "-shm");
    write_file(path, file);
    write_file(path + "-wal", log);
    EXPECT_EQ(last_seq(), 63);
}

TEST_F(SqliteOpen, LogWithoutItsDatabaseIsNoticed) {
    write_file(path + "-wal", "anything");
    EXPECT_EQ(open_error(path).reason, "store_missing");
}

TEST_F(SqliteOpen, FlippedBitsAreRefusedOrChangeNothing) {
    fill_database(path);
    const std::string whole = read_file(path);
    const auto answers = [&]() -> std::string {
        auto opened = open_sqlite(path);
        if (!opened) {
            EXPECT_FALSE(opened.error().message.empty());
            return "refused";
        }
        const int64_t epoch = opened->store->take_leadership({"test"}).value_or(0);
        const auto snapshot = opened->store->load(epoch);
        const auto done =
            opened->archive->within(TenantScope::all())->done(JobId(1), {0, 10'000}, 10'000);
        const auto sound = opened->store->fsck();
        if (!snapshot || !done || !sound || !sound->empty()) {
            return "refused";
        }
        return std::to_string(done->size()) + "/" + std::to_string(snapshot->jobs.size()) + "/" +
               snapshot->jobs.at(0).checkpoint.remaining.to_string();
    };
    const std::string exact = answers();
    const std::string sound = read_file(path);
    int refused = 0;
    // One bit in each page, at a place that wanders through the pages.
    for (size_t page = 0; page * 4'096 < sound.size(); ++page) {
        std::string bad = sound;
        const size_t at = page * 4'096 + (page * 131) % 4'096;
        bad[at] = static_cast<char>(bad[at] ^ (1 << (page % 8)));
        for (const char* suffix : {"-wal", "-shm"}) {
            fs::remove(path + suffix);
        }
        write_file(path, bad);
        const std::string seen = answers();
        EXPECT_TRUE(seen == "refused" || seen == exact) << "byte " << at << ": " << seen;
        refused += seen == "refused" ? 1 : 0;
    }
    EXPECT_GT(refused, 0);
}

TEST_F(SqliteOpen, SchemaOfANewerVersionIsItsOwnError) {
    fill_database(path);
    tamper(path, "INSERT INTO schema_migrations VALUES (3, 'later', 'compatible', 5, 1, 0)");
    EXPECT_TRUE(open_sqlite(path).has_value()) << "compatible: goes on";
    tamper(path, "INSERT INTO schema_migrations VALUES (4, 'new', 'breaking', 5, 4, 0)");
    expect_refused("schema_too_new", "Install the version that wrote it");
    EXPECT_EQ(query_sqlite(path, "SELECT 1", 1).error().reason, "schema_too_new");
}

TEST_F(SqliteOpen, ScriptOfTheMissingStepsDoesWhatOpeningDoes) {
    fill_database(path);
    const std::string records =
        "SELECT version, name, kind, checksum, oldest_allowed FROM schema_migrations";
    const SqlTable before = take(query_sqlite(path, records, 10));
    tamper(path, "DROP VIEW time_spent");
    tamper(path, "DELETE FROM schema_migrations WHERE version = 2");
    const SchemaSteps missing = take(pending_sqlite(path));
    ASSERT_EQ(missing.steps.size(), 1U);
    EXPECT_EQ(missing.steps[0].name, "views");
    tamper(path, missing.script);
    EXPECT_TRUE(take(pending_sqlite(path)).steps.empty());
    EXPECT_EQ(take(pending_sqlite(path)).script, "");
    EXPECT_EQ(take(query_sqlite(path, records, 10)).rows, before.rows);
    EXPECT_TRUE(open_sqlite(path).has_value());
}

TEST_F(SqliteOpen, StepOfAnotherTextIsRefused) {
    fill_database(path);
    tamper(path, "UPDATE schema_migrations SET checksum = checksum + 1");
    expect_refused("schema_mismatch", "unreleased build");
}

TEST_F(SqliteOpen, UnwritableFolderSaysSo) {
    if (::geteuid() == 0) {
        // Root writes anywhere; a file in the place of the folder is refused all the same.
        write_file(folder.path("file"), "x");
        const Error error = open_error(folder.path("file/servo.db"));
        EXPECT_EQ(error.reason, "store_unwritable");
        EXPECT_NE(error.message.find("--data-dir"), std::string::npos) << error.message;
        return;
    }
    ::chmod(folder.path("").c_str(), 0500);
    const Error error = open_error(path);
    EXPECT_EQ(error.reason, "store_unwritable");
    EXPECT_NE(error.message.find("--data-dir"), std::string::npos) << error.message;
}

TEST_F(SqliteOpen, WriteLockOfSomebodyElseIsWaitedOut) {
    OpenedStore opened = take(open_sqlite(path));
    const int64_t epoch = opened.store->take_leadership({"test"}).value();
    const ChangeSet changes = definitions();
    sqlite3* foreign = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &foreign), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(foreign, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    EXPECT_EQ(opened.store->commit({epoch, 1, instant_ms(1), &changes}).fate, CommitFate::kUnknown);
    sqlite3_close(foreign);
    const int64_t next = opened.store->take_leadership({"test"}).value();
    EXPECT_FALSE(opened.store->committed(epoch, 1).value());
    EXPECT_EQ(
        opened.store->commit({next, 1, instant_ms(2), &changes}).fate, CommitFate::kCommitted
    );
}

TEST_F(SqliteOpen, FullDiskRefusesCommitsAndLosesNothing) {
    SqliteOptions options;
    options.size_max_bytes = 400 * 1'024;
    OpenedStore opened = take(open_sqlite(path, options));
    const int64_t epoch = opened.store->take_leadership({"test"}).value();
    int64_t seq = 0;
    const auto commit = [&](const ChangeSet& changes) {
        return opened.store->commit({epoch, seq + 1, instant_ms(1), &changes}).fate;
    };
    ASSERT_EQ(commit(definitions()), CommitFate::kCommitted);
    ++seq;
    ASSERT_EQ(commit(new_job(job(1, 1, 100'000), 2)), CommitFate::kCommitted);
    ++seq;
    CommitFate fate = CommitFate::kCommitted;
    uint64_t committed = 0;
    for (Index first = 0; first < 100'000 && fate == CommitFate::kCommitted; first += 1'000) {
        ChangeSet work;
        for (Index index = first; index < first + 1'000; ++index) {
            // Durations that do not pack well.
            add_done(
                work,
                1,
                {done(
                    index,
                    1'700'000'000'000,
                    static_cast<int64_t>(index * 2'654'435'761 % 99'999'999)
                )}
            );
        }
        fate = commit(work);
        if (fate == CommitFate::kCommitted) {
            ++seq;
            committed += 1'000;
        }
    }
    ASSERT_EQ(fate, CommitFate::kFull);
    ASSERT_GT(committed, 0U);
    ChangeSet small;
    small.events = {{TenantId(1), instant_ms(1), "a", "k", "s", std::string(300'000, 'x')}};
    EXPECT_EQ(commit(small), CommitFate::kFull);
    const auto snapshot = opened.store->load(epoch).value();
    EXPECT_EQ(snapshot.last_seq, seq);
    EXPECT_EQ(snapshot.jobs.at(0).checkpoint.counters.completed, committed);
    EXPECT_EQ(opened.store->fsck().value(), std::vector<std::string>{});
    opened = {};
    // With room again it goes on where it was.
    OpenedStore roomy = take(open_sqlite(path));
    const int64_t next = roomy.store->take_leadership({"test"}).value();
    EXPECT_EQ(
        roomy.store->commit({next, seq + 1, instant_ms(2), &small}).fate, CommitFate::kCommitted
    );
}

}  // namespace
}  // namespace servo::store::test

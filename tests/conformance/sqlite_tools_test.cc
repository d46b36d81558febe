// Backup, restore, `servo sql` and fsck on files, also beside a running store.
#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/packed_text.h"
#include "base/prng.h"
#include "sqlite_rig.h"
#include "store/sqlite/backup.h"

namespace servo::store::test {
namespace {

namespace fs = std::filesystem;

class SqliteTools : public testing::Test {
 protected:
    void SetUp() override { fill_database(path); }
    TemporaryFolder folder;
    std::string path = folder.path("servo.db");
    std::string copy = folder.path("backup.db");
};

TEST_F(SqliteTools, BackupOfALiveDatabaseIsWholeAndOpens) {
    OpenedStore opened = take(open_sqlite(path));
    const int64_t epoch = opened.store->take_leadership({"test"}).value();
    ChangeSet work;
    add_done(work, 1, done_run(6'000, 6'100));
    ASSERT_EQ(
        opened.store->commit({epoch, 54, instant_ms(1'700'000'001'000), &work}).fate,
        CommitFate::kCommitted
    );
    // From another process, as the command does it.
    ASSERT_EQ(in_child([&] { ::_exit(backup_sqlite(path, copy) ? 0 : 1); }), 0);
    ChangeSet later;
    add_done(later, 1, done_run(7'000, 7'100));
    ASSERT_EQ(
        opened.store->commit({epoch, 55, instant_ms(1'700'000'001'001), &later}).fate,
        CommitFate::kCommitted
    );
    opened = {};
    EXPECT_EQ(ask(copy, "SELECT max(seq) FROM batches"), "54");
    EXPECT_EQ(ask(copy, "SELECT clean FROM meta"), "1");
    EXPECT_EQ(take(fsck_sqlite(copy)), std::vector<std::string>{});
    EXPECT_EQ(ask(path, "SELECT max(seq) FROM batches"), "55");
    EXPECT_EQ(backup_sqlite(path, copy).error().reason, "file_exists");
    EXPECT_EQ(backup_sqlite(folder.path("none.db"), folder.path("x")).error().reason, "no_store");
}

TEST_F(SqliteTools, RestorePutsTheBackupInPlaceAndKeepsWhatWasThere) {
    ASSERT_TRUE(backup_sqlite(path, copy));
    tamper(path, "DELETE FROM done_log");
    EXPECT_EQ(restore_sqlite(copy, path, Existing::kRefuse).error().reason, "store_exists");
    EXPECT_EQ(ask(path, "SELECT count(*) FROM done_log"), "0");
    const auto restored = restore_sqlite(copy, path, Existing::kReplace);
    ASSERT_TRUE(restored.has_value()) << restored.error().message;
    OpenedStore opened = take(open_sqlite(path));
    EXPECT_FALSE(opened.created);
    const int64_t epoch = opened.store->take_leadership({"test"}).value();
    EXPECT_GT(epoch, 1'000) << "tokens of the lost time are not given again";
    EXPECT_EQ(opened.store->load(epoch).value().jobs.at(0).checkpoint.counters.completed, 5'000U);
    EXPECT_EQ(ask(path + ".replaced", "SELECT count(*) FROM done_log"), "0");
    EXPECT_EQ(restore_sqlite(copy, path, Existing::kReplace).error().reason, "store_in_use");
}

TEST_F(SqliteTools, RestoreIntoAnEmptyFolderAndAfterALoss) {
    ASSERT_TRUE(backup_sqlite(path, copy));
    const std::string elsewhere = folder.path("new/servo.db");
    ASSERT_TRUE(restore_sqlite(copy, elsewhere, Existing::kRefuse));
    EXPECT_TRUE(open_sqlite(elsewhere).has_value());
    fs::remove(path);
    EXPECT_EQ(open_error(path).reason, "store_missing");
    ASSERT_TRUE(restore_sqlite(copy, path, Existing::kRefuse));
    EXPECT_TRUE(open_sqlite(path).has_value());
}

TEST_F(SqliteTools, RestoreOfADamagedBackupChangesNothing) {
    ASSERT_TRUE(backup_sqlite(path, copy));
    const std::string before = read_file(path);
    write_file(copy, read_file(copy).substr(0, 20'000));
    EXPECT_EQ(restore_sqlite(copy, path, Existing::kReplace).error().reason, "store_corrupt");
    write_file(copy, "hello");
    EXPECT_FALSE(restore_sqlite(copy, path, Existing::kReplace).has_value());
    EXPECT_EQ(read_file(path), before);
}

// A backup with one bit flipped is refused, or what it is restored to is sound: never taken with
// something in it that a recount would find.
TEST_F(SqliteTools, RestoreOfABackupWithAFlippedBitIsRefusedOrSound) {
    ASSERT_TRUE(backup_sqlite(path, copy));
    const std::string sound = read_file(copy);
    const std::string target = folder.path("restored/servo.db");
    Prng prng(7);
    int refused = 0;
    for (int round = 0; round < 60; ++round) {
        std::string bad = sound;
        const uint64_t bit = prng.below(sound.size() * 8);
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
        write_file(copy, bad);
        const auto restored = restore_sqlite(copy, target, Existing::kReplace);
        if (!restored) {
            ++refused;
            EXPECT_FALSE(restored.error().message.empty()) << bit;
            continue;
        }
        const auto findings = fsck_sqlite(target);
        ASSERT_TRUE(findings.has_value()) << bit << ": " << findings.error().message;
        EXPECT_EQ(*findings, std::vector<std::string>{}) << bit;
    }
    EXPECT_GT(refused, 0);
}

TEST_F(SqliteTools, RestoreOfABackupThatContradictsItselfChangesNothing) {
    ASSERT_TRUE(backup_sqlite(path, copy));
    const std::string before = read_file(path);
    tamper(copy, "UPDATE done_log SET payload = zeroblob(40) WHERE seq = 5");
    const auto restored = restore_sqlite(copy, path, Existing::kReplace);
    ASSERT_FALSE(restored.has_value());
    EXPECT_EQ(restored.error().reason, "store_corrupt");
    EXPECT_NE(
        restored.error().message.find("The backup " + copy + " is damaged"), std::string::npos
    ) << restored.error().message;
    EXPECT_EQ(read_file(path), before);
    EXPECT_FALSE(fs::exists(path + ".new"));
}

TEST_F(SqliteTools, BackupOfADatabaseThatContradictsItselfIsRefused) {
    tamper(path, "UPDATE done_log SET payload = zeroblob(40) WHERE seq = 5");
    const auto made = backup_sqlite(path, copy);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().reason, "store_corrupt");
    EXPECT_NE(made.error().message.find("No backup was written"), std::string::npos);
    EXPECT_FALSE(fs::exists(copy));
    EXPECT_FALSE(fs::exists(copy + ".partial"));
}

TEST_F(SqliteTools, TablesUnpackWhatIsPackedExactly) {
    const std::string id = ask(path, "SELECT servo_job_id(job_id) FROM jobs");
    EXPECT_EQ(ask(path, "SELECT servo_job('" + id + "')"), "1");
    EXPECT_EQ(ask(path, "SELECT servo_time(0)"), "1970-01-01T00:00:00Z");
    std::string hex;
    for (const char byte : pack_text(std::string(10'000, 'x'))) {
        hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    }
    EXPECT_EQ(ask(path, "SELECT servo_text(x'" + hex + "')"), std::string(10'000, 'x'));
    EXPECT_EQ(ask(path, "SELECT servo_text(CAST('plain' AS BLOB))"), "plain");
    EXPECT_EQ(
        ask(path,
            "SELECT group_concat(state || ' ' || first || '-' || last, ', ') FROM work_ranges"),
        "to_do 5010-8999, to_do 9001-9999, leased 5000-5009, failed 9000-9000"
    );
    EXPECT_EQ(
        ask(path, "SELECT tenant_id, first, last, partitions FROM done_ranges"), "1|0|4999|5000"
    );
    EXPECT_EQ(
        ask(path,
            "SELECT sum(state = 'completed'), sum(state = 'pending'), sum(state = 'leased'),"
            " sum(state = 'failed'), count(*) FROM partitions WHERE job_id = '" +
                id + "'"),
        "5000|4989|10|1|10000"
    );
    EXPECT_EQ(
        ask(path,
            "SELECT key, state, attempt, started_at, duration_ms, class FROM partitions"
            " WHERE job_id = '" +
                id + "' AND idx = 3"),
        "1970-01-04|completed|1|2023-11-14T22:13:20.003Z|250|NULL"
    );
    EXPECT_EQ(
        ask(path, "SELECT state, class, message FROM partitions WHERE idx = 9000"),
        "failed|timeout|took too long"
    );
    EXPECT_EQ(
        ask(path, "SELECT first, last, outcome, job_id FROM partition_states"),
        "0|4999|succeeded|" + id
    );
    EXPECT_EQ(ask(path, "SELECT count(*) FROM partitions WHERE job_id = 'bf_nonsense'"), "0");
}

TEST_F(SqliteTools, SqlReadsOnlyOneStatementAndSaysWhatIsWrong) {
    for (const char* bad :
         {"DELETE FROM jobs", "SELEKT 1", "SELECT 1; SELECT 2", "", "SELECT * FROM nowhere"}) {
        const auto refused = query_sqlite(path, bad, 10);
        ASSERT_FALSE(refused.has_value()) << bad;
        EXPECT_EQ(refused.error().reason, "bad_sql") << bad;
    }
    const SqlTable row =
        take(query_sqlite(path, "SELECT 1, '1', NULL, x'0a', 2.5, CAST(x'41ff' AS TEXT) ; ", 10));
    const std::vector<SqlCell> cells = {
        {"1", true}, {"1", false}, {}, {"x'0a'", false}, {"2.5", true}, {"x'41ff'", false}};
    ASSERT_EQ(row.rows.size(), 1U);
    EXPECT_EQ(row.rows[0], cells);
    const SqlTable cut = take(query_sqlite(path, "SELECT seq FROM batches", 5));
    EXPECT_EQ(cut.rows.size(), 5U);
    EXPECT_TRUE(cut.cut);
    EXPECT_EQ(query_sqlite(folder.path("none.db"), "SELECT 1", 1).error().reason, "no_store");
}

TEST_F(SqliteTools, FsckOfAFileFindsWhatWasTamperedWith) {
    EXPECT_EQ(take(fsck_sqlite(path)), std::vector<std::string>{});
    const auto finds = [&](const std::string& sql, const std::string& words) {
        const std::string sound = read_file(path);
        tamper(path, sql);
        std::string all;
        for (const std::string& sentence : take(fsck_sqlite(path))) {
            all += sentence + "\n";
        }
        EXPECT_NE(all.find(words), std::string::npos) << sql << "\n" << all;
        for (const char* suffix : {"-wal", "-shm"}) {
            fs::remove(path + suffix);
        }
        write_file(path, sound);
    };
    finds("DELETE FROM done_log WHERE block = 0 AND seq = 5", "are kept as succeeded");
    finds("UPDATE done_log SET payload = zeroblob(40) WHERE seq = 5", "checksum does not match");
    finds("DELETE FROM batches WHERE seq = 9", "jumps from 8 to 10");
    finds("UPDATE leader SET epoch = 0", "the leader's epoch is 0");
    finds("DELETE FROM jobs", "rows of done_log belong to jobs that do not exist");
    finds("UPDATE jobs SET keys_fingerprint = 1", "do not match their fingerprint");
    finds("UPDATE job_checkpoints SET progress = x'01'", "ends in the middle");
    finds("UPDATE asset_revisions SET definition = '{}'", "Asset 10 revision 1");
    finds("UPDATE partition_state SET runs = x'00' WHERE block = 1", "Asset 10 block 1");
    finds("UPDATE jobs SET state = 'cancelled'", "still has 1 leases");
    finds("UPDATE jobs SET state = 'completed'", "is completed and has 4999 partitions to do");
    finds("UPDATE jobs SET priority = 99", "its priority is 99");
    finds("DELETE FROM tenants", "rows of jobs belong to tenants that do not exist");
    finds("UPDATE jobs SET tenant_id = 77", "rows of jobs belong to tenants that do not exist");
    finds("UPDATE jobs SET tenant_id = 2", "rows of jobs are of another tenant than their asset");
    finds("UPDATE done_log SET tenant_id = 2", "are of another tenant than their job");
    finds("DELETE FROM asset_revisions", "rows of jobs are of a revision that does not exist");
    finds("DROP TABLE pools", "The schema has lost pools.");
    finds("DROP INDEX jobs_by_time", "The schema has lost jobs_by_time.");
}

TEST_F(SqliteTools, MergedBlocksAreOneRow) {
    {
        OpenedStore opened = take(open_sqlite(path));
        const int64_t epoch = opened.store->take_leadership({"test"}).value();
        ChangeSet sealed;
        sealed.checkpoints = {opened.store->load_job(JobId(1)).value().value().checkpoint};
        sealed.checkpoints[0].covers_seq = 54;
        ASSERT_EQ(
            opened.store->commit({epoch, 54, instant_ms(1'700'000'001'000), &sealed}).fate,
            CommitFate::kCommitted
        );
        while (take(opened.store->maintain(instant_ms(1'700'000'002'000)))) {
        }
    }
    EXPECT_EQ(ask(path, "SELECT count(*), sum(entries) FROM done_log WHERE block = 0"), "1|4096");
    EXPECT_EQ(ask(path, "SELECT sum(entries) FROM done_log"), "5000");
    EXPECT_EQ(take(fsck_sqlite(path)), std::vector<std::string>{});
}

TEST_F(SqliteTools, LogIsMovedIntoTheFileWhileRunning) {
    OpenedStore opened = take(open_sqlite(path));
    const int64_t epoch = opened.store->take_leadership({"test"}).value();
    const auto file_size = fs::file_size(path);
    for (int64_t seq = 54; seq < 64; ++seq) {
        ChangeSet changes;
        changes.events = {
            {TenantId(1), instant_ms(1'700'000'000'000), "a", "k", "s", std::string(1 << 20, 'x')}};
        ASSERT_EQ(
            opened.store->commit({epoch, seq, instant_ms(1'700'000'001'000), &changes}).fate,
            CommitFate::kCommitted
        );
        take(opened.store->maintain(instant_ms(1'700'000'001'000)));
    }
    EXPECT_GT(fs::file_size(path), file_size + (6 << 20));
    EXPECT_LT(fs::file_size(path + "-wal"), 8U << 20);
}

TEST_F(SqliteTools, ReadersGoOnWhileTheWriterCommits) {
    OpenedStore opened = take(open_sqlite(path));
    const int64_t epoch = opened.store->take_leadership({"test"}).value();
    std::atomic<bool> stop{false};
    std::atomic<int> reads{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 6; ++i) {
        readers.emplace_back([&] {
            while (!stop) {
                const auto exact = opened.archive->within(TenantScope::all())->checkpoint(JobId(1));
                ASSERT_TRUE(exact.has_value()) << exact.error().message;
                const auto done =
                    opened.archive->within(TenantScope::all())->done(JobId(1), {0, 10'000}, 10'000);
                ASSERT_TRUE(done.has_value());
                ASSERT_GE(done->size(), exact->value().counters.completed);
                ++reads;
            }
        });
    }
    int64_t seq = 53;
    for (Index first = 5'000; first < 8'000 || reads < 20; first += 10) {
        ChangeSet work;
        if (first < 8'000) {
            add_done(work, 1, done_run(first, first + 10));
        }
        if (first == 6'000) {
            work.checkpoints = {opened.store->load_job(JobId(1)).value().value().checkpoint};
        }
        ++seq;
        ASSERT_EQ(
            opened.store->commit({epoch, seq, instant_ms(1'700'000'001'000 + seq), &work}).fate,
            CommitFate::kCommitted
        );
        take(opened.store->maintain(instant_ms(1'700'000'001'000 + seq * 1'000)));
    }
    stop = true;
    for (std::thread& reader : readers) {
        reader.join();
    }
    EXPECT_EQ(opened.store->load(epoch).value().jobs.at(0).checkpoint.counters.completed, 8'000U);
}

}  // namespace
}  // namespace servo::store::test

// Opening a database file: lock, checks, schema, settings; and a pool of read-only connections.
// Refuses, never replaces: a database that is damaged, foreign, too new, in use or gone is an error
// that says what to type.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/lock_file.h"
#include "store/sqlite/sqlite_store.h"

namespace servo::store::sqlite {

constexpr int kPageSize = 4'096;
constexpr int32_t kApplicationId = 0x53727631;  // "Srv1"
constexpr std::chrono::milliseconds kReadLimit{5'000};
constexpr size_t kReadersMax = 4;

// The checks that need no open database: file type, application, length. Fails on a file that is
// not a whole Servo database. Must not run while this process has the file open (closing any file
// descriptor of it drops SQLite's locks).
Status check_file(const std::string& path);

// Reads the whole file and compares its structure. Error: internal / "store_corrupt", which says
// what is wrong alone (see explain).
Status quick_check(Connection& db);

// Makes the closed file `fresh` durable and gives it the name `path`.
Status move_into_place(const std::string& fresh, const std::string& path);

// Adds what a person can do about `error` on the database at `path`.
Error explain(Error error, const std::string& path);

// Read-only connections, opened as needed after the writer. Thread-safe.
class ReaderPool {
 public:
    explicit ReaderPool(std::string path) : path_(std::move(path)) {}

    class Lease {
     public:
        Lease(ReaderPool* pool, std::unique_ptr<Connection> db) : pool_(pool), db_(std::move(db)) {}
        Lease(Lease&&) = default;
        ~Lease();
        Connection& operator*() const { return *db_; }

     private:
        ReaderPool* pool_;
        std::unique_ptr<Connection> db_;
    };
    // Waits for a free one; its statements are ended after kReadLimit.
    Result<Lease> acquire();

 private:
    void give_back(std::unique_ptr<Connection> db);

    std::string path_;
    std::mutex mutex_;
    std::condition_variable freed_;
    std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_
    size_t open_ = 0;                                // guarded by mutex_
};

// Shared by a store and its history; the last owner closes cleanly.
class Database {
 public:
    static Result<std::shared_ptr<Database>> open(
        const std::string& path, const SqliteOptions& options
    );
    Database(std::string path, LockFile lock, Connection writer);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    const std::string& path() const { return path_; }
    Connection& writer() { return writer_; }
    ReaderPool& readers() { return readers_; }
    bool created() const { return created_; }
    void forbid_clean_mark() { sound_ = false; }  // after an I/O error

 private:
    std::string path_;
    LockFile lock_;
    Connection writer_;
    ReaderPool readers_;
    bool created_ = false;
    bool sound_ = true;
};

}  // namespace servo::store::sqlite

// The SQLite store by itself, side by side in one run with the naive design: a keyed row per
// partition, at the same durability and the same partitions per commit. Prints medians of rounds
// with [min..max] and the ratio; then what creating large jobs costs and how many bytes a partition
// leaves.
//   store_bench [folder]     default: the system's temporary folder; its disk is what is measured
//   store_bench listed URL   only a job of ten million listed keys, on a PostgreSQL
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/prng.h"
#include "store/postgres/postgres_store.h"
#include "store/sqlite/sql_functions.h"
#include "store/sqlite/sqlite_store.h"

namespace {

namespace fs = std::filesystem;
using namespace servo;
using namespace servo::store;

constexpr int kRounds = 3;
constexpr int64_t kStartMs = 1'700'000'000'000;

[[noreturn]] void die(const std::string& what) {
    fmt::print(stderr, "store_bench: {}\n", what);
    std::exit(1);
}

template <typename T>
T value_of(Result<T> result) {
    if (!result) {
        die(result.error().message);
    }
    return std::move(*result);
}

double seconds_of(const std::function<void()>& body) {
    const auto begin = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

struct Figures {
    std::vector<double> values;
    double median() {
        std::sort(values.begin(), values.end());
        return values[values.size() / 2];
    }
    std::string range(const char* format) {
        const double middle = median();
        return fmt::format(
            "{} [{}..{}]",
            fmt::format(fmt::runtime(format), middle),
            fmt::format(fmt::runtime(format), values.front()),
            fmt::format(fmt::runtime(format), values.back())
        );
    }
};

// Bytes this process has handed to write calls.
int64_t written_bytes() {
    std::ifstream in("/proc/self/io");
    std::string key;
    int64_t value = 0;
    while (in >> key >> value) {
        if (key == "wchar:") {
            return value;
        }
    }
    return 0;
}

class Folder {
 public:
    explicit Folder(const std::string& parent) {
        std::string pattern = parent + "/servo-bench-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr) {
            die("cannot make a folder in " + parent);
        }
        path_ = pattern;
    }
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    std::string file(const char* name) const { return path_ + "/" + name; }

 private:
    std::string path_;
};

// Partitions one after the other on a slot, lognormal-like durations around 200 ms.
DoneEntry entry_of(Index index, int64_t& clock_ms, Prng& prng) {
    DoneEntry entry;
    entry.index = index;
    entry.started_at = instant_ms(clock_ms);
    entry.duration =
        Micros(prng.between(50'000, 150'000) + prng.between(0, 100'000) + prng.between(0, 100'000));
    entry.executor = ExecutorId(1 + static_cast<int64_t>(index / 1'000 % 4));
    clock_ms += entry.duration.count() / 1'000 + 1;
    return entry;
}

// --- the store ---------------------------------------------------------------------------------

class Servo {
 public:
    explicit Servo(const std::string& path) : Servo(value_of(open_sqlite(path))) { path_ = path; }
    explicit Servo(OpenedStore opened) : opened_(std::move(opened)) {
        epoch_ = value_of(opened_.store->take_leadership({.holder = "bench", .url = ""}));
        ChangeSet changes;
        TenantRow tenant;
        tenant.id = TenantId(1);
        tenant.name = "bench";
        changes.tenants = {tenant};
        AssetHead asset;
        asset.id = AssetId(1);
        asset.tenant = tenant.id;
        asset.name = "orders";
        asset.latest_revision = 1;
        changes.assets = {asset};
        auto revision = std::make_shared<AssetRevision>();
        revision->asset = asset.id;
        revision->tenant = tenant.id;
        revision->revision = 1;
        revision->spec.name = "orders";
        TimeWindows windows;
        windows.start = "1970-01-01";
        revision->spec.partitions.dimensions = {{"", windows}};
        changes.revisions = {revision};
        commit(changes);
    }

    void commit(const ChangeSet& changes) {
        ++seq_;
        const Instant now = instant_ms(kStartMs + seq_);
        const CommitOutcome outcome = opened_.store->commit({epoch_, seq_, now, &changes});
        if (outcome.fate != CommitFate::kCommitted) {
            die(outcome.message);
        }
    }

    JobRow create(int64_t id, std::shared_ptr<const OrdinalView> ordinals) {
        JobRow row;
        row.id = JobId(id);
        row.tenant = TenantId(1);
        row.asset = AssetId(1);
        row.revision = 1;
        row.ordinals = std::move(ordinals);
        row.keys_fingerprint = row.ordinals->fingerprint();
        row.state = JobState::kRunning;
        ChangeSet changes;
        changes.jobs = {row};
        JobCheckpoint checkpoint;
        checkpoint.job = row.id;
        checkpoint.covers_seq = seq_ + 1;
        checkpoint.remaining.add(Run{0, row.total()});
        changes.checkpoints = {checkpoint};
        commit(changes);
        return row;
    }

    // `claims` leases of `k` partitions are reported and granted anew in each commit.
    void run(const JobRow& job, uint64_t k, uint64_t claims) {
        Prng prng(1);
        std::vector<int64_t> clocks(claims, kStartMs);
        int64_t lease = 1;
        for (Index next = 0; next < job.total();) {
            ChangeSet changes;
            for (uint64_t claim = 0; claim < claims && next < job.total(); ++claim, ++lease) {
                const Index end = std::min(next + k, job.total());
                GrantRow grant;
                grant.lease = LeaseId(lease);
                grant.number = 1;
                grant.tenant = job.tenant;
                grant.job = job.id;
                grant.token_base = lease;
                grant.indices = RunSet(Run{next, end});
                changes.grants.push_back(std::move(grant));
                if (lease > static_cast<int64_t>(claims)) {
                    changes.ended_grants.emplace(LeaseId(lease - static_cast<int64_t>(claims)), 1);
                }
                for (; next < end; ++next) {
                    changes.done[{job.id, next / kDoneBlockSize}].push_back(
                        entry_of(next, clocks[claim], prng)
                    );
                }
            }
            commit(changes);
            value_of(opened_.store->maintain(instant_ms(kStartMs)));
        }
    }

    // Seals the job and merges its blocks.
    void finish(const JobRow& job) {
        ChangeSet changes;
        changes.jobs = {job};
        changes.jobs[0].state = JobState::kCompleted;
        changes.checkpoints = {value_of(opened_.store->load_job(job.id))->checkpoint};
        changes.checkpoints[0].covers_seq = seq_ + 1;
        commit(changes);
        while (value_of(opened_.store->maintain(instant_ms(kStartMs + 3'600'000)))) {
        }
    }

    // Of pages in use, wherever they are.
    double used_bytes() const {
        const SqlTable table = value_of(query_sqlite(
            path_,
            "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count,"
            " pragma_freelist_count, pragma_page_size",
            1
        ));
        return std::stod(table.rows.at(0).at(0).text.value());
    }
    double load_seconds() {
        return seconds_of([&] { value_of(opened_.store->load(epoch_)); });
    }
    void close() { opened_ = {}; }
    const std::string& path() const { return path_; }

 private:
    std::string path_;
    OpenedStore opened_;
    int64_t epoch_ = 0;
    int64_t seq_ = 0;
};

// --- a keyed row per partition -----------------------------------------------------------------

class RowPerPartition {
 public:
    explicit RowPerPartition(const std::string& path) {
        exec_ok(sqlite3_open(path.c_str(), &db_));
        exec(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "CREATE TABLE attempts (job INTEGER, idx INTEGER, attempt INTEGER, executor INTEGER,"
            " started_ms INTEGER, duration_us INTEGER, PRIMARY KEY (job, idx, attempt)) STRICT;"
        );
        const char* sql = "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?)";
        exec_ok(sqlite3_prepare_v2(db_, sql, -1, &insert_, nullptr));
    }
    ~RowPerPartition() {
        sqlite3_finalize(insert_);
        sqlite3_close(db_);
    }

    void run(uint64_t total, uint64_t per_commit) {
        Prng prng(1);
        int64_t clock_ms = kStartMs;
        for (Index next = 0; next < total;) {
            exec("BEGIN IMMEDIATE");
            for (const Index end = std::min(next + per_commit, total); next < end; ++next) {
                const DoneEntry entry = entry_of(next, clock_ms, prng);
                const int64_t values[] = {
                    0x3edcba9876543210,
                    static_cast<int64_t>(next),
                    1,
                    entry.executor.value,
                    to_ms(entry.started_at),
                    entry.duration.count()};
                int at = 0;
                for (const int64_t value : values) {
                    sqlite3_bind_int64(insert_, ++at, value);
                }
                if (sqlite3_step(insert_) != SQLITE_DONE) {
                    die(sqlite3_errmsg(db_));
                }
                sqlite3_reset(insert_);
            }
            exec("COMMIT");
        }
    }

 private:
    void exec_ok(int rc) {
        if (rc != SQLITE_OK) {
            die(sqlite3_errmsg(db_));
        }
    }
    void exec(const char* sql) { exec_ok(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr)); }

    sqlite3* db_ = nullptr;
    sqlite3_stmt* insert_ = nullptr;
};

std::shared_ptr<const OrdinalView> formula(uint64_t total) {
    return std::make_shared<OrdinalView>(std::vector<OrdinalRun>{{0, total, 1}});
}

// Ten million keys as they come out of a list: increasing ids with irregular gaps.
std::shared_ptr<const OrdinalView> listed(uint64_t seed) {
    Prng prng(seed);
    OrdinalRunBuilder builder;
    Ordinal at = 0;
    for (int i = 0; i < 10'000'000; ++i) {
        at += prng.between(1, 9);
        builder.add(at);
    }
    return std::make_shared<OrdinalView>(builder.take());
}

// P6 on a PostgreSQL with nothing in it, for postgres_bench.py.
void print_listed(const std::string& url) {
    PostgresOptions options;
    options.url = url;
    options.migrate = true;
    Servo store(value_of(open_postgres(options)));
    const auto keys = listed(1);
    fmt::print("create_s={:.3f}\n", seconds_of([&] { store.create(1, keys); }));
}

// --- the tables --------------------------------------------------------------------------------

void print_fsync(const std::string& parent) {
    const Folder folder(parent);
    const int fd = ::open(folder.file("sync").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    const std::string block(8'192, 'x');
    Figures figures;
    for (int i = 0; i < 200; ++i) {
        figures.values.push_back(1e6 * seconds_of([&] {
                                     if (::pwrite(fd, block.data(), block.size(), 0) < 0 ||
                                         ::fdatasync(fd) != 0) {
                                         die("cannot write to the folder");
                                     }
                                 }));
    }
    ::close(fd);
    fmt::print("fdatasync of 8 KiB here: {} µs\n\n", figures.range("{:.0f}"));
}

void print_throughput(const std::string& parent) {
    fmt::print(
        "P4: done log against a keyed row per partition, partitions/s (goal at k=100: ≥ 2.5×, "
        "after that 4×)\n{:<34}{:>34}{:>34}{:>8}\n",
        "",
        "row per partition",
        "servo",
        "ratio"
    );
    const struct {
        uint64_t k;
        uint64_t claims;
        uint64_t total;
    } cases[] = {
        {1, 64, 50'000},
        {16, 1, 20'000},
        {16, 64, 500'000},
        {100, 1, 100'000},
        {100, 64, 2'000'000}};
    for (const auto& c : cases) {
        Figures rows;
        Figures servo;
        Figures ratio;
        for (int round = 0; round < kRounds; ++round) {
            const Folder folder(parent);
            RowPerPartition naive(folder.file("rows.db"));
            rows.values.push_back(static_cast<double>(c.total) / seconds_of([&] {
                                      naive.run(c.total, c.k * c.claims);
                                  }));
            Servo store(folder.file("servo.db"));
            const JobRow job = store.create(0x3edcba9876543210, formula(c.total));
            servo.values.push_back(static_cast<double>(c.total) / seconds_of([&] {
                                       store.run(job, c.k, c.claims);
                                   }));
            ratio.values.push_back(servo.values.back() / rows.values.back());
        }
        fmt::print(
            "{:<34}{:>34}{:>34}{:>7.1f}×\n",
            fmt::format("k={}, {} claims in a commit", c.k, c.claims),
            rows.range("{:.0f}"),
            servo.range("{:.0f}"),
            ratio.median()
        );
    }
}

void print_sizes(const std::string& parent) {
    fmt::print(
        "\nP8: bytes per succeeded partition (goals: k=100 ≤ 6, k=16 ≤ 20, k=1 ≤ 150)\n"
        "{:<34}{:>14}{:>14}{:>14}\n",
        "",
        "as written",
        "merged",
        "written¹"
    );
    for (const auto& [k, claims] : std::vector<std::pair<uint64_t, uint64_t>>{
             {1, 1}, {1, 64}, {16, 1}, {16, 64}, {100, 1}, {100, 64}}) {
        const uint64_t total = k == 1 && claims == 1 ? 5'000 : 100'000;
        const auto per_partition = [&](double bytes) { return bytes / static_cast<double>(total); };
        const Folder folder(parent);
        Servo store(folder.file("servo.db"));
        const JobRow job = store.create(0x3edcba9876543210, formula(total));
        const double empty = store.used_bytes();
        const int64_t before = written_bytes();
        store.run(job, k, claims);
        const auto written = static_cast<double>(written_bytes() - before);
        const double as_written = store.used_bytes() - empty;
        store.finish(job);
        fmt::print(
            "{:<34}{:>14.1f}{:>14.1f}{:>14.1f}\n",
            fmt::format("k={}, {} claims in a commit", k, claims),
            per_partition(as_written),
            per_partition(store.used_bytes() - empty),
            per_partition(written)
        );
    }
    fmt::print("¹ to the log and the file, in whole pages; before merging\n");
}

void print_creation(const std::string& parent) {
    Figures create;
    Figures load;
    Figures keys_create;
    Figures bytes;
    for (int round = 0; round < kRounds; ++round) {
        const Folder folder(parent);
        Servo store(folder.file("servo.db"));
        create.values.push_back(1e3 * seconds_of([&] { store.create(1, formula(10'000'000)); }));
        load.values.push_back(1e3 * store.load_seconds());
        const auto keys = listed(static_cast<uint64_t>(round) + 1);
        const auto size = fs::file_size(store.path());
        keys_create.values.push_back(seconds_of([&] { store.create(2, keys); }));
        store.close();
        bytes.values.push_back(static_cast<double>(fs::file_size(store.path()) - size) / 1e7);
    }
    fmt::print(
        "\nP5: create a job of 10 M formula partitions: {} ms (goal < 5)\n", create.range("{:.2f}")
    );
    fmt::print("    load it: {} ms\n", load.range("{:.2f}"));
    fmt::print(
        "P6: create a job of 10 M listed keys: {} s (goal < 5)\n", keys_create.range("{:.2f}")
    );
    fmt::print("    {} bytes a key on disk (goal ≤ 8)\n", bytes.range("{:.2f}"));
}

}  // namespace

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (argc == 3 && std::string_view(argv[1]) == "listed") {
        print_listed(argv[2]);
        return 0;
    }
    const std::string parent = argc > 1 ? argv[1] : fs::temp_directory_path().string();
    fmt::print("SQLite {}, WAL, synchronous FULL, in {}\n", sqlite3_libversion(), parent);
    print_fsync(parent);
    print_throughput(parent);
    print_sizes(parent);
    print_creation(parent);
    return 0;
}

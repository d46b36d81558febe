#include "rig.h"

#include <cstdlib>
#include <filesystem>

#include "postgres_server.h"
#include "store/postgres/postgres_store.h"

namespace servo::store::test {

std::string kind_name(const testing::TestParamInfo<Kind>& info) {
    switch (info.param) {
        case Kind::kMemory:
            return "Memory";
        case Kind::kSqlite:
            return "Sqlite";
        case Kind::kPostgres:
            return "Postgres";
        case Kind::kPooledPostgres:
            return "PooledPostgres";
    }
    return "";
}

TemporaryFolder::TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "servo-store-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all, ignored);
    std::filesystem::remove_all(path_, ignored);
}

Rig::Rig(Kind kind, const Retention& retention) : kind_(kind), retention_(retention) {
    open();
}

void Rig::open() {
    if (kind_ == Kind::kMemory) {
        if (memory_ == nullptr) {
            memory_ = std::make_unique<MemoryStore>(retention_);
        }
        history_ = memory_->within(TenantScope::all());
        return;
    }
    Result<OpenedStore> opened = kind_ == Kind::kSqlite ? open_file() : open_database();
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    opened_ = std::move(*opened);
    history_ = opened_.archive->within(TenantScope::all());
}

Result<OpenedStore> Rig::open_file() {
    SqliteOptions options;
    options.retention = retention_;
    return open_sqlite(database_path(), options);
}

Result<OpenedStore> Rig::open_database() {
    if (database_url_.empty()) {
        database_url_ = PostgresServer::instance().create_database();
    }
    PostgresOptions options;
    options.url = database_url_;
    options.retention = retention_;
    options.migrate = true;
    if (kind_ == Kind::kPooledPostgres) {
        options.pooling = PostgresPooling::kAssume;
    }
    return open_postgres(options);
}

Rig::~Rig() {
    history_.reset();
    opened_.archive.reset();
    opened_ = {};
    if (!database_url_.empty()) {
        PostgresServer::instance().drop_database(database_url_);
    }
}

Store& Rig::store() {
    return kind_ == Kind::kMemory ? *memory_ : *opened_.store;
}
Archive& Rig::archive() {
    return kind_ == Kind::kMemory ? static_cast<Archive&>(*memory_) : *opened_.archive;
}
std::unique_ptr<History> Rig::within(int64_t tenant_id) {
    return archive().within(TenantScope::of(TenantId(tenant_id)));
}

void Rig::restart() {
    history_.reset();
    opened_.archive.reset();
    opened_ = {};
    epoch = 0;
    open();
}

CommitOutcome Rig::try_commit(const ChangeSet& changes) {
    if (epoch == 0) {
        epoch = store().take_leadership({"test"}).value();
    }
    now += Millis(10);
    const CommitOutcome outcome = store().commit({epoch, seq + 1, now, &changes});
    if (outcome.fate == CommitFate::kCommitted) {
        ++seq;
    }
    return outcome;
}

void Rig::commit(const ChangeSet& changes) {
    const CommitOutcome outcome = try_commit(changes);
    ASSERT_EQ(outcome.fate, CommitFate::kCommitted) << outcome.message;
}

Snapshot Rig::load() {
    epoch = store().take_leadership({"test"}).value();
    auto snapshot = store().load(epoch);
    EXPECT_TRUE(snapshot.has_value()) << snapshot.error().message;
    return snapshot.value_or(Snapshot{});
}

void Rig::maintain_all(Instant at) {
    for (int step = 0; step < 100'000; ++step) {
        const auto more = store().maintain(at);
        ASSERT_TRUE(more.has_value()) << more.error().message;
        if (!*more) {
            return;
        }
    }
    FAIL() << "housekeeping does not end";
}

TenantRow tenant(int64_t id, const std::string& name) {
    TenantRow row;
    row.id = TenantId(id);
    row.name = name;
    row.created_at = instant_ms(1'000);
    return row;
}

PoolRow pool(int64_t id, int64_t tenant_id, const std::string& name) {
    PoolRow row;
    row.id = PoolId(id);
    row.tenant = TenantId(tenant_id);
    row.spec.name = name;
    row.spec.scope = tenant_id == 0 ? PoolScope::kShared : PoolScope::kTenant;
    row.spec.concurrency = 8;
    row.spec.windows = {{"0 1 * * *", std::chrono::hours(4), "Europe/Berlin", 2}};
    PoolCheck check;
    check.url = "https://warehouse.example/health";
    check.timeout = Millis(2'000);
    check.bearer = SecretRef{"TOKEN", ""};
    check.headers = {{"X-Key", {"", "/run/secrets/key"}}};
    row.spec.checks = {check, PoolCheck{"http://warehouse.example", Millis(1'000), {}, {}}};
    row.breaker_since = instant_ms(5);
    return row;
}

AssetHead asset(int64_t id, int64_t tenant_id, const std::string& name, int number) {
    AssetHead row;
    row.id = AssetId(id);
    row.tenant = TenantId(tenant_id);
    row.name = name;
    row.latest_revision = number;
    return row;
}

std::shared_ptr<const AssetRevision> revision(
    int64_t asset_id, int64_t tenant_id, const std::string& name, int number
) {
    auto out = std::make_shared<AssetRevision>();
    out->asset = AssetId(asset_id);
    out->tenant = TenantId(tenant_id);
    out->revision = number;
    out->spec.name = name;
    out->spec.run.argv = {"true"};
    out->spec.code_version = std::to_string(number);
    TimeWindows windows;
    windows.start = "1970-01-01";
    out->spec.partitions.dimensions = {{"", windows}};
    out->scheme = PartitionScheme::compile(out->spec.partitions).value();
    out->created_at = instant_ms(2'000);
    out->created_by = "tester";
    out->code_dir = "/code";
    return out;
}

JobRow job(int64_t id, int64_t tenant_id, uint64_t total, JobState state) {
    JobRow row;
    row.id = JobId(id);
    row.tenant = TenantId(tenant_id);
    row.asset = AssetId(10 * tenant_id);
    row.revision = 1;
    row.ordinals = std::make_shared<OrdinalView>(std::vector<OrdinalRun>{{0, total, 1}});
    row.keys_fingerprint = row.ordinals->fingerprint();
    row.created_at = instant_ms(1'700'000'000'000 + id);
    row.created_by = "tester";
    row.range_start = "1970-01-01T00:00:00Z";
    row.range_end = "2000-01-01T00:00:00Z";
    row.state = state;
    row.state_since = row.created_at;
    if (is_terminal(state)) {
        row.completed_at = row.created_at + Millis(5);
    }
    return row;
}

JobCheckpoint fresh(const JobRow& row, int64_t covers_seq) {
    JobCheckpoint checkpoint;
    checkpoint.job = row.id;
    checkpoint.covers_seq = covers_seq;
    checkpoint.remaining.add(Run{0, row.total()});
    return checkpoint;
}

DoneEntry done(Index index, int64_t started_ms, int64_t duration_us) {
    DoneEntry entry;
    entry.index = index;
    entry.started_at = instant_ms(started_ms);
    entry.duration = Micros(duration_us);
    entry.executor = ExecutorId(7);
    return entry;
}

std::vector<DoneEntry> done_run(Index first, Index end) {
    std::vector<DoneEntry> out;
    for (Index index = first; index < end; ++index) {
        out.push_back(done(index, 1'700'000'000'000 + static_cast<int64_t>(index)));
    }
    return out;
}

FailureRow failure(int64_t job_id, Index index, bool final, int attempt) {
    FailureRow row;
    row.job = JobId(job_id);
    row.index = index;
    row.final = final;
    row.attempt = attempt;
    row.next_attempt = attempt + 1;
    row.token = 1'000'000 + static_cast<int64_t>(index) * 10 + attempt;
    row.klass = FailureClass::kTimeout;
    row.retry_at = final ? Instant{} : instant_ms(1'700'000'100'000);
    row.first_failed_at = instant_ms(1'700'000'000'500);
    row.exit_code = -9;
    row.message = "took too long";
    row.started_at = instant_ms(1'700'000'000'000);
    row.ended_at = instant_ms(1'700'000'000'060);
    row.executor = ExecutorId(7);
    row.max_rss_kb = 2'048;
    row.cpu_us = 31'000;
    return row;
}

GrantRow grant(int64_t lease, int64_t number, int64_t job_id, RunSet indices) {
    GrantRow row;
    row.lease = LeaseId(lease);
    row.number = number;
    row.session = SessionId(99);
    row.executor = ExecutorId(7);
    row.tenant = TenantId(1);
    row.job = JobId(job_id);
    row.token_base = lease + number * 1'000;
    row.first_position = static_cast<uint64_t>(number - 1) * 3;
    row.indices = std::move(indices);
    row.granted_at = instant_ms(1'700'000'000'000);
    return row;
}

ChangeSet definitions() {
    ChangeSet changes;
    changes.tenants = {tenant(1, "acme"), tenant(2, "bigco")};
    changes.assets = {asset(10, 1, "orders"), asset(20, 2, "orders")};
    changes.revisions = {revision(10, 1, "orders"), revision(20, 2, "orders")};
    return changes;
}

ChangeSet new_job(const JobRow& row, int64_t seq) {
    ChangeSet changes;
    changes.jobs = {row};
    changes.checkpoints = {fresh(row, seq)};
    return changes;
}

void add_done(ChangeSet& changes, int64_t job_id, std::vector<DoneEntry> entries) {
    for (DoneEntry& entry : entries) {
        changes.done[{JobId(job_id), entry.index / kDoneBlockSize}].push_back(entry);
    }
}

}  // namespace servo::store::test

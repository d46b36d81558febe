// The tables that unpack what the store keeps packed: one row per run or per partition.
#include <algorithm>
#include <deque>
#include <limits>

#include "base/rfc3339.h"
#include "model/job_id.h"
#include "store/sql/job_reader.h"
#include "store/sqlite/table_functions.h"
#include "store/state_block.h"

namespace servo::store::sqlite {

using namespace sql;

namespace {

Value count_value(uint64_t value) {
    return static_cast<int64_t>(value);
}
Value time_value(Instant at) {
    return format_rfc3339(at);
}

// Everything a row about a job may need, read once per job.
struct JobPicture {
    JobRow row;
    JobCheckpoint exact;
    RunSet leased;
};

Result<std::optional<JobPicture>> picture_of(
    Reader& db, JobId id, const std::vector<GrantRow>& grants
) {
    auto columns = SERVO_TRY(read_job_row(db, id, Ordinals::kRead));
    if (!columns) {
        return std::nullopt;
    }
    JobPicture out;
    out.row = std::move(columns->row);
    out.exact = SERVO_TRY(read_exact(db, out.row)).take();
    RunSet finished(Run{0, std::max<uint64_t>(out.row.total(), 1)});
    finished.subtract(out.exact.remaining);
    const FailedTokens failed = SERVO_TRY(read_failed_tokens(db, id));
    for (const GrantRow& grant : grants) {
        out.leased.add(unreported(grant, finished, failed));
    }
    return out;
}

// Goes through the jobs that the filter admits.
class JobSource : public RowSource {
 public:
    JobSource(Reader& db, const RowFilter& filter) : db_(db), filter_(filter) {}

    Result<std::optional<ValueRow>> next() override {
        SERVO_CHECK(start());
        while (rows_.empty()) {
            if (!SERVO_TRY(fill())) {
                return std::nullopt;
            }
        }
        ValueRow row = std::move(rows_.front());
        rows_.pop_front();
        return row;
    }

 protected:
    // Adds rows to rows_; false when nothing is left.
    virtual Result<bool> fill() = 0;

    Result<std::optional<JobPicture>> next_job() {
        while (!jobs_.empty()) {
            const JobId id = jobs_.front();
            jobs_.pop_front();
            if (auto picture = SERVO_TRY(picture_of(db_, id, grants_[id]))) {
                return picture;
            }
        }
        return std::nullopt;
    }

    Reader& db_;
    RowFilter filter_;
    std::deque<ValueRow> rows_;

 private:
    Status start() {
        if (started_) {
            return {};
        }
        started_ = true;
        grants_ = by_job(SERVO_TRY(read_lease_log(db_)));
        if (filter_.job_id) {
            if (const auto id = parse_job_id(*filter_.job_id)) {
                jobs_.push_back(*id);
            }
            return {};
        }
        Query query =
            SERVO_TRY(db_.query("SELECT job_id FROM jobs ORDER BY created_at_ms, job_id"));
        while (SERVO_TRY(query.step())) {
            jobs_.push_back(query.id<JobId>(0));
        }
        return {};
    }

    std::deque<JobId> jobs_;
    std::map<JobId, std::vector<GrantRow>> grants_;
    bool started_ = false;
};

// One row a grant that is open.
class Leases final : public RowSource {
 public:
    Leases(Reader& db, const RowFilter&) : db_(db) {}

    Result<std::optional<ValueRow>> next() override {
        if (!log_) {
            log_ = SERVO_TRY(read_lease_log(db_));
            at_ = log_->open().begin();
        }
        if (at_ == log_->open().end()) {
            return std::nullopt;
        }
        const GrantRow& row = (at_++)->second;
        return ValueRow{
            row.lease.value,
            row.number,
            row.tenant.value,
            row.job.value,
            row.session.value,
            row.executor.value,
            int64_t{row.generation},
            int64_t{row.attempt},
            row.token_base,
            count_value(row.first_position),
            int64_t{row.deaths},
            to_ms(row.granted_at),
            count_value(row.indices.size())};
    }

 private:
    Reader& db_;
    std::optional<LeaseLog> log_;
    std::map<GrantKey, GrantRow>::const_iterator at_;
};

class WorkRanges final : public JobSource {
 public:
    using JobSource::JobSource;

 private:
    Result<bool> fill() override {
        const auto job = SERVO_TRY(next_job());
        if (!job) {
            return false;
        }
        RunSet to_do = job->exact.remaining;
        to_do.subtract(job->leased);
        add(*job, "to_do", to_do);
        add(*job, "leased", job->leased);
        add(*job, "failed", job->exact.failed);
        add(*job, "skipped", job->exact.skipped);
        add(*job, "cancelled", job->exact.cancelled);
        return true;
    }

    void add(const JobPicture& job, const char* state, const RunSet& set) {
        for (const Run& run : set.runs()) {
            rows_.push_back(
                {job.row.tenant.value,
                 to_text(job.row.id),
                 std::string(state),
                 count_value(run.first),
                 count_value(run.end - 1),
                 count_value(run.size())}
            );
        }
    }
};

class DoneRanges final : public JobSource {
 public:
    using JobSource::JobSource;

 private:
    Result<bool> fill() override {
        const auto job = SERVO_TRY(next_job());
        if (!job) {
            return false;
        }
        RunSet done;
        SERVO_CHECK(visit_done(
            db_,
            job->row.id,
            0,
            std::numeric_limits<uint64_t>::max(),
            -1,
            [&](uint64_t, int64_t, const std::vector<DoneEntry>& entries) -> Status {
                for (const DoneEntry& entry : entries) {
                    done.add(entry.index);
                }
                return {};
            }
        ));
        for (const Run& run : done.runs()) {
            rows_.push_back(
                {job->row.tenant.value,
                 to_text(job->row.id),
                 count_value(run.first),
                 count_value(run.end - 1),
                 count_value(run.size())}
            );
        }
        return true;
    }
};

// One row a partition, made block by block.
class Partitions final : public JobSource {
 public:
    using JobSource::JobSource;

 private:
    Result<bool> fill() override {
        if (!job_ || at_ >= end_) {
            job_ = SERVO_TRY(next_job());
            if (!job_) {
                return false;
            }
            SERVO_CHECK(begin_job());
        }
        if (at_ < end_) {
            SERVO_CHECK(add_block());
        }
        return true;
    }

    Status begin_job() {
        at_ = 0;
        end_ = job_->row.total();
        if (filter_.index) {
            at_ = static_cast<uint64_t>(std::max<int64_t>(*filter_.index, 0));
            end_ = std::min(end_, at_ + 1);
        }
        Query query = SERVO_TRY(db_.query(
            "SELECT " SERVO_REVISION_COLUMNS
            " FROM asset_revisions WHERE asset_id = ? AND revision = ?",
            job_->row.asset,
            job_->row.revision
        ));
        revision_ = SERVO_TRY(query.step()) ? SERVO_TRY(read_revision(query)) : nullptr;
        return {};
    }

    Status add_block() {
        const uint64_t block = at_ / kDoneBlockSize;
        const Index stop = std::min(end_, (block + 1) * kDoneBlockSize);
        std::map<Index, DoneEntry> done;
        SERVO_CHECK(visit_done(
            db_,
            job_->row.id,
            block,
            block,
            -1,
            [&](uint64_t, int64_t, const std::vector<DoneEntry>& entries) -> Status {
                for (const DoneEntry& entry : entries) {
                    done.emplace(entry.index, entry);
                }
                return {};
            }
        ));
        std::map<Index, FailureRow> failed;  // newest of each
        Query query = SERVO_TRY(db_.query(
            "SELECT " SERVO_FAILURE_COLUMNS
            " FROM partition_failures WHERE job_id = ? AND idx >= ? "
            "AND idx < ? ORDER BY idx, failure_id",
            job_->row.id,
            at_,
            stop
        ));
        while (SERVO_TRY(query.step())) {
            StoredFailure failure = SERVO_TRY(read_failure(query));
            failed[failure.row.index] = std::move(failure.row);
        }
        for (; at_ < stop; ++at_) {
            const auto success = done.find(at_);
            const auto failure = failed.find(at_);
            add_row(
                success != done.end() ? &success->second : nullptr,
                failure != failed.end() ? &failure->second : nullptr
            );
        }
        return {};
    }

    std::string state_of(const DoneEntry* success) const {
        if (success != nullptr) {
            return "completed";
        }
        const JobCheckpoint& exact = job_->exact;
        return exact.failed.contains(at_)      ? "failed"
               : exact.skipped.contains(at_)   ? "skipped"
               : exact.cancelled.contains(at_) ? "cancelled"
               : job_->leased.contains(at_)    ? "leased"
                                               : "pending";
    }

    void add_row(const DoneEntry* success, const FailureRow* failure) {
        ValueRow row = {job_->row.tenant.value, to_text(job_->row.id), count_value(at_)};
        Value key;
        if (revision_ != nullptr) {
            if (auto info = revision_->scheme->describe(job_->row.ordinals->at(at_))) {
                key = std::move(info->key);
            }
        }
        row.push_back(std::move(key));
        row.push_back(state_of(success));
        if (success != nullptr) {
            row.push_back(int64_t{success->attempt});
            row.push_back(time_value(success->started_at));
            row.push_back(int64_t{success->duration.count() / 1'000});
            row.push_back(success->executor.value);
        } else if (failure != nullptr) {
            row.push_back(int64_t{failure->attempt});
            row.push_back(time_value(failure->started_at));
            row.push_back(int64_t{(failure->ended_at - failure->started_at).count()});
            row.push_back(failure->executor.value);
        } else {
            row.resize(row.size() + 4);
        }
        if (failure != nullptr) {
            row.push_back(std::string(to_string(failure->klass)));
            row.push_back(failure->message);
        } else {
            row.resize(row.size() + 2);
        }
        rows_.push_back(std::move(row));
    }

    std::optional<JobPicture> job_;
    std::shared_ptr<const AssetRevision> revision_;
    Index at_ = 0;
    Index end_ = 0;
};

class PartitionStates final : public RowSource {
 public:
    PartitionStates(Reader& db, const RowFilter&) : db_(db) {}

    Result<std::optional<ValueRow>> next() override {
        if (!started_) {
            started_ = true;
            SERVO_CHECK(read());
        }
        if (rows_.empty()) {
            return std::nullopt;
        }
        ValueRow row = std::move(rows_.front());
        rows_.pop_front();
        return row;
    }

 private:
    Status read() {
        Query query = SERVO_TRY(db_.query(
            "SELECT tenant_id, asset_id, block, runs FROM partition_state ORDER BY asset_id, block"
        ));
        int64_t tenant = 0;
        int64_t asset = 0;
        constexpr Ordinal kMin = std::numeric_limits<Ordinal>::min();
        constexpr Ordinal kMax = std::numeric_limits<Ordinal>::max();
        StateRunCollector collector(kMin, kMax);
        const auto flush = [&] {
            for (const History::StateRun& run : collector.take()) {
                rows_.push_back(
                    {tenant,
                     asset,
                     run.ordinals.first,
                     run.ordinals.last(),
                     run.ordinals.stride,
                     count_value(run.ordinals.count),
                     std::string(to_string(run.outcome)),
                     run.job ? Value(to_text(run.job)) : Value(),
                     int64_t{run.revision},
                     time_value(run.at)}
                );
            }
        };
        while (SERVO_TRY(query.step())) {
            if (query.integer(1) != asset) {
                flush();
            }
            tenant = query.integer(0);
            asset = query.integer(1);
            collector.add(SERVO_TRY(StateBlock::decode(query.bytes(3), query.integer(2))));
        }
        flush();
        return {};
    }

    Reader& db_;
    bool started_ = false;
    std::deque<ValueRow> rows_;
};

template <typename Source>
std::unique_ptr<RowSource> open_source(Reader& db, const RowFilter& filter) {
    return std::make_unique<Source>(db, filter);
}

}  // namespace

const std::vector<TableFunction>& table_functions() {
    static const std::vector<TableFunction> tables = {
        {"leases",
         "lease_id INTEGER, grant_number INTEGER, tenant_id INTEGER, job_id INTEGER,"
         " session_id INTEGER, executor_id INTEGER, generation INTEGER, attempt INTEGER,"
         " token_base INTEGER, first_position INTEGER, deaths INTEGER, granted_at_ms INTEGER,"
         " partitions INTEGER",
         -1,
         -1,
         open_source<Leases>},
        {"work_ranges",
         "tenant_id INTEGER, job_id TEXT, state TEXT, first INTEGER, last INTEGER,"
         " partitions INTEGER",
         1,
         -1,
         open_source<WorkRanges>},
        {"done_ranges",
         "tenant_id INTEGER, job_id TEXT, first INTEGER, last INTEGER, partitions INTEGER",
         1,
         -1,
         open_source<DoneRanges>},
        {"partitions",
         "tenant_id INTEGER, job_id TEXT, idx INTEGER, key TEXT, state TEXT, attempt INTEGER,"
         " started_at TEXT, duration_ms INTEGER, executor_id INTEGER, class TEXT, message TEXT",
         1,
         2,
         open_source<Partitions>},
        {"partition_states",
         "tenant_id INTEGER, asset_id INTEGER, first INTEGER, last INTEGER, stride INTEGER,"
         " partitions INTEGER, outcome TEXT, job_id TEXT, revision INTEGER, at TEXT",
         -1,
         -1,
         open_source<PartitionStates>},
    };
    return tables;
}

}  // namespace servo::store::sqlite

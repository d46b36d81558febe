#include "store/sqlite/change_writer.h"

#include <fmt/format.h>

#include "model/job_id.h"
#include "store/claims_codec.h"
#include "store/pool_codec.h"
#include "store/replay.h"
#include "store/settings_codec.h"
#include "store/sql/job_reader.h"
#include "store/sql/rows.h"
#include "store/sqlite/adapter.h"
#include "store/state_block.h"

namespace servo::store::sqlite {
namespace {

std::optional<int64_t> count_of(const std::optional<Millis>& value) {
    return value ? std::optional(int64_t{value->count()}) : std::nullopt;
}

}  // namespace

Status ChangeWriter::write(const Batch& batch) {
    const ChangeSet& changes = *batch.changes;
    SERVO_CHECK(write_definitions(changes));
    for (const JobRow& row : changes.jobs) {
        SERVO_CHECK(write_job(row));
    }
    for (const JobCheckpoint& checkpoint : changes.checkpoints) {
        SERVO_CHECK(write_checkpoint(checkpoint));
    }
    SERVO_CHECK(write_grants(changes, batch.seq));
    SERVO_CHECK(write_done(changes, batch.seq));
    for (const FailureRow& row : changes.failures) {
        SERVO_CHECK(write_failure(row, batch.seq));
    }
    for (const LogRow& row : changes.logs) {
        SERVO_CHECK(write_log(row));
    }
    SERVO_CHECK(write_materialised(changes));
    SERVO_CHECK(write_small(changes));
    return write_ledger(changes);
}

Status ChangeWriter::write_definitions(const ChangeSet& changes) {
    for (const TenantRow& row : changes.tenants) {
        SERVO_CHECK(write_tenant(row));
    }
    for (const PoolId id : changes.removed_pools) {
        SERVO_CHECK(db_.run("UPDATE pools SET removed = 1 WHERE pool_id = ?", id));
    }
    for (const PoolRow& row : changes.pools) {
        SERVO_CHECK(write_pool(row));
    }
    for (const AssetHead& row : changes.assets) {
        SERVO_CHECK(write_asset(row));
    }
    for (const auto& revision : changes.revisions) {
        SERVO_CHECK(write_revision(*revision));
    }
    for (const ExecutorId id : changes.removed_executors) {
        SERVO_CHECK(db_.run("DELETE FROM executors WHERE executor_id = ?", id));
    }
    for (const ExecutorRow& row : changes.executors) {
        SERVO_CHECK(write_executor(row));
    }
    return {};
}

Status ChangeWriter::write_tenant(const TenantRow& row) {
    const std::optional<TenantLimits>& over = row.override_limits;
    return db_.run(
        "INSERT INTO tenants (tenant_id, name, weight, max_concurrency, max_pending,"
        " override_weight, override_max_concurrency, override_max_pending, override_by,"
        " override_reason, override_since_ms, override_until_ms, created_at_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (tenant_id) DO UPDATE SET name = excluded.name, weight = excluded.weight,"
        " max_concurrency = excluded.max_concurrency, max_pending = excluded.max_pending,"
        " override_weight = excluded.override_weight,"
        " override_max_concurrency = excluded.override_max_concurrency,"
        " override_max_pending = excluded.override_max_pending,"
        " override_by = excluded.override_by, override_reason = excluded.override_reason,"
        " override_since_ms = excluded.override_since_ms,"
        " override_until_ms = excluded.override_until_ms,"
        " created_at_ms = excluded.created_at_ms",
        row.id,
        std::string_view(row.name),
        row.limits.weight,
        row.limits.max_concurrency,
        row.limits.max_pending,
        over ? std::optional(int64_t{over->weight}) : std::nullopt,
        over ? std::optional(over->max_concurrency) : std::nullopt,
        over ? std::optional(over->max_pending) : std::nullopt,
        std::string_view(row.override_info.by),
        std::string_view(row.override_info.reason),
        row.override_info.since,
        row.override_info.until,
        row.created_at
    );
}

Status ChangeWriter::write_pool(const PoolRow& row) {
    const Hold hold = row.hold.value_or(Hold{});
    const std::string windows = encode_windows(row.spec.windows);
    const std::string checks = encode_checks(row.spec.checks);
    // Every column but the key is new: the row is replaced whole.
    return db_
        .run(
            "INSERT OR REPLACE INTO pools (pool_id, tenant_id, name, scope, concurrency,"
            " per_tenant_concurrency, windows, contact, held, hold_by, hold_reason, hold_since_ms,"
            " hold_until_ms, concurrency_override, override_by, override_reason, override_since_ms,"
            " override_until_ms, breaker, breaker_since_ms, checks, removed)"
            " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, "
            "?18, ?19, ?20, ?21, 0"
            // OR REPLACE would silently remove another pool of that name.
            " WHERE NOT EXISTS (SELECT 1 FROM pools WHERE tenant_id = ?2 AND name = ?3"
            " AND removed = 0 AND pool_id != ?1)",
            row.id,
            row.tenant,
            std::string_view(row.spec.name),
            store::to_string(row.spec.scope),
            row.spec.concurrency,
            row.spec.per_tenant_concurrency,
            std::string_view(windows),
            std::string_view(row.spec.contact),
            row.hold.has_value(),
            std::string_view(hold.by),
            std::string_view(hold.reason),
            hold.since,
            hold.until,
            row.concurrency_override,
            std::string_view(row.override_info.by),
            std::string_view(row.override_info.reason),
            row.override_info.since,
            row.override_info.until,
            store::to_string(row.breaker),
            row.breaker_since,
            std::string_view(checks)
        )
        .and_then([&]() -> Status {
            if (sqlite3_changes(db_.handle()) == 0) {
                return fail(
                    conflict("constraint", "Two pools would share the name " + row.spec.name)
                );
            }
            return {};
        });
}

Status ChangeWriter::write_asset(const AssetHead& row) {
    return db_.run(
        "INSERT INTO assets (asset_id, tenant_id, name, latest_revision, archived,"
        " marked_missing, concurrency_override, override_by, override_reason, override_since_ms,"
        " override_until_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (asset_id) DO UPDATE SET tenant_id = excluded.tenant_id,"
        " name = excluded.name, latest_revision = excluded.latest_revision,"
        " archived = excluded.archived, marked_missing = excluded.marked_missing,"
        " concurrency_override = excluded.concurrency_override,"
        " override_by = excluded.override_by, override_reason = excluded.override_reason,"
        " override_since_ms = excluded.override_since_ms,"
        " override_until_ms = excluded.override_until_ms",
        row.id,
        row.tenant,
        std::string_view(row.name),
        row.latest_revision,
        row.archived,
        row.marked_missing,
        row.concurrency_override,
        std::string_view(row.override_info.by),
        std::string_view(row.override_info.reason),
        row.override_info.since,
        row.override_info.until
    );
}

Status ChangeWriter::write_revision(const AssetRevision& revision) {
    const std::string definition = encode_asset(revision.spec);
    return db_.run(
        "INSERT INTO asset_revisions (" SERVO_REVISION_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)",
        revision.asset,
        revision.revision,
        revision.tenant,
        std::string_view(definition),
        revision.created_at,
        std::string_view(revision.created_by),
        std::string_view(revision.code_dir)
    );
}

Status ChangeWriter::write_executor(const ExecutorRow& row) {
    return db_.run(
        "INSERT INTO executors (executor_id, name, host, build, slots, last_registered_at_ms,"
        " drain_wanted, tenant_id, presence, last_seen_at_ms, missing_slots)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (executor_id) DO UPDATE SET name = excluded.name, host = excluded.host,"
        " build = excluded.build, slots = excluded.slots,"
        " last_registered_at_ms = excluded.last_registered_at_ms,"
        " drain_wanted = excluded.drain_wanted, tenant_id = excluded.tenant_id,"
        " presence = excluded.presence, last_seen_at_ms = excluded.last_seen_at_ms,"
        " missing_slots = excluded.missing_slots",
        row.id,
        std::string_view(row.name),
        std::string_view(row.host),
        std::string_view(row.build),
        row.slots,
        row.last_registered_at,
        row.drain_wanted,
        row.tenant,
        to_string(row.presence),
        row.last_seen_at,
        row.missing_slots
    );
}

Status ChangeWriter::write_job(const JobRow& row) {
    const JobSettings& s = row.settings;
    const std::string temporary = encode_temporary(row.temporary);
    const std::string claims = encode_claims(row.claims);
    SERVO_CHECK(db_.run(
        "UPDATE jobs SET revision = ?2, priority = ?3, deadline_ms = ?4, max_concurrency = ?5,"
        " max_failures_count = ?6, max_failures_percent = ?7, max_failures_percent_after = ?8,"
        " timeout_ms = ?9, memory_bytes = ?10, max_attempts = ?11, state = ?12, state_reason = ?13,"
        " state_note = ?14, state_by = ?15, state_since_ms = ?16, resume_at_ms = ?17,"
        " waits_for = ?18, generation = ?19, started_at_ms = ?20, completed_at_ms = ?21,"
        " range_start = ?22, range_end = ?23, note = ?24, group_id = ?25,"
        " temporary_settings = ?26, claims = ?27, wants_latest = ?28"
        " WHERE job_id = ?1",
        row.id,
        row.revision,
        s.priority,
        s.deadline,
        s.max_concurrency,
        s.max_failures.count,
        s.max_failures.percent,
        s.max_failures.percent_after,
        count_of(s.timeout),
        s.memory_bytes,
        s.max_attempts,
        to_string(row.state),
        std::string_view(row.state_reason),
        std::string_view(row.state_note),
        std::string_view(row.state_by),
        row.state_since,
        row.resume_at,
        row.waits_for,
        row.generation,
        row.started_at,
        row.completed_at,
        std::string_view(row.range_start),
        std::string_view(row.range_end),
        std::string_view(row.note),
        row.group,
        std::string_view(temporary),
        std::string_view(claims),
        row.wants_latest
    ));
    return sqlite3_changes(db_.handle()) > 0 ? Status{} : insert_job(row);
}

Status ChangeWriter::insert_job(const JobRow& row) {
    const JobSettings& s = row.settings;
    const std::string temporary = encode_temporary(row.temporary);
    const std::string claims = encode_claims(row.claims);
    const auto known = SERVO_TRY(db_.integer(
        "SELECT 1 FROM asset_revisions WHERE asset_id = ? AND revision = ?", row.asset, row.revision
    ));
    if (!known || !row.ordinals) {
        return fail(conflict(
            "unknown_revision",
            fmt::format("Job {} is of an unknown revision or has no ordinals.", to_text(row.id))
        ));
    }
    SERVO_CHECK(db_.run(
        "INSERT INTO jobs (" SERVO_JOB_COLUMNS
        ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row.id,
        row.tenant,
        row.group,
        row.asset,
        row.revision,
        row.wants_latest,
        row.total(),
        row.keys_fingerprint,
        to_string(row.reprocess),
        sql::to_string(row.overlap),
        std::string_view(row.range_start),
        std::string_view(row.range_end),
        std::string_view(row.note),
        std::string_view(row.created_by),
        std::string_view(row.traceparent),
        row.created_at,
        s.priority,
        s.deadline,
        s.max_concurrency,
        s.max_failures.count,
        s.max_failures.percent,
        s.max_failures.percent_after,
        count_of(s.timeout),
        s.memory_bytes,
        s.max_attempts,
        std::string_view(temporary),
        to_string(row.state),
        std::string_view(row.state_reason),
        std::string_view(row.state_note),
        std::string_view(row.state_by),
        row.state_since,
        row.resume_at,
        row.waits_for,
        row.generation,
        row.started_at,
        row.completed_at,
        std::string_view(claims)
    ));
    if (places_.size() >= kPlacesMax) {
        places_.clear();
    }
    places_[row.id] = {row.tenant, row.asset};
    const std::string ordinals = row.ordinals->encode();
    return db_.run(
        "INSERT INTO job_ordinals (job_id, tenant_id, ordinals) VALUES (?, ?, ?)",
        row.id,
        row.tenant,
        Blob{ordinals}
    );
}

Status ChangeWriter::write_checkpoint(const JobCheckpoint& checkpoint) {
    const JobPlace place = SERVO_TRY(place_of(checkpoint.job));
    const std::string progress = encode_checkpoint(checkpoint);
    return db_.run(
        "INSERT OR REPLACE INTO job_checkpoints (job_id, tenant_id, covers_seq, progress)"
        " VALUES (?, ?, ?, ?)",
        checkpoint.job,
        place.tenant,
        checkpoint.covers_seq,
        Blob{progress}
    );
}

Status ChangeWriter::write_grants(const ChangeSet& changes, int64_t seq) {
    if (changes.grants.empty() && changes.ended_grants.empty()) {
        return {};
    }
    if (!leases_) {
        Adapter reader(db_);
        leases_ = SERVO_TRY(read_lease_log(reader));
    }
    const std::optional<LeaseLogRow> row = SERVO_TRY(leases_->next(seq, changes));
    if (!row) {
        return {};
    }
    if (row->whole) {
        SERVO_CHECK(db_.run("DELETE FROM lease_log"));
    }
    return db_.run(
        "INSERT INTO lease_log (seq, tenant_id, whole, payload) VALUES (?, 0, ?, ?)",
        seq,
        row->whole,
        Blob{row->payload}
    );
}

Status ChangeWriter::write_done(const ChangeSet& changes, int64_t seq) {
    for (const auto& [key, reported] : changes.done) {
        const auto& [job, block] = key;
        const JobPlace place = SERVO_TRY(place_of(job));
        const std::vector<DoneEntry> entries = SERVO_TRY(sorted_block(reported, block));
        const std::string payload = encode_done(entries, block);
        SERVO_CHECK(db_.run(
            "INSERT INTO done_log (tenant_id, asset_id, job_id, block, seq, codec, entries, "
            "payload)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            place.tenant,
            place.asset,
            job,
            block,
            seq,
            sql::kDoneCodecColumn,
            entries.size(),
            Blob{payload}
        ));
    }
    return {};
}

Status ChangeWriter::write_failure(const FailureRow& row, int64_t seq) {
    const JobPlace place = SERVO_TRY(place_of(row.job));
    return db_.run(
        "INSERT INTO partition_failures (tenant_id, seq, job_id, idx, generation, attempt, token,"
        " deaths, class, final, retry_at_ms, next_attempt, first_failed_at_ms, exit_code, message,"
        " started_at_ms, ended_at_ms, executor_id, max_rss_kb, cpu_us)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        place.tenant,
        seq,
        row.job,
        row.index,
        row.generation,
        row.attempt,
        row.token,
        row.deaths,
        to_string(row.klass),
        row.final,
        row.retry_at,
        row.next_attempt,
        row.first_failed_at,
        row.exit_code,
        std::string_view(row.message),
        row.started_at,
        row.ended_at,
        row.executor,
        row.max_rss_kb,
        row.cpu_us
    );
}

Status ChangeWriter::write_log(const LogRow& row) {
    const JobPlace place = SERVO_TRY(place_of(row.job));
    return db_.run(
        "INSERT INTO partition_logs (tenant_id, job_id, idx, generation, attempt, at_ms,"
        " bytes_total, tail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        place.tenant,
        row.job,
        row.index,
        row.generation,
        row.attempt,
        row.at,
        row.bytes_total,
        Blob{row.tail}
    );
}

Status ChangeWriter::write_materialised(const ChangeSet& changes) {
    for (const auto& [key, pieces] : pieces_by_block(changes.materialised)) {
        const auto& [asset, number] = key;
        StateBlock block(number);
        {
            Query query = SERVO_TRY(
                db_.query("SELECT runs FROM partition_state WHERE asset_id = ? AND block = ?")
            );
            query.bind(asset, number);
            if (SERVO_TRY(query.step())) {
                block = SERVO_TRY(StateBlock::decode(query.bytes(0), number));
            }
        }
        apply_pieces(block, pieces);
        if (block.empty()) {
            SERVO_CHECK(db_.run(
                "DELETE FROM partition_state WHERE asset_id = ? AND block = ?", asset, number
            ));
            continue;
        }
        const std::string runs = block.encode();
        SERVO_CHECK(db_.run(
            "INSERT INTO partition_state (tenant_id, asset_id, block, runs) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (asset_id, block) DO UPDATE SET runs = excluded.runs",
            pieces.front().change->tenant,
            asset,
            number,
            Blob{runs}
        ));
    }
    return {};
}

Status ChangeWriter::write_small(const ChangeSet& changes) {
    for (const DurationRow& row : changes.durations) {
        const std::string stats = encode_duration_stats(row.stats);
        SERVO_CHECK(db_.run(
            "INSERT OR REPLACE INTO duration_stats (asset_id, revision, tenant_id, stats)"
            " VALUES (?, ?, ?, ?)",
            row.asset,
            row.revision,
            SERVO_TRY(tenant_of(row.asset)),
            Blob{stats}
        ));
    }
    for (const TokenRow& row : changes.tokens) {
        const std::string labels = encode_labels(row.labels);
        SERVO_CHECK(db_.run(
            "INSERT INTO tokens (" SERVO_TOKEN_COLUMNS
            ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (token_id) DO UPDATE SET expires_at_ms = excluded.expires_at_ms,"
            " revoked_at_ms = excluded.revoked_at_ms",
            std::string_view(row.id),
            row.tenant,
            model::to_string(row.role),
            std::string_view(labels),
            std::string_view(row.secret_sha256),
            std::string_view(row.note),
            std::string_view(row.created_by),
            row.created_at,
            row.expires_at,
            row.revoked_at
        ));
    }
    for (const EventRow& row : changes.events) {
        SERVO_CHECK(db_.run(
            "INSERT INTO events (tenant_id, at_ms, actor, kind, subject, detail)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            row.tenant,
            row.at,
            std::string_view(row.actor),
            std::string_view(row.kind),
            std::string_view(row.subject),
            std::string_view(row.detail)
        ));
    }
    for (const IdempotencyRow& row : changes.idempotency) {
        SERVO_CHECK(db_.run(
            "INSERT INTO idempotency (tenant_id, route, key, body_hash, http_status, reply, at_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            row.tenant,
            std::string_view(row.route),
            std::string_view(row.key),
            std::string_view(row.body_hash),
            row.http_status,
            std::string_view(row.reply),
            row.at
        ));
    }
    return {};
}

Status ChangeWriter::write_ledger(const ChangeSet& changes) {
    for (const LedgerRow& row : changes.ledger) {
        const std::string entries = encode_ledger(row.entries);
        SERVO_CHECK(db_.run(
            "INSERT INTO ledger (span, at_ms, epoch, scope, tenant_id, entries)"
            " VALUES (?, ?, ?, ?, 0, ?)"
            " ON CONFLICT (span, at_ms, epoch, scope) DO UPDATE SET entries = excluded.entries",
            to_string(row.span),
            row.at,
            row.epoch,
            to_string(row.scope),
            std::string_view(entries)
        ));
    }
    return {};
}

Result<ChangeWriter::JobPlace> ChangeWriter::place_of(JobId id) {
    const auto it = places_.find(id);
    if (it != places_.end()) {
        return it->second;
    }
    Query query = SERVO_TRY(db_.query("SELECT tenant_id, asset_id FROM jobs WHERE job_id = ?"));
    query.bind(id);
    if (!SERVO_TRY(query.step())) {
        return fail(
            conflict("unknown_job", fmt::format("A row belongs to unknown job {}.", to_text(id)))
        );
    }
    const JobPlace place{query.id<TenantId>(0), query.id<AssetId>(1)};
    places_[id] = place;
    return place;
}

Result<TenantId> ChangeWriter::tenant_of(AssetId id) {
    return TenantId(
        SERVO_TRY(db_.integer("SELECT tenant_id FROM assets WHERE asset_id = ?", id)).value_or(0)
    );
}

}  // namespace servo::store::sqlite

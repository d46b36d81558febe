// The rows of work: one statement a table, one array parameter a column.
#include "store/postgres/change_writer.h"
#include "store/replay.h"
#include "store/sql/rows.h"

namespace servo::store::postgres {
namespace {

std::string_view view(const std::string& text) {
    return text;
}

void add_rows(Pipeline& out, sql::Sql sql, const Rows& rows) {
    if (!rows.empty()) {
        out.add(sql, rows.params());
    }
}

}  // namespace

Status ChangeWriter::add_checkpoints(Pipeline& out, const ChangeSet& changes) {
    Rows rows({kInt8, kInt8, kInt8, kBytea});
    for (const JobCheckpoint& checkpoint : changes.checkpoints) {
        const JobPlace place = SERVO_TRY(place_of(checkpoint.job));
        const std::string progress = encode_checkpoint(checkpoint);
        rows.add(checkpoint.job, place.tenant, checkpoint.covers_seq, sql::Blob{progress});
    }
    add_rows(
        out,
        "INSERT INTO job_checkpoints (job_id, tenant_id, covers_seq, progress)"
        " SELECT * FROM unnest(?, ?, ?, ?)"
        " ON CONFLICT (job_id) DO UPDATE SET covers_seq = excluded.covers_seq,"
        " progress = excluded.progress",
        rows
    );
    return {};
}

Status ChangeWriter::add_batch(Pipeline& out, const Batch& batch) {
    std::optional<LeaseLogRow> row;
    std::optional<int64_t> whole_from;
    if (leases_) {  // else nothing is granted or ended: look_up reads them for a batch that needs
                    // them
        const int64_t first = leases_->first_seq();
        row = SERVO_TRY(leases_->next(batch.seq, *batch.changes));
        if (row && row->whole) {
            whole_from = first;
        }
    }
    const std::string none;
    out.add(
        "SELECT servo_add_batch(?, ?, ?, ?, ?)",
        Params::of(
            batch.epoch, batch.seq, batch.now, sql::Blob{row ? row->payload : none}, whole_from
        )
    );
    return {};
}

Status ChangeWriter::add_done(Pipeline& out, const ChangeSet& changes, int64_t seq) {
    Rows rows({kInt8, kInt8, kInt8, kInt8, kInt8, kInt8, kInt8, kBytea});
    for (const auto& [key, reported] : changes.done) {
        const auto& [job, block] = key;
        const JobPlace place = SERVO_TRY(place_of(job));
        const std::vector<DoneEntry> entries = SERVO_TRY(sorted_block(reported, block));
        const std::string payload = encode_done(entries, block);
        rows.add(
            place.tenant,
            place.asset,
            job,
            seq,
            block,
            entries.size(),
            sql::kDoneCodecColumn,
            sql::Blob{payload}
        );
    }
    add_rows(
        out,
        "INSERT INTO done_log (tenant_id, asset_id, job_id, seq, block, entries, codec, payload)"
        " SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?)",
        rows
    );
    return {};
}

Status ChangeWriter::add_failures(Pipeline& out, const ChangeSet& changes, int64_t seq) {
    Rows rows({kInt8, kInt8, kInt8, kInt8, kInt8, kInt8, kInt8, kInt8, kText, kInt8,
               kInt8, kInt8, kInt8, kInt8, kText, kInt8, kInt8, kInt8, kInt8, kInt8});
    for (const FailureRow& row : changes.failures) {
        rows.add(
            SERVO_TRY(place_of(row.job)).tenant,
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
            view(row.message),
            row.started_at,
            row.ended_at,
            row.executor,
            row.max_rss_kb,
            row.cpu_us
        );
    }
    add_rows(
        out,
        "INSERT INTO partition_failures (tenant_id, seq, job_id, idx, generation, attempt, token,"
        " deaths, class, final, retry_at_ms, next_attempt, first_failed_at_ms, exit_code, message,"
        " started_at_ms, ended_at_ms, executor_id, max_rss_kb, cpu_us) SELECT * FROM"
        " unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows
    );
    return {};
}

Status ChangeWriter::add_logs(Pipeline& out, const ChangeSet& changes) {
    Rows rows({kInt8, kInt8, kInt8, kInt8, kInt8, kInt8, kInt8, kBytea});
    for (const LogRow& row : changes.logs) {
        rows.add(
            SERVO_TRY(place_of(row.job)).tenant,
            row.job,
            row.index,
            row.generation,
            row.attempt,
            row.at,
            row.bytes_total,
            sql::Blob{row.tail}
        );
    }
    add_rows(
        out,
        "INSERT INTO partition_logs (tenant_id, job_id, idx, generation, attempt, at_ms,"
        " bytes_total, tail) SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?)",
        rows
    );
    return {};
}

Status ChangeWriter::add_states(Pipeline& out, const ChangeSet& changes) {
    Rows written({kInt8, kInt8, kInt8, kBytea});
    Rows emptied({kInt8, kInt8});
    for (const auto& [key, pieces] : pieces_by_block(changes.materialised)) {
        const auto& [asset, number] = key;
        StateBlock& block = blocks_.try_emplace(key, number).first->second;
        apply_pieces(block, pieces);
        if (block.empty()) {
            emptied.add(asset, number);
        } else {
            const std::string runs = block.encode();
            written.add(pieces.front().change->tenant, asset, number, sql::Blob{runs});
        }
    }
    add_rows(
        out,
        "DELETE FROM partition_state USING unnest(?, ?) AS emptied (asset_id, block)"
        " WHERE partition_state.asset_id = emptied.asset_id"
        " AND partition_state.block = emptied.block",
        emptied
    );
    add_rows(
        out,
        "INSERT INTO partition_state (tenant_id, asset_id, block, runs)"
        " SELECT * FROM unnest(?, ?, ?, ?)"
        " ON CONFLICT (asset_id, block) DO UPDATE SET runs = excluded.runs",
        written
    );
    return {};
}

void ChangeWriter::add_small(Pipeline& out, const ChangeSet& changes) {
    Rows durations({kInt8, kInt8, kBytea});
    for (const DurationRow& row : changes.durations) {
        const std::string stats = encode_duration_stats(row.stats);
        durations.add(row.asset, row.revision, sql::Blob{stats});
    }
    add_rows(
        out,
        "INSERT INTO duration_stats (asset_id, revision, tenant_id, stats)"
        " SELECT asset_id, revision, coalesce(assets.tenant_id, 0), stats"
        " FROM unnest(?, ?, ?) AS given (asset_id, revision, stats)"
        " LEFT JOIN assets USING (asset_id)"
        " ON CONFLICT (asset_id, revision) DO UPDATE SET stats = excluded.stats",
        durations
    );
    Rows events({kInt8, kInt8, kText, kText, kText, kText});
    for (const EventRow& row : changes.events) {
        events.add(
            row.tenant, row.at, view(row.actor), view(row.kind), view(row.subject), view(row.detail)
        );
    }
    add_rows(
        out,
        "INSERT INTO events (tenant_id, at_ms, actor, kind, subject, detail)"
        " SELECT * FROM unnest(?, ?, ?, ?, ?, ?)",
        events
    );
    Rows replies({kInt8, kText, kText, kText, kInt8, kText, kInt8});
    for (const IdempotencyRow& row : changes.idempotency) {
        replies.add(
            row.tenant,
            view(row.route),
            view(row.key),
            view(row.body_hash),
            row.http_status,
            view(row.reply),
            row.at
        );
    }
    add_rows(
        out,
        "INSERT INTO idempotency (tenant_id, route, key, body_hash, http_status, reply, at_ms)"
        " SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?)",
        replies
    );
    Rows ledger({kText, kInt8, kInt8, kText, kText});
    for (const LedgerRow& row : changes.ledger) {
        const std::string entries = encode_ledger(row.entries);
        ledger.add(to_string(row.span), row.at, row.epoch, to_string(row.scope), view(entries));
    }
    add_rows(
        out,
        "INSERT INTO ledger (span, at_ms, epoch, scope, tenant_id, entries)"
        " SELECT span, at_ms, epoch, scope, 0, entries"
        " FROM unnest(?, ?, ?, ?, ?) AS given (span, at_ms, epoch, scope, entries)"
        " ON CONFLICT (span, at_ms, epoch, scope) DO UPDATE SET entries = excluded.entries",
        ledger
    );
}

}  // namespace servo::store::postgres

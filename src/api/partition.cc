#include "api/partition.h"

#include "api/codec_impl.h"
#include "api/words.h"

namespace servo::api {

// Found by argument-dependent lookup, so not in an unnamed namespace.

template <typename V>
void describe(V& v, Partition& p) {
    v.field("key", p.key, "");
    v.field("tenant_id", p.tenant_id, "");
    v.field("asset_name", p.asset_name, "");
    v.word("status", p.status, partition_status_words(), "");
    v.field("start", p.start, "Of its window, half-open.");
    v.field("end", p.end, "");
    v.field("backfill_id", p.backfill_id, "What made it, or owns it now.");
    v.field("asset_revision", p.asset_revision, "That made it.");
    v.field("at", p.at, "Of the last change of its outcome.");
    v.field("started_at", p.started_at, "");
    v.field("duration_ms", p.duration_ms, "");
    v.field("attempt", p.attempt, "");
    v.field("rows", p.rows, "As the program reported.");
    v.field("bytes", p.bytes, "As the program reported.");
    v.field(
        "max_rss_kb",
        p.max_rss_kb,
        "The most memory it had; absent below some 15 MiB, what its slot has itself."
    );
    v.field("cpu_ms", p.cpu_ms, "");
    v.field("executor", p.executor, "");
    v.field("failure_class", p.failure_class, "");
    v.field("exit_code", p.exit_code, "-signal for a signal.");
    v.field("message", p.message, "");
}

template <typename V>
void describe(V& v, FailedAttempt& a) {
    v.field("attempt", a.attempt, "");
    v.field("generation", a.generation, "");
    v.word("failure_class", a.failure_class, failure_class_words(), "");
    v.field("final", a.is_final, "");
    v.field("retry_at", a.retry_at, "");
    v.field("exit_code", a.exit_code, "-signal for a signal.");
    v.field("message", a.message, "");
    v.field("started_at", a.started_at, "");
    v.field("ended_at", a.ended_at, "");
    v.field("executor", a.executor, "");
    v.field("max_rss_kb", a.max_rss_kb, "As of the partition.");
    v.field("cpu_ms", a.cpu_ms, "");
}

template <typename V>
void describe(V& v, PartitionDetail& p) {
    describe(v, static_cast<Partition&>(p));
    v.field("dimensions", p.dimensions, "");
    v.field("failed_attempts", p.failed_attempts, "Of that backfill, newest first, at most 100.");
    v.field("waiting", p.waiting, "While pending.");
}

template <typename V>
void describe(V& v, PartitionLog& l) {
    v.field("key", l.key, "");
    v.field("backfill_id", l.backfill_id, "");
    v.field("attempt", l.attempt, "");
    v.field("generation", l.generation, "");
    v.field("at", l.at, "");
    v.field("bytes_total", l.bytes_total, "Printed; text is the end of it.");
    v.field("text", l.text, "");
}

template <typename V>
void describe(V& v, LiveLog& l) {
    v.field("key", l.key, "");
    v.field("running", l.running, "False: it does not run; its stored log has what there is.");
    v.field("backfill_id", l.backfill_id, "");
    v.field("attempt", l.attempt, "");
    v.field("generation", l.generation, "");
    v.field("stream", l.stream, "Names this attempt's output; send it back with the offset.");
    v.field("known", l.known, "The executor has answered; until then it was asked. Call again.");
    v.field("offset", l.offset, "Of the first byte of text; later than asked: a gap.");
    v.field("next_offset", l.next_offset, "The offset of the next call.");
    v.field("text", l.text, "With secrets taken out.");
}

template <typename V>
void describe(V& v, MarkRequest& r) {
    v.required("selection", r.selection, "");
    v.word("as", r.as, mark_words(), "");
    v.required("reason", r.reason, "Why; goes into the audit trail.");
    v.field("dry_run", r.dry_run, "");
}

template <typename V>
void describe(V& v, MarkReply& r) {
    v.field("tenant_id", r.tenant_id, "");
    v.field("asset_name", r.asset_name, "");
    v.word("as", r.as, mark_words(), "");
    v.field("dry_run", r.dry_run, "");
    v.field("resolved", r.resolved, "");
}

SERVO_WIRE(Partition);
SERVO_WIRE(FailedAttempt);
SERVO_WIRE(PartitionDetail);
SERVO_WIRE(PartitionLog);
SERVO_WIRE(LiveLog);
SERVO_WIRE(MarkRequest);
SERVO_WIRE(MarkReply);
SERVO_WIRE(List<Partition>);

}  // namespace servo::api

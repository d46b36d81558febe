#include "api/review.h"

#include "api/codec_impl.h"

namespace servo::api {

// Found by argument-dependent lookup, so not in an unnamed namespace.

template <typename V>
void describe(V& v, ReportTotals& t) {
    v.field("backfills_started", t.backfills_started, "");
    v.field("backfills_completed", t.backfills_completed, "");
    v.field("backfills_failed", t.backfills_failed, "");
    v.field("backfills_cancelled", t.backfills_cancelled, "");
    v.field("completed_partitions", t.completed_partitions, "");
    v.field("failed_partitions", t.failed_partitions, "For good.");
    v.field("failed_attempts", t.failed_attempts, "Also those that were retried.");
    v.field("busy_ms", t.busy_ms, "Slot time of completed partitions.");
    v.field("wasted_ms", t.wasted_ms, "Slot time of failed attempts.");
    v.field("claims", t.claims, "First leases of backfills, anew after each resume.");
    v.field("claim_p50_ms", t.claim_p50_ms, "Since they could be claimed.");
    v.field("claim_p95_ms", t.claim_p95_ms, "");
    v.field("claim_p99_ms", t.claim_p99_ms, "");
    v.field("mean_slots", t.mean_slots, "In use, on the average.");
    v.field(
        "slot_ms",
        t.slot_ms,
        "By what slots did, from the ledger of time: whole hours, and minutes in the hours that "
        "the "
        "bounds cut. Empty where it has none, and for one tenant."
    );
    v.field("mean_cpus", t.mean_cpus, "Absent: no program's use is known.");
    v.field("memory_p95_bytes", t.memory_p95_bytes, "Peak of a partition's processes.");
    v.field("memory_max_bytes", t.memory_max_bytes, "");
}

template <typename V>
void describe(V& v, ReportGroup& g) {
    v.field("name", g.name, "\"others\": the sum of the rest.");
    v.field("completed_partitions", g.completed_partitions, "");
    v.field("failed_partitions", g.failed_partitions, "");
    v.field("busy_ms", g.busy_ms, "");
    v.field("completed_before", g.completed_before, "");
    v.field("failed_before", g.failed_before, "");
}

template <typename V>
void describe(V& v, ReportClass& c) {
    v.field("class", c.failure_class, "");
    v.field("attempts", c.attempts, "");
    v.field("partitions", c.partitions, "For good.");
    v.field("wasted_ms", c.wasted_ms, "");
    v.field("attempts_before", c.attempts_before, "");
}

template <typename V>
void describe(V& v, ReportStep& s) {
    v.field("start", s.start, "");
    v.field("completed_partitions", s.completed_partitions, "");
    v.field("failed_attempts", s.failed_attempts, "By class.");
}

template <typename V>
void describe(V& v, ReportDeadline& d) {
    v.field("id", d.id, "");
    v.field("tenant_id", d.tenant_id, "");
    v.field("asset_name", d.asset_name, "");
    v.field("state", d.state, "");
    v.field("deadline_at", d.deadline_at, "");
    v.field("completed_at", d.completed_at, "Absent: still open.");
    v.field("margin_ms", d.margin_ms, "Negative: late.");
}

template <typename V>
void describe(V& v, ReportWaste& w) {
    v.field("tenant_id", w.tenant_id, "");
    v.field("asset_name", w.asset_name, "");
    v.field("class", w.failure_class, "");
    v.field("attempts", w.attempts, "");
    v.field("wasted_ms", w.wasted_ms, "");
}

template <typename V>
void describe(V& v, Report& r) {
    v.field("tenant_id", r.tenant_id, "Absent: of every tenant.");
    v.field("before_since", r.before_since, "The period before begins here.");
    v.field("since", r.since, "");
    v.field("until", r.until, "");
    v.field("step_ms", r.step_ms, "");
    v.field("now", r.now, "");
    v.field("before", r.before, "");
    v.field("tenants", r.tenants, "");
    v.field("assets", r.assets, "");
    v.field("classes", r.classes, "");
    v.field("steps", r.steps, "Of the period, not of the one before.");
    v.field("deadlines", r.deadlines, "The closest first, missed ones before them.");
    v.field("wasted", r.wasted, "The most first.");
    v.field("slots", r.slots, "Registered at the moment; absent for a tenant's token.");
    v.field("notes", r.notes, "What it leaves out, and why.");
}

SERVO_WIRE(ReportTotals);
SERVO_WIRE(ReportGroup);
SERVO_WIRE(ReportClass);
SERVO_WIRE(ReportStep);
SERVO_WIRE(ReportDeadline);
SERVO_WIRE(ReportWaste);
SERVO_WIRE(Report);

}  // namespace servo::api

#include "api/backfill.h"

#include "api/codec_impl.h"
#include "api/words.h"

namespace servo::api {

// Found by argument-dependent lookup, so not in an unnamed namespace.

template <typename V>
void describe(V& v, SelectionRequest& r) {
    v.given("start", r.start, "Windows that start at or after this; in the asset's zone.");
    v.given("end", r.end, "Windows that start before this; a date alone is inclusive.");
    v.field("keys", r.keys, "These partitions instead of a range.");
    v.field("dims", r.dims, "Restricts dimensions: name to allowed keys.");
}

template <typename V>
void describe(V& v, StartRequest& r) {
    v.required("asset", r.asset, "Name of the asset.");
    v.field("selection", r.selection, "What to run; empty: everything up to now.");
    v.word(
        "reprocess",
        r.reprocess,
        reprocess_words(),
        "Cumulative: missing = never succeeded; failed = also where the last outcome is a failure; "
        "stale = also what an older revision made; all."
    );
    v.word("overlap", r.overlap, overlap_words(), "When another open backfill owns partitions.");
    v.field("priority", r.priority, "-10 to 10, higher first.");
    v.field("sla_deadline", r.sla_deadline, "RFC 3339, a date, or +72h.");
    v.field("max_concurrency", r.max_concurrency, "Slots at once; 0 = no limit of its own.");
    v.field(
        "max_failures",
        r.max_failures,
        "\"10\", \"5%\" or \"none\": the backfill pauses beyond. Absent: 5 % after 50 finished."
    );
    v.field("reverse", r.reverse, "Latest partitions first.");
    v.field("note", r.note, "For people.");
    v.field("dry_run", r.dry_run, "Answers what it would do, and changes nothing.");
    v.field(
        "preview",
        r.preview,
        "With dry_run: also estimates, and is refused as a new start would be; false is "
        "quicker."
    );
    v.field("allow_empty", r.allow_empty, "A selection of nothing is no error.");
    v.field("tenants", r.tenants, "One backfill each under one group, all or none.");
    v.field("all_tenants", r.all_tenants, "Every tenant that has the asset.");
    for (const char* name :
         {"include_upstream", "max_upstream_depth", "canary", "what_if", "notify"}) {
        v.reserved(name);
    }
}

template <typename V>
void describe(V& v, ResolvedSelection& r) {
    v.field("range_start", r.range_start, "First window's start; half-open with range_end.");
    v.field("range_end", r.range_end, "");
    v.field("timezone", r.timezone, "");
    v.field("selected", r.selected, "Partitions asked for.");
    v.field("count", r.count, "Partitions to run.");
    v.field("first_key", r.first_key, "");
    v.field("last_key", r.last_key, "");
    v.field("cut_by_bounds", r.cut_by_bounds, "Windows outside the asset's start and end.");
    v.field("not_yet_ended", r.not_yet_ended, "Windows that have not ended.");
    v.field("left_out_completed", r.left_out_completed, "By the reprocess policy.");
    v.field("left_out_failed", r.left_out_failed, "By the reprocess policy.");
    v.field("left_out_skipped", r.left_out_skipped, "By the reprocess policy.");
    v.field("sample_keys", r.sample_keys, "The first ones, with dry_run.");
}

template <typename V>
void describe(V& v, StartedBackfill& r) {
    v.field("id", r.id, "Absent: nothing to do, or dry_run.");
    v.field("tenant_id", r.tenant_id, "");
    v.field("asset_name", r.asset_name, "");
    v.field("asset_revision", r.asset_revision, "");
    v.field("state", r.state, "");
    v.field("total_partitions", r.total_partitions, "");
    v.field("skipped_by_overlap", r.skipped_by_overlap, "");
    v.field("resolved", r.resolved, "");
}

template <typename V>
void describe(V& v, PreviewDelay& r) {
    v.field("id", r.id, "");
    v.field("tenant_id", r.tenant_id, "");
    v.field("asset_name", r.asset_name, "");
    v.field("delay_ms", r.delay_ms, "How much later it would end.");
}

template <typename V>
void describe(V& v, Preview& r) {
    v.field("duration_p50_ms", r.duration_p50_ms, "Absent: nothing to go by.");
    v.field("duration_p90_ms", r.duration_p90_ms, "");
    v.field("completion_at", r.completion_at, "");
    v.field("completion_p90_at", r.completion_p90_at, "");
    v.field("basis", r.basis, "What the estimate rests on, or why there is none.");
    v.field(
        "delays",
        r.delays,
        "Open backfills that the caller may see and that would end later, the most delayed first."
    );
}

template <typename V>
void describe(V& v, StartReply& r) {
    v.field("id", r.id, "Of the backfill; with several tenants, of the group.");
    v.field("group_id", r.group_id, "");
    v.field("dry_run", r.dry_run, "");
    v.field("total_partitions", r.total_partitions, "");
    v.field("items", r.items, "One per tenant.");
    v.field("preview", r.preview, "With dry_run.");
    v.field("server_time", r.server_time, "");
}

template <typename V>
void describe_state(V& v, Backfill& b) {
    v.field("id", b.id, "");
    v.field("group_id", b.group_id, "");
    v.field("tenant_id", b.tenant_id, "The tenant's name.");
    v.field("asset_name", b.asset_name, "");
    v.field("asset_revision", b.asset_revision, "");
    v.field(
        "wants_latest",
        b.wants_latest,
        "It takes the asset's latest revision as soon as none of its partitions runs."
    );
    v.word("state", b.state, job_state_words(), "");
    v.field("state_reason", b.state_reason, "");
    v.field("state_note", b.state_note, "What a person wrote with pause or cancel.");
    v.field("state_by", b.state_by, "Who paused or cancelled it.");
    v.field("state_since", b.state_since, "");
    v.field("resume_at", b.resume_at, "When a pause ends by itself.");
    v.field("waits_for", b.waits_for, "The backfill that owns some of the partitions.");
}

template <typename V>
void describe_progress(V& v, Backfill& b) {
    v.field("total_partitions", b.total_partitions, "");
    v.field("completed_partitions", b.completed_partitions, "Without skipped ones.");
    v.field("failed_partitions", b.failed_partitions, "Finally failed.");
    v.field("skipped_partitions", b.skipped_partitions, "");
    v.field("cancelled_partitions", b.cancelled_partitions, "");
    v.field("running_partitions", b.running_partitions, "");
    v.field("pending_partitions", b.pending_partitions, "");
    v.field("partitions_per_second", b.partitions_per_second, "Over the last minute.");
    v.field("avg_partition_duration_ms", b.avg_partition_duration_ms, "");
    v.field("created_at", b.created_at, "");
    v.field("started_at", b.started_at, "");
    v.field("completed_at", b.completed_at, "");
    v.field("sla_deadline_at", b.sla_deadline_at, "");
    v.field("estimated_completion_at", b.estimated_completion_at, "");
    v.field("estimated_completion_p90_at", b.estimated_completion_p90_at, "");
}

template <typename V>
void describe(V& v, OverrideInfo& o) {
    v.field("by", o.by, "");
    v.field("reason", o.reason, "");
    v.field("since", o.since, "");
    v.field("until", o.until, "Absent: until unset.");
}

template <typename V>
void describe(V& v, TemporarySetting& s) {
    v.field("setting", s.setting, "Its name in a request to change settings.");
    v.field("value", s.value, "In force now.");
    v.field("lasting", s.lasting, "What holds again afterwards.");
    v.field("override", s.override_info, "");
}

template <typename V>
void describe(V& v, Backfill& b) {
    describe_state(v, b);
    v.field("priority", b.priority, "");
    v.field("effective_priority", b.effective_priority, "After aging.");
    v.field("rank", b.rank, "Among the tenant's open backfills, from 1; 0 = not open.");
    v.field("slots", b.slots, "Held now.");
    v.word("reprocess", b.reprocess, reprocess_words(), "");
    v.word("overlap", b.overlap, overlap_words(), "");
    v.field("range_start", b.range_start, "");
    v.field("range_end", b.range_end, "");
    v.field("note", b.note, "");
    v.field("created_by", b.created_by, "");
    v.field("generation", b.generation, "Raised by retry.");
    describe_progress(v, b);
    v.field("max_concurrency", b.max_concurrency, "0 = no limit of its own.");
    v.field("max_failures", b.max_failures, "");
    v.field("timeout_ms", b.timeout_ms, "Absent: as the asset says.");
    v.field("memory_bytes", b.memory_bytes, "Absent: as the asset says.");
    v.field("max_attempts", b.max_attempts, "Absent: as the asset says.");
    v.field("temporary_settings", b.temporary_settings, "Those that were set for a time.");
}

template <typename V>
void describe(V& v, SlotHolder& r) {
    v.field("executor", r.executor, "");
    v.field("partition", r.partition, "Key that runs now.");
    v.field("unreported", r.unreported, "Partitions of its lease that are not reported yet.");
    v.field("since", r.since, "When that partition began, to the accuracy of a report.");
}

template <typename V>
void describe(V& v, WaitReason& r) {
    v.field("gate", r.gate, "");
    v.field("partitions", r.partitions, "");
    v.field("subject", r.subject, "Pool, asset, backfill or label that holds them.");
    v.field("since", r.since, "");
    v.field("until", r.until, "When it is known.");
    v.field("release", r.release, "What would release them, with the command to type.");
}

template <typename V>
void describe(V& v, FailureExample& r) {
    v.field("partition", r.partition, "");
    v.field("message", r.message, "");
    v.field("attempt", r.attempt, "");
    v.field("exit_code", r.exit_code, "-signal for a signal; absent: it did not exit.");
    v.field("executor", r.executor, "");
    v.field("ended_at", r.ended_at, "");
}

template <typename V>
void describe(V& v, FailureSummary& r) {
    v.word("class", r.failure_class, failure_class_words(), "");
    v.field("partitions", r.partitions, "Finally failed.");
    v.field("attempts", r.attempts, "Failed attempts, retried ones included.");
    v.field("examples", r.examples, "");
}

template <typename V>
void describe(V& v, BackfillDetail& b) {
    describe(v, static_cast<Backfill&>(b));
    v.field(
        "partitions_per_second_before",
        b.partitions_per_second_before,
        "Over the ten minutes before the last one."
    );
    v.field("p95_partition_duration_ms", b.p95_partition_duration_ms, "");
    v.field(
        "estimate_basis", b.estimate_basis, "What the estimate rests on, or why there is none."
    );
    v.word("deadline_verdict", b.deadline_verdict, deadline_verdict_words(), "");
    v.field("holders", b.holders, "Who holds slots, at most 100.");
    v.field("waiting", b.waiting, "Why the rest waits, largest first.");
    v.field("failures", b.failures, "By class.");
    v.field(
        "downstream_assets", b.downstream_assets, "Assets of the tenant that build on this one."
    );
    v.field("command", b.command, "Repeats the backfill.");
    v.field("time", b.time, "What the last minute was spent on, by its asset's revision.");
    v.field("time_before", b.time_before, "And the ten minutes before.");
    v.field("as_of", b.as_of, "");
}

template <typename V>
void describe(V& v, PauseRequest& r) {
    v.field("reason", r.reason, "");
    v.given("for", r.hold_for, "\"2h\": resumes by itself; absent: until resumed.");
    v.field("now", r.now, "Kills what runs; attempts are not spent.");
}

template <typename V>
void describe(V&, ResumeRequest&) {}

template <typename V>
void describe(V& v, CancelRequest& r) {
    v.field("reason", r.reason, "");
    v.field("force", r.force, "Kills what runs.");
}

template <typename V>
void describe(V& v, RetryRequest& r) {
    v.word("classes", r.classes, failure_class_words(), "Failure classes; empty: all.");
}

template <typename V>
void describe(V& v, ActionResult& r) {
    v.field("id", r.id, "");
    v.field("tenant_id", r.tenant_id, "");
    v.word("state", r.state, job_state_words(), "");
    v.field("changed", r.changed, "False: it already was as asked.");
    v.field("partitions", r.partitions, "Affected, such as retried.");
    v.field("rank", r.rank, "After a change of settings.");
}

template <typename V>
void describe(V& v, ActionReply& r) {
    v.required("items", r.items, "One for a backfill id, one per backfill for a group id.");
}

template <typename V>
void describe(V& v, SettingsRequest& r) {
    v.field("priority", r.priority, "-10 to 10.");
    v.field("sla_deadline", r.sla_deadline, "RFC 3339, a date, +72h, or \"none\".");
    v.field("max_concurrency", r.max_concurrency, "0 = no limit of its own.");
    v.field("max_failures", r.max_failures, "\"10\", \"5%\" or \"none\".");
    v.field("timeout", r.timeout, "\"30m\", or \"none\": as the asset says.");
    v.field("memory", r.memory, "\"2Gi\", or \"none\": as the asset says.");
    v.field("max_attempts", r.max_attempts, "\"5\", or \"none\": as the asset says.");
    v.word(
        "revision", r.revision, {"latest"}, "Moves the backfill to the asset's latest revision."
    );
    v.field("reason", r.reason, "");
    v.given("for", r.hold_for, "\"2h\": what lasts holds again then; absent: for good.");
}

template <typename V>
void describe(V& v, Explanation& r) {
    v.field("backfill_id", r.backfill_id, "Empty: no open backfill owns the partition.");
    v.field("partition", r.partition, "Absent: the backfill as a whole.");
    v.field("state", r.state, "");
    v.field("summary", r.summary, "A sentence.");
    v.field("reasons", r.reasons, "");
    v.field("command", r.command, "What to type next.");
    v.field("as_of", r.as_of, "");
}

SERVO_WIRE(SelectionRequest);
SERVO_WIRE(StartRequest);
SERVO_WIRE(ResolvedSelection);
SERVO_WIRE(StartedBackfill);
SERVO_WIRE(PreviewDelay);
SERVO_WIRE(Preview);
SERVO_WIRE(StartReply);
SERVO_WIRE(OverrideInfo);
SERVO_WIRE(TemporarySetting);
SERVO_WIRE(Backfill);
SERVO_WIRE(SlotHolder);
SERVO_WIRE(WaitReason);
SERVO_WIRE(FailureExample);
SERVO_WIRE(FailureSummary);
SERVO_WIRE(BackfillDetail);
SERVO_WIRE(PauseRequest);
SERVO_WIRE(ResumeRequest);
SERVO_WIRE(CancelRequest);
SERVO_WIRE(RetryRequest);
SERVO_WIRE(ActionResult);
SERVO_WIRE(ActionReply);
SERVO_WIRE(SettingsRequest);
SERVO_WIRE(Explanation);
SERVO_WIRE(List<Backfill>);

}  // namespace servo::api

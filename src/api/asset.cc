#include "api/asset.h"

#include "api/codec_impl.h"
#include "api/words.h"

namespace servo::api {

// Found by argument-dependent lookup, so not in an unnamed namespace.

template <typename V>
void describe(V& v, ApplyFile& f) {
    v.required("name", f.name, "For messages.");
    v.required("text", f.text, "The YAML, as it is.");
    v.field("code_dir", f.code_dir, "Absolute folder of the file; relative paths count from here.");
}

template <typename V>
void describe(V& v, ApplyRequest& r) {
    v.required("files", r.files, "");
    v.field("tenant", r.tenant, "For files that name none.");
    v.field("dry_run", r.dry_run, "Answers what would change, and changes nothing.");
    v.field("prune", r.prune, "Archives the named tenants' assets that no file names.");
}

template <typename V>
void describe(V& v, FieldChange& c) {
    v.field("field", c.field, "");
    v.field("before", c.before, "Absent: it was not set.");
    v.field("after", c.after, "Absent: it is not set.");
}

template <typename V>
void describe(V& v, AppliedAsset& a) {
    v.field("tenant_id", a.tenant_id, "");
    v.field("name", a.name, "");
    v.word("action", a.action, applied_words(), "");
    v.field("revision", a.revision, "");
    v.field("overridden", a.overridden, "A live `asset set` stays in force.");
    v.field("changes", a.changes, "");
}

template <typename V>
void describe(V& v, AppliedPool& p) {
    v.field("tenant_id", p.tenant_id, "Absent: shared.");
    v.field("name", p.name, "");
    v.word("action", p.action, applied_words(), "");
    v.field("overridden", p.overridden, "A live `pool set` stays in force.");
    v.field("changes", p.changes, "");
}

template <typename V>
void describe(V& v, ApplyReply& r) {
    v.field("dry_run", r.dry_run, "");
    v.field("changed", r.changed, "");
    v.field("assets", r.assets, "");
    v.field("pools", r.pools, "");
}

template <typename V>
void describe(V& v, Asset& a) {
    v.field("name", a.name, "");
    v.field("tenant_id", a.tenant_id, "");
    v.field("revision", a.revision, "");
    v.field("archived", a.archived, "");
    v.field("owner", a.owner, "");
    v.field("description", a.description, "");
    v.field("partitions", a.partitions, "The scheme in words.");
    v.field("timezone", a.timezone, "");
    v.field("runner", a.runner, "");
    v.field("code_version", a.code_version, "");
    v.field("concurrency", a.concurrency, "In force; 0 = no limit.");
    v.field("override", a.override_info, "");
    v.field("updated_at", a.updated_at, "");
    v.field("updated_by", a.updated_by, "");
}

template <typename V>
void describe(V& v, PartitionCounts& c) {
    v.field("total", c.total, "Whose window has ended.");
    v.field("completed", c.completed, "");
    v.field("failed", c.failed, "");
    v.field("skipped", c.skipped, "");
    v.field("missing", c.missing, "");
    v.field("stale", c.stale, "Completed by an older revision.");
}

template <typename V>
void describe(V& v, AssetDetail& a) {
    describe(v, static_cast<Asset&>(a));
    v.field("spec", a.spec, "In the asset file's own notation.");
    v.field("code_dir", a.code_dir, "");
    v.field("partition_counts", a.partition_counts, "");
    v.field("open_backfills", a.open_backfills, "");
    v.field("downstream", a.downstream, "Assets that build on this one.");
}

template <typename V>
void describe(V& v, Revision& r) {
    v.field("revision", r.revision, "");
    v.field("created_at", r.created_at, "");
    v.field("created_by", r.created_by, "");
    v.field("code_version", r.code_version, "");
    v.field("code_dir", r.code_dir, "");
    v.field("changes", r.changes, "Against the revision before.");
    v.field("avg_partition_duration_ms", r.avg_partition_duration_ms, "");
}

template <typename V>
void describe(V& v, AssetDiff& d) {
    v.field("name", d.name, "");
    v.field("tenant_id", d.tenant_id, "");
    v.field("from", d.from, "");
    v.field("to", d.to, "");
    v.field("changes", d.changes, "");
}

template <typename V>
void describe(V& v, SetAssetRequest& r) {
    v.field("concurrency", r.concurrency, "0 = no limit.");
    v.field("unset", r.unset, "Ends the override.");
    v.field("archived", r.archived, "");
    v.given("for", r.hold_for, "\"2h\": the override ends by itself.");
    v.field("reason", r.reason, "");
}

SERVO_WIRE(ApplyFile);
SERVO_WIRE(ApplyRequest);
SERVO_WIRE(FieldChange);
SERVO_WIRE(AppliedAsset);
SERVO_WIRE(AppliedPool);
SERVO_WIRE(ApplyReply);
SERVO_WIRE(Asset);
SERVO_WIRE(PartitionCounts);
SERVO_WIRE(AssetDetail);
SERVO_WIRE(Revision);
SERVO_WIRE(AssetDiff);
SERVO_WIRE(SetAssetRequest);
SERVO_WIRE(List<Asset>);
SERVO_WIRE(List<Revision>);

}  // namespace servo::api

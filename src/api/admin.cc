#include "api/admin.h"

#include "api/codec_impl.h"

namespace servo::api {
namespace {

constexpr std::string_view kEndedNow =
    "That ended, completed or failed for good, also of backfills that are over: as `time` says.";
constexpr std::string_view kEndedBefore = "The same of `time_before`.";

}  // namespace

// Found by argument-dependent lookup, so not in an unnamed namespace.

template <typename V>
void describe(V& v, PoolHold& h) {
    v.field("by", h.by, "");
    v.field("reason", h.reason, "");
    v.field("since", h.since, "");
    v.field("until", h.until, "Absent: until released.");
}

template <typename V>
void describe(V& v, PoolWindow& w) {
    v.field("cron", w.cron, "");
    v.field("length_ms", w.length_ms, "");
    v.field("timezone", w.timezone, "");
    v.field("concurrency", w.concurrency, "0 closes the pool.");
}

template <typename V>
void describe(V& v, PoolCheck& c) {
    v.field("url", c.url, "");
    v.field("timeout_ms", c.timeout_ms, "");
    v.field("credentials", c.credentials, "Names of the headers that carry them.");
}

template <typename V>
void describe(V& v, Pool& p) {
    v.field("name", p.name, "");
    v.field("tenant_id", p.tenant_id, "Absent: shared.");
    v.word("scope", p.scope, {"shared", "tenant"}, "");
    v.field(
        "concurrency", p.concurrency, "As declared, 0 = no limit; or as overridden, 0 = closed."
    );
    v.field("per_tenant_concurrency", p.per_tenant_concurrency, "0 = no limit.");
    v.field("limit", p.limit, "In force now, windows counted; absent: none.");
    v.field("limit_until", p.limit_until, "When the window ends that lowers the limit.");
    v.field("used", p.used, "Units.");
    v.field("windows", p.windows, "");
    v.field("checks", p.checks, "Endpoints that tell whether it works.");
    v.field("contact", p.contact, "");
    v.field("hold", p.hold, "");
    v.field("override", p.override_info, "");
    v.word("breaker", p.breaker, {"closed", "open", "ramping"}, "");
    v.field("breaker_since", p.breaker_since, "");
    v.field(
        "recent_attempts", p.recent_attempts, "The last ones that this leader saw end, up to 20."
    );
    v.field("recent_external_failures", p.recent_external_failures, "");
    v.field("next_probe_at", p.next_probe_at, "");
}

template <typename V>
void describe(V& v, SetPoolRequest& r) {
    v.field("concurrency", r.concurrency, "");
    v.field("unset", r.unset, "Ends the override.");
    v.given("for", r.hold_for, "\"2h\": the override ends by itself.");
    v.field("reason", r.reason, "");
}

template <typename V>
void describe(V& v, HoldPoolRequest& r) {
    v.given("for", r.hold_for, "\"2h\"; absent: until released.");
    v.field("reason", r.reason, "");
}

template <typename V>
void describe(V& v, CheckPoolRequest& r) {
    v.given("executor", r.executor, "By name; absent: any that is up.");
    v.given("url", r.url, "The endpoint, http or https; for admins.");
    v.field("timeout_ms", r.timeout_ms, "0: 5 s.");
}

template <typename V>
void describe(V& v, CheckPoolReply& r) {
    v.field("pool", r.pool, "");
    v.field("executor", r.executor, "That measured.");
    v.field("ok", r.ok, "Every endpoint is.");
    v.field("endpoints", r.endpoints, "");
}

template <typename V>
void describe(V& v, Tenant& t) {
    v.field("name", t.name, "");
    v.field("weight", t.weight, "Share of the slots against other tenants'.");
    v.field("max_concurrency", t.max_concurrency, "Slots at once; 0 = no limit.");
    v.field("max_pending", t.max_pending, "Partitions not yet finished.");
    v.field("override", t.override_info, "");
    v.field("overridden", t.overridden, "Limits that it changes, from declared to in force.");
    v.field("slots", t.slots, "Held now.");
    v.field("pending_partitions", t.pending_partitions, "");
    v.field("open_backfills", t.open_backfills, "");
    v.field("fair_share", t.fair_share, "Of the slots, among tenants with eligible work.");
    v.field("created_at", t.created_at, "");
}

template <typename V>
void describe(V& v, SetTenantRequest& r) {
    v.field("weight", r.weight, "1 to 1000.");
    v.field("max_concurrency", r.max_concurrency, "0 = no limit.");
    v.field("max_pending", r.max_pending, "");
    v.field("unset", r.unset, "Ends the override.");
    v.given("for", r.hold_for, "\"2h\": the override ends by itself.");
    v.field("reason", r.reason, "");
}

template <typename V>
void describe(V& v, Executor& e) {
    v.field("name", e.name, "");
    v.field("host", e.host, "");
    v.field("build", e.build, "");
    v.word(
        "state",
        e.state,
        {"up", "stuck", "draining", "drained", "lost", "left"},
        "lost: it fell silent. left: it ended in order, or was lost more than a day ago."
    );
    v.field("slots", e.slots, "");
    v.field("busy", e.busy, "");
    v.field("labels", e.labels, "");
    v.field("last_seen_at", e.last_seen_at, "When it was last heard.");
    v.field("registered_at", e.registered_at, "");
    v.field("drain_wanted", e.drain_wanted, "");
    v.field(
        "slot_ms",
        e.slot_ms,
        "Cumulative milliseconds by slot state, since its session began; of one that is there."
    );
    v.field("health", e.health, "As last told; absent: nothing heard in this session.");
}

template <typename V>
void describe(V& v, DrainRequest& r) {
    v.field("executors", r.executors, "By name.");
    v.field("keep", r.keep, "Instead of names: drains the idlest until this many are left.");
}

template <typename V>
void describe(V& v, DrainReply& r) {
    v.required("items", r.items, "Those that changed.");
}

template <typename V>
void describe(V& v, Changed& r) {
    v.field("changed", r.changed, "False: it already was as asked.");
}

template <typename V>
void describe(V& v, Token& t) {
    v.field("id", t.id, "");
    v.word("role", t.role, {"admin", "tenant-admin", "tenant-read", "executor", "metrics"}, "");
    v.field("tenant_id", t.tenant_id, "Absent: of the whole installation.");
    v.field("labels", t.labels, "An executor's: those that it may register with; none = any.");
    v.field("note", t.note, "");
    v.word("state", t.state, {"active", "expired", "revoked"}, "");
    v.field("created_at", t.created_at, "");
    v.field("created_by", t.created_by, "");
    v.field("expires_at", t.expires_at, "Absent: never.");
    v.field("revoked_at", t.revoked_at, "");
}

template <typename V>
void describe(V& v, CreateTokenRequest& r) {
    v.word("role", r.role, {"admin", "tenant-admin", "tenant-read", "executor", "metrics"}, "");
    v.given("tenant", r.tenant, "Of tenant-admin, tenant-read and, if wanted, executor.");
    v.field("new_tenant", r.new_tenant, "Makes the tenant, too, when there is none of that name.");
    v.field("labels", r.labels, "Of executor: those that it may register with; none = any.");
    v.field("note", r.note, "Whose it is and what for.");
    v.given("for", r.lives_for, "\"90d\"; absent: until revoked.");
}

template <typename V>
void describe(V& v, RotateTokenRequest& r) {
    v.given("overlap", r.overlap, "\"1h\": how long the old one stays good; absent: 24h.");
    v.given("for", r.lives_for, "\"90d\"; absent: until revoked.");
}

template <typename V>
void describe(V& v, RevokeTokenRequest& r) {
    v.field("reason", r.reason, "");
}

template <typename V>
void describe(V& v, NewToken& t) {
    v.required("text", t.text, "The token itself: shown here and never again.");
    v.required("token", t.token, "");
}

template <typename V>
void describe(V& v, Event& e) {
    v.field("at", e.at, "");
    v.field("tenant_id", e.tenant_id, "Absent: of the whole installation.");
    v.field("actor", e.actor, "");
    v.field("kind", e.kind, "");
    v.field("subject", e.subject, "");
    v.field("detail", e.detail, "");
}

template <typename V>
void describe(V& v, StatusGroup& g) {
    v.field("name", g.name, "");
    v.field("open_backfills", g.open_backfills, "");
    v.field("running_partitions", g.running_partitions, "");
    v.field("pending_partitions", g.pending_partitions, "");
    v.field("failed_partitions", g.failed_partitions, "Of open backfills.");
    v.field("slots", g.slots, "");
    v.field("partitions_per_second", g.partitions_per_second, kEndedNow);
    v.field("partitions_per_second_before", g.partitions_per_second_before, kEndedBefore);
    v.field("time", g.time, "What the last minute was spent on.");
    v.field("time_before", g.time_before, "And the ten minutes before.");
}

template <typename V>
void describe(V& v, SystemStatus& s) {
    v.field("version", s.version, "");
    v.field("state", s.state, "");
    v.field("epoch", s.epoch, "");
    v.field("leader", s.leader, "Host and process id of the server that leads.");
    v.field("leader_url", s.leader_url, "Where the other servers reach it.");
    v.field("leader_since", s.leader_since, "");
    v.field("backfills", s.backfills, "Open ones, by state.");
    v.field("running_partitions", s.running_partitions, "");
    v.field("pending_partitions", s.pending_partitions, "");
    v.field("partitions_per_second", s.partitions_per_second, kEndedNow);
    v.field("partitions_per_second_before", s.partitions_per_second_before, kEndedBefore);
    v.field("executors_up", s.executors_up, "They take work; `slots` are theirs.");
    v.field(
        "executors_drained", s.executors_drained, "They take nothing new, or are about to end."
    );
    v.field("executors_lost", s.executors_lost, "");
    v.field("slots", s.slots, "Of executors that take work.");
    v.field("slots_busy", s.slots_busy, "Those of them that hold a lease.");
    v.field(
        "slots_draining", s.slots_draining, "Besides: that hold a lease and take nothing new after."
    );
    v.field("commits", s.commits, "Since the server started.");
    v.field("commands", s.commands, "");
    v.field("reloads", s.reloads, "");
    v.field("queued_commands", s.queued_commands, "");
    v.field("last_error", s.last_error, "");
    v.field(
        "waiting",
        s.waiting,
        "Over all backfills, by what holds them, largest first; of many, the small ones of a gate "
        "together."
    );
    v.field("by", s.by, "");
    v.field("groups", s.groups, "");
    v.field("time", s.time, "What the last minute was spent on, by the leader's memory.");
    v.field("time_before", s.time_before, "And the ten minutes before.");
    v.field("contacts", s.contacts, "Whom to ask, by the team that an alert is for.");
    v.field("as_of", s.as_of, "");
}

template <typename V>
void describe(V& v, FsckReport& r) {
    v.field("sound", r.sound, "");
    v.field("findings", r.findings, "");
}

template <typename V>
void describe(V& v, BackupRequest& r) {
    v.required("path", r.path, "Absolute path of a new file on the server's machine.");
}

template <typename V>
void describe(V& v, BackupReply& r) {
    v.field("path", r.path, "");
    v.field("bytes", r.bytes, "");
}

template <typename V>
void describe(V& v, Version& r) {
    v.field("version", r.version, "");
    v.field("api", r.api, "");
    v.field("schema_version", r.schema_version, "");
}

template <typename V>
void describe(V& v, Health& r) {
    v.field("status", r.status, "ok, or why not.");
    v.field("role", r.role, "leader or standby; empty while neither.");
    v.field("epoch", r.epoch, "With ?verbose: as last seen.");
    v.field("leader_url", r.leader_url, "With ?verbose.");
}

SERVO_WIRE(PoolHold);
SERVO_WIRE(PoolWindow);
SERVO_WIRE(PoolCheck);
SERVO_WIRE(Pool);
SERVO_WIRE(SetPoolRequest);
SERVO_WIRE(HoldPoolRequest);
SERVO_WIRE(CheckPoolRequest);
SERVO_WIRE(CheckPoolReply);
SERVO_WIRE(Tenant);
SERVO_WIRE(SetTenantRequest);
SERVO_WIRE(Executor);
SERVO_WIRE(DrainRequest);
SERVO_WIRE(DrainReply);
SERVO_WIRE(Changed);
SERVO_WIRE(Token);
SERVO_WIRE(CreateTokenRequest);
SERVO_WIRE(RotateTokenRequest);
SERVO_WIRE(RevokeTokenRequest);
SERVO_WIRE(NewToken);
SERVO_WIRE(Event);
SERVO_WIRE(StatusGroup);
SERVO_WIRE(SystemStatus);
SERVO_WIRE(FsckReport);
SERVO_WIRE(BackupRequest);
SERVO_WIRE(BackupReply);
SERVO_WIRE(Version);
SERVO_WIRE(Health);
SERVO_WIRE(List<Pool>);
SERVO_WIRE(List<Tenant>);
SERVO_WIRE(List<Executor>);
SERVO_WIRE(List<Event>);
SERVO_WIRE(List<Token>);

}  // namespace servo::api

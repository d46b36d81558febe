#include "api/executor_wire.h"

#include "api/codec_impl.h"
#include "api/words.h"

namespace servo::api {
namespace {

constexpr std::string_view kSeq = "Number of the last commit.";
constexpr std::string_view kSeenEpoch =
    "Of the reply with the highest (epoch, seq) so far, from any server; 0 = none yet.";
constexpr std::string_view kSeenSeq = "Belongs to seen_epoch.";

}  // namespace

template <typename V>
void describe(V& v, HeldWire& h) {
    v.required("lease", h.lease, "");
    v.required("size", h.size, "Positions it means to run.");
    v.required("started", h.started, "Positions [0, started) were started.");
}

template <typename V>
void describe(V& v, RegisterRequestWire& r) {
    v.required("executor", r.executor, "Its name, [a-zA-Z0-9._-]{1,128}.");
    v.required("session", r.session, "Random, above 0, new for each life of the process.");
    v.field(
        "number",
        r.number,
        "Rises with each registration of the session, from 1: one that comes late changes nothing."
    );
    v.required("slots", r.slots, "1 to 1024.");
    v.field("labels", r.labels, "");
    v.field("build", r.build, "");
    v.field("host", r.host, "");
    v.field("pid", r.pid, "");
    v.field(
        "previous_gone", r.previous_gone, "Every process of its earlier lives is known to be gone."
    );
    v.field("held", r.held, "Leases it holds, when it returns after a change of leader.");
    v.field("ack", r.ack, "Highest grant number received in this session.");
    v.field("seen_epoch", r.seen_epoch, kSeenEpoch);
    v.field("seen_seq", r.seen_seq, kSeenSeq);
}

template <typename V>
void describe(V& v, RegisterReplyWire& r) {
    v.required("executor_number", r.executor_number, "");
    v.required("epoch", r.epoch, "");
    v.field("seq", r.seq, kSeq);
    v.required("heartbeat_interval_ms", r.heartbeat_interval_ms, "");
    v.required("lease_ttl_ms", r.lease_ttl_ms, "");
}

template <typename V>
void describe(V& v, DoneColumns& d) {
    v.required("pos", d.pos, "Positions in the lease, ascending.");
    v.required("start", d.start, "Start times: the first in ms since 1970, then differences.");
    v.required("dur", d.dur, "Durations in µs.");
    v.field("rows", d.rows, "-1 = not reported; absent: none was.");
    v.field("bytes", d.bytes, "");
    v.field("rss_kb", d.rss_kb, "");
    v.field("cpu_us", d.cpu_us, "");
}

template <typename V>
void describe(V& v, FailedWire& f) {
    v.required("pos", f.pos, "");
    v.required("start", f.start, "ms since 1970.");
    v.required("dur", f.dur, "µs.");
    v.required("class", f.failure_class, "A failure class.");
    v.field("exit_code", f.exit_code, "-signal for a signal.");
    v.field("message", f.message, "At most 2,000 bytes are kept.");
    v.field("retry_after_ms", f.retry_after_ms, "The program's wish; 0 = none.");
    v.field("pool", f.pool, "To blame for an external failure; empty: all of the asset's.");
    v.field("rss_kb", f.rss_kb, "");
    v.field("cpu_us", f.cpu_us, "");
    v.field(
        "slot_died",
        f.slot_died,
        "Class lost: the process that ran it died, and nobody had asked for its end. Three such "
        "deaths quarantine a partition."
    );
}

template <typename V>
void describe(V& v, LogWire& l) {
    v.required("pos", l.pos, "");
    v.required("bytes_total", l.bytes_total, "");
    v.required("tail", l.tail, "The end of it, at most 64 KiB.");
}

template <typename V>
void describe(V& v, PhasesWire& p) {
    v.required("pos", p.pos, "");
    v.required("us", p.us, "µs by phase, cut to the duration; what is left is opaque.");
}

template <typename V>
void describe(V& v, ResultsWire& r) {
    v.required("lease", r.lease, "");
    v.field("done", r.done, "");
    v.field("failed", r.failed, "");
    v.field("logs", r.logs, "");
    v.field("phases", r.phases, "What programs told of their time; ascending.");
}

template <typename V>
void describe(V& v, CallRequestWire& r) {
    v.required("session", r.session, "");
    v.required(
        "call", r.call, "Strictly increasing per route; the same number gets the same reply."
    );
    v.required("ack", r.ack, "Highest grant number received.");
    v.field("held", r.held, "");
    v.field("results", r.results, "Not in acquire.");
    v.field("slot_ms", r.slot_ms, "Cumulative ms by slot state since the session began.");
    v.field("free_slots", r.free_slots, "");
    v.field("draining", r.draining, "It is about to end, and takes nothing new.");
    v.field(
        "leaving",
        r.leaving,
        "The last call of this life, when none of its programs is left. Not in acquire."
    );
    v.field("seen_epoch", r.seen_epoch, kSeenEpoch);
    v.field("seen_seq", r.seen_seq, kSeenSeq);
}

template <typename V>
void describe(V& v, GrantWire& g) {
    v.required("number", g.number, "Per session, from 1, without gaps.");
    v.required("lease", g.lease, "");
    v.required("token", g.token, "The i-th partition's attempt carries token + i.");
    v.required(
        "first_position",
        g.first_position,
        "Of its first partition in the lease; run nothing of it when the lease ends elsewhere."
    );
    v.required("backfill_id", g.backfill_id, "");
    v.required("generation", g.generation, "");
    v.required("attempt", g.attempt, "");
    v.required("tenant_id", g.tenant_id, "The tenant's name.");
    v.required("tenant_number", g.tenant_number, "");
    v.required("asset_number", g.asset_number, "");
    v.required("asset_revision", g.asset_revision, "");
    v.required("runs", g.runs, "Indices, in order: [first, end).");
    v.required("ordinals", g.ordinals, "Of the same indices: [first, count, stride].");
    v.field("reversed", g.reversed, "Indices ascend while ordinals descend.");
    v.required("timeout_ms", g.timeout_ms, "Per partition.");
    v.field("memory_bytes", g.memory_bytes, "0 = no limit.");
    v.field("suspect", g.suspect, "Run alone: an executor died while it held this.");
    v.field("traceparent", g.traceparent, "That of the request that started the backfill.");
}

template <typename V>
void describe(V& v, ControlWire& c) {
    v.required("lease", c.lease, "");
    v.required("action", c.action, "shrink, stop or unknown.");
    v.field("size", c.size, "shrink: start nothing at or after this position.");
}

template <typename V>
void describe(V& v, DefinitionWire& d) {
    v.required("asset_number", d.asset_number, "");
    v.required("asset_revision", d.asset_revision, "");
    v.required("spec", d.spec, "");
    v.field("code_dir", d.code_dir, "");
}

template <typename V>
void describe(V& v, CallReplyWire& r) {
    v.required("epoch", r.epoch, "");
    v.field("seq", r.seq, kSeq);
    v.required("call", r.call, "");
    v.field("grants", r.grants, "Every grant of the session that is not acked yet.");
    v.field("controls", r.controls, "");
    v.field("definitions", r.definitions, "What the grants need.");
    v.field("drain", r.drain, "");
}

SERVO_WIRE(HeldWire);
SERVO_WIRE(RegisterRequestWire);
SERVO_WIRE(RegisterReplyWire);
SERVO_WIRE(DoneColumns);
SERVO_WIRE(FailedWire);
SERVO_WIRE(LogWire);
SERVO_WIRE(PhasesWire);
SERVO_WIRE(ResultsWire);
SERVO_WIRE(CallRequestWire);
SERVO_WIRE(GrantWire);
SERVO_WIRE(ControlWire);
SERVO_WIRE(DefinitionWire);
SERVO_WIRE(CallReplyWire);

template std::string struct_text<CallRequestWire>(const CallRequestWire&);
template std::string struct_text<CallReplyWire>(const CallReplyWire&);

}  // namespace servo::api

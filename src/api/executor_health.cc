#include "api/executor_health.h"

#include "api/codec_impl.h"

namespace servo::api {

template <typename V>
void describe(V& v, StuckSlot& s) {
    v.field("slot", s.slot, "");
    v.field("backfill_id", s.backfill_id, "");
    v.word(
        "reason",
        s.reason,
        {"timeout", "killed", "stopped", "no_progress"},
        "timeout: past its timeout and not ended by it; killed: killed and not gone; stopped: by "
        "SIGSTOP or the like; no_progress: "
        "far longer than the asset's partitions take."
    );
    v.field("since", s.since, "");
}

template <typename V>
void describe(V& v, ExecutorError& e) {
    v.field("at", e.at, "");
    v.field("message", e.message, "");
}

template <typename V>
void describe(V& v, ExecutorHealth& h) {
    v.field("as_of", h.as_of, "When the server got it.");
    v.field("process_started_at", h.process_started_at, "");
    v.field("pid", h.pid, "");
    v.field("cpus", h.cpus, "Processors that it may use.");
    v.field("cpu_share", h.cpu_share, "Of `cpus`, used over the last seconds; 0 to 1.");
    v.field(
        "cpu_throttled_share", h.cpu_throttled_share, "Periods that its limit cut short; 0 to 1."
    );
    v.field("memory_bytes", h.memory_bytes, "");
    v.field("memory_limit_bytes", h.memory_limit_bytes, "");
    v.field(
        "memory_limits_by",
        h.memory_limits_by,
        "What holds partitions to their `resources.memory`: cgroup or polling; empty: not told."
    );
    v.field("memory_limits_note", h.memory_limits_note, "Why not by cgroup.");
    v.field("cpu_pressure", h.cpu_pressure, "Share of ten seconds that something waited; 0 to 1.");
    v.field("memory_pressure", h.memory_pressure, "The same.");
    v.field("io_pressure", h.io_pressure, "The same.");
    v.field("disk_free_bytes", h.disk_free_bytes, "Of the folder that holds scratch folders.");
    v.field("disk_bytes", h.disk_bytes, "");
    v.field("slots_ready", h.slots_ready, "Slots whose process runs.");
    v.field("slots_busy", h.slots_busy, "");
    v.field("results_queued", h.results_queued, "Results that no report has carried yet.");
    v.field("loop_lag_ms", h.loop_lag_ms, "Since the executor's loop turned last.");
    v.field("stuck_slots", h.stuck_slots, "Slots whose partition makes no progress.");
    v.field("stuck", h.stuck, "The first of them.");
    v.field("errors", h.errors, "The newest errors of the executor itself, oldest first.");
}

template <typename V>
void describe(V& v, SecretWire& s) {
    v.field("env", s.env, "A variable of the executor.");
    v.field("file", s.file, "A file of the executor.");
}

template <typename V>
void describe(V& v, EndpointAsk& e) {
    v.required("url", e.url, "http or https.");
    v.field("timeout_ms", e.timeout_ms, "");
    v.field("headers", e.headers, "Values are references that the executor resolves.");
    v.field("bearer", e.bearer, "The token of the header Authorization, the same way.");
}

template <typename V>
void describe(V& v, EndpointResult& r) {
    v.field("url", r.url, "");
    v.word(
        "verdict",
        r.verdict,
        {"ok",
         "bad_status",
         "credentials_refused",
         "no_credentials",
         "unknown_host",
         "not_connected",
         "timed_out",
         "tls_failed",
         "blocked_address",
         "bad_url",
         "failed"},
        ""
    );
    v.field("status", r.status, "Of HTTP; 0: none came.");
    v.field("address", r.address, "That was connected to.");
    v.field("message", r.message, "");
    v.field("dns_ms", r.dns_ms, "Each phase by itself; absent: not reached.");
    v.field("connect_ms", r.connect_ms, "");
    v.field("tls_ms", r.tls_ms, "");
    v.field("first_byte_ms", r.first_byte_ms, "");
    v.field("total_ms", r.total_ms, "");
}

template <typename V>
void describe(V& v, CheckAsk& c) {
    v.field("id", c.id, "");
    v.field("endpoints", c.endpoints, "");
}

template <typename V>
void describe(V& v, CheckAnswer& c) {
    v.field("id", c.id, "");
    v.field("endpoints", c.endpoints, "");
}

template <typename V>
void describe(V& v, HealthRequest& r) {
    v.required("session", r.session, "");
    v.field("health", r.health, "Absent: only asks whether there is something to do.");
    v.field("answers", r.answers, "To the checks of earlier replies.");
}

template <typename V>
void describe(V& v, HealthReply& r) {
    v.field("next_ms", r.next_ms, "When the next call is welcome.");
    v.field("checks", r.checks, "Endpoints to measure; each check is given once.");
}

SERVO_WIRE(StuckSlot);
SERVO_WIRE(ExecutorError);
SERVO_WIRE(ExecutorHealth);
SERVO_WIRE(SecretWire);
SERVO_WIRE(EndpointAsk);
SERVO_WIRE(EndpointResult);
SERVO_WIRE(CheckAsk);
SERVO_WIRE(CheckAnswer);
SERVO_WIRE(HealthRequest);
SERVO_WIRE(HealthReply);

}  // namespace servo::api

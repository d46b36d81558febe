#include "api/executor_protocol.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/executor_wire.h"
#include "api/utf8.h"
#include "base/packed_text.h"
#include "model/asset_codec.h"
#include "model/job_id.h"
#include "model/labels.h"
#include "model/records.h"
#include "model/trace.h"

namespace servo::api {
namespace {

namespace json = boost::json;
using namespace model;

Error bad_field(std::string field, std::string message) {
    return bad_body({FieldError{std::move(field), 0, std::move(message)}});
}

std::vector<HeldWire> held_to_wire(const std::vector<HeldLease>& held) {
    std::vector<HeldWire> out;
    out.reserve(held.size());
    for (const HeldLease& lease : held) {
        out.push_back({lease.lease.value, lease.size, lease.started});
    }
    return out;
}

Result<std::vector<HeldLease>> held_from_wire(const std::vector<HeldWire>& held) {
    if (held.size() > kHeldLeasesMax) {
        return fail(bad_field("held", fmt::format("has more than {} leases", kHeldLeasesMax)));
    }
    std::vector<HeldLease> out;
    out.reserve(held.size());
    for (const HeldWire& lease : held) {
        if (lease.started > lease.size) {
            return fail(
                bad_field("held", fmt::format("lease {}: started exceeds size", lease.lease))
            );
        }
        out.push_back({LeaseId(lease.lease), lease.size, lease.started});
    }
    return out;
}

// --- results as columns ---

using DoneMember = int64_t DoneResult::*;

std::optional<Column> optional_column(const std::vector<DoneResult>& done, DoneMember member) {
    Column column;
    bool any = false;
    column.reserve(done.size());
    for (const DoneResult& result : done) {
        column.push_back(result.*member);
        any = any || result.*member >= 0;
    }
    return any ? std::optional(std::move(column)) : std::nullopt;
}

DoneColumns columns_of(const std::vector<DoneResult>& done) {
    DoneColumns out;
    int64_t previous = 0;
    for (const DoneResult& result : done) {
        out.pos.push_back(static_cast<int64_t>(result.position));
        out.start.push_back(to_ms(result.started_at) - previous);
        out.dur.push_back(result.duration.count());
        previous = to_ms(result.started_at);
    }
    out.rows = optional_column(done, &DoneResult::rows);
    out.bytes = optional_column(done, &DoneResult::bytes);
    out.rss_kb = optional_column(done, &DoneResult::max_rss_kb);
    out.cpu_us = optional_column(done, &DoneResult::cpu_us);
    return out;
}

bool fill_column(
    const std::optional<Column>& column, DoneMember member, std::vector<DoneResult>& out
) {
    if (!column) {
        return true;
    }
    if (column->size() != out.size()) {
        return false;
    }
    for (size_t i = 0; i < out.size(); ++i) {
        out[i].*member = std::max<int64_t>((*column)[i], -1);
    }
    return true;
}

// Times beyond this (year 3000) or before 1970 come from a broken clock and would overflow sums.
constexpr int64_t kTimeMsMax = 32'503'680'000'000;
constexpr int64_t kDurationUsMax = 366LL * 86'400 * 1'000'000;

bool plausible(int64_t start_ms, int64_t duration_us) {
    return start_ms >= 0 && start_ms <= kTimeMsMax && duration_us >= 0 &&
           duration_us <= kDurationUsMax;
}

Result<std::vector<DoneResult>> done_from(const DoneColumns& columns) {
    std::vector<DoneResult> out(columns.pos.size());
    bool ok = columns.start.size() == out.size() && columns.dur.size() == out.size();
    int64_t start = 0;
    for (size_t i = 0; ok && i < out.size(); ++i) {
        ok = columns.start[i] >= -kTimeMsMax && columns.start[i] <= kTimeMsMax;
        start += ok ? columns.start[i] : 0;
        ok = ok && columns.pos[i] >= 0 && plausible(start, columns.dur[i]);
        out[i].position = static_cast<uint64_t>(std::max<int64_t>(columns.pos[i], 0));
        out[i].started_at = instant_ms(start);
        out[i].duration = Micros(columns.dur[i]);
    }
    ok = ok && fill_column(columns.rows, &DoneResult::rows, out) &&
         fill_column(columns.bytes, &DoneResult::bytes, out) &&
         fill_column(columns.rss_kb, &DoneResult::max_rss_kb, out) &&
         fill_column(columns.cpu_us, &DoneResult::cpu_us, out);
    if (!ok) {
        return fail(bad_field(
            "results.done",
            "columns must be equally long, with positions, times and durations that can be"
        ));
    }
    return out;
}

FailedWire failed_to_wire(const FailedResult& failed) {
    FailedWire wire;
    wire.pos = failed.position;
    wire.start = to_ms(failed.started_at);
    wire.dur = failed.duration.count();
    wire.failure_class = to_string(failed.klass);
    wire.exit_code = failed.exit_code;
    wire.message = clean_head(failed.message, kMessageBytesMax);
    wire.retry_after_ms = failed.retry_after.count();
    wire.pool = valid_utf8(failed.pool);
    wire.rss_kb = failed.max_rss_kb;
    wire.cpu_us = failed.cpu_us;
    wire.slot_died = failed.slot_died;
    return wire;
}

Result<FailedResult> failed_from_wire(FailedWire&& wire) {
    const auto klass = failure_class_from(wire.failure_class);
    if (!klass) {
        return fail(bad_field(
            "results.failed.class", fmt::format("\"{}\" is no failure class", wire.failure_class)
        ));
    }
    if (!plausible(wire.start, wire.dur) || wire.retry_after_ms < 0 ||
        wire.retry_after_ms > kTimeMsMax || wire.exit_code < -1'000 || wire.exit_code > 1'000) {
        return fail(bad_field("results.failed", "has a time, duration or exit code that cannot be")
        );
    }
    FailedResult out;
    out.position = wire.pos;
    out.started_at = instant_ms(wire.start);
    out.duration = Micros(wire.dur);
    out.klass = *klass;
    out.exit_code = static_cast<int>(wire.exit_code);
    out.message = clean_head(wire.message, kMessageBytesMax);
    out.retry_after = Millis(wire.retry_after_ms);
    out.pool = std::move(wire.pool);
    out.max_rss_kb = std::max<int64_t>(wire.rss_kb, -1);
    out.cpu_us = std::max<int64_t>(wire.cpu_us, -1);
    out.slot_died = wire.slot_died;
    return out;
}

PhasesWire phases_to_wire(const PhaseTimes& phases) {
    PhasesWire wire{phases.position, {}};
    for (size_t i = 0; i < kPhaseCount; ++i) {
        if (phases.us[i] > 0) {
            wire.us.emplace(to_string(static_cast<Phase>(i)), phases.us[i]);
        }
    }
    return wire;
}

Result<PhaseTimes> phases_from_wire(const PhasesWire& wire) {
    PhaseTimes out;
    out.position = wire.pos;
    for (const auto& [word, us] : wire.us) {
        const auto phase = told_phase_from(word);
        if (!phase) {
            return fail(bad_field(
                "results.phases", fmt::format("\"{}\" is none of {}", word, told_phase_words())
            ));
        }
        if (us < 0 || us > kDurationUsMax) {
            return fail(bad_field("results.phases", "has a time that cannot be"));
        }
        out.us[static_cast<size_t>(*phase)] = us;
    }
    return out;
}

ResultsWire results_to_wire(const LeaseResults& results) {
    ResultsWire wire;
    wire.lease = results.lease.value;
    if (!results.done.empty()) {
        wire.done = columns_of(results.done);
    }
    for (const FailedResult& failed : results.failed) {
        wire.failed.push_back(failed_to_wire(failed));
    }
    for (const LogTail& log : results.logs) {
        wire.logs.push_back({log.position, log.bytes_total, clean_tail(log.tail, kLogTailBytesMax)}
        );
    }
    for (const PhaseTimes& phases : results.phases) {
        wire.phases.push_back(phases_to_wire(phases));
    }
    return wire;
}

Result<LeaseResults> results_from_wire(ResultsWire&& wire) {
    LeaseResults out;
    out.lease = LeaseId(wire.lease);
    if (wire.done) {
        out.done = SERVO_TRY(done_from(*wire.done));
    }
    for (FailedWire& failed : wire.failed) {
        out.failed.push_back(SERVO_TRY(failed_from_wire(std::move(failed))));
    }
    for (LogWire& log : wire.logs) {
        // Packed on this thread, so that the engine's and the store have an eighth to carry.
        std::string tail = pack_text(clean_tail(log.tail, kLogTailBytesMax));
        out.logs.push_back({log.pos, log.bytes_total, std::move(tail)});
    }
    for (const PhasesWire& phases : wire.phases) {
        out.phases.push_back(SERVO_TRY(phases_from_wire(phases)));
    }
    return out;
}

// --- grants ---

GrantWire grant_to_wire(const Grant& grant) {
    GrantWire wire;
    wire.number = grant.number;
    wire.lease = grant.lease.value;
    wire.token = grant.token_base;
    wire.first_position = grant.first_position;
    wire.backfill_id = to_text(grant.job);
    wire.generation = grant.generation;
    wire.attempt = grant.attempt;
    wire.tenant_id = grant.tenant_name;
    wire.tenant_number = grant.tenant.value;
    wire.asset_number = grant.asset.value;
    wire.asset_revision = grant.revision;
    for (const Run& run : grant.runs) {
        wire.runs.push_back({static_cast<int64_t>(run.first), static_cast<int64_t>(run.end)});
    }
    for (const OrdinalRun& run : grant.ordinals) {
        wire.ordinals.push_back({run.first, static_cast<int64_t>(run.count), run.stride});
    }
    wire.reversed = grant.reversed;
    wire.timeout_ms = grant.timeout.count();
    wire.memory_bytes = grant.memory_bytes;
    wire.suspect = grant.suspect;
    wire.traceparent = grant.traceparent;
    return wire;
}

Status runs_from_wire(const GrantWire& wire, Grant& out) {
    uint64_t indices = 0;
    uint64_t ordinals = 0;
    const auto room = [](uint64_t used, uint64_t more) {
        return more <= kPartitionsPerGrantMax && used + more <= kPartitionsPerGrantMax;
    };
    for (const Column& run : wire.runs) {
        if (run.size() != 2 || run[0] < 0 || run[1] <= run[0] ||
            !room(indices, static_cast<uint64_t>(run[1] - run[0]))) {
            return fail(bad_field("grants.runs", "must be [first, end) pairs"));
        }
        out.runs.push_back({static_cast<Index>(run[0]), static_cast<Index>(run[1])});
        indices += out.runs.back().size();
    }
    for (const Column& run : wire.ordinals) {
        if (run.size() != 3 || run[1] <= 0 || run[2] <= 0 ||
            !room(ordinals, static_cast<uint64_t>(run[1]))) {
            return fail(bad_field("grants.ordinals", "must be [first, count, stride] triples"));
        }
        out.ordinals.push_back({run[0], static_cast<uint64_t>(run[1]), run[2]});
        ordinals += out.ordinals.back().count;
    }
    if (indices != ordinals || indices == 0) {
        return fail(bad_field("grants", "must have as many ordinals as indices, at least one"));
    }
    return {};
}

Result<Grant> grant_from_wire(GrantWire&& wire) {
    Grant out;
    out.number = wire.number;
    out.lease = LeaseId(wire.lease);
    out.token_base = wire.token;
    out.first_position = wire.first_position;
    out.job = SERVO_TRY(parse_job_id(wire.backfill_id));
    out.generation = static_cast<int>(wire.generation);
    out.attempt = static_cast<int>(wire.attempt);
    out.tenant_name = std::move(wire.tenant_id);
    out.tenant = TenantId(wire.tenant_number);
    out.asset = AssetId(wire.asset_number);
    out.revision = static_cast<int>(wire.asset_revision);
    SERVO_CHECK(runs_from_wire(wire, out));
    out.reversed = wire.reversed;
    out.timeout = Millis(wire.timeout_ms);
    out.memory_bytes = wire.memory_bytes;
    out.suspect = wire.suspect;
    out.traceparent = model::parse_traceparent(wire.traceparent) ? std::move(wire.traceparent) : "";
    return out;
}

std::optional<LeaseAction> action_from(std::string_view name) {
    for (const LeaseAction action :
         {LeaseAction::kShrink, LeaseAction::kStop, LeaseAction::kUnknown}) {
        if (to_string(action) == name) {
            return action;
        }
    }
    return std::nullopt;
}

Result<json::object> spec_object(const AssetSpec& spec) {
    json::value value = SERVO_TRY(parse_json(encode_asset(spec)));
    return std::move(value).as_object();
}

Result<SlotMillis> slot_ms_from(const std::map<std::string, int64_t>& wire) {
    SlotMillis out{};
    size_t found = 0;
    for (size_t i = 0; i < kSlotStateCount; ++i) {
        const auto at = wire.find(std::string(to_string(static_cast<SlotState>(i))));
        if (at != wire.end()) {
            out[i] = at->second;
            ++found;
        }
    }
    if (found != wire.size() ||
        std::any_of(out.begin(), out.end(), [](int64_t ms) { return ms < 0; })) {
        return fail(bad_field("slot_ms", "has an unknown slot state, or a negative time"));
    }
    return out;
}

}  // namespace

json::object to_json(const RegisterRequest& request) {
    RegisterRequestWire wire;
    wire.executor = request.executor;
    wire.session = request.session.value;
    wire.slots = request.slots;
    wire.labels = request.labels;
    wire.build = request.build;
    wire.host = request.host;
    wire.pid = request.pid;
    wire.number = request.number;
    wire.previous_gone = request.previous_gone;
    wire.held = held_to_wire(request.held);
    wire.ack = request.ack;
    wire.seen_epoch = request.seen.epoch;
    wire.seen_seq = request.seen.seq;
    return to_json(wire);
}

Result<RegisterRequest> register_request_from(const json::value& json, Unknown unknown) {
    RegisterRequestWire wire = SERVO_TRY(from_json<RegisterRequestWire>(json, unknown));
    if (wire.slots < 1 || wire.slots > kSlotsPerExecutorMax) {
        return fail(bad_field("slots", fmt::format("must be 1 to {}", kSlotsPerExecutorMax)));
    }
    if (wire.session <= 0) {
        return fail(bad_field("session", "must be above 0"));
    }
    if (wire.labels.size() > kLabelsMax) {
        return fail(bad_field("labels", fmt::format("has more than {} labels", kLabelsMax)));
    }
    RegisterRequest out;
    out.executor = std::move(wire.executor);
    out.session = SessionId(wire.session);
    out.slots = static_cast<int>(wire.slots);
    out.labels = std::move(wire.labels);
    out.build = std::move(wire.build);
    out.host = std::move(wire.host);
    out.pid = wire.pid;
    out.number = wire.number;
    out.previous_gone = wire.previous_gone;
    out.held = SERVO_TRY(held_from_wire(wire.held));
    out.ack = wire.ack;
    out.seen = {wire.seen_epoch, wire.seen_seq};
    return out;
}

json::object to_json(const RegisterReply& reply) {
    return to_json(RegisterReplyWire{
        reply.executor_id.value,
        reply.epoch,
        reply.seq,
        reply.heartbeat_interval.count(),
        reply.lease_ttl.count()});
}

Result<RegisterReply> register_reply_from(const json::value& json, Unknown unknown) {
    const RegisterReplyWire wire = SERVO_TRY(from_json<RegisterReplyWire>(json, unknown));
    if (wire.heartbeat_interval_ms <= 0 || wire.lease_ttl_ms <= 0) {
        return fail(bad_field("heartbeat_interval_ms", "and lease_ttl_ms must be above 0"));
    }
    RegisterReply out;
    out.executor_id = ExecutorId(wire.executor_number);
    out.epoch = wire.epoch;
    out.seq = wire.seq;
    out.heartbeat_interval = Millis(wire.heartbeat_interval_ms);
    out.lease_ttl = Millis(wire.lease_ttl_ms);
    return out;
}

std::string to_text(const CallRequest& request) {
    CallRequestWire wire;
    wire.session = request.session.value;
    wire.call = request.call;
    wire.ack = request.ack;
    wire.held = held_to_wire(request.held);
    for (const LeaseResults& results : request.results) {
        wire.results.push_back(results_to_wire(results));
    }
    for (size_t i = 0; i < kSlotStateCount; ++i) {
        wire.slot_ms[std::string(to_string(static_cast<SlotState>(i)))] = request.slot_ms[i];
    }
    wire.free_slots = request.free_slots;
    wire.draining = request.draining;
    wire.leaving = request.leaving;
    wire.seen_epoch = request.seen.epoch;
    wire.seen_seq = request.seen.seq;
    return struct_text(wire);
}

Result<CallRequest> call_request_from(const json::value& json, CallKind kind, Unknown unknown) {
    CallRequestWire wire = SERVO_TRY(from_json<CallRequestWire>(json, unknown));
    if (wire.free_slots < 0 || wire.free_slots > kSlotsPerExecutorMax) {
        return fail(bad_field("free_slots", fmt::format("must be 0 to {}", kSlotsPerExecutorMax)));
    }
    if (kind == CallKind::kAcquire && !wire.results.empty()) {
        return fail(bad_field("results", "belong into report, not acquire"));
    }
    if (kind == CallKind::kAcquire && wire.leaving) {
        return fail(bad_field("leaving", "belongs into report, not acquire"));
    }
    CallRequest out;
    out.kind = kind;
    out.session = SessionId(wire.session);
    out.call = wire.call;
    out.ack = wire.ack;
    out.held = SERVO_TRY(held_from_wire(wire.held));
    size_t results = 0;
    for (ResultsWire& lease : wire.results) {
        results += (lease.done ? lease.done->pos.size() : 0) + lease.failed.size() +
                   lease.logs.size() + lease.phases.size();
        if (results > kResultsPerReportMax) {
            return fail(invalid_argument(
                "too_many_results",
                fmt::format(
                    "A report holds at most {} results and logs; send the rest in the next.",
                    kResultsPerReportMax
                )
            ));
        }
        out.results.push_back(SERVO_TRY(results_from_wire(std::move(lease))));
    }
    out.slot_ms = SERVO_TRY(slot_ms_from(wire.slot_ms));
    out.free_slots = static_cast<int>(wire.free_slots);
    out.draining = wire.draining;
    out.leaving = wire.leaving;
    out.seen = {wire.seen_epoch, wire.seen_seq};
    return out;
}

std::string to_text(const CallReply& reply) {
    CallReplyWire wire;
    wire.epoch = reply.epoch;
    wire.seq = reply.seq;
    wire.call = reply.call;
    for (const Grant& grant : reply.grants) {
        wire.grants.push_back(grant_to_wire(grant));
    }
    for (const LeaseControl& control : reply.controls) {
        wire.controls.push_back(
            {control.lease.value, std::string(to_string(control.action)), control.size}
        );
    }
    for (const Definition& definition : reply.definitions) {
        // Our own canonical text always parses; an empty object would be refused by the reader.
        wire.definitions.push_back(
            {definition.asset.value,
             definition.revision,
             spec_object(definition.spec).value_or(json::object()),
             definition.code_dir}
        );
    }
    wire.drain = reply.drain;
    return struct_text(wire);
}

Result<CallReply> call_reply_from(const json::value& json, Unknown unknown) {
    CallReplyWire wire = SERVO_TRY(from_json<CallReplyWire>(json, unknown));
    CallReply out;
    out.epoch = wire.epoch;
    out.seq = wire.seq;
    out.call = wire.call;
    for (GrantWire& grant : wire.grants) {
        out.grants.push_back(SERVO_TRY(grant_from_wire(std::move(grant))));
    }
    for (const ControlWire& control : wire.controls) {
        // An action that this build does not know is taken as the safest one.
        out.controls.push_back(
            {LeaseId(control.lease),
             action_from(control.action).value_or(LeaseAction::kStop),
             control.size}
        );
    }
    for (DefinitionWire& definition : wire.definitions) {
        Definition item;
        item.asset = AssetId(definition.asset_number);
        item.revision = static_cast<int>(definition.asset_revision);
        item.spec = SERVO_TRY(decode_asset(to_text(json::value(definition.spec))));
        item.code_dir = std::move(definition.code_dir);
        out.definitions.push_back(std::move(item));
    }
    out.drain = wire.drain;
    return out;
}

}  // namespace servo::api

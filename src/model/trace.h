// Names of traces and spans (W3C Trace Context), as functions of what they are of: nothing has to
// be kept for server, executors and programs to agree on them. Pure.
//
// A backfill is a trace, or a part of its caller's; below its span are those of its leases, and
// below each those of the attempts. An attempt's span is the parent that its program is told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/ids.h"

namespace servo::model {

struct TraceId {
    uint64_t high = 0;
    uint64_t low = 0;
    bool operator==(const TraceId&) const = default;
};
// Never 0, which means none.
using SpanId = uint64_t;

// A `traceparent`: of whose trace something is a part.
struct TraceContext {
    TraceId trace;
    SpanId span = 0;
    bool sampled = true;  // the caller wants its trace recorded
    bool operator==(const TraceContext&) const = default;
};

// `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`, lower case, ids not zero; later versions may
// go on after a dash. Anything else is no context, and the standard says to ignore it.
std::optional<TraceContext> parse_traceparent(std::string_view text);
std::string to_traceparent(const TraceContext& context);

// The trace that a backfill's spans are in. `caller`: the traceparent it was started with, or
// empty.
TraceId trace_of(JobId job, std::string_view caller);
// Whether they are recorded: not when the caller said so.
bool trace_recorded(std::string_view caller);
SpanId span_of(JobId job, int generation);
SpanId span_of(LeaseId lease, uint64_t first_position);
SpanId span_of_attempt(Token token);

std::string to_hex(TraceId trace);
std::string to_hex(SpanId span);

}  // namespace servo::model

#include "model/trace.h"

#include <fmt/format.h>

#include "base/prng.h"

namespace servo::model {
namespace {

constexpr size_t kTraceparentSize = 55;

std::optional<uint64_t> hex(std::string_view digits) {
    uint64_t value = 0;
    for (const char c : digits) {
        const bool fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (!fine) {
            return std::nullopt;
        }
        value = value * 16 + static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return value;
}

SpanId never_zero(uint64_t value) {
    return value == 0 ? 1 : value;
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
    const bool later =
        text.size() > kTraceparentSize && text[kTraceparentSize] == '-' && !text.starts_with("00");
    if (text.size() != kTraceparentSize && !later) {
        return std::nullopt;
    }
    if (text[2] != '-' || text[35] != '-' || text[52] != '-') {
        return std::nullopt;
    }
    const auto version = hex(text.substr(0, 2));
    const auto high = hex(text.substr(3, 16));
    const auto low = hex(text.substr(19, 16));
    const auto span = hex(text.substr(36, 16));
    const auto flags = hex(text.substr(53, 2));
    if (!version || !high || !low || !span || !flags || *version == 0xff) {
        return std::nullopt;
    }
    if ((*high == 0 && *low == 0) || *span == 0) {
        return std::nullopt;
    }
    return TraceContext{{*high, *low}, *span, (*flags & 1) != 0};
}

std::string to_traceparent(const TraceContext& context) {
    return fmt::format(
        "00-{}-{}-{:02x}", to_hex(context.trace), to_hex(context.span), context.sampled ? 1 : 0
    );
}

TraceId trace_of(JobId job, std::string_view caller) {
    if (const auto given = parse_traceparent(caller)) {
        return given->trace;
    }
    Prng prng(static_cast<uint64_t>(job.value));
    const uint64_t high = never_zero(prng.next());
    return {high, prng.next()};
}

bool trace_recorded(std::string_view caller) {
    const auto given = parse_traceparent(caller);
    return !given || given->sampled;
}

SpanId span_of(JobId job, int generation) {
    Prng prng(~static_cast<uint64_t>(job.value) - static_cast<uint64_t>(generation));
    return never_zero(prng.next());
}

SpanId span_of(LeaseId lease, uint64_t first_position) {
    Prng prng(static_cast<uint64_t>(lease.value));
    return never_zero(Prng(prng.next() + first_position).next());
}

SpanId span_of_attempt(Token token) {
    return never_zero(Prng(static_cast<uint64_t>(token)).next());
}

std::string to_hex(TraceId trace) {
    return fmt::format("{:016x}{:016x}", trace.high, trace.low);
}

std::string to_hex(SpanId span) {
    return fmt::format("{:016x}", span);
}

}  // namespace servo::model

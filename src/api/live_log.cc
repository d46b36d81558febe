#include "api/live_log.h"

#include <fmt/format.h>

#include "api/codec_impl.h"
#include "model/records.h"

namespace servo::api {

namespace json = boost::json;

template <typename V>
void describe(V& v, LogChunkWire& c) {
    v.required("lease", c.lease, "");
    v.required("position", c.position, "In the lease.");
    v.required("offset", c.offset, "Of the first byte, as printed; later than wished: a gap.");
    v.required("next_offset", c.next_offset, "Of the byte behind the last.");
    v.field("text", c.text, "With secrets taken out; at most 64 KiB.");
}

template <typename V>
void describe(V& v, LogReportWire& r) {
    v.required("session", r.session, "");
    v.field("chunks", r.chunks, "At most 16.");
}

template <typename V>
void describe(V& v, LogWishWire& w) {
    v.required("lease", w.lease, "");
    v.required("position", w.position, "In the lease.");
    v.required("offset", w.offset, "Where to go on.");
}

template <typename V>
void describe(V& v, LogWishesWire& w) {
    v.field("wanted", w.wanted, "Empty: nobody reads; stop until a report's reply says otherwise.");
}

SERVO_WIRE(LogChunkWire);
SERVO_WIRE(LogReportWire);
SERVO_WIRE(LogWishWire);
SERVO_WIRE(LogWishesWire);

namespace {

Error bad_chunk(std::string message) {
    return bad_body({FieldError{"chunks", 0, std::move(message)}});
}

}  // namespace

json::object to_json(const model::LogReport& report) {
    LogReportWire wire;
    wire.session = report.session.value;
    for (const model::LogChunk& chunk : report.chunks) {
        wire.chunks.push_back(
            {chunk.lease.value, chunk.position, chunk.offset, chunk.next_offset, chunk.text}
        );
    }
    return to_json(wire);
}

Result<model::LogReport> log_report_from(const json::value& json, Unknown unknown) {
    LogReportWire wire = SERVO_TRY(from_json<LogReportWire>(json, unknown));
    if (wire.chunks.size() > model::kLogWishesMax) {
        return fail(bad_chunk(fmt::format("has more than {} entries", model::kLogWishesMax)));
    }
    model::LogReport out;
    out.session = model::SessionId(wire.session);
    for (LogChunkWire& chunk : wire.chunks) {
        if (chunk.text.size() > model::kLogTailBytesMax || chunk.next_offset < chunk.offset) {
            return fail(bad_chunk(fmt::format(
                "lease {}: more than {} bytes, or it ends before it begins",
                chunk.lease,
                model::kLogTailBytesMax
            )));
        }
        out.chunks.push_back(
            {model::LeaseId(chunk.lease),
             chunk.position,
             chunk.offset,
             chunk.next_offset,
             std::move(chunk.text)}
        );
    }
    return out;
}

json::object to_json(const std::vector<model::LogWish>& wishes) {
    LogWishesWire wire;
    for (const model::LogWish& wish : wishes) {
        wire.wanted.push_back({wish.lease.value, wish.position, wish.offset});
    }
    return to_json(wire);
}

Result<std::vector<model::LogWish>> log_wishes_from(const json::value& json, Unknown unknown) {
    const LogWishesWire wire = SERVO_TRY(from_json<LogWishesWire>(json, unknown));
    std::vector<model::LogWish> out;
    for (const LogWishWire& wish : wire.wanted) {
        if (out.size() < model::kLogWishesMax) {
            out.push_back({model::LeaseId(wish.lease), wish.position, wish.offset});
        }
    }
    return out;
}

}  // namespace servo::api

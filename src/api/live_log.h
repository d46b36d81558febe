// Live logs (model/live_log.h) as JSON. Pure functions.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <vector>

#include "api/codec.h"
#include "model/live_log.h"

namespace servo::api {

// A header of a report's reply: somebody reads what this executor runs, so it should call
// POST /v1/executor/logs. Value "1".
constexpr const char* kLogsWantedHeader = "Servo-Logs-Wanted";

struct LogChunkWire {
    int64_t lease = 0;
    uint64_t position = 0;
    uint64_t offset = 0;
    uint64_t next_offset = 0;
    std::string text;
};
struct LogReportWire {
    int64_t session = 0;
    std::vector<LogChunkWire> chunks;
};
struct LogWishWire {
    int64_t lease = 0;
    uint64_t position = 0;
    uint64_t offset = 0;
};
struct LogWishesWire {
    std::vector<LogWishWire> wanted;
};

boost::json::object to_json(const model::LogReport& report);
// Errors: invalid_argument / "bad_body" with a FieldError for each bad field.
Result<model::LogReport> log_report_from(const boost::json::value& json, Unknown unknown);

boost::json::object to_json(const std::vector<model::LogWish>& wishes);
Result<std::vector<model::LogWish>> log_wishes_from(
    const boost::json::value& json, Unknown unknown
);

SERVO_WIRE_TYPE(LogChunkWire, "LogChunk");
SERVO_WIRE_TYPE(LogReportWire, "LogReport");
SERVO_WIRE_TYPE(LogWishWire, "LogWish");
SERVO_WIRE_TYPE(LogWishesWire, "LogWishes");

}  // namespace servo::api

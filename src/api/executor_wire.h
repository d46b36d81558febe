// The JSON shapes of the executor protocol, between model/protocol.h and the text. Only
// executor_protocol.cc and the OpenAPI document use them.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/backfill.h"

namespace servo::api {

using Column = std::vector<int64_t>;

struct HeldWire {
    int64_t lease = 0;
    uint64_t size = 0;
    uint64_t started = 0;
};

struct RegisterRequestWire {
    std::string executor;
    int64_t session = 0;
    int64_t number = 0;
    int64_t slots = 1;
    std::map<std::string, std::string> labels;
    std::string build;
    std::string host;
    int64_t pid = 0;
    bool previous_gone = false;
    std::vector<HeldWire> held;
    int64_t ack = 0;
    int64_t seen_epoch = 0;
    int64_t seen_seq = 0;
};
struct RegisterReplyWire {
    int64_t executor_number = 0;
    int64_t epoch = 0;
    int64_t seq = 0;
    int64_t heartbeat_interval_ms = 0;
    int64_t lease_ttl_ms = 0;
};

// One array per property; equally long. `start` holds the first time in ms, then differences.
struct DoneColumns {
    Column pos;
    Column start;
    Column dur;  // µs
    std::optional<Column> rows;
    std::optional<Column> bytes;
    std::optional<Column> rss_kb;
    std::optional<Column> cpu_us;
};
struct FailedWire {
    uint64_t pos = 0;
    int64_t start = 0;
    int64_t dur = 0;
    std::string failure_class;
    int64_t exit_code = 0;
    std::string message;
    int64_t retry_after_ms = 0;
    std::string pool;
    int64_t rss_kb = -1;
    int64_t cpu_us = -1;
    bool slot_died = false;
};
struct LogWire {
    uint64_t pos = 0;
    uint64_t bytes_total = 0;
    std::string tail;
};
struct PhasesWire {
    uint64_t pos = 0;
    std::map<std::string, int64_t> us;
};
struct ResultsWire {
    int64_t lease = 0;
    std::optional<DoneColumns> done;
    std::vector<FailedWire> failed;
    std::vector<LogWire> logs;
    std::vector<PhasesWire> phases;
};
struct CallRequestWire {
    int64_t session = 0;
    int64_t call = 0;
    int64_t ack = 0;
    std::vector<HeldWire> held;
    std::vector<ResultsWire> results;
    std::map<std::string, int64_t> slot_ms;
    int64_t free_slots = 0;
    bool draining = false;
    bool leaving = false;
    int64_t seen_epoch = 0;
    int64_t seen_seq = 0;
};

struct GrantWire {
    int64_t number = 0;
    int64_t lease = 0;
    int64_t token = 0;
    uint64_t first_position = 0;
    std::string backfill_id;
    int64_t generation = 1;
    int64_t attempt = 1;
    std::string tenant_id;
    int64_t tenant_number = 0;
    int64_t asset_number = 0;
    int64_t asset_revision = 0;
    std::vector<Column> runs;      // [first, end)
    std::vector<Column> ordinals;  // [first, count, stride]
    bool reversed = false;
    int64_t timeout_ms = 0;
    int64_t memory_bytes = 0;
    bool suspect = false;
    std::string traceparent;
};
struct ControlWire {
    int64_t lease = 0;
    std::string action;
    uint64_t size = 0;
};
struct DefinitionWire {
    int64_t asset_number = 0;
    int64_t asset_revision = 0;
    boost::json::object spec;
    std::string code_dir;
};
struct CallReplyWire {
    int64_t epoch = 0;
    int64_t seq = 0;
    int64_t call = 0;
    std::vector<GrantWire> grants;
    std::vector<ControlWire> controls;
    std::vector<DefinitionWire> definitions;
    bool drain = false;
};

SERVO_WIRE_TYPE(HeldWire, "HeldLease");
SERVO_WIRE_TYPE(RegisterRequestWire, "RegisterRequest");
SERVO_WIRE_TYPE(RegisterReplyWire, "RegisterReply");
SERVO_WIRE_TYPE(DoneColumns, "DoneColumns");
SERVO_WIRE_TYPE(FailedWire, "FailedResult");
SERVO_WIRE_TYPE(LogWire, "LogTail");
SERVO_WIRE_TYPE(PhasesWire, "PhaseTimes");
SERVO_WIRE_TYPE(ResultsWire, "LeaseResults");
SERVO_WIRE_TYPE(CallRequestWire, "CallRequest");
SERVO_WIRE_TYPE(GrantWire, "Grant");
SERVO_WIRE_TYPE(ControlWire, "LeaseControl");
SERVO_WIRE_TYPE(DefinitionWire, "Definition");
SERVO_WIRE_TYPE(CallReplyWire, "CallReply");

// Its JSON text at once, without a document between: these two are written with every call.
template <typename T>
std::string struct_text(const T& value);
extern template std::string struct_text<CallRequestWire>(const CallRequestWire&);
extern template std::string struct_text<CallReplyWire>(const CallReplyWire&);

}  // namespace servo::api

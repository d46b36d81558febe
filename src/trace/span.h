// A span as it is exported. Plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/time.h"
#include "model/trace.h"

namespace servo::trace {

using AttributeValue = std::variant<std::string, int64_t>;

struct Span {
    model::TraceId trace;
    model::SpanId id = 0;
    model::SpanId parent = 0;    // 0 = none
    std::string_view name = {};  // "backfill", "lease", "attempt"
    Instant start;
    Micros duration{0};  // ≥ 0
    bool failed = false;
    std::string message;  // of what failed
    std::vector<std::pair<std::string_view, AttributeValue>> attributes;
};

// Takes spans that ended; cheap, never blocks. Empty = nobody records them.
using Sink = std::function<void(Span)>;

}  // namespace servo::trace

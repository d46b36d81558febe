// What a program may say about its partition in one JSON line: in SERVO_RESULT_FILE, or as a
// worker's answer (docs/reference/partition_programs.md). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "model/failure.h"
#include "model/phase.h"

namespace servo::executor {

constexpr size_t kResultLineBytesMax = 64 * 1024;

enum class SaidStatus { kNothing, kCompleted, kFailed };

struct ResultLine {
    int64_t id = 0;   // worker answers
    std::string key;  // batch lines
    SaidStatus status = SaidStatus::kNothing;
    std::optional<model::FailureClass> klass;
    std::string message;
    int64_t rows = -1;
    int64_t bytes = -1;
    Millis retry_after{0};
    std::string pool;
    std::optional<model::PhaseMicros> phases;
};

// Members that are not known are ignored. Error: invalid_argument / "bad_result_line", saying what
// is wrong: not an object, a member of the wrong type, a class that a program cannot give itself, a
// phase that there is not.
Result<ResultLine> parse_result_line(std::string_view line);

}  // namespace servo::executor

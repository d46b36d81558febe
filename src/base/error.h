// The closed list of error codes and what each means outside: HTTP status, CLI exit code, and
// whether repeating the same request can help. A new code needs a caller that would act
// differently; finer detail goes into Error::reason, a stable snake_case word.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace servo {

enum class ErrorCode {
    kInvalidArgument,
    kUnauthenticated,
    kPermissionDenied,
    kNotFound,
    kAlreadyExists,
    kConflict,
    kFailedPrecondition,
    kResourceExhausted,
    kDeadlineExceeded,
    kUnavailable,
    kInternal,
};

// One bad field of an input document: where it is and what is wrong with it.
struct FieldError {
    std::string field;    // path such as "assets.orders.timeout"
    int line = 0;         // 1-based line of the file; 0 where there is none
    std::string message;  // what is wrong and what to type instead
    bool operator==(const FieldError&) const = default;
};

struct Error {
    ErrorCode code = ErrorCode::kInternal;
    std::string reason;   // stable snake_case word, e.g. "stale_token"
    std::string message;  // a full sentence: what was wrong, where, what to type next
    std::vector<FieldError> fields;
    int retry_after_s = 0;  // 0 = no hint
};

struct ErrorTraits {
    ErrorCode code;
    std::string_view name;  // snake_case, as in problem documents
    int http_status;
    int exit_code;  // CLI, docs/reference/exit_codes.md
    bool retryable;
};

const ErrorTraits& traits(ErrorCode code);
// The code whose name is `name`; kInternal for an unknown one.
ErrorCode error_code_from_name(std::string_view name);

Error invalid_argument(std::string reason, std::string message);
Error not_found(std::string reason, std::string message);
Error conflict(std::string reason, std::string message);
Error failed_precondition(std::string reason, std::string message);
Error resource_exhausted(std::string reason, std::string message);
Error unavailable(std::string reason, std::string message);
Error internal(std::string reason, std::string message);

}  // namespace servo

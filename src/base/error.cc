#include "base/error.h"

#include <array>

namespace servo {
namespace {

constexpr std::array<ErrorTraits, 11> kTraits = {{
    {ErrorCode::kInvalidArgument, "invalid_argument", 422, 2, false},
    {ErrorCode::kUnauthenticated, "unauthenticated", 401, 5, false},
    {ErrorCode::kPermissionDenied, "permission_denied", 403, 5, false},
    {ErrorCode::kNotFound, "not_found", 404, 3, false},
    {ErrorCode::kAlreadyExists, "already_exists", 409, 4, false},
    {ErrorCode::kConflict, "conflict", 409, 4, false},
    {ErrorCode::kFailedPrecondition, "failed_precondition", 412, 4, false},
    {ErrorCode::kResourceExhausted, "resource_exhausted", 429, 6, true},
    {ErrorCode::kDeadlineExceeded, "deadline_exceeded", 504, 7, true},
    {ErrorCode::kUnavailable, "unavailable", 503, 6, true},
    {ErrorCode::kInternal, "internal", 500, 1, false},
}};

Error make(ErrorCode code, std::string reason, std::string message) {
    return Error{code, std::move(reason), std::move(message), {}, 0};
}

}  // namespace

const ErrorTraits& traits(ErrorCode code) {
    return kTraits[static_cast<size_t>(code)];
}

ErrorCode error_code_from_name(std::string_view name) {
    for (const ErrorTraits& row : kTraits) {
        if (row.name == name) {
            return row.code;
        }
    }
    return ErrorCode::kInternal;
}

Error invalid_argument(std::string reason, std::string message) {
    return make(ErrorCode::kInvalidArgument, std::move(reason), std::move(message));
}
Error not_found(std::string reason, std::string message) {
    return make(ErrorCode::kNotFound, std::move(reason), std::move(message));
}
Error conflict(std::string reason, std::string message) {
    return make(ErrorCode::kConflict, std::move(reason), std::move(message));
}
Error failed_precondition(std::string reason, std::string message) {
    return make(ErrorCode::kFailedPrecondition, std::move(reason), std::move(message));
}
Error resource_exhausted(std::string reason, std::string message) {
    return make(ErrorCode::kResourceExhausted, std::move(reason), std::move(message));
}
Error unavailable(std::string reason, std::string message) {
    return make(ErrorCode::kUnavailable, std::move(reason), std::move(message));
}
Error internal(std::string reason, std::string message) {
    return make(ErrorCode::kInternal, std::move(reason), std::move(message));
}

}  // namespace servo

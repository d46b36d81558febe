// Result<T>: a value or an Error. Expected failures travel as values; no exception of ours crosses
// a folder boundary.
#pragma once

#include <tl/expected.hpp>

#include "base/error.h"

namespace servo {

template <typename T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

}  // namespace servo

// Evaluates `expression` (a Result); on error returns that error from the enclosing function, else
// yields the value. GNU statement expression, accepted by g++ and clang.
#define SERVO_TRY(expression)                                          \
    __extension__({                                                    \
        auto&& servo_try_result = (expression);                        \
        if (!servo_try_result.has_value()) {                           \
            return ::servo::fail(std::move(servo_try_result).error()); \
        }                                                              \
        std::move(servo_try_result).value();                           \
    })

// The same for a Status, which has no value.
#define SERVO_CHECK(expression)                                          \
    do {                                                                 \
        auto&& servo_check_result = (expression);                        \
        if (!servo_check_result.has_value()) {                           \
            return ::servo::fail(std::move(servo_check_result).error()); \
        }                                                                \
    } while (false)

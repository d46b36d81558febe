// SERVO_ASSERT: a programmer error, never reachable from user input; on in release builds, because
// a scheduler that goes on with a broken invariant damages what it should keep.
#pragma once

#include <cstdio>
#include <cstdlib>

#define SERVO_ASSERT(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) [[unlikely]] {                                                           \
            std::fprintf(stderr, "%s:%d: assertion failed: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                          \
        }                                                                                          \
    } while (false)

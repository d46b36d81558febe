// Logging: one process-wide logger on stderr. Thread-safe. Never log a secret, a partition's
// environment or a token.
#pragma once

#include <spdlog/spdlog.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace servo {

enum class LogFormat { kText, kJson };

// Sets up the default logger. `level` is trace, debug, info, warn, error or off; an unknown word
// means info.
void init_logging(const std::string& level, LogFormat format);

// What a line says besides its message, under a name of its own: `name=value` at its end in text,
// a member of the object in JSON; left out when empty. Names are snake_case words and none of time,
// level, message.
struct LogField {
    std::string_view name;
    std::string value;
    bool number = false;  // JSON without quotes
};
void log_event(
    spdlog::level::level_enum level,
    std::string_view message,
    std::initializer_list<LogField> fields
);

}  // namespace servo

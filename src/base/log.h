// Logging: one process-wide logger on stderr. Thread-safe. Never log a secret, a partition's
// environment or a token.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace servo {

enum class LogFormat { kText, kJson };

// Sets up the default logger. `level` is trace, debug, info, warn, error or off; an unknown word
// means info.
void init_logging(const std::string& level, LogFormat format);

}  // namespace servo

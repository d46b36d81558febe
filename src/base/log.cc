#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>

#include <memory>

namespace servo {

void init_logging(const std::string& level, LogFormat format) {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto logger = std::make_shared<spdlog::logger>("servo", std::move(sink));
    logger->set_pattern(
        format == LogFormat::kJson
            ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":"%v"})"
            : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
        spdlog::pattern_time_type::utc
    );
    const spdlog::level::level_enum parsed = spdlog::level::from_str(level);
    logger->set_level(
        parsed == spdlog::level::off && level != "off" ? spdlog::level::info : parsed
    );
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace servo

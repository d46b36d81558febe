#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>

namespace servo {
namespace {

// %* of the JSON pattern: the message as the inside of a JSON string (RFC 8259, section 7).
class JsonMessage final : public spdlog::custom_flag_formatter {
 public:
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out)
        override {
        for (const char c : message.payload) {
            if (c == '"' || c == '\\') {
                out.push_back('\\');
                out.push_back(c);
            } else if (static_cast<unsigned char>(c) < 0x20) {
                const std::string code =
                    fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
                out.append(code.data(), code.data() + code.size());
            } else {
                out.push_back(c);
            }
        }
    }
    std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<JsonMessage>();
    }
};

std::unique_ptr<spdlog::formatter> formatter_for(LogFormat format) {
    auto formatter =
        std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc, "\n");
    formatter->add_flag<JsonMessage>('*');
    formatter->set_pattern(
        format == LogFormat::kJson
            ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":"%*"})"
            : "%Y-%m-%dT%H:%M:%S.%eZ %l %v"
    );
    return formatter;
}

}  // namespace

void init_logging(const std::string& level, LogFormat format) {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto logger = std::make_shared<spdlog::logger>("servo", std::move(sink));
    logger->set_formatter(formatter_for(format));
    const spdlog::level::level_enum parsed = spdlog::level::from_str(level);
    logger->set_level(
        parsed == spdlog::level::off && level != "off" ? spdlog::level::info : parsed
    );
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace servo

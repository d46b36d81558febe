#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>

namespace servo {
namespace {

// Of the line that this thread is logging; the sinks format on the caller's thread.
thread_local const std::initializer_list<LogField>* line_fields = nullptr;

void append(spdlog::memory_buf_t& out, std::string_view text) {
    out.append(text.data(), text.data() + text.size());
}

// The inside of a JSON string (RFC 8259, section 7).
void append_escaped(spdlog::memory_buf_t& out, std::string_view text) {
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (static_cast<unsigned char>(c) < 0x20) {
            append(
                out, fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)))
            );
        } else {
            out.push_back(c);
        }
    }
}

// %* of the JSON pattern: the message.
class JsonMessage final : public spdlog::custom_flag_formatter {
 public:
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out)
        override {
        append_escaped(out, {message.payload.data(), message.payload.size()});
    }
    std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<JsonMessage>();
    }
};

// %&: the fields.
class Fields final : public spdlog::custom_flag_formatter {
 public:
    explicit Fields(LogFormat form) : form_(form) {}
    void format(const spdlog::details::log_msg&, const std::tm&, spdlog::memory_buf_t& out)
        override {
        if (line_fields == nullptr) {
            return;
        }
        for (const LogField& field : *line_fields) {
            if (field.value.empty()) {
                continue;
            }
            const bool json = form_ == LogFormat::kJson;
            const bool quoted =
                (json && !field.number) || field.value.find_first_of(" \"=") != std::string::npos;
            append(out, json ? ",\"" : " ");
            append(out, field.name);
            append(out, json ? "\":" : "=");
            append(out, quoted ? "\"" : "");
            append_escaped(out, field.value);
            append(out, quoted ? "\"" : "");
        }
    }
    std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<Fields>(form_);
    }

 private:
    LogFormat form_;
};

std::unique_ptr<spdlog::formatter> formatter_for(LogFormat format) {
    auto formatter =
        std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc, "\n");
    formatter->add_flag<JsonMessage>('*').add_flag<Fields>('&', format);
    formatter->set_pattern(
        format == LogFormat::kJson
            ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":"%*"%&})"
            : "%Y-%m-%dT%H:%M:%S.%eZ %l %v%&"
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

void log_event(
    spdlog::level::level_enum level,
    std::string_view message,
    std::initializer_list<LogField> fields
) {
    line_fields = &fields;
    spdlog::log(level, message);
    line_fields = nullptr;
}

}  // namespace servo

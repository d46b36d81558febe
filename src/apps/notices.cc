#include "apps/notices.h"

#include "apps/processes.h"
#include "base/log.h"

namespace servo::apps {

Notices::Notices(cli::Session& session, const config::Options& options)
    : output_(session.output()), logged_(logs_json(options)) {}

void Notices::note(const std::string& text, const std::string& hints) const {
    if (logged_) {
        log_event(spdlog::level::info, text.substr(text.starts_with('\n') ? 1 : 0), {});
    } else {
        output_.note(text + hints);
    }
}

void Notices::warn(const std::string& text) const {
    if (logged_) {
        log_event(spdlog::level::warn, text, {});
    } else {
        output_.warn(text);
    }
}

}  // namespace servo::apps

// What a long-running verb tells on stderr: text for people, and lines of the log where that is
// JSON, so that whoever collects it can read all of it. Thread-safe.
#pragma once

#include <string>

#include "cli/session.h"
#include "config/options.h"

namespace servo::apps {

class Notices {
 public:
    // `session` outlives it; the log is set up.
    Notices(cli::Session& session, const config::Options& options);

    // `hints`: what only people make use of, left out of the log as a line break at the beginning
    // is, which a terminal wants after ^C.
    void note(const std::string& text, const std::string& hints = "") const;
    void warn(const std::string& text) const;

 private:
    cli::Output& output_;
    bool logged_;
};

}  // namespace servo::apps

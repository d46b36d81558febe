// One line on stderr that is rewritten in place on a terminal; elsewhere it is not shown. Gone when
// the object is.
#pragma once

#include <ostream>
#include <string>

#include "cli/session.h"

namespace servo::cli {

class ProgressLine {
 public:
    explicit ProgressLine(Session& session) : session_(session) {}
    ~ProgressLine() { clear(); }
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    void show(const std::string& text) {
        if (session_.environment().err_is_terminal && !session_.output().quiet()) {
            *session_.environment().err << "\r\x1b[K" << text << std::flush;
            shown_ = true;
        }
    }
    void clear() {
        if (shown_) {
            *session_.environment().err << "\r\x1b[K" << std::flush;
            shown_ = false;
        }
    }

 private:
    Session& session_;
    bool shown_ = false;
};

}  // namespace servo::cli

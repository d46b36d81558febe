// What surrounds a command: streams, environment variables, clock, interruption. Handed in, so that
// a test can run any command line without a terminal, a clock or a process of its own.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "client/http.h"

namespace servo::cli {

// While one exists, Ctrl-C (SIGINT), SIGTERM and a lost terminal (SIGHUP) do not end the process
// but call `on_interrupt`, once; a closed pipe does not end it either. What was ignored before, as
// under nohup, stays ignored. Ctrl-C after any of them ends the process at once.
class Interrupt {
 public:
    virtual ~Interrupt() = default;
    virtual bool raised() const = 0;
};

struct Environment {
    std::ostream* out = nullptr;
    std::ostream* err = nullptr;
    std::istream* in = nullptr;
    bool out_is_terminal = false;
    bool err_is_terminal = false;
    bool in_is_terminal = false;
    int width = 80;  // of the terminal; only for help texts and heat strips

    std::function<std::optional<std::string>(const std::string&)> variable;
    std::function<Instant()> now;
    std::function<std::unique_ptr<client::Http>(client::HttpOptions)> make_http;
    std::function<std::unique_ptr<Interrupt>(std::function<void()> on_interrupt)> catch_interrupt;
    std::function<bool()> reader_gone;  // whether nobody will read the output any more
};

// The process's own.
Environment process_environment();

}  // namespace servo::cli

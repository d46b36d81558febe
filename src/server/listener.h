// The HTTP/1.1 listener: one io thread, one session per connection, one request at a time on each
// (pipelining is off: the next request is read after the answer to the one before was written).
// Every read and write has a deadline; connections are capped.
//
// start() and stop() from one thread; responders from any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/result.h"
#include "server/http.h"
#include "server/tls.h"

namespace servo::server {

struct ListenerOptions {
    std::string address = "127.0.0.1";
    uint16_t port = 7420;                    // 0 = any free one
    std::string option = "--listen";         // where the two come from, for messages
    size_t connections_max = 4'096;          // further ones are answered 503 and closed
    size_t body_ceiling = 16 * 1024 * 1024;  // of any request; body_limit may say less
    TlsFiles tls;                            // read when it starts, and again when they change
    Millis idle_timeout{75'000};             // between requests of a connection
    Millis header_timeout{10'000};           // from a request's first byte to the end of its header
    Millis body_timeout{60'000};
    Millis write_timeout{60'000};
    Millis stop_grace{2'000};  // at stop: for answers under way
};

// Called on the io thread; must not block.
using HttpHandler = std::function<void(Request&&, std::shared_ptr<Responder>)>;
// Most bytes of a body, decided by the header alone; called on the io thread.
using BodyLimit = std::function<size_t(const std::string& method, const std::string& target)>;

// Error: invalid_argument / "bad_address": no IP address.
Status check_listen_address(const std::string& address);

class Listener {
 public:
    Listener(ListenerOptions options, HttpHandler handler, BodyLimit body_limit);
    ~Listener();  // stops

    // Binds and begins to serve on a thread of its own. Errors: failed_precondition /
    // "port_in_use", "cannot_listen", "bad_tls_files"; those of check_listen_address.
    Status start();
    // Takes no more connections, lets answers under way go out (up to stop_grace), then closes all.
    void stop();

    int port() const { return port_; }

    struct Shared;  // in listener.cc

 private:
    std::shared_ptr<Shared> shared_;
    std::thread thread_;
    int port_ = 0;
};

}  // namespace servo::server

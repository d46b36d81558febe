#include "apps/try_listen.h"

#include "server/listener.h"

namespace servo::apps {

Status try_listen(const config::Address& address, const std::string& option) {
    server::ListenerOptions options;
    options.address = address.host;
    options.port = address.port;
    options.option = option;
    // Whoever gets in during this moment is told to try again: by the responder, left unanswered.
    server::Listener listener(
        std::move(options),
        [](server::Request&&, const std::shared_ptr<server::Responder>&) {},
        [](const std::string&, const std::string&) { return size_t{0}; }
    );
    return listener.start();
}

}  // namespace servo::apps

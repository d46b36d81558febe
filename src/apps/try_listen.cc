#include "apps/try_listen.h"

namespace servo::apps {

Result<std::unique_ptr<server::Listener>> try_listen(
    const config::Address& address, const std::string& option
) {
    server::ListenerOptions options;
    options.address = address.host;
    options.port = address.port;
    options.option = option;
    // Whoever gets in during this moment is told to try again: by the responder, left unanswered.
    auto listener = std::make_unique<server::Listener>(
        std::move(options),
        [](server::Request&&, const std::shared_ptr<server::Responder>&) {},
        [](const std::string&, const std::string&) { return size_t{0}; }
    );
    SERVO_CHECK(listener->start());
    return listener;
}

}  // namespace servo::apps

// Whether this process may listen somewhere, found out before it changes anything. Any thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "config/options.h"
#include "server/listener.h"

namespace servo::apps {

// Binds the address for as long as the result lives. `option`: where it comes from, for messages.
// Errors: those of server::Listener::start.
Result<std::unique_ptr<server::Listener>> try_listen(
    const config::Address& address, const std::string& option
);

}  // namespace servo::apps

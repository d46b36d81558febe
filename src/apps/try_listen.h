// Whether this process may listen somewhere, found out before it changes anything. Any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "config/options.h"

namespace servo::apps {

// Binds the address and lets go of it. `option`: where it comes from, for messages. Errors: those
// of server::Listener::start.
Status try_listen(const config::Address& address, const std::string& option);

}  // namespace servo::apps

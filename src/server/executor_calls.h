// The executor protocol's routes: parsed and rendered on the io thread, decided by the engine; what
// an executor tells of its health is kept beside it.
#pragma once

#include <memory>
#include <string>

#include "server/backend.h"
#include "server/http.h"

namespace servo::server {

// `token`: whose call it is. Called on the io thread; the answer comes when the engine has
// committed, or, for an acquire, when there is something to say. What watched partitions printed
// and what executors tell of their health goes past the engine.
void executor_call(
    Backend& backend,
    const api::Route& route,
    const std::string& body,
    const core::ExecutorToken& token,
    std::shared_ptr<Responder> responder,
    const std::string& request_id
);

}  // namespace servo::server

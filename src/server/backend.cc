#include "server/backend.h"

namespace servo::server {

Error Backend::engine_timeout() {
    return Error{
        ErrorCode::kDeadlineExceeded,
        "engine_timeout",
        "The engine did not answer in time; whether the change was made is not known. Repeat the "
        "request with the same Idempotency-Key, or look first.",
        {},
        5};
}

Error Backend::unread() const {
    const std::string why = loop_.status().why;
    if (!why.empty()) {
        return engine::store_away(why);
    }
    return unavailable("stopping", "The server is stopping or starting; try again in a moment.");
}

Result<core::Reply> Backend::run(
    core::Command command, std::optional<engine::Idempotency> idempotency
) {
    auto promise = std::make_shared<std::promise<Result<core::Reply>>>();
    auto future = promise->get_future();
    engine::Item item;
    item.command = std::move(command);
    item.idempotency = std::move(idempotency);
    item.answer = [promise = std::move(promise)](Result<core::Reply> reply) {
        promise->set_value(std::move(reply));
    };
    loop_.submit(std::move(item));
    return wait_for(std::move(future));
}

}  // namespace servo::server

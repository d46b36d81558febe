// Client::call and what its callers share. Included by this folder's .cc files only.
#pragma once

#include "client/client.h"

namespace servo::client {

constexpr Millis kSlowCallTimeout{
    600'000};  // start, apply, fsck, backup: they may touch everything

// As a query value; 0 is left out.
inline std::string number(int64_t value) {
    return value == 0 ? "" : std::to_string(value);
}

template <typename Reply>
Result<Reply> Client::call(const Call& call) {
    const std::string body = SERVO_TRY(send(call));
    auto reply = api::from_text<Reply>(body, api::Unknown::kIgnore);
    if (!reply) {
        return fail(internal(
            "bad_reply",
            "The server's answer does not have the form this version expects (" +
                reply.error().message + "). Compare `servo version` with the server's."
        ));
    }
    return reply;
}

}  // namespace servo::client

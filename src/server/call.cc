#include "server/call.h"

#include <boost/json/serialize.hpp>

#include "api/as_of.h"
#include "api/page.h"
#include "base/assert.h"
#include "base/text.h"
#include "store/store.h"

namespace servo::server {

// The stores give out no more in one answer.
static_assert(api::kPageMax <= store::kPageMax);

const std::string& Call::parameter(std::string_view name) const {
    const auto it = path.find(name);
    SERVO_ASSERT(it != path.end());
    return it->second;
}

std::string Call::query_value(std::string_view name) const {
    const auto it = query.find(name);
    return it == query.end() ? "" : it->second;
}

std::optional<engine::Idempotency> Call::repeatable(
    std::function<boost::json::object(const core::Reply&)> render
) const {
    if (!idempotency) {
        return std::nullopt;
    }
    engine::Idempotency out = *idempotency;
    out.render = [render = std::move(render)](const core::Reply& reply) {
        return std::pair(200, api::to_text(render(reply)));
    };
    return out;
}

store::Past& Call::past() {
    SERVO_ASSERT(api::told_of_past(*route));
    if (!opened_past) {
        opened_past = open_past();
    }
    return *opened_past->past;
}

Status Call::needs_what_runs() {
    if (backend.record() == nullptr) {
        return {};
    }
    wants_leader = true;
    return fail(unavailable("not_leading", "Only the leader knows what runs."));
}

Result<int> Call::limit() const {
    const std::string text = query_value("limit");
    if (text.empty()) {
        return api::kPageDefault;
    }
    const auto number = parse_integer(text, 1, api::kPageMax);
    if (!number) {
        return fail(invalid_argument(
            "bad_limit",
            "limit must be a whole number from 1 to " + std::to_string(api::kPageMax) + "."
        ));
    }
    return static_cast<int>(*number);
}

Response json_response(const boost::json::object& body) {
    Response response;
    response.body = boost::json::serialize(body);
    return response;
}

}  // namespace servo::server

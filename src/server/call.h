// One request on its way through a handler: who asks, what for, and what it may touch. A handler is
// a function from Call to Response that runs on a worker thread; each handlers_*.cc file gives its
// table.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/codec.h"
#include "api/routes.h"
#include "server/backend.h"
#include "server/forecasts.h"
#include "server/http.h"
#include "server/token_book.h"

namespace servo::server {

// Who asks. `tenant` empty: may see every tenant.
struct Principal {
    api::Role role = api::Role::kPublic;
    std::string tenant;
    std::string actor = "anonymous";
    std::string token = {};  // id of the token; empty: none was asked for
    model::TenantId tenant_id = {};
    model::Labels labels = {};  // that its token allows an executor
};

using Parameters = std::map<std::string, std::string, std::less<>>;

struct Call {
    Backend& backend;
    Forecasts& forecasts;
    TokenBook& tokens;
    std::unique_ptr<store::History> history;      // as far as the principal may see
    std::function<store::DatedPast()> open_past;  // as far, for past()
    const api::Route* route = nullptr;
    Principal principal;
    std::string tenant;  // meant by the caller; empty = not said. Never a foreign one.
    Parameters path;
    Parameters query;
    std::string body;
    // Filled by the dispatcher when the request carries a key: to be stored with the command.
    std::optional<engine::Idempotency> idempotency;
    std::string request_id;
    std::string traceparent;    // the caller's, when it is one; else empty
    bool dry_run = false;       // it only asks what would be; set by the handler, for the log
    bool wants_leader = false;  // what runs has a part in the answer, and this server does not lead
    std::optional<store::DatedPast> opened_past = std::nullopt;

    // What was, perhaps of a replica: for the routes of api::told_of_past. The answer then says up
    // to when everything is in it.
    store::Past& past();
    // To be called where an open backfill has a part in the answer. Error, on a server that answers
    // of record: unavailable / "not_leading"; the dispatcher then asks the leader instead.
    Status needs_what_runs();
    const std::string& parameter(std::string_view name) const;  // of the path; must exist
    std::string query_value(std::string_view name) const;       // empty = absent
    bool sees_all_tenants() const { return principal.tenant.empty(); }

    template <typename T>
    Result<T> read_body() const {
        return api::from_text<T>(body, api::Unknown::kRefuse);
    }
    // What to hand to Backend::run: `render` makes the answer that a repeated request gets again.
    std::optional<engine::Idempotency> repeatable(
        std::function<boost::json::object(const core::Reply&)> render
    ) const;
    // `limit` of the query, 1 to 500, 50 if absent. Error: invalid_argument / "bad_limit".
    Result<int> limit() const;
};

using Handler = Result<Response> (*)(Call& call);
using HandlerTable = std::vector<std::pair<std::string_view, Handler>>;  // route id → handler

Response json_response(const boost::json::object& body);

HandlerTable backfill_handlers();
HandlerTable action_handlers();
HandlerTable partition_handlers();
HandlerTable asset_handlers();
HandlerTable lever_handlers();
HandlerTable system_handlers();
HandlerTable event_handlers();
HandlerTable token_handlers();

}  // namespace servo::server

// From method and target to a route with its parameters, by the list in api/routes.h. Immutable;
// pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "api/routes.h"
#include "base/result.h"

namespace servo::server {

constexpr size_t kQueryParametersMax = 50;

struct Match {
    const api::Route* route = nullptr;
    std::map<std::string, std::string, std::less<>> path;   // decoded values by parameter name
    std::map<std::string, std::string, std::less<>> query;  // decoded
    std::string tenant;  // of /v1/tenants/{tenant}/…, or ?tenant=; empty = not said
};

// Errors: not_found / "unknown_route" (with the nearest path), invalid_argument /
// "method_not_allowed", "bad_path", "unknown_parameter" (with the nearest), "tenant_twice".
Result<Match> match_route(std::string_view method, std::string_view target);

// What the target's path answers, as the header Allow has it: "GET, POST"; empty: it is no route.
std::string methods_of(std::string_view target);

// Whether the target's route takes a large body; false when there is no such route.
bool takes_large_body(std::string_view method, std::string_view target);

}  // namespace servo::server

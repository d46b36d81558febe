#include "server/router.h"

#include <fmt/format.h>

#include "base/suggest.h"
#include "base/text.h"

namespace servo::server {
namespace {

using api::Route;

using Segments = std::vector<std::string>;
using Parameters = std::map<std::string, std::string, std::less<>>;

bool is_parameter(std::string_view segment) {
    return segment.starts_with('{');
}

// Segments are split before they are decoded: an encoded slash belongs to its segment.
Result<Segments> segments_of(std::string_view path) {
    if (!path.starts_with('/')) {
        return fail(invalid_argument("bad_path", "The URL's path does not start with a slash."));
    }
    Segments out;
    for (const std::string& part : split(path.substr(1), '/')) {
        out.push_back(SERVO_TRY(api::percent_decode(part)));
    }
    return out;
}

// Index of literal and parameter segments of each route, made once.
const Segments& template_of(const Route& route) {
    static const std::map<std::string_view, Segments> all = [] {
        std::map<std::string_view, Segments> map;
        for (const Route& each : api::routes()) {
            map[each.id] = split(each.path.substr(1), '/');
        }
        return map;
    }();
    return all.at(route.id);
}

// A route without parameters by its very path, which no other route can beat: found in one step,
// for the calls that are many. nullptr: look among all.
const Route* literal_route(std::string_view method, std::string_view path) {
    using Key = std::pair<std::string_view, std::string_view>;
    static const std::map<Key, const Route*> all = [] {
        std::map<Key, const Route*> map;
        for (const Route& each : api::routes()) {
            if (each.path.find('{') == std::string_view::npos) {
                map[{each.path, to_string(each.method)}] = &each;
            }
        }
        return map;
    }();
    const auto found = all.find({path, method});
    return found == all.end() ? nullptr : found->second;
}

// How many literal segments agree; -1 = no match.
int match_path(const Segments& wanted, const Segments& path, size_t skip, Parameters& out) {
    if (wanted.size() != path.size() - skip) {
        return -1;
    }
    int literals = 0;
    out.clear();
    for (size_t i = 0; i < wanted.size(); ++i) {
        const std::string& actual = path[i + skip];
        if (is_parameter(wanted[i])) {
            if (actual.empty()) {
                return -1;
            }
            out[wanted[i].substr(1, wanted[i].size() - 2)] = actual;
        } else if (wanted[i] != actual) {
            return -1;
        } else {
            ++literals;
        }
    }
    return literals;
}

struct Found {
    const Route* route = nullptr;
    Parameters parameters;
    int literals = -1;
    std::string methods;  // that the path has
    std::string tenant;   // empty: under none
};

// Among matches the one with more literal segments wins: /v1/executors/drain over /{executor}.
void look_among(
    const Segments& path,
    size_t skip,
    api::Scope only,
    std::string_view method,
    bool any_scope,
    Found& found
) {
    for (const Route& route : api::routes()) {
        if (!any_scope && route.scope != only) {
            continue;
        }
        Parameters parameters;
        const int literals = match_path(template_of(route), path, skip, parameters);
        if (literals < 0) {
            continue;
        }
        found.methods +=
            fmt::format("{}{}", found.methods.empty() ? "" : ", ", to_string(route.method));
        if (to_string(route.method) == method && literals > found.literals) {
            found.route = &route;
            found.parameters = std::move(parameters);
            found.literals = literals;
        }
    }
}

Error unknown_route(std::string_view path) {
    std::vector<std::string> known;
    for (const Route& route : api::routes()) {
        known.emplace_back(route.path);
    }
    return not_found(
        "unknown_route",
        fmt::format(
            "There is no {} here; /openapi.json lists what there is.{}",
            path,
            did_you_mean(path, known)
        )
    );
}

Result<Parameters> parse_query(std::string_view text) {
    Parameters out;
    if (text.empty()) {
        return out;
    }
    const std::vector<std::string> parts = split(text, '&');
    if (parts.size() > kQueryParametersMax) {
        return fail(invalid_argument("bad_path", "The URL has too many parameters."));
    }
    for (const std::string& part : parts) {
        const size_t equals = part.find('=');
        std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
        for (char& c : value) {
            c = c == '+' ? ' ' : c;
        }
        const std::string name = SERVO_TRY(api::percent_decode(part.substr(0, equals)));
        if (!out.emplace(name, SERVO_TRY(api::percent_decode(value))).second) {
            return fail(invalid_argument(
                "unknown_parameter", fmt::format("The parameter \"{}\" is given twice.", name)
            ));
        }
    }
    return out;
}

Status check_query(const Route& route, const Parameters& query, bool under_tenant) {
    std::vector<std::string> known;
    for (const api::QueryParameter& parameter : route.query) {
        known.emplace_back(parameter.name);
    }
    for (const auto& [name, value] : query) {
        // The tenant may be said for everything that belongs to one.
        if (name == "tenant" && route.scope == api::Scope::kTenant) {
            if (under_tenant) {
                return fail(invalid_argument(
                    "tenant_twice", "The tenant is in the path already; leave out ?tenant=."
                ));
            }
            continue;
        }
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            return fail(invalid_argument(
                "unknown_parameter",
                fmt::format(
                    "{} {} has no parameter \"{}\".{}",
                    to_string(route.method),
                    route.path,
                    name,
                    did_you_mean(name, known)
                )
            ));
        }
    }
    return {};
}

struct Target {
    std::string_view path;
    std::string_view query;
};

Target split_target(std::string_view target) {
    target = target.substr(0, target.find('#'));
    const size_t question = target.find('?');
    return {
        target.substr(0, question),
        question == std::string_view::npos ? "" : target.substr(question + 1)};
}

Result<Found> look_up(std::string_view method, std::string_view target_path) {
    Segments path = SERVO_TRY(segments_of(target_path));
    Found found;
    look_among(path, 0, api::Scope::kInstallation, method, true, found);
    // /v1/tenants/{tenant}/rest stands for /v1/rest of that tenant.
    if (found.route == nullptr && path.size() > 3 && path[0] == "v1" && path[1] == "tenants" &&
        !path[2].empty()) {
        const std::string tenant = path[2];
        path[2] = "v1";
        look_among(path, 2, api::Scope::kTenant, method, false, found);
        if (found.route != nullptr) {
            found.tenant = tenant;
        }
    }
    return found;
}

// The route with the parameters of its path; `out.tenant` when it is under a tenant.
Status match_path_of(std::string_view method, std::string_view target_path, Match& out) {
    out.route = literal_route(method, target_path);
    if (out.route != nullptr) {
        return {};
    }
    Found found = SERVO_TRY(look_up(method, target_path));
    if (found.route == nullptr && found.methods.empty()) {
        return fail(unknown_route(target_path));
    }
    if (found.route == nullptr) {
        return fail(invalid_argument(
            "method_not_allowed",
            fmt::format("{} answers {}, not {}.", target_path, found.methods, method)
        ));
    }
    out.route = found.route;
    out.path = std::move(found.parameters);
    out.tenant = std::move(found.tenant);
    return {};
}

}  // namespace

Result<Match> match_route(std::string_view method, std::string_view target) {
    const Target parts = split_target(target);
    Match out;
    SERVO_CHECK(match_path_of(method, parts.path, out));
    const bool under_tenant = !out.tenant.empty();
    out.query = SERVO_TRY(parse_query(parts.query));
    SERVO_CHECK(check_query(*out.route, out.query, under_tenant));
    const auto tenant = out.query.find("tenant");
    if (tenant != out.query.end()) {
        out.tenant = tenant->second;
    }
    return out;
}

std::string methods_of(std::string_view target) {
    const auto found = look_up("", split_target(target).path);
    return found ? found->methods : "";
}

bool takes_large_body(std::string_view method, std::string_view target) {
    const auto match = match_route(method, target);
    return match && match->route->large_body;
}

}  // namespace servo::server

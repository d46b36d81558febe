#include "store/pool_codec.h"

#include <array>
#include <boost/json.hpp>

namespace servo::store {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 2> kScopeNames = {"shared", "tenant"};
constexpr std::array<std::string_view, 3> kBreakerNames = {"closed", "open", "ramping"};

template <typename Enum, size_t N>
std::optional<Enum> from_name(const std::array<std::string_view, N>& names, std::string_view name) {
    for (size_t i = 0; i < N; ++i) {
        if (names[i] == name) {
            return static_cast<Enum>(i);
        }
    }
    return std::nullopt;
}

json::object encode_secret(const model::SecretRef& secret) {
    return {{"env", secret.env}, {"file", secret.file}};
}

model::SecretRef decode_secret(const json::value& value) {
    const json::object& secret = value.as_object();
    return {
        json::value_to<std::string>(secret.at("env")),
        json::value_to<std::string>(secret.at("file"))};
}

Error unreadable(std::string_view what, const std::exception& error) {
    return internal(
        "corrupt_payload",
        std::string("The ") + std::string(what) + " of a pool cannot be read: " + error.what()
    );
}

}  // namespace

std::string encode_windows(const std::vector<model::PoolWindow>& windows) {
    json::array out;
    for (const model::PoolWindow& window : windows) {
        out.push_back(json::object{
            {"cron", window.cron},
            {"length_ms", window.length.count()},
            {"timezone", window.timezone},
            {"concurrency", window.concurrency},
        });
    }
    return json::serialize(out);
}

Result<std::vector<model::PoolWindow>> decode_windows(std::string_view text) {
    std::vector<model::PoolWindow> out;
    try {
        const json::value parsed = json::parse(text);
        for (const json::value& item : parsed.as_array()) {
            const json::object& window = item.as_object();
            out.push_back(
                {json::value_to<std::string>(window.at("cron")),
                 Millis(window.at("length_ms").to_number<int64_t>()),
                 json::value_to<std::string>(window.at("timezone")),
                 window.at("concurrency").to_number<int64_t>()}
            );
        }
    } catch (const std::exception& error) {
        return fail(unreadable("windows", error));
    }
    return out;
}

std::string encode_checks(const std::vector<model::PoolCheck>& checks) {
    json::array out;
    for (const model::PoolCheck& check : checks) {
        json::object one = {{"url", check.url}, {"timeout_ms", check.timeout.count()}};
        if (check.bearer) {
            one["bearer"] = encode_secret(*check.bearer);
        }
        json::object headers;
        for (const auto& [name, secret] : check.headers) {
            headers[name] = encode_secret(secret);
        }
        one["headers"] = std::move(headers);
        out.push_back(std::move(one));
    }
    return json::serialize(out);
}

Result<std::vector<model::PoolCheck>> decode_checks(std::string_view text) {
    std::vector<model::PoolCheck> out;
    try {
        const json::value parsed = json::parse(text);
        for (const json::value& item : parsed.as_array()) {
            const json::object& one = item.as_object();
            model::PoolCheck check;
            check.url = json::value_to<std::string>(one.at("url"));
            check.timeout = Millis(one.at("timeout_ms").to_number<int64_t>());
            if (const json::value* bearer = one.if_contains("bearer")) {
                check.bearer = decode_secret(*bearer);
            }
            for (const auto& [name, secret] : one.at("headers").as_object()) {
                check.headers[name] = decode_secret(secret);
            }
            out.push_back(std::move(check));
        }
    } catch (const std::exception& error) {
        return fail(unreadable("checks", error));
    }
    return out;
}

std::string_view to_string(model::PoolScope scope) {
    return kScopeNames[static_cast<size_t>(scope)];
}

std::string_view to_string(model::BreakerState state) {
    return kBreakerNames[static_cast<size_t>(state)];
}

std::optional<model::PoolScope> pool_scope_from(std::string_view name) {
    return from_name<model::PoolScope>(kScopeNames, name);
}

std::optional<model::BreakerState> breaker_state_from(std::string_view name) {
    return from_name<model::BreakerState>(kBreakerNames, name);
}

}  // namespace servo::store

#include "client/http.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace servo::client {
namespace {

Error bad_url(std::string_view url, std::string_view what) {
    return invalid_argument(
        "bad_server_url",
        "\"" + std::string(url) + "\" is not a server address: " + std::string(what) +
            ". Write it like http://127.0.0.1:7420."
    );
}

Result<std::string> check_one(std::string_view url) {
    const auto parsed = boost::urls::parse_uri(boost::urls::string_view(url.data(), url.size()));
    if (!parsed) {
        return fail(bad_url(url, "it does not parse"));
    }
    const boost::urls::url_view view = *parsed;
    if (view.scheme() != "http" && view.scheme() != "https") {
        return fail(bad_url(url, "the scheme must be http or https"));
    }
    if (view.encoded_host().empty()) {
        return fail(bad_url(url, "the host is missing"));
    }
    if (view.has_userinfo()) {
        return fail(bad_url(url, "a user or password does not belong in it (use SERVO_TOKEN)"));
    }
    if (view.has_query() || view.has_fragment() ||
        (!view.encoded_path().empty() && view.encoded_path() != "/")) {
        return fail(bad_url(url, "it ends after the port"));
    }
    std::string text(url);
    while (!text.empty() && text.back() == '/') {
        text.pop_back();
    }
    return text;
}

}  // namespace

Result<std::string> check_server_url(std::string_view url) {
    std::string checked;
    const std::vector<std::string> parts = split_servers(url);
    if (parts.size() > kServersMax) {
        return fail(bad_url(url, "it lists more than 16 servers"));
    }
    for (const std::string& part : parts) {
        checked += (checked.empty() ? "" : ",") + SERVO_TRY(check_one(part));
    }
    return checked;
}

bool is_host_name(std::string_view text) {
    constexpr size_t kHostNameMax = 253;
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-' || c == '_';
    };
    return text.find_first_not_of(".-_") != std::string_view::npos && text.size() <= kHostNameMax &&
           std::all_of(text.begin(), text.end(), allowed);
}

std::vector<std::string> split_servers(std::string_view list) {
    std::vector<std::string> parts;
    for (;;) {
        const size_t comma = list.find(',');
        parts.emplace_back(list.substr(0, comma));
        if (comma == std::string_view::npos) {
            return parts;
        }
        list.remove_prefix(comma + 1);
    }
}

}  // namespace servo::client

#include "model/check_url.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/pool.h"

namespace servo::model {
namespace {

constexpr std::string_view kForm = "write it like https://host:8443/path";

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

bool is_address_character(char c) {
    return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == '.' ||
           c == ':';
}

// `text` begins with the colon.
std::string port_problem(std::string_view text) {
    text.remove_prefix(1);
    return parse_integer(text, 1, 65'535)
               ? ""
               : fmt::format("\"{}\" is not a port; a port is a number from 1 to 65535.", text);
}

// `text` begins with the bracket.
std::string bracket_problem(std::string_view text) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) {
        return "The bracket around the address is not closed; write it like http://[::1]:8080/.";
    }
    const std::string_view address = text.substr(1, end - 1);
    if (address.find(':') == std::string_view::npos ||
        !std::all_of(address.begin(), address.end(), is_address_character)) {
        return fmt::format(
            "\"{}\" is not an IPv6 address; write it like http://[::1]:8080/.", address
        );
    }
    const std::string_view rest = text.substr(end + 1);
    if (rest.empty()) {
        return "";
    }
    return rest.front() == ':' ? port_problem(rest)
                               : fmt::format("\"{}\" after the bracket is not a port.", rest);
}

std::string authority_problem(std::string_view authority) {
    if (authority.starts_with('[')) {
        return bracket_problem(authority);
    }
    const size_t colon = authority.find(':');
    if (colon != authority.rfind(':')) {
        return "An IPv6 address stands in brackets; write it like http://[::1]:8080/.";
    }
    const std::string_view host = authority.substr(0, colon);
    if (host.empty()) {
        return fmt::format("Names no host; {}.", kForm);
    }
    if (!std::all_of(host.begin(), host.end(), is_host_character)) {
        return fmt::format("\"{}\" is not a host; {}.", host, kForm);
    }
    return colon == std::string_view::npos ? "" : port_problem(authority.substr(colon));
}

}  // namespace

std::string check_url_problem(std::string_view url) {
    if (url.size() > kCheckUrlBytesMax) {
        return fmt::format("Has {} bytes; at most {} are allowed.", url.size(), kCheckUrlBytesMax);
    }
    if (!std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7f; })) {
        return "Must not contain spaces, or characters beyond ASCII; write those as %20, say.";
    }
    const size_t slashes = url.find("://");
    const std::string_view scheme = url.substr(0, slashes);
    if (slashes == std::string_view::npos || (scheme != "http" && scheme != "https")) {
        return fmt::format("Must begin with http:// or https://; {}.", kForm);
    }
    url.remove_prefix(slashes + 3);
    const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
    if (authority.find('@') != std::string_view::npos) {
        return "Must not name a user; credentials go into bearer or headers, as references.";
    }
    return authority_problem(authority);
}

}  // namespace servo::model

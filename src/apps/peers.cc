#include "apps/peers.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/url.hpp>
#include <cerrno>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "client/http.h"

namespace servo::apps {
namespace {

constexpr int kConnectWaitMs = 1'000;
constexpr size_t kIdleMax = 32;  // connections kept to one server

// Connections to the leader, each used by one request at a time.
class Lines {
 public:
    explicit Lines(PeerTls tls) : tls_(std::move(tls)) {}

    std::unique_ptr<client::Http> take(const std::string& url) {
        {
            const std::lock_guard lock(mutex_);
            if (url_ != url) {
                url_ = url;
                idle_.clear();
            }
            if (!idle_.empty()) {
                auto http = std::move(idle_.back());
                idle_.pop_back();
                return http;
            }
        }
        return client::make_curl_http(
            {url,
             "",
             "servo-server/" SERVO_VERSION,
             tls_.ca_file,
             tls_.cert_file,
             tls_.key_file,
             "",
             "Name its authority with --peer-ca FILE."}
        );
    }

    void give_back(const std::string& url, std::unique_ptr<client::Http> http) {
        const std::lock_guard lock(mutex_);
        if (url == url_ && idle_.size() < kIdleMax) {
            idle_.push_back(std::move(http));
        }
    }

 private:
    PeerTls tls_;
    std::mutex mutex_;
    std::string url_;
    std::vector<std::unique_ptr<client::Http>> idle_;
};

Result<client::HttpRequest> request_of(const server::Request& from, Millis timeout) {
    client::HttpRequest to;
    bool known = false;
    for (const api::Route& route : api::routes()) {
        if (api::to_string(route.method) == from.method) {
            to.method = route.method;
            known = true;
        }
    }
    if (!known) {
        return fail(invalid_argument("method_not_allowed", "The method is not one of the API's."));
    }
    to.target = from.target;
    to.body = from.body;
    to.timeout = timeout;
    if (!from.headers.content_type.empty()) {
        to.content_type = from.headers.content_type;
    }
    const auto add = [&to](std::string_view name, const std::string& value) {
        if (!value.empty()) {
            to.headers.emplace_back(std::string(name), value);
        }
    };
    add("Authorization", from.headers.authorization);
    add(api::kRequestIdHeader, from.headers.request_id);
    add(api::kIdempotencyKeyHeader, from.headers.idempotency_key);
    add(api::kActorHeader, from.headers.actor);
    add(api::kTraceparentHeader, from.headers.traceparent);
    add(api::kForwardedHeader, "1");
    return to;
}

server::Reach connect_to(const addrinfo& address) {
    const int fd = ::socket(
        address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address.ai_protocol
    );
    if (fd < 0) {
        return server::Reach::kSilent;
    }
    int error = ::connect(fd, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        pollfd wait{fd, POLLOUT, 0};
        socklen_t size = sizeof error;
        if (::poll(&wait, 1, kConnectWaitMs) != 1 ||
            ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
            error = ETIMEDOUT;
        }
    }
    ::close(fd);
    if (error == 0) {
        return server::Reach::kListens;
    }
    return error == ECONNREFUSED ? server::Reach::kRefused : server::Reach::kSilent;
}

}  // namespace

server::Reach reach(const std::string& url) {
    const auto parsed = boost::urls::parse_uri(boost::urls::string_view(url.data(), url.size()));
    if (!parsed) {
        return server::Reach::kSilent;
    }
    const std::string host = parsed->host_address();
    std::string port(parsed->port().data(), parsed->port().size());
    if (port.empty()) {
        port = parsed->scheme() == "https" ? "443" : "80";
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0 || found == nullptr) {
        return server::Reach::kSilent;
    }
    const server::Reach outcome = connect_to(*found);
    ::freeaddrinfo(found);
    return outcome;
}

server::Peers make_peers(PeerTls tls) {
    auto lines = std::make_shared<Lines>(std::move(tls));
    server::Peers peers;
    peers.forward = [lines](
                        const std::string& url, const server::Request& request, Millis timeout
                    ) -> Result<server::Response> {
        const client::HttpRequest to = SERVO_TRY(request_of(request, timeout));
        auto http = lines->take(url);
        const client::HttpReply reply = SERVO_TRY(http->send(to));
        lines->give_back(url, std::move(http));
        server::Response response;
        response.status = reply.status;
        response.content_type = reply.content_type;
        response.body = reply.body;
        response.headers = reply.headers;
        if (reply.retry_after_s) {
            response.headers.emplace_back("Retry-After", std::to_string(*reply.retry_after_s));
        }
        return response;
    };
    peers.reach = reach;
    return peers;
}

}  // namespace servo::apps

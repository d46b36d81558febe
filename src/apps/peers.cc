#include "apps/peers.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/url.hpp>
#include <cerrno>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "base/text.h"
#include "client/http.h"

namespace servo::apps {
namespace {

constexpr int kConnectWaitMs = 1'000;
constexpr size_t kIdleMax = 32;  // connections kept to one server
constexpr std::string_view kTrustAdvice =
    "Start each server with --peer-ca FILE, the authority that signed it, and with --peer-name "
    "NAME where it is for another name than that address.";

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
             std::string(kTrustAdvice),
             tls_.name}
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

// 0, or why there is no connection.
int connected(int fd, const addrinfo& address) {
    int error = ::connect(fd, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        pollfd wait{fd, POLLOUT, 0};
        socklen_t size = sizeof error;
        if (::poll(&wait, 1, kConnectWaitMs) != 1 ||
            ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
            error = ETIMEDOUT;
        }
    }
    return error;
}

server::Reach connect_to(const addrinfo& address, Millis hold) {
    const int fd = ::socket(
        address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address.ai_protocol
    );
    if (fd < 0) {
        return server::Reach::kSilent;
    }
    server::Reach outcome = server::Reach::kSilent;
    if (const int error = connected(fd, address); error == ECONNREFUSED) {
        outcome = server::Reach::kRefused;
    } else if (error == 0) {
        // Asked nothing, the other end says nothing, until it closes.
        pollfd wait{fd, POLLIN | POLLRDHUP, 0};
        const bool ended = ::poll(&wait, 1, static_cast<int>(hold.count())) == 1;
        outcome = ended ? server::Reach::kClosed : server::Reach::kListens;
    }
    ::close(fd);
    return outcome;
}

server::Reach reach(const std::string& url, Millis hold) {
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
    // A name may have several addresses, and the server listens at one of them.
    server::Reach outcome = server::Reach::kRefused;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
        const server::Reach here = connect_to(*one, hold);
        if (here == server::Reach::kListens || here == server::Reach::kClosed) {
            outcome = here;
            break;
        }
        outcome = here == server::Reach::kSilent ? here : outcome;
    }
    ::freeaddrinfo(found);
    return outcome;
}

// A process that led at our own address, on this machine, and whose number nobody has any more: we
// were started in its place.
bool was_here(const store::LeaderRow& leader, const store::Candidate& self) {
    const size_t colon = leader.holder.rfind(':');
    if (colon == std::string::npos || leader.url != self.url ||
        leader.holder.substr(0, colon) != self.holder.substr(0, self.holder.rfind(':'))) {
        return false;
    }
    const auto pid = parse_integer(leader.holder.substr(colon + 1), 1, INT32_MAX);
    return pid && ::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH;
}

}  // namespace

server::Peers make_peers(const store::Candidate& self, PeerTls tls) {
    server::Peers peers;
    peers.name = tls.name;
    auto lines = std::make_shared<Lines>(std::move(tls));
    peers.forward = [lines](
                        const std::string& url,
                        const server::Request& request,
                        Millis timeout,
                        const std::stop_token& given_up
                    ) -> Result<server::Response> {
        const client::HttpRequest to = SERVO_TRY(request_of(request, timeout));
        auto http = lines->take(url);
        const auto send = [&] {
            const std::stop_callback abort(given_up, [&http] { http->abort(); });
            return http->send(to);
        };
        const client::HttpReply reply = SERVO_TRY(send());
        if (!given_up.stop_requested()) {  // else no later call would get through
            lines->give_back(url, std::move(http));
        }
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
    peers.reach = [self](const store::LeaderRow& leader, Millis hold) {
        return was_here(leader, self) ? server::Reach::kGone : reach(leader.url, hold);
    };
    return peers;
}

}  // namespace servo::apps

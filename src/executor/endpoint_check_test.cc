#include "executor/endpoint_check.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstdlib>
#include <future>

#include "executor/os.h"

namespace servo::executor {
namespace {

// Listens on loopback and gives each connection the same answer; an empty one is none at all.
class Endpoint {
 public:
    explicit Endpoint(std::string answer) : answer_(std::move(answer)) {
        listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(listener_.get(), 8), 0);
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~Endpoint() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    std::string url(const std::string& scheme = "http") const {
        return scheme + "://127.0.0.1:" + std::to_string(port_) + "/health?x=1";
    }
    // What the first connection sent; when it has ended.
    std::string request() { return request_.get_future().get(); }

 private:
    void serve() {
        for (bool first = true;; first = false) {
            const UniqueFd peer(::accept(listener_.get(), nullptr, nullptr));
            if (!peer) {
                return;
            }
            std::string got;
            char buffer[4'096];
            bool answered = answer_.empty();
            for (;;) {  // until the client hangs up
                const ssize_t size = ::recv(peer.get(), buffer, sizeof buffer, 0);
                if (size <= 0) {
                    break;
                }
                got.append(buffer, static_cast<size_t>(size));
                if (!answered && (got.find("\r\n\r\n") != std::string::npos || got[0] == 0x16)) {
                    answered = true;
                    ::send(peer.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
                    ::shutdown(peer.get(), SHUT_WR);
                }
            }
            if (first) {
                request_.set_value(got);
            }
        }
    }

    std::string answer_;
    UniqueFd listener_;
    uint16_t port_ = 0;
    std::promise<std::string> request_;
    std::thread thread_;
};

std::string answer(const std::string& status, const std::string& body = "") {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nConnection: close\r\n\r\n" + body;
}

api::EndpointResult check(const std::string& url, int64_t timeout_ms = 20'000) {
    return check_endpoint({url, timeout_ms, {}, {}});
}

TEST(EndpointCheck, AnEndpointThatAnswersHasATimeForEachPhase) {
    Endpoint endpoint(answer("200 OK", "fine"));
    const auto result = check(endpoint.url());
    EXPECT_EQ(result.verdict, "ok") << result.message;
    EXPECT_EQ(result.status, 200);
    EXPECT_EQ(result.address, "127.0.0.1");
    EXPECT_TRUE(result.connect_ms.has_value());
    EXPECT_FALSE(result.tls_ms.has_value());
    EXPECT_TRUE(result.first_byte_ms.has_value());
    EXPECT_GT(result.total_ms, 0);
    EXPECT_TRUE(endpoint.request().starts_with("GET /health?x=1 HTTP/1.1\r\n"));
}

TEST(EndpointCheck, StatusesBecomeVerdicts) {
    EXPECT_EQ(check(Endpoint(answer("401 Unauthorized")).url()).verdict, "credentials_refused");
    EXPECT_EQ(check(Endpoint(answer("403 Forbidden")).url()).verdict, "credentials_refused");
    const auto away = check(Endpoint(answer("503 Service Unavailable")).url());
    EXPECT_EQ(away.verdict, "bad_status");
    EXPECT_EQ(away.status, 503);
}

TEST(EndpointCheck, SaysInWhichPhaseItFailed) {
    uint16_t port = 0;
    {
        const Endpoint gone("");
        port = static_cast<uint16_t>(std::atoi(gone.url().c_str() + 17));
    }
    const auto refused = check("http://127.0.0.1:" + std::to_string(port) + "/");
    EXPECT_EQ(refused.verdict, "not_connected");
    EXPECT_EQ(refused.status, 0);
    EXPECT_FALSE(refused.first_byte_ms.has_value());
    EXPECT_FALSE(refused.message.empty());

    const Endpoint silent("");
    const auto slow = check(silent.url(), 200);
    EXPECT_EQ(slow.verdict, "timed_out");
    EXPECT_TRUE(slow.connect_ms.has_value());
    EXPECT_FALSE(slow.first_byte_ms.has_value());

    const Endpoint plain(answer("400 Bad Request"));
    const auto untrusted = check(plain.url("https"));
    EXPECT_EQ(untrusted.verdict, "tls_failed");
    EXPECT_TRUE(untrusted.connect_ms.has_value());
    EXPECT_FALSE(untrusted.tls_ms.has_value());
    EXPECT_EQ(check("http://nobody.invalid/").verdict, "unknown_host");
}

TEST(EndpointCheck, NothingLeadsItElsewhere) {
    EXPECT_EQ(check("file:///etc/passwd").verdict, "bad_url");
    EXPECT_EQ(check("ftp://127.0.0.1/").verdict, "bad_url");
    const auto user = check("http://me:secret@127.0.0.1/");
    EXPECT_EQ(user.verdict, "bad_url");
    EXPECT_EQ(user.url, "(hidden)");

    Endpoint target(answer("200 OK"));
    const Endpoint redirect(
        "HTTP/1.1 302 Found\r\nLocation: " + target.url() +
        "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    EXPECT_EQ(check(redirect.url()).status, 302);  // and that is all
    ::setenv("http_proxy", target.url().c_str(), 1);
    EXPECT_EQ(check(redirect.url()).status, 302);
    ::unsetenv("http_proxy");
}

TEST(EndpointCheck, LinkLocalAndMetadataAddressesAreNeverConnectedTo) {
    for (const char* url :
         {"http://169.254.169.254/latest/meta-data/",
          "http://0251.0376.0251.0376/",
          "http://2852039166/",
          "http://0xa9fea9fe/",
          "http://[::ffff:169.254.169.254]/",
          "http://[64:ff9b::a9fe:a9fe]/",
          "http://[fe80::1]/",
          "http://[fd00:ec2::254]/",
          "http://100.100.100.200/",
          "http://224.0.0.1/"}) {
        const auto result = check(url, 2'000);
        EXPECT_EQ(result.verdict, "blocked_address") << url << ": " << result.message;
        EXPECT_EQ(result.status, 0) << url;
    }
}

TEST(EndpointCheck, AnEndlessBodyIsCutAndItsStatusCounts) {
    const Endpoint endpoint(answer("200 OK", std::string(4 * kCheckBodyBytesMax, 'x')));
    const auto result = check(endpoint.url());
    EXPECT_EQ(result.verdict, "ok") << result.message;
    EXPECT_EQ(result.status, 200);
}

TEST(EndpointCheck, HeadersCarrySecretsThatOnlyTheEndpointSees) {
    ::setenv("TEST_POOL_TOKEN", "very-secret-value", 1);
    Endpoint endpoint(answer("200 OK"));
    api::EndpointAsk ask{endpoint.url(), 20'000, {{"X-Key", {"TEST_POOL_TOKEN", ""}}}, {}};
    ask.bearer = {"TEST_POOL_TOKEN", ""};
    const auto result = check_endpoint(ask);
    EXPECT_EQ(result.verdict, "ok");
    const std::string request = endpoint.request();
    EXPECT_NE(request.find("Authorization: Bearer very-secret-value\r\n"), std::string::npos);
    EXPECT_NE(request.find("X-Key: very-secret-value\r\n"), std::string::npos);
    ::unsetenv("TEST_POOL_TOKEN");
    const auto without = check_endpoint(ask);
    EXPECT_EQ(without.verdict, "no_credentials");
    EXPECT_NE(without.message.find("TEST_POOL_TOKEN"), std::string::npos);
}

TEST(EndpointCheck, TheCheckerAnswersEveryAskAndNoMoreThanSomeWait) {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<api::CheckAnswer> answers;
    const Endpoint silent("");
    EndpointChecker checker([&](api::CheckAnswer answer) {
        const std::lock_guard lock(mutex);
        answers.push_back(std::move(answer));
        changed.notify_all();
    });
    const size_t asked = kChecksWaitingMax + 2;  // one runs at most, the others wait
    for (size_t i = 0; i < asked; ++i) {
        checker.submit({static_cast<int64_t>(i), {{silent.url(), 100, {}, {}}}});
    }
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(60), [&] {
        return answers.size() == asked;
    }));
    size_t refused = 0;
    for (const api::CheckAnswer& one : answers) {
        refused += one.endpoints.at(0).verdict == "failed" ? 1 : 0;
    }
    EXPECT_GE(refused, 1U);
    EXPECT_LE(refused, 2U);
}

}  // namespace
}  // namespace servo::executor

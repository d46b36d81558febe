// The libcurl transport against a real socket, and the retry rules against a scripted one.
#include "client/http.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <thread>

#include "client/client.h"

namespace servo::client {
namespace {

// Listens on loopback; answers each request with the next scripted text, hangs up where that is
// empty, or holds it when there is none. Counts connections and requests.
class TinyServer {
 public:
    explicit TinyServer(std::vector<std::string> answers) : answers_(std::move(answers)) {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(0, bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address));
        EXPECT_EQ(0, listen(listener_, 8));
        socklen_t size = sizeof address;
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~TinyServer() {
        shutdown(listener_, SHUT_RDWR);
        if (const int open = connection_.load(); open >= 0) {
            shutdown(open, SHUT_RDWR);
        }
        thread_.join();
        close(listener_);
    }

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    int connections() const { return connections_; }
    const std::string& last_request() const { return last_request_; }
    // Returns once a request is held without an answer.
    void wait_until_held() { held_.wait(false); }

 private:
    void run() {
        for (;;) {
            const int fd = accept(listener_, nullptr, nullptr);
            if (fd < 0) {
                return;
            }
            ++connections_;
            connection_ = fd;
            serve(fd);
            connection_ = -1;
            close(fd);
        }
    }

    void serve(int fd) {
        std::string buffer;
        char piece[4096];
        for (;;) {
            const ssize_t size = recv(fd, piece, sizeof piece, 0);
            if (size <= 0) {
                return;
            }
            buffer.append(piece, static_cast<size_t>(size));
            const size_t head = buffer.find("\r\n\r\n");
            if (head == std::string::npos || buffer.size() < head + 4 + body_size(buffer)) {
                continue;
            }
            last_request_ = buffer;
            buffer.clear();
            if (next_ >= answers_.size()) {
                held_ = true;
                held_.notify_all();
                continue;
            }
            const std::string& answer = answers_[next_++];
            if (answer.empty()) {
                return;
            }
            EXPECT_EQ(
                static_cast<ssize_t>(answer.size()), send(fd, answer.data(), answer.size(), 0)
            );
        }
    }

    static size_t body_size(const std::string& request) {
        const size_t at = request.find("Content-Length: ");
        return at == std::string::npos ? 0 : std::stoul(request.substr(at + 16));
    }

    std::vector<std::string> answers_;
    size_t next_ = 0;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<int> connections_{0};
    std::atomic<int> connection_{-1};
    std::atomic<bool> held_{false};
    std::string last_request_;
    std::thread thread_;
};

std::string answer(int status, const std::string& body, const std::string& headers = "") {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: application/json\r\n" +
           headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::unique_ptr<Http> http_to(const std::string& url) {
    return make_curl_http({url, "secret", "servo-test", ""});
}

TEST(CurlHttp, KeepsTheConnectionAndSendsTokenAndBody) {
    TinyServer server({answer(200, "{}"), answer(201, "{\"a\":1}")});
    const auto http = http_to(server.url());
    HttpRequest get;
    get.target = "/one";
    ASSERT_TRUE(http->send(get).has_value());
    HttpRequest post;
    post.method = Method::kPost;
    post.target = "/two";
    post.body = "{\"x\":true}";
    const auto reply = http->send(post);
    ASSERT_TRUE(reply.has_value()) << reply.error().message;
    EXPECT_EQ(reply->status, 201);
    EXPECT_EQ(reply->body, "{\"a\":1}");
    EXPECT_EQ(server.connections(), 1);
    EXPECT_TRUE(server.last_request().starts_with("POST /two HTTP/1.1\r\n"));
    EXPECT_NE(server.last_request().find("Authorization: Bearer secret\r\n"), std::string::npos);
    EXPECT_TRUE(server.last_request().ends_with("\r\n\r\n{\"x\":true}"));
}

TEST(CurlHttp, AnErrorStatusIsAReply) {
    TinyServer server({answer(503, "{}", "Retry-After: 7\r\n")});
    const auto reply = http_to(server.url())->send({});
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->status, 503);
    EXPECT_EQ(reply->retry_after_s, 7);
}

TEST(CurlHttp, NobodyListensIsUnavailableAndSaysWhatItsUserCanDo) {
    std::string url;
    {
        TinyServer gone({});
        url = gone.url();
    }
    HttpOptions options;
    options.server = url;
    for (const char* advice : {"", "Do this."}) {
        options.if_unreachable = advice;
        const auto reply = make_curl_http(options)->send({});
        ASSERT_FALSE(reply.has_value());
        EXPECT_EQ(reply.error().reason, "server_unreachable");
        EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
        EXPECT_TRUE(reply.error().message.ends_with(*advice == '\0' ? ")." : "). Do this."))
            << reply.error().message;
    }
}

std::string said_of_failure(HttpOptions options) {
    options.if_unreachable = "Start one.";
    const auto reply = make_curl_http(std::move(options))->send({});
    EXPECT_FALSE(reply.has_value());
    return reply ? "" : reply.error().reason + ": " + reply.error().message;
}

TEST(CurlHttp, AServerThatHangsUpIsThereAndMaySpeakTls) {
    TinyServer server({""});
    HttpOptions options;
    options.server = server.url();
    const std::string said = said_of_failure(options);
    EXPECT_EQ(said.find("Start one."), std::string::npos) << said;
    EXPECT_NE(said.find("https://"), std::string::npos) << said;
}

TEST(CurlHttp, AnAuthorityThatCannotBeReadIsNamed) {
    TinyServer server({});
    HttpOptions options;
    options.server = "https" + server.url().substr(4);
    options.ca_file = "/no/such/file.pem";
    const std::string said = said_of_failure(options);
    EXPECT_TRUE(said.starts_with("tls_failed: ")) << said;
    EXPECT_NE(said.find("cannot be read"), std::string::npos) << said;
    EXPECT_NE(said.find("/no/such/file.pem"), std::string::npos) << said;
}

TEST(CurlHttp, ASilentServerTimesOut) {
    TinyServer server({});
    HttpRequest request;
    request.timeout = Millis(1'000);
    const auto reply = http_to(server.url())->send(request);
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().reason, "request_timed_out");
    EXPECT_EQ(reply.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(CurlHttp, ASilentServerTimesOutOnAConnectionThatItKept) {
    TinyServer server({answer(200, "{}")});
    TinyServer other({answer(200, "{}")});
    const auto http = http_to(server.url() + "," + other.url());
    HttpRequest request;
    request.timeout = Millis(1'000);
    // The only answer went to the question whether it lives; the call itself may have been taken.
    EXPECT_EQ(http->send(request).error().reason, "request_timed_out");
    EXPECT_EQ(server.connections(), 1);
    EXPECT_EQ(other.connections(), 0);
}

TEST(CurlHttp, WhatMayBeRepeatedGoesOnToAnotherServer) {
    TinyServer server({answer(200, "{}")});
    TinyServer other({answer(200, "{}"), answer(200, "{}")});
    HttpRequest request;
    request.timeout = Millis(1'000);
    request.repeatable = true;
    EXPECT_EQ(http_to(server.url() + "," + other.url())->send(request).value().status, 200);
}

TEST(CurlHttp, AServerThatSaysItIsStalledIsPassedBy) {
    TinyServer stalled({answer(503, "{}")});
    TinyServer other({answer(200, "{}")});
    EXPECT_EQ(http_to(stalled.url() + "," + other.url())->send({}).value().status, 200);
    EXPECT_EQ(other.connections(), 1);
}

TEST(CurlHttp, AbortEndsACallUnderWayAndAllLaterOnes) {
    TinyServer server({});
    const auto http = http_to(server.url());
    Result<HttpReply> reply = HttpReply{};
    std::thread caller([&] { reply = http->send({}); });
    server.wait_until_held();
    http->abort();
    caller.join();
    ASSERT_FALSE(reply.has_value());
    EXPECT_EQ(reply.error().reason, "aborted");
    EXPECT_EQ(http->send({}).error().reason, "aborted");
    EXPECT_FALSE(http->pause(Millis(60'000)));
}

TEST(CurlHttp, ChunksOfASuccessAreHandedOver) {
    TinyServer server({answer(200, "some text")});
    HttpRequest request;
    std::string text;
    request.on_chunk = [&text](std::string_view piece) {
        text += piece;
        return true;
    };
    const auto reply = http_to(server.url())->send(request);
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(text, "some text");
    EXPECT_EQ(reply->body, "");
}

std::string closed_url() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(0, bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address));
    socklen_t size = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    close(fd);
    return "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

TEST(CurlHttp, OfSeveralServersTheOneThatListensIsAsked) {
    TinyServer server({answer(200, "{}"), answer(200, "{}")});
    const auto http = http_to(closed_url() + "," + server.url());
    EXPECT_EQ(http->send({}).value().status, 200);
    EXPECT_EQ(http->send({}).value().status, 200);
    EXPECT_EQ(server.connections(), 1) << "it stays where it was answered";
}

TEST(CurlHttp, OfSeveralServersOneThatHangsIsGivenNoCall) {
    TinyServer hangs({});
    TinyServer server({answer(200, "{}"), answer(200, "{}")});
    const auto http = http_to(hangs.url() + "," + server.url());
    HttpRequest request;
    request.target = "/one";
    EXPECT_EQ(http->send(request).value().status, 200);
    EXPECT_EQ(http->send(request).value().status, 200);
    hangs.wait_until_held();
    EXPECT_TRUE(hangs.last_request().starts_with("GET /livez "));
    EXPECT_TRUE(server.last_request().starts_with("GET /one "));
}

TEST(CurlHttp, FollowsTheLeaderThatAServerNamesAndComesBackWhenItIsGone) {
    auto leader = std::make_unique<TinyServer>(std::vector<std::string>{
        answer(200, "{\"leads\":true}"), answer(200, "{}")});
    TinyServer standby(
        {answer(503, "{}", "Servo-Leader: " + leader->url() + "\r\n"), answer(200, "{}")}
    );
    const auto http = http_to(standby.url());
    EXPECT_EQ(http->send({}).value().body, "{\"leads\":true}");
    EXPECT_NE(leader->last_request().find("Bearer secret"), std::string::npos);
    EXPECT_EQ(http->send({}).value().status, 200);
    leader.reset();
    EXPECT_EQ(http->send({}).value().status, 200);
}

// A standby names the leader that it knows; when that one is gone, another may know the next.
TEST(CurlHttp, WhenTheNamedLeaderIsGoneAnotherServerIsAsked) {
    TinyServer stale(std::vector<std::string>(
        8, answer(503, "{}", "Servo-Leader: " + closed_url() + "\r\nRetry-After: 1\r\n")
    ));
    TinyServer leads({answer(200, "{}")});
    auto http = make_curl_http({stale.url() + "," + leads.url(), "", "test", ""});
    const auto reply = http->send({});
    ASSERT_TRUE(reply.has_value()) << reply.error().message;
    EXPECT_EQ(reply->status, 200);
}

TEST(CurlHttp, TheTokenFollowsToNoStrangeAddress) {
    TinyServer standby({answer(503, "{}", "Servo-Leader: http://u:p@127.0.0.1:1\r\n")});
    EXPECT_EQ(http_to(standby.url())->send({}).value().status, 503);
}

TEST(ServerUrl, ListsAreChecked) {
    EXPECT_EQ(check_server_url("http://a:1/,https://b").value(), "http://a:1,https://b");
    EXPECT_FALSE(check_server_url("http://a:1,").has_value());
    EXPECT_FALSE(check_server_url("http://a,ftp://b").has_value());
}

TEST(ServerUrl, IsChecked) {
    EXPECT_EQ(check_server_url("http://127.0.0.1:7420/").value(), "http://127.0.0.1:7420");
    EXPECT_EQ(check_server_url("https://servo.example.com").value(), "https://servo.example.com");
    for (const char* bad :
         {"",
          "127.0.0.1:7420",
          "ftp://x",
          "http://",
          "http://u:p@x",
          "http://x/path",
          "http://x?q",
          "http://x y"}) {
        EXPECT_FALSE(check_server_url(bad).has_value()) << bad;
    }
}

// --- retries ---------------------------------------------------------------------------------

class ScriptedHttp final : public Http {
 public:
    Result<HttpReply> send(const HttpRequest& request) override {
        requests.push_back(request);
        if (replies.empty()) {
            return fail(internal("script", "The script has ended."));
        }
        HttpReply reply = replies.front();
        replies.pop_front();
        return reply;
    }
    void abort() override { aborted = true; }
    bool pause(Millis duration) override {
        paused.push_back(duration);
        return !aborted;
    }

    std::deque<HttpReply> replies;
    std::vector<HttpRequest> requests;
    std::vector<Millis> paused;
    bool aborted = false;
};

HttpReply reply_of(int status, const std::string& body, std::optional<int> retry_after = {}) {
    HttpReply reply;
    reply.status = status;
    reply.content_type = "application/json";
    reply.retry_after_s = retry_after;
    reply.body = body;
    return reply;
}

constexpr const char* kOverloaded =
    R"({"code":"unavailable","reason":"starting","detail":"Not yet.","status":503})";

struct Retries : testing::Test {
    Retries() {
        auto owned = std::make_unique<ScriptedHttp>();
        http = owned.get();
        client = std::make_unique<Client>(std::move(owned), ClientOptions{"acme", "ann"});
    }
    ScriptedHttp* http = nullptr;
    std::unique_ptr<Client> client;
};

TEST_F(Retries, AReadIsRepeatedAsLongAsTheServerSaysSo) {
    http->replies = {
        reply_of(503, kOverloaded, 2),
        reply_of(503, kOverloaded),
        reply_of(200, R"({"items":[]})")};
    EXPECT_TRUE(client->list_pools().has_value());
    EXPECT_EQ(http->paused, (std::vector<Millis>{Millis(2'000), kRetryPauseFirst}));
}

TEST_F(Retries, TriesAndTimeAreLimited) {
    http->replies.assign(20, reply_of(503, kOverloaded));
    EXPECT_EQ(client->list_pools().error().reason, "starting");
    EXPECT_EQ(http->requests.size(), static_cast<size_t>(kTriesMax));
    http->requests.clear();
    http->replies.assign(20, reply_of(503, kOverloaded, 10));
    EXPECT_FALSE(client->list_pools().has_value());
    EXPECT_EQ(http->requests.size(), 2U);  // a third would end beyond kRetryFor
}

TEST_F(Retries, AStartIsRepeatedOnlyUnderAKey) {
    http->replies.assign(4, reply_of(503, kOverloaded));
    EXPECT_FALSE(client->start_backfill({}, "").has_value());
    EXPECT_EQ(http->requests.size(), 1U);
    http->replies = {reply_of(503, kOverloaded), reply_of(201, "{}")};
    http->requests.clear();
    (void)client->start_backfill({}, "key-1");
    ASSERT_EQ(http->requests.size(), 2U);
    EXPECT_EQ(http->requests[0].headers, http->requests[1].headers);
    EXPECT_EQ(http->requests[0].body, http->requests[1].body);
    EXPECT_EQ(http->requests[0].headers.back().second, "key-1");
}

TEST_F(Retries, OtherErrorsAreNotRepeated) {
    http->replies.assign(3, reply_of(500, R"({"code":"internal","reason":"x","detail":"Oh."})"));
    EXPECT_EQ(client->list_pools().error().code, ErrorCode::kInternal);
    EXPECT_EQ(http->requests.size(), 1U);
}

TEST_F(Retries, AbortEndsTheWaiting) {
    http->replies.assign(3, reply_of(503, kOverloaded));
    http->aborted = true;
    EXPECT_EQ(client->list_pools().error().reason, "aborted");
}

TEST_F(Retries, TheTenantGoesAlongWhereItIsMeant) {
    http->replies.assign(2, reply_of(200, R"({"items":[]})"));
    ASSERT_TRUE(client->list_pools().has_value());
    ASSERT_TRUE(client->list_executors("up").has_value());
    EXPECT_EQ(http->requests[0].target, "/v1/pools?tenant=acme");
    EXPECT_EQ(http->requests[1].target, "/v1/executors?state=up");
}

TEST_F(Retries, AnAnswerOfAnotherFormIsSaid) {
    http->replies = {reply_of(200, "<html>")};
    EXPECT_EQ(client->list_pools().error().reason, "bad_reply");
}

TEST(IdempotencyKey, IsNeverTheSame) {
    EXPECT_NE(new_idempotency_key(), new_idempotency_key());
    EXPECT_GE(new_idempotency_key().size(), 25U);
}

}  // namespace
}  // namespace servo::client

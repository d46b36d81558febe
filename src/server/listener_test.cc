// The HTTP layer with real sockets and a handler of the test's own: what it bears, and what it
// refuses.
#include "server/listener.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "api/problem.h"
#include "server/http_client_test.h"

namespace servo::server {
namespace {

constexpr size_t kTestBodyMax = 1000;

Response text(std::string body) {
    Response response;
    response.body = std::move(body);
    return response;
}

class ListenerTest : public ::testing::Test {
 protected:
    void serve(HttpHandler handler) {
        options_.port = 0;
        listener_ = std::make_unique<Listener>(
            options_,
            std::move(handler),
            [](const std::string&, const std::string&) { return kTestBodyMax; }
        );
        const Status started = listener_->start();
        ASSERT_TRUE(started) << started.error().message;
    }
    void serve_echo() {
        serve([](Request&& request, std::shared_ptr<Responder> responder) {
            responder->send(text(request.method + " " + request.target + " " + request.body));
        });
    }
    int port() const { return listener_->port(); }
    static std::string reason(const TestReply& reply) {
        return api::error_from_problem(reply.status, reply.body).reason;
    }

    ListenerOptions options_;
    std::unique_ptr<Listener> listener_;
};

TEST_F(ListenerTest, AnswersSeveralRequestsOnOneConnection) {
    serve_echo();
    TestConnection connection(port());
    for (int i = 0; i < 3; ++i) {
        connection.send(request_text("POST", "/x?n=" + std::to_string(i), "body"));
        const TestReply reply = connection.read_reply();
        EXPECT_EQ(reply.status, 200);
        EXPECT_EQ(reply.body, "POST /x?n=" + std::to_string(i) + " body");
        EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
    }
}

TEST_F(ListenerTest, PipelinedRequestsAreAnsweredOneAfterTheOther) {
    serve_echo();
    TestConnection connection(port());
    connection.send(
        request_text("GET", "/1") + request_text("GET", "/2") + request_text("GET", "/3")
    );
    EXPECT_EQ(connection.read_reply().body, "GET /1 ");
    EXPECT_EQ(connection.read_reply().body, "GET /2 ");
    EXPECT_EQ(connection.read_reply().body, "GET /3 ");
}

TEST_F(ListenerTest, ConnectionCloseIsHonoured) {
    serve_echo();
    TestConnection connection(port());
    connection.send(request_text("GET", "/", "", "Connection: close\r\n"));
    EXPECT_EQ(connection.read_reply().status, 200);
    EXPECT_TRUE(connection.closed_by_peer());
}

TEST_F(ListenerTest, BodyBeyondTheLimitIsRefusedWithoutReadingIt) {
    serve_echo();
    TestConnection connection(port());
    connection.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n");
    const TestReply reply = connection.read_reply();
    EXPECT_EQ(reply.status, 413);
    EXPECT_EQ(reason(reply), "body_too_large");
    EXPECT_EQ(fetch(port(), "POST", "/", std::string(kTestBodyMax, 'x')).status, 200);
}

TEST_F(ListenerTest, AClientThatSendsItsWholeBodyStillSeesTheRefusal) {
    serve_echo();
    const TestReply reply = fetch(port(), "POST", "/", std::string(8 * 1024 * 1024, 'x'));
    EXPECT_EQ(reply.status, 413);
}

TEST_F(ListenerTest, ChunkedBodyBeyondTheLimitIsRefused) {
    serve_echo();
    TestConnection connection(port());
    connection.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    connection.send("7d0\r\n" + std::string(2000, 'x') + "\r\n0\r\n\r\n");
    EXPECT_EQ(connection.read_reply().status, 413);
}

TEST_F(ListenerTest, HugeHeaderIsRefused) {
    serve_echo();
    const TestReply reply =
        fetch(port(), "GET", "/", "", "X-Long: " + std::string(kHeaderBytesMax, 'x') + "\r\n");
    EXPECT_EQ(reply.status, 431);
    EXPECT_EQ(reason(reply), "headers_too_large");
}

TEST_F(ListenerTest, WhatIsNoHttpIsRefused) {
    serve_echo();
    TestConnection connection(port());
    connection.send("hello there\r\n\r\n");
    const TestReply reply = connection.read_reply();
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reason(reply), "bad_request");
    EXPECT_TRUE(connection.closed_by_peer());
}

TEST_F(ListenerTest, AHeaderThatDripsInIsGivenUp) {
    options_.header_timeout = Millis(50);
    serve_echo();
    TestConnection connection(port());
    connection.send("GET / HTTP/1.1\r\nHost: local");
    EXPECT_EQ(connection.read_reply().status, 0);
    EXPECT_TRUE(connection.closed_by_peer());
}

TEST_F(ListenerTest, ABodyThatDripsInIsGivenUp) {
    options_.body_timeout = Millis(50);
    serve_echo();
    TestConnection connection(port());
    connection.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
    EXPECT_EQ(connection.read_reply().status, 0);
}

TEST_F(ListenerTest, AnIdleConnectionIsClosed) {
    options_.idle_timeout = Millis(50);
    serve_echo();
    TestConnection connection(port());
    EXPECT_TRUE(connection.closed_by_peer());
}

TEST_F(ListenerTest, ConnectionsAreCapped) {
    options_.connections_max = 2;
    serve_echo();
    TestConnection first(port());
    TestConnection second(port());
    first.send(request_text("GET", "/"));
    EXPECT_EQ(first.read_reply().status, 200);
    second.send(request_text("GET", "/"));
    EXPECT_EQ(second.read_reply().status, 200);
    TestConnection third(port());
    const TestReply refused = third.read_reply();
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(reason(refused), "too_many_connections");
    EXPECT_FALSE(refused.header("Retry-After").empty());
    first.send(request_text("GET", "/"));
    EXPECT_EQ(first.read_reply().status, 200);
}

TEST_F(ListenerTest, ExpectContinueIsAnswered) {
    serve_echo();
    TestConnection connection(port());
    connection.send(
        "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    );
    EXPECT_EQ(connection.read_reply().status, 100);
    connection.send("ok");
    EXPECT_EQ(connection.read_reply().body, "POST / ok");
}

TEST_F(ListenerTest, AnswersMayComeFromAnotherThread) {
    std::vector<std::thread> threads;
    serve([&threads](Request&& request, std::shared_ptr<Responder> responder) {
        threads.emplace_back([target = request.target, responder = std::move(responder)] {
            responder->send_made([target] { return text(target); });
            responder->send(text("a second answer is ignored"));
        });
    });
    TestConnection connection(port());
    connection.send(request_text("GET", "/later"));
    EXPECT_EQ(connection.read_reply().body, "/later");
    connection.send(request_text("GET", "/again"));
    EXPECT_EQ(connection.read_reply().body, "/again");
    for (std::thread& thread : threads) {
        thread.join();
    }
}

TEST_F(ListenerTest, ADroppedResponderAnswersUnavailable) {
    serve([](Request&&, std::shared_ptr<Responder>) {});
    EXPECT_EQ(fetch(port(), "GET", "/").status, 503);
}

TEST_F(ListenerTest, StopLetsAnAnswerUnderWayGoOut) {
    std::mutex mutex;
    std::condition_variable arrived;
    std::shared_ptr<Responder> held;
    options_.stop_grace = Millis(60'000);
    serve([&](Request&&, std::shared_ptr<Responder> responder) {
        const std::lock_guard lock(mutex);
        held = std::move(responder);
        arrived.notify_all();
    });
    TestConnection connection(port());
    connection.send(request_text("GET", "/"));
    {
        std::unique_lock lock(mutex);
        arrived.wait(lock, [&] { return held != nullptr; });
    }
    std::thread stopper([this] { listener_->stop(); });
    held->send(text("done"));
    held.reset();
    EXPECT_EQ(connection.read_reply().body, "done");
    stopper.join();
    EXPECT_TRUE(connection.closed_by_peer());
}

TEST_F(ListenerTest, StopCutsWhatMayBeCutAndLateAnswersDoNoHarm) {
    std::mutex mutex;
    std::condition_variable arrived;
    std::shared_ptr<Responder> held;
    options_.stop_grace = Millis(60'000);
    serve([&](Request&&, std::shared_ptr<Responder> responder) {
        responder->may_be_cut();
        const std::lock_guard lock(mutex);
        held = std::move(responder);
        arrived.notify_all();
    });
    TestConnection connection(port());
    connection.send(request_text("GET", "/"));
    {
        std::unique_lock lock(mutex);
        arrived.wait(lock, [&] { return held != nullptr; });
    }
    listener_->stop();
    EXPECT_EQ(connection.read_reply().status, 0);
    listener_.reset();
    held->send(text("too late"));
    held.reset();
}

TEST_F(ListenerTest, APortInUseIsSaidSo) {
    serve_echo();
    ListenerOptions same = options_;
    same.port = static_cast<uint16_t>(port());
    Listener second(
        same,
        [](Request&&, std::shared_ptr<Responder>) {},
        [](const std::string&, const std::string&) { return kTestBodyMax; }
    );
    const Status started = second.start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().reason, "port_in_use");
    EXPECT_NE(started.error().message.find(std::to_string(port())), std::string::npos);
}

}  // namespace
}  // namespace servo::server

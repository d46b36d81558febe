// A server that another one deposed: it hands requests on, sends executors to the leader, and says
// what it is.
#include "server/standby.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>

#include "server/full_server_test.h"

namespace servo::server {
namespace {

class StandbyTest : public testing::Test {
 protected:
    static ServerOptions with(Peers peers) {
        ServerOptions options;
        options.peers = std::move(peers);
        return options;
    }
    static Peers recording(std::mutex& mutex, std::deque<Request>& seen) {
        Peers peers;
        peers.forward = [&](const std::string& url, const Request& request, Millis) {
            const std::lock_guard lock(mutex);
            seen.push_back(request);
            Response response;
            response.status = 201;
            response.body = "{\"from\":\"" + url + "\"}";
            return Result<Response>(std::move(response));
        };
        return peers;
    }
    // Another server takes over; returns once this one knows.
    static void depose(TestServer& server) {
        ASSERT_TRUE(server.store().take_leadership({"other", "http://other:7420"}).has_value());
        const auto late =
            server.post("/v1/executor/register", R"({"executor":"x","session":5,"slots":1})");
        EXPECT_EQ(late.reason(), "not_leading");
        while (server.get("/readyz").text("role") != "standby") {
        }
    }

    std::mutex mutex_;
    std::deque<Request> seen_;
};

TEST_F(StandbyTest, PeoplesRequestsGoOnToTheLeaderWithTheirOwnCredentials) {
    TestServer server(with(recording(mutex_, seen_)));
    depose(server);
    const auto answer = server.post(
        "/v1/backfills?tenant=acme",
        "{\"asset\":\"x\"}",
        "Authorization: Bearer abc\r\nIdempotency-Key: k1\r\n"
    );
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.text("from"), "http://other:7420");
    ASSERT_EQ(seen_.size(), 1U);
    EXPECT_EQ(seen_[0].method, "POST");
    EXPECT_EQ(seen_[0].target, "/v1/backfills?tenant=acme");
    EXPECT_EQ(seen_[0].headers.authorization, "Bearer abc");
    EXPECT_EQ(seen_[0].headers.idempotency_key, "k1");
    EXPECT_EQ(seen_[0].body, "{\"asset\":\"x\"}");
}

TEST_F(StandbyTest, ARequestIsHandedOnOnce) {
    TestServer server(with(recording(mutex_, seen_)));
    depose(server);
    const auto answer = server.call("GET", "/v1/backfills", "", "Servo-Forwarded: 1\r\n");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.reason(), "not_leading");
    EXPECT_NE(answer.reply.header("Retry-After"), "");
    EXPECT_TRUE(seen_.empty());
}

TEST_F(StandbyTest, ExecutorsAreToldWhereTheLeaderIs) {
    TestServer server(with(recording(mutex_, seen_)));
    depose(server);
    const auto answer = server.post("/v1/executor/acquire", "{}");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.reply.header("Servo-Leader"), "http://other:7420");
    EXPECT_TRUE(seen_.empty());
}

TEST_F(StandbyTest, ItIsReadyAndSaysWhatItIs) {
    TestServer server(with(recording(mutex_, seen_)));
    EXPECT_EQ(server.get("/readyz").text("role"), "leader");
    depose(server);
    const auto ready = server.get("/readyz?verbose");
    EXPECT_EQ(ready.status, 200);
    EXPECT_EQ(ready.number("epoch"), 2);
    EXPECT_EQ(ready.text("leader_url"), "http://other:7420");
    EXPECT_EQ(server.get("/livez").status, 200);
}

TEST_F(StandbyTest, ASilentLeaderIsNamed) {
    Peers peers;
    peers.forward = [](const std::string&, const Request&, Millis) {
        return Result<Response>(fail(unavailable("server_unreachable", "nobody")));
    };
    TestServer server(with(std::move(peers)));
    depose(server);
    const auto answer = server.get("/v1/backfills");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.reason(), "leader_unreachable");
}

TEST_F(StandbyTest, ALeaderWhoseAddressIsClosedAfterItListenedIsGone) {
    std::atomic<bool> listens{true};
    std::atomic<int> asked{0};
    Peers peers;
    peers.reach = [&](const std::string&) {
        ++asked;
        asked.notify_all();
        return listens ? Reach::kListens : Reach::kRefused;
    };
    TestServer server(with(std::move(peers)));
    depose(server);
    asked.wait(0);
    listens = false;
    while (server.get("/readyz").text("role") != "leader") {
    }
    EXPECT_EQ(server.store().leader().value().holder, "test");
}

}  // namespace
}  // namespace servo::server

// A server that another one deposed: it hands requests on, sends executors to the leader, and says
// what it is.
#include "server/standby.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <stop_token>
#include <thread>

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
        peers.forward =
            [&](const std::string& url, const Request& request, Millis, const std::stop_token&) {
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
    EXPECT_EQ(answer.reply.header("Servo-Leader-Name"), "");
    EXPECT_TRUE(seen_.empty());
}

TEST_F(StandbyTest, ExecutorsAreToldTheNameThatTheLeadersCertificateIsFor) {
    Peers peers = recording(mutex_, seen_);
    peers.name = "servo-server";
    TestServer server(with(std::move(peers)));
    depose(server);
    const auto answer = server.post("/v1/executor/acquire", "{}");
    EXPECT_EQ(answer.reply.header("Servo-Leader"), "http://other:7420");
    EXPECT_EQ(answer.reply.header("Servo-Leader-Name"), "servo-server");
}

// A server that can read the definitions from the store, with a backfill that ended and one that is
// open; deposed.
class StandbyOfRecord : public StandbyTest {
 protected:
    StandbyOfRecord() {
        ServerOptions options = with(recording(mutex_, seen_));
        options.definitions = [this] {
            store::Definitions out;
            out.snapshot = server_->store().load(2).value();
            out.snapshot.jobs.clear();
            out.snapshot.grants.clear();
            out.as_of = instant_ms(1'700'000'000'000);
            return Result<store::Definitions>(std::move(out));
        };
        server_ = std::make_unique<TestServer>(std::move(options));
        server_->apply(asset_yaml("ended"));
        server_->apply(asset_yaml("open"));
        ended_ = start("ended");
        TestExecutor(*server_, "x1", 1).work();
        open_ = start("open");
        depose(*server_);
        seen_.clear();
    }
    std::string start(const std::string& asset) {
        const auto answer = server_->post(
            "/v1/backfills",
            R"({"asset":")" + asset + R"(","selection":{"start":"2024-01-01","end":"2024-01-03"}})"
        );
        EXPECT_EQ(answer.status, 200) << answer.reply.body;
        return answer.text("id");
    }
    // "here", as of when it is; or "leader".
    std::string answered_by(const std::string& target) {
        seen_.clear();
        const auto answer = server_->get(target);
        const std::string as_of(answer.reply.header("Servo-As-Of"));
        if (!seen_.empty()) {
            EXPECT_EQ(as_of, "") << target;
            return "leader";
        }
        EXPECT_EQ(answer.status, 200) << target << " " << answer.reply.body;
        EXPECT_EQ(as_of, "2023-11-14T22:13:20Z") << target;
        return "here";
    }

    std::unique_ptr<TestServer> server_;
    std::string ended_, open_;
};

TEST_F(StandbyOfRecord, AnswersWhatIsOverAndAsksTheLeaderForWhatRuns) {
    for (const std::string& target : std::vector<std::string>{
             "/v1/backfills/" + ended_,
             "/v1/backfills?status=completed",
             "/v1/backfills?asset=ended",
             "/v1/assets/ended/partitions",
             "/v1/assets/ended/partitions/2024-01-02",
             "/v1/assets/ended/revisions",
             "/v1/assets/open/revisions",
             "/v1/events",
             "/v1/events?tenant=default"}) {
        EXPECT_EQ(answered_by(target), "here") << target;
    }
    for (const std::string& target : std::vector<std::string>{
             "/v1/backfills/" + open_,
             "/v1/backfills",
             "/v1/assets/open/partitions",
             "/v1/assets/open/partitions/2024-01-02",
             "/v1/assets/open/partitions/2024-01-02/logs",
             "/v1/assets",
             "/v1/assets/unheard/revisions",
             "/v1/status"}) {
        EXPECT_EQ(answered_by(target), "leader") << target;
    }
    EXPECT_EQ(server_->get("/v1/backfills/" + ended_).text("state"), "completed");
}

// The one that handed it on wants the leader's word.
TEST_F(StandbyOfRecord, DoesNotAnswerWhatWasHandedOn) {
    const auto answer =
        server_->call("GET", "/v1/backfills/" + ended_, "", "Servo-Forwarded: 1\r\n");
    EXPECT_EQ(answer.reason(), "not_leading");
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
    peers.forward = [](const std::string&, const Request&, Millis, const std::stop_token&) {
        return Result<Response>(fail(unavailable("server_unreachable", "nobody")));
    };
    TestServer server(with(std::move(peers)));
    depose(server);
    const auto answer = server.get("/v1/backfills");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.reason(), "leader_unreachable");
}

// Frozen, say: it has the request, and another server takes its place before it answers.
TEST_F(StandbyTest, ARequestIsGivenUpWhenTheLeaderThatHasItIsReplaced) {
    std::atomic<bool> with_leader{false};
    Peers peers;
    peers.forward = [&](const std::string&, const Request&, Millis, const std::stop_token& given_up
                    ) {
        std::mutex mutex;
        std::condition_variable_any wake;
        std::unique_lock lock(mutex);
        with_leader = true;
        with_leader.notify_all();
        wake.wait(lock, given_up, [] { return false; });
        return Result<Response>(fail(unavailable("aborted", "given up")));
    };
    TestServer server(with(std::move(peers)));
    depose(server);
    TestServer::Answer answer;
    std::thread caller([&] { answer = server.get("/v1/backfills"); });
    with_leader.wait(false);
    EXPECT_TRUE(server.store().take_leadership({"third", "http://third:7420"}).has_value());
    caller.join();
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.reason(), "leader_replaced");
    EXPECT_EQ(answer.reply.header("Retry-After"), "1");
    EXPECT_NE(answer.reply.body.find("http://other:7420"), std::string::npos);
}

TEST_F(StandbyTest, ALeaderThatIsNotTrustedIsNamedWithWhatToSet) {
    Peers peers;
    peers.forward = [](const std::string&, const Request&, Millis, const std::stop_token&) {
        return Result<Response>(fail(unavailable("tls_failed", "Set --peer-name NAME.")));
    };
    TestServer server(with(std::move(peers)));
    depose(server);
    const auto answer = server.get("/v1/backfills");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.reason(), "leader_not_trusted");
    EXPECT_NE(answer.reply.body.find("Set --peer-name NAME."), std::string::npos);
}

TEST_F(StandbyTest, ALeaderWhoseAddressIsClosedAfterItListenedIsGone) {
    std::atomic<bool> listens{true};
    std::atomic<int> asked{0};
    Peers peers;
    peers.reach = [&](const store::LeaderRow&, Millis) {
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

TEST_F(StandbyTest, ALeaderThatIsKnownToBeGoneNeedNotHaveListened) {
    Peers peers;
    peers.reach = [](const store::LeaderRow& leader, Millis) {
        return leader.holder == "other" ? Reach::kGone : Reach::kSilent;
    };
    TestServer server(with(std::move(peers)));
    depose(server);
    while (server.get("/readyz").text("role") != "leader") {
    }
    EXPECT_EQ(server.store().leader().value().holder, "test");
}

TEST_F(StandbyTest, AClosedConnectionIsNoProofAndIsTriedAgain) {
    std::mutex mutex;
    std::vector<Reach> answers = {Reach::kClosed, Reach::kClosed, Reach::kRefused};
    size_t asked = 0;
    std::string role_before;
    Peers peers;
    TestServer* asked_of = nullptr;
    peers.reach = [&](const store::LeaderRow&, Millis) {
        const std::lock_guard lock(mutex);
        if (asked == 2) {
            role_before = asked_of->get("/readyz").text("role");
        }
        return answers[std::min(asked++, answers.size() - 1)];
    };
    TestServer server(with(std::move(peers)));
    asked_of = &server;
    depose(server);
    while (server.get("/readyz").text("role") != "leader") {
    }
    const std::lock_guard lock(mutex);
    EXPECT_EQ(role_before, "standby");
}

}  // namespace
}  // namespace servo::server

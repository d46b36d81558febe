// A server whose replica lags: it has nothing at all of what the primary has. What decides, lets in
// or shows what runs is of the primary; reports, events and lists of what has ended say up to when
// everything is in them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

#include "server/full_server_test.h"

namespace servo::server {
namespace {

constexpr const char* kAsOf = "2023-11-14T22:13:20Z";

// The past of a store that holds nothing; all else of the one given.
class Lagging final : public store::Archive {
 public:
    explicit Lagging(store::Archive& primary) : primary_(primary) {}
    std::unique_ptr<store::History> within(store::TenantScope scope) override {
        return primary_.within(scope);
    }
    store::DatedPast past(store::TenantScope scope) override {
        if (!answers) {
            return primary_.past(scope);
        }
        return {replica_.within(scope), instant_ms(1'700'000'000'000)};
    }
    std::atomic<bool> answers = true;

 private:
    store::Archive& primary_;
    store::MemoryStore replica_;
};

class LaggingReplica : public testing::Test {
 protected:
    static ServerOptions guarded() {
        ServerOptions options;
        options.admin_token = "root";
        options.executor_token = "fleet";
        return options;
    }
    Lagging* replica = nullptr;
    TestServer server{{}, {}, [this](store::Archive& primary) {
                          auto out = std::make_unique<Lagging>(primary);
                          replica = out.get();
                          return out;
                      }};

    void SetUp() override {
        server.apply(
            "version: 1\nassets:\n  days:\n"
            "    partitions: { every: day, start: 2024-01-01, end: 2024-02-01 }\n"
            "    run: { command: [\"true\"] }\n"
        );
    }
    TestServer::Answer start(const std::string& headers = "") {
        return server.post(
            "/v1/backfills",
            R"({"asset":"days","selection":{"start":"2024-01-01","end":"2024-01-03"}})",
            headers
        );
    }
    // How many items the list has, and as of when; "" of now.
    std::pair<size_t, std::string> list(const std::string& target) {
        const auto answer = server.get(target);
        EXPECT_EQ(answer.status, 200) << target << " " << answer.reply.body;
        return {
            answer.json.at("items").as_array().size(),
            std::string(answer.reply.header("Servo-As-Of"))};
    }
};

using Listed = std::pair<size_t, std::string>;

TEST_F(LaggingReplica, IsNotAskedWhatRunsOrWhatOneBackfillCameTo) {
    const std::string id = start().text("id");
    EXPECT_EQ(list("/v1/backfills"), (Listed{1, ""}));
    EXPECT_EQ(list("/v1/backfills?status=open"), (Listed{1, ""}));
    EXPECT_EQ(list("/v1/backfills?status=running,pending"), (Listed{1, ""}));
    EXPECT_EQ(list("/v1/backfills?id_prefix=" + id.substr(3, 5)), (Listed{1, ""}));
    TestExecutor(server, "x1", 1).work();
    const auto ended = server.get("/v1/backfills/" + id);
    EXPECT_EQ(ended.text("state"), "completed") << ended.reply.body;
    EXPECT_EQ(ended.reply.header("Servo-As-Of"), "");
    EXPECT_EQ(server.get("/v1/assets/days/partitions/2024-01-02").text("status"), "completed");
    EXPECT_EQ(
        server.get("/v1/assets/days/partitions?status=completed").item(1).at("key"), "2024-01-02"
    );
}

TEST_F(LaggingReplica, DecidesNothing) {
    const std::string key = "Idempotency-Key: k1\r\n";
    const auto first = start(key);
    const auto again = start(key);
    EXPECT_EQ(again.reply.body, first.reply.body);
    EXPECT_EQ(again.reply.header("Idempotency-Replayed"), "true");
    TestExecutor(server, "x1", 1).work();
    EXPECT_EQ(start().reason(), "nothing_to_do") << "all of it is done already";
}

TEST_F(LaggingReplica, LetsNobodyIn) {
    TestServer closed{
        guarded(), {}, [](store::Archive& primary) { return std::make_unique<Lagging>(primary); }};
    const auto bearer = [](std::string_view token) {
        return fmt::format("Authorization: Bearer {}\r\n", token);
    };
    const auto made = closed.call("POST", "/v1/tokens", R"({"role":"admin"})", bearer("root"));
    ASSERT_EQ(made.status, 200) << made.reply.body;
    const std::string token = bearer(made.text("text"));
    EXPECT_EQ(closed.call("GET", "/v1/backfills", "", token).status, 200);
    const std::string id(made.json.at("token").at("id").as_string());
    EXPECT_EQ(closed.call("POST", "/v1/tokens/" + id + "/revoke", "{}", token).status, 200);
    EXPECT_EQ(closed.call("GET", "/v1/backfills", "", token).status, 401);
}

TEST_F(LaggingReplica, ShowsWhatWasAndSaysAsOfWhen) {
    start();
    TestExecutor(server, "x1", 1).work();
    EXPECT_EQ(list("/v1/backfills?status=completed"), (Listed{0, kAsOf}));
    EXPECT_EQ(list("/v1/events"), (Listed{0, kAsOf}));
    EXPECT_EQ(server.get("/v1/report").reply.header("Servo-As-Of"), kAsOf);
    replica->answers = false;
    EXPECT_EQ(list("/v1/backfills?status=completed"), (Listed{1, ""}));
    EXPECT_GT(list("/v1/events").first, 0U);
    EXPECT_EQ(server.get("/v1/report").reply.header("Servo-As-Of"), "");
}

}  // namespace
}  // namespace servo::server

#include "server/executor_book.h"

#include <gtest/gtest.h>

#include "server/full_server_test.h"

namespace servo::server {
namespace {

// What session `session` tells at `ms`; whether the book knows it.
bool tell(ExecutorBook& book, int64_t session, api::ExecutorHealth health, int64_t ms) {
    return book.tell({session, std::move(health), {}}, "t", instant_ms(ms)).has_value();
}

TEST(ExecutorBook, KeepsWhatARegisteredSessionToldLast) {
    ExecutorBook book;
    api::ExecutorHealth health;
    health.pid = 7;
    EXPECT_EQ(book.tell({5, health, {}}, "t", instant_ms(1)).error().reason, "unknown_session");
    book.opened(5, "t", instant_ms(2));
    EXPECT_FALSE(book.health(5).has_value());
    ASSERT_TRUE(tell(book, 5, health, 3));
    health.pid = 8;
    ASSERT_TRUE(tell(book, 5, health, 4));
    EXPECT_EQ(book.health(5)->pid, 8);
    EXPECT_EQ(book.health(5)->as_of, instant_ms(4));
    book.opened(5, "t", instant_ms(5));  // registers again: what it told stays
    EXPECT_EQ(book.health(5)->pid, 8);
}

TEST(ExecutorBook, SessionOfAnotherTokenIsNone) {
    ExecutorBook book;
    book.opened(5, "ann", instant_ms(1));
    EXPECT_TRUE(book.check(5, "ann"));
    EXPECT_EQ(book.check(5, "bob").error().reason, "unknown_session");
    EXPECT_EQ(book.check(6, "ann").error().reason, "unknown_session");
    api::ExecutorHealth health;
    health.pid = 7;
    EXPECT_EQ(book.tell({5, health, {}}, "bob", instant_ms(2)).error().reason, "unknown_session");
    EXPECT_FALSE(book.health(5).has_value());
    const auto asked = book.ask(5, {});
    ASSERT_TRUE(asked.has_value());
    EXPECT_EQ(book.tell({5, {}, {}}, "ann", instant_ms(3))->checks.size(), 1U);
}

TEST(ExecutorBook, CapsWhatOneSessionMayTell) {
    ExecutorBook book;
    book.opened(1, "t", instant_ms(0));
    api::ExecutorHealth health;
    health.stuck.resize(1'000);
    for (int i = 0; i < 20; ++i) {
        health.errors.push_back({instant_ms(i), std::string(10'000, 'x')});
    }
    ASSERT_TRUE(tell(book, 1, health, 1));
    const auto kept = book.health(1);
    EXPECT_EQ(kept->stuck.size(), api::kStuckSlotsMax);
    ASSERT_EQ(kept->errors.size(), api::kHealthErrorsMax);
    EXPECT_EQ(kept->errors.back().at, instant_ms(19));
    EXPECT_EQ(kept->errors.back().message.size(), api::kHealthTextBytesMax);
}

TEST(ExecutorBook, ForgetsTheSessionThatWasSilentLongest) {
    ExecutorBook book;
    for (int64_t session = 0; session < static_cast<int64_t>(kBookSessionsMax); ++session) {
        book.opened(session, "t", instant_ms(session + 1));
    }
    ASSERT_TRUE(tell(book, 0, {}, 1'000'000));
    book.opened(99'999, "t", instant_ms(1'000'001));
    EXPECT_EQ(book.size(), kBookSessionsMax);
    EXPECT_TRUE(tell(book, 0, {}, 1'000'002));
    EXPECT_FALSE(tell(book, 1, {}, 1'000'002));
}

TEST(ExecutorBook, GivesACheckOnceAndItsAnswerToWhoAsked) {
    ExecutorBook book;
    EXPECT_EQ(book.ask(5, {}).error().reason, "unknown_session");
    book.opened(5, "t", instant_ms(1));
    book.opened(6, "t", instant_ms(1));
    auto asked = book.ask(5, {{"http://a", 1'000, {}, {}}});
    ASSERT_TRUE(asked.has_value());
    EXPECT_TRUE(book.tell({6, std::nullopt, {}}, "t", instant_ms(2))->checks.empty());
    const auto reply = book.tell({5, std::nullopt, {}}, "t", instant_ms(2));
    ASSERT_EQ(reply->checks.size(), 1U);
    EXPECT_EQ(reply->checks[0].endpoints.at(0).url, "http://a");
    EXPECT_TRUE(book.tell({5, std::nullopt, {}}, "t", instant_ms(3))->checks.empty());
    // Another session cannot answer for it.
    api::EndpointResult fine;
    fine.url = "http://a";
    fine.verdict = "ok";
    const api::CheckAnswer answer{reply->checks[0].id, {fine}};
    ASSERT_TRUE(book.tell({6, std::nullopt, {answer}}, "t", instant_ms(4)).has_value());
    EXPECT_NE(asked->answer.wait_for(Millis(0)), std::future_status::ready);
    ASSERT_TRUE(book.tell({5, std::nullopt, {answer}}, "t", instant_ms(5)).has_value());
    EXPECT_EQ(asked->answer.get().at(0).verdict, "ok");
    EXPECT_TRUE(book.tell({5, std::nullopt, {answer}}, "t", instant_ms(6)).has_value()
    );  // again: no harm
}

TEST(ExecutorBook, BoundsTheChecksOfASession) {
    ExecutorBook book;
    book.opened(5, "t", instant_ms(1));
    std::vector<ExecutorBook::Asked> asked;
    for (size_t i = 0; i < kChecksPerSessionMax; ++i) {
        asked.push_back(*book.ask(5, {}));
    }
    EXPECT_EQ(book.ask(5, {}).error().reason, "too_many_checks");
    book.forget(asked.back());
    EXPECT_TRUE(book.ask(5, {}).has_value());
}

TEST(ExecutorBook, ManyExecutorsCallMoreSeldom) {
    ExecutorBook book;
    const auto next = [&book](int64_t ms = 1) {
        return book.tell({0, std::nullopt, {}}, "t", instant_ms(ms))->next_ms;
    };
    book.opened(0, "t", instant_ms(1));
    EXPECT_EQ(next(), 2'000);
    for (int64_t session = 1; session < 250; ++session) {
        book.opened(session, "t", instant_ms(1));
    }
    EXPECT_EQ(next(), 5'000);
    for (int64_t session = 250; session < 2'000; ++session) {
        book.opened(session, "t", instant_ms(1));
    }
    EXPECT_EQ(next(), 10'000);
    EXPECT_EQ(next(1 + kBookCallsFor.count()), 10'000);
    EXPECT_EQ(next(2 + kBookCallsFor.count()), 2'000) << "the others call no more";
}

TEST(ExecutorBook, KeepsNoHealthOfWhoIsLongSilent) {
    ExecutorBook book;
    book.opened(1, "t", instant_ms(1));
    ASSERT_TRUE(tell(book, 1, {}, 1));
    book.opened(2, "t", instant_ms(1 + kBookHealthKept.count()));
    EXPECT_TRUE(book.health(1).has_value());
    book.opened(3, "t", instant_ms(2 + kBookHealthKept.count()));
    EXPECT_FALSE(book.health(1).has_value());
    EXPECT_TRUE(book.check(1, "t")) << "it is there all the same";
}

TEST(ExecutorBook, ShowsInTheListWhatAnExecutorTold) {
    TestServer server;
    constexpr const char* kTold = R"({"session":5,"health":{"pid":42,"cpu_share":0.5,
        "stuck_slots":1,"stuck":[{"slot":0,"backfill_id":"bf_1","reason":"timeout"}]}})";
    EXPECT_EQ(server.post("/v1/executor/health", kTold).status, 412);  // not registered
    server.post("/v1/executor/register", R"({"executor":"ex","session":5,"slots":1})");
    EXPECT_TRUE(server.get("/v1/executors/ex").json.at("health").is_null());
    EXPECT_EQ(server.get("/v1/executors/ex").text("state"), "up");
    const auto told = server.post("/v1/executor/health", kTold);
    EXPECT_EQ(told.number("next_ms"), kBookCallMin.count());
    const auto shown = server.get("/v1/executors/ex");
    EXPECT_EQ(shown.text("state"), "stuck");
    EXPECT_EQ(shown.json.at("health").at("pid"), 42);
    EXPECT_EQ(shown.json.at("health").at("stuck").at(0).at("reason"), "timeout");
    EXPECT_EQ(server.get("/v1/executors?state=stuck").item(0).at("name"), "ex");
    // A stuck executor is in service: --keep counts it, and an idle one goes first.
    server.post("/v1/executor/register", R"({"executor":"ey","session":6,"slots":1})");
    const auto drained = server.post("/v1/executors/drain", R"({"keep":1})");
    EXPECT_EQ(drained.json.at("items").as_array().size(), 1U);
}

}  // namespace
}  // namespace servo::server

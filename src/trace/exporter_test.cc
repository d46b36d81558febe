#include "trace/exporter.h"

#include <gtest/gtest.h>

#include <future>

namespace servo::trace {
namespace {

// What the collector saw, and how it answers; shared with the exporter's thread.
struct Collector {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<client::HttpRequest> requests;
    std::deque<int> statuses;  // of the next answers; then 200
    bool held = false;         // answers nobody while it is set
    bool aborted = false;      // by the client

    void wait_for_requests(size_t count) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return requests.size() >= count; });
    }
    void release() {
        {
            const std::lock_guard lock(mutex);
            held = false;
        }
        changed.notify_all();
    }
};

class FakeHttp final : public client::Http {
 public:
    explicit FakeHttp(Collector& collector) : collector_(collector) {}
    Result<client::HttpReply> send(const client::HttpRequest& request) override {
        std::unique_lock lock(collector_.mutex);
        collector_.requests.push_back(request);
        collector_.changed.notify_all();
        collector_.changed.wait(lock, [&] { return !collector_.held || collector_.aborted; });
        if (collector_.aborted) {
            return fail(unavailable("aborted", "The call was given up."));
        }
        client::HttpReply reply;
        reply.status = 200;
        if (!collector_.statuses.empty()) {
            reply.status = collector_.statuses.front();
            collector_.statuses.pop_front();
        }
        return reply;
    }
    void abort() override {
        {
            const std::lock_guard lock(collector_.mutex);
            collector_.aborted = true;
        }
        collector_.changed.notify_all();
    }
    bool pause(Millis) override { return true; }

 private:
    Collector& collector_;
};

std::unique_ptr<Exporter> start(Collector& collector, const std::string& endpoint) {
    ExporterOptions options;
    options.endpoint = endpoint;
    options.headers = {{"api-key", "canary"}};
    options.resource = {"servo-server", "1.0.0", "here:1"};
    options.every = Millis(1);
    auto exporter = Exporter::start(std::move(options), [&](const client::HttpOptions& to) {
        EXPECT_EQ("http://127.0.0.1:4318", to.server);
        return std::make_unique<FakeHttp>(collector);
    });
    return exporter ? *std::move(exporter) : nullptr;
}

Span a_span() {
    Span span;
    span.trace = {1, 2};
    span.id = 3;
    span.name = "attempt";
    span.start = instant_ms(1'000);
    return span;
}

TEST(Exporter, SendsWhatItIsGivenWithItsHeaders) {
    Collector collector;
    auto exporter = start(collector, "http://127.0.0.1:4318/otlp/");
    ASSERT_TRUE(exporter);
    exporter->add(a_span());
    collector.wait_for_requests(1);
    const client::HttpRequest& request = collector.requests.front();
    EXPECT_EQ("/otlp/v1/traces", request.target);
    EXPECT_EQ("api-key", request.headers.front().first);
    EXPECT_NE(std::string::npos, request.body.find(R"("spanId":"0000000000000003")"));
}

TEST(Exporter, WhatIsQueuedAtTheEndIsStillSent) {
    Collector collector;
    auto exporter = start(collector, "http://127.0.0.1:4318/v1/traces");
    ASSERT_TRUE(exporter);
    for (int i = 0; i < 10; ++i) {
        exporter->add(a_span());
    }
    exporter.reset();
    size_t spans = 0;
    for (const client::HttpRequest& request : collector.requests) {
        EXPECT_EQ("/v1/traces", request.target);
        for (size_t at = 0; (at = request.body.find("\"spanId\"", at)) != std::string::npos; ++at) {
            ++spans;
        }
    }
    EXPECT_EQ(10U, spans);
}

TEST(Exporter, TriesAgainOnlyWhatMayPass) {
    Collector collector;
    collector.statuses = {503, 200, 400};
    auto exporter = start(collector, "http://127.0.0.1:4318");
    ASSERT_TRUE(exporter);
    exporter->add(a_span());
    collector.wait_for_requests(2);  // refused for now, then taken
    exporter->add(a_span());
    collector.wait_for_requests(3);  // refused for good
    exporter->add(a_span());
    collector.wait_for_requests(4);
    exporter.reset();
    EXPECT_EQ(4U, collector.requests.size());
}

TEST(Exporter, ACollectorThatHangsCostsSpansAndNothingElse) {
    Collector collector;
    collector.held = true;
    auto exporter = start(collector, "http://127.0.0.1:4318");
    ASSERT_TRUE(exporter);
    exporter->add(a_span());
    collector.wait_for_requests(1);
    for (size_t i = 0; i < kSpansQueuedMax + 5; ++i) {
        exporter->add(a_span());  // does not block
    }
    EXPECT_EQ(5U, exporter->dropped());
    collector.release();
}

// It would wait for ever otherwise.
TEST(Exporter, ACollectorThatHangsDoesNotKeepTheProcess) {
    Collector collector;
    collector.held = true;
    auto exporter = start(collector, "http://127.0.0.1:4318");
    ASSERT_TRUE(exporter);
    for (size_t i = 0; i < 2 * kSpansPerRequestMax; ++i) {
        exporter->add(a_span());
    }
    collector.wait_for_requests(1);
    exporter.reset();
    EXPECT_TRUE(collector.aborted);
}

TEST(Exporter, WhatIsNoAddressIsRefused) {
    Collector collector;
    for (const char* endpoint :
         {"", "127.0.0.1:4318", "ftp://127.0.0.1", "http://", "http://127.0.0.1:4318?x=1"}) {
        EXPECT_FALSE(Exporter::start({endpoint, {}, {}, "", kExportEvery}, [&](auto) {
            return std::make_unique<FakeHttp>(collector);
        })) << endpoint;
    }
}

TEST(OtlpHeaders, AreReadAsTheStandardSays) {
    const auto read = parse_otlp_headers(" api-key = se%20cret ,x=1,");
    ASSERT_TRUE(read);
    const std::vector<std::pair<std::string, std::string>> expected{
        {"api-key", "se cret"}, {"x", "1"}};
    EXPECT_EQ(expected, *read);
    EXPECT_TRUE(parse_otlp_headers("")->empty());
    for (const char* text : {"x", "=1", "a b=1", "x=%0d%0ay", "x=%zz"}) {
        const auto refused = parse_otlp_headers(text);
        ASSERT_FALSE(refused) << text;
        EXPECT_EQ("bad_otlp_headers", refused.error().reason);
    }
}

}  // namespace
}  // namespace servo::trace

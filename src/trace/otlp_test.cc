#include "trace/otlp.h"

#include <gtest/gtest.h>

namespace servo::trace {
namespace {

TEST(Otlp, ASpanIsRenderedAsTheProtocolSays) {
    Span span;
    span.trace = {0x0af7651916cd43dd, 0x8448eb211c80319c};
    span.id = 0xb7ad6b7169203331;
    span.parent = 1;
    span.name = "attempt";
    span.start = instant_ms(1'700'000'000'123);
    span.duration = Micros(1'500);
    span.failed = true;
    span.message = "exit \"65\"";
    span.attributes = {
        {"servo.partition_key", std::string("2024-01-01")}, {"servo.attempt", int64_t{2}}};
    EXPECT_EQ(
        R"({"resourceSpans":[{"resource":{"attributes":[)"
        R"({"key":"service.name","value":{"stringValue":"servo-executor"}},)"
        R"({"key":"service.version","value":{"stringValue":"1.2.3"}},)"
        R"({"key":"service.instance.id","value":{"stringValue":"host:7"}}]},)"
        R"("scopeSpans":[{"scope":{"name":"servo","version":"1.2.3"},"spans":[)"
        R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331",)"
        R"("name":"attempt","kind":1,"startTimeUnixNano":"1700000000123000000",)"
        R"("endTimeUnixNano":"1700000000124500000","parentSpanId":"0000000000000001",)"
        R"("attributes":[{"key":"servo.partition_key","value":{"stringValue":"2024-01-01"}},)"
        R"({"key":"servo.attempt","value":{"intValue":"2"}}],)"
        R"("status":{"code":2,"message":"exit \"65\""}}]}]}]})",
        otlp_body({"servo-executor", "1.2.3", "host:7"}, {span})
    );
}

}  // namespace
}  // namespace servo::trace

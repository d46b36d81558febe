#include "executor/slot_wire.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/prng.h"
#include "executor/os.h"

namespace servo::executor {
namespace {

model::Grant some_grant() {
    model::Grant grant;
    grant.number = 3;
    grant.lease = model::LeaseId(model::first_token(2) + 17);
    grant.token_base = model::first_token(2) + 17;
    grant.job = model::JobId(99);
    grant.generation = 2;
    grant.attempt = 4;
    grant.tenant = model::TenantId(5);
    grant.tenant_name = "acme";
    grant.asset = model::AssetId(6);
    grant.revision = 7;
    grant.runs = {{10, 20}, {30, 31}};
    grant.ordinals = {{-5, 11, 3}};
    grant.reversed = true;
    grant.timeout = Millis(1'500);
    grant.memory_bytes = 1 << 20;
    grant.suspect = true;
    return grant;
}

std::vector<std::string> bodies(const std::string& frames) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const UniqueFd a(ends[0]);
    const UniqueFd b(ends[1]);
    FrameWriter writer;
    writer.buffer() = frames;
    FrameReader reader;
    std::vector<std::string> result;
    while (!writer.empty() && writer.flush(a.get()) && reader.fill(b.get())) {
        for (auto frame = reader.next(); frame && *frame; frame = reader.next()) {
            result.emplace_back(**frame);
        }
    }
    while (reader.fill(b.get())) {
        auto frame = reader.next();
        if (!frame || !*frame) {
            break;
        }
        result.emplace_back(**frame);
    }
    return result;
}

TEST(SlotWire, AGrantArrivesAsItWas) {
    std::string out;
    wire::encode_feed(out, 40, some_grant());
    wire::encode(out, wire::ToSlot(wire::Trim{model::LeaseId(4), 12}));
    const auto frames = bodies(out);
    ASSERT_EQ(frames.size(), 2u);
    const auto feed = wire::decode_to_slot(frames[0]);
    ASSERT_TRUE(feed.has_value());
    EXPECT_EQ(std::get<wire::Feed>(*feed).grant, some_grant());
    EXPECT_EQ(std::get<wire::Feed>(*feed).first_position, 40u);
    const auto trim = wire::decode_to_slot(frames[1]);
    EXPECT_EQ(std::get<wire::Trim>(*trim).size, 12u);
}

TEST(SlotWire, ResultsArriveAsTheyWere) {
    SlotProgress progress;
    progress.lease = model::LeaseId(8);
    progress.started = 3;
    progress.results.lease = progress.lease;
    progress.results.done = {{0, instant_ms(1'000), Micros(5), 10, -1, 2'048, 77}};
    model::FailedResult failed;
    failed.position = 1;
    failed.klass = model::FailureClass::kExternal;
    failed.exit_code = -9;
    failed.message = "the warehouse said no";
    failed.retry_after = Millis(500);
    failed.pool = "warehouse";
    progress.results.failed = {failed};
    progress.results.logs = {{1, 100'000, std::string(65'536, 'x')}};
    progress.results.phases = {{1, {0, 7, 0, 1'500'000}}};
    std::string out;
    wire::encode(out, wire::FromSlot(progress));
    const auto frames = bodies(out);
    ASSERT_EQ(frames.size(), 1u);
    const auto decoded = wire::decode_from_slot(frames[0]);
    ASSERT_TRUE(decoded.has_value());
    const auto& got = std::get<SlotProgress>(*decoded);
    EXPECT_EQ(got.results, progress.results);
    EXPECT_EQ(got.started, 3u);
}

TEST(SlotWire, DamagedFramesAreRefusedNotMisread) {
    std::string out;
    wire::encode_feed(out, 40, some_grant());
    const std::string body = out.substr(4);
    for (size_t size = 0; size < body.size(); ++size) {
        EXPECT_FALSE(wire::decode_to_slot(body.substr(0, size)).has_value()) << size;
    }
    EXPECT_FALSE(wire::decode_to_slot(body + "x").has_value());
    EXPECT_FALSE(wire::decode_to_slot("\x7f").has_value());
    Prng prng(7);
    for (int i = 0; i < 2'000; ++i) {
        std::string noise = body;
        noise[prng.below(noise.size())] = static_cast<char>(prng.below(256));
        const auto decoded = wire::decode_to_slot(noise);  // must not crash or allocate madly
        EXPECT_TRUE(decoded.has_value() || decoded.error().reason == "corrupt_payload");
    }
}

}  // namespace
}  // namespace servo::executor

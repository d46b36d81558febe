#include "executor/probe.h"

#include <gtest/gtest.h>

namespace servo::executor {
namespace {

TEST(Probe, ALoopThatDoesNotTurnIsNotAlive) {
    EXPECT_TRUE(liveness(Millis(0)).good);
    EXPECT_TRUE(liveness(kHangAfter).good);
    const ProbeAnswer hung = liveness(kHangAfter + Millis(1));
    EXPECT_FALSE(hung.good);
    EXPECT_NE(hung.status.find("15.0s"), std::string::npos) << hung.status;
}

TEST(Probe, AnExecutorIsReadyWhileItMayBeGivenWork) {
    AgentStatus status;
    EXPECT_EQ(readiness(status).status, "not registered with a server");
    status.registered = true;
    EXPECT_EQ(readiness(status).status, "the server does not answer");
    status.server_reached = true;
    EXPECT_TRUE(readiness(status).good);
    status.draining = true;
    status.slots_busy = 1;
    EXPECT_EQ(readiness(status).status, "draining");
    status.slots_busy = 0;
    EXPECT_FALSE(readiness(status).good);
    EXPECT_EQ(readiness(status).status, "drained");
    status.ended = true;
    EXPECT_EQ(readiness(status).status, "ended");
}

}  // namespace
}  // namespace servo::executor

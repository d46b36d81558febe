#include "executor/exit_class.h"

#include <gtest/gtest.h>

#include <csignal>

namespace servo::executor {
namespace {

using model::FailureClass;

ProcessEnd exited(int code) {
    ProcessEnd end;
    end.code = code;
    return end;
}

ProcessEnd signalled(int signal) {
    ProcessEnd end;
    end.signalled = true;
    end.code = signal;
    return end;
}

TEST(ExitClass, FollowsTheTable) {
    const std::vector<std::pair<int, FailureClass>> rows = {
        {75, FailureClass::kTransient},
        {65, FailureClass::kData},
        {69, FailureClass::kExternal},
        {77, FailureClass::kAuth},
        {78, FailureClass::kConfiguration},
        {126, FailureClass::kConfiguration},
        {127, FailureClass::kConfiguration},
        {134, FailureClass::kCrash},
        {139, FailureClass::kCrash},
        {1, FailureClass::kError},
        {2, FailureClass::kError},
        {255, FailureClass::kError}};
    for (const auto& [code, klass] : rows) {
        EXPECT_EQ(classify(exited(code), {}, 0), klass) << code;
    }
    EXPECT_EQ(classify(exited(0), {}, 0), std::nullopt);
}

TEST(ExitClass, TheAssetsOwnMapComesFirst) {
    const std::map<int, FailureClass> own = {
        {42, FailureClass::kExternal}, {75, FailureClass::kData}};
    EXPECT_EQ(classify(exited(42), own, 0), FailureClass::kExternal);
    EXPECT_EQ(classify(exited(75), own, 0), FailureClass::kData);
    EXPECT_EQ(classify(exited(77), own, 0), FailureClass::kAuth);
}

TEST(ExitClass, AFatalSignalThatIsNotOursIsACrash) {
    for (const int signal : {SIGSEGV, SIGABRT, SIGKILL, SIGTERM, SIGPIPE}) {
        EXPECT_EQ(classify(signalled(signal), {}, 0), FailureClass::kCrash) << signal;
        EXPECT_EQ(signalled(signal).exit_code(), -signal);
    }
}

TEST(ExitClass, WhatWeKilledIsNamedAfterOurReason) {
    ProcessEnd end = signalled(SIGKILL);
    end.killed = KillReason::kLost;
    EXPECT_EQ(classify(end, {}, 0), FailureClass::kLost);
    end.killed = KillReason::kMemory;
    EXPECT_EQ(classify(end, {}, 0), FailureClass::kResource);
    end.killed = KillReason::kTimeout;
    EXPECT_EQ(classify(end, {}, 0), FailureClass::kTimeout);
    // A program that ends cleanly on TERM still ran out of time.
    ProcessEnd clean = exited(0);
    clean.killed = KillReason::kTimeout;
    EXPECT_EQ(classify(clean, {}, 0), FailureClass::kTimeout);
}

TEST(ExitClass, WhoEndedBeforeOurKillKeepsItsOwnEnd) {
    ProcessEnd end = exited(0);
    end.killed = KillReason::kLost;
    EXPECT_EQ(classify(end, {}, 0), std::nullopt);
    end = exited(65);
    end.killed = KillReason::kLost;
    EXPECT_EQ(classify(end, {}, 0), FailureClass::kData);
}

TEST(ExitClass, OutOfMemoryIsAResourceFailure) {
    constexpr int64_t kLimit = 64 << 20;
    ProcessEnd end = signalled(SIGKILL);
    end.oom_killed = true;
    EXPECT_EQ(classify(end, {}, 0), FailureClass::kResource);
    end = exited(1);
    end.max_rss_kb = 63 << 10;
    EXPECT_EQ(classify(end, {}, kLimit), FailureClass::kResource);
    end.max_rss_kb = 40 << 10;
    EXPECT_EQ(classify(end, {}, kLimit), FailureClass::kError);
    end = exited(0);  // much memory is no failure
    end.max_rss_kb = 63 << 10;
    EXPECT_EQ(classify(end, {}, kLimit), std::nullopt);
}

TEST(ExitClass, DescribesTheEnd) {
    EXPECT_EQ(describe(exited(3)), "exited with code 3");
    EXPECT_EQ(describe(signalled(SIGSEGV)), "was killed by signal 11 (SIGSEGV)");
}

}  // namespace
}  // namespace servo::executor

#include "load/verdict.h"

#include <gtest/gtest.h>

namespace servo::load {
namespace {

StepResult idle_step() {
    StepResult step;
    step.completed = 100;
    step.slot_use = 0.6;
    step.ledger = {{"busy", 0.6}, {"idle", 0.38}, {"held", 0.01}, {"report", 0.01}};
    step.machine = MachineUse{0.5, 0.4, 0.6};
    step.waiting = {{"capacity", 90}};
    return step;
}

void expect_limit(const StepResult& step, const std::string& start) {
    EXPECT_EQ(limit_of(step).substr(0, start.size()), start) << limit_of(step);
}

TEST(Verdict, NamesWhatIsUsedUp) {
    expect_limit(idle_step(), "Nothing that was measured: 60 % of slot time is busy, 38 % idle.");
    StepResult step = idle_step();
    step.waiting.emplace_back("pool_limit", 40);
    expect_limit(step, "The gate pool_limit: it holds 40");
    step.ledger = {{"busy", 0.6}, {"held", 0.07}, {"report", 0.05}};
    expect_limit(step, "The way between executor and server: 12 %");
    step.machine->busiest_thread = 0.9;
    expect_limit(step, "The server: its busiest thread uses 90 %");
    step.machine->busy = 0.97;
    expect_limit(step, "The processors of this machine");
    step.slot_use = 0.95;
    expect_limit(step, "The slots: 95 %");
    step.ran_out = true;
    expect_limit(step, "The work: it ended");
    step.completed = 0;
    expect_limit(step, "Nothing was completed");
}

TEST(Verdict, TheServersLedgerDividesIdleTime) {
    StepResult step = idle_step();
    step.ledger = {{"busy.useful", 0.6}, {"idle.no_work", 0.3}, {"idle.gated:pool_limit", 0.1}};
    expect_limit(step, "Nothing that was measured: 60 % of slot time is busy, 40 % idle.");
}

TEST(Verdict, ExecutorsElsewhereHaveNoMachine) {
    StepResult step = idle_step();
    step.machine.reset();
    expect_limit(step, "Nothing that was measured");
}

TEST(Verdict, TheLargerTermBends) {
    report::ScalabilityFit fit;
    EXPECT_EQ(bend_of(fit, 8), "");
    fit.sigma = 0.1;   // 0.7 at eight
    fit.kappa = 0.01;  // 0.56
    EXPECT_EQ(bend_of(fit, 8).substr(0, 10), "contention");
    EXPECT_EQ(bend_of(fit, 16).substr(0, 9), "coherency");  // 1.5 against 2.4
}

}  // namespace
}  // namespace servo::load

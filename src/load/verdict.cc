#include "load/verdict.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/document.h"

namespace servo::load {
namespace {

using report::percent;

// Of a state and of those that it is divided into: idle is also idle.no_work.
double share_of(const StepResult& step, const std::string& state) {
    double sum = 0;
    for (const auto& [name, share] : step.ledger) {
        sum += name == state || name.starts_with(state + '.') ? share : 0;
    }
    return sum;
}

}  // namespace

std::string limit_of(const StepResult& step) {
    if (step.completed == 0) {
        return "Nothing was completed in the window: partitions take longer than it, or all fail.";
    }
    if (step.ran_out) {
        return "The work: it ended before the window did. Give more --partitions or --jobs.";
    }
    if (step.slot_use >= kSlotsFull) {
        return fmt::format(
            "The slots: {} of their time is busy. More executors or slots do more.",
            percent(step.slot_use, 0)
        );
    }
    if (step.machine && step.machine->busy >= kMachineFull) {
        return fmt::format(
            "The processors of this machine, which server and executors share: {} busy.",
            percent(step.machine->busy, 0)
        );
    }
    const double thread = step.machine ? step.machine->busiest_thread.value_or(0) : 0;
    if (thread >= kThreadFull) {
        return fmt::format(
            "The server: its busiest thread uses {} of a processor.", percent(thread, 0)
        );
    }
    const double round_trips = share_of(step, "held") + share_of(step, "report");
    if (round_trips >= kLosesMuch) {
        return fmt::format(
            "The way between executor and server: {} of slot time waits for a claim or a report to "
            "be answered.",
            percent(round_trips, 0)
        );
    }
    const auto gate = std::find_if(step.waiting.begin(), step.waiting.end(), [](const auto& one) {
        return one.first != "capacity";
    });
    if (gate != step.waiting.end()) {
        return fmt::format(
            "The gate {}: it holds {:.0f} partitions back while {} of slot time is idle.",
            gate->first,
            gate->second,
            percent(share_of(step, "idle"), 0)
        );
    }
    return fmt::format(
        "Nothing that was measured: {} of slot time is busy, {} idle.",
        percent(step.slot_use, 0),
        percent(share_of(step, "idle"), 0)
    );
}

std::string bend_of(const report::ScalabilityFit& fit, int executors) {
    const double n = executors;
    const double contention = fit.sigma * (n - 1);
    const double coherency = fit.kappa * n * (n - 1);
    if (contention <= 0 && coherency <= 0) {
        return "";
    }
    return contention >= coherency
               ? "contention (σ): work that is done one after the other, such as commits"
               : "coherency (κ): work that each executor makes for all others";
}

}  // namespace servo::load

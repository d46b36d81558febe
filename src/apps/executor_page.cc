#include "apps/executor_page.h"

#include "executor/os.h"

namespace servo::apps {
namespace {

double seconds(Micros time) {
    return static_cast<double>(time.count()) / 1e6;
}

void add_slots(metrics::Page& page, const executor::AgentStatus& status) {
    const auto slots = [&](const char* state, int count) {
        page.add("servo_executor_process_slots", {state}, count);
    };
    const int working = std::max(0, status.slots_busy - status.slots_stuck);
    slots("busy", working);
    slots("stuck", status.slots_stuck);
    slots("idle", std::max(0, status.slots_ready - working - status.slots_stuck));
    slots("down", std::max(0, status.slots - status.slots_ready));
    constexpr std::array kStates = {"idle", "held", "busy", "report", "draining"};
    static_assert(kStates.size() == std::tuple_size_v<model::SlotMillis>);
    for (size_t i = 0; i < kStates.size(); ++i) {
        page.add(
            "servo_executor_process_slot_seconds_total",
            {kStates[i]},
            seconds(Millis(status.slot_ms[i]))
        );
    }
}

void add_attempts(metrics::Page& page, const executor::AgentStatus& status) {
    constexpr const char* kName = "servo_executor_process_attempts_total";
    page.add(kName, {"completed"}, static_cast<double>(status.attempts_completed));
    for (const model::FailureTraits& traits : model::all_failure_traits()) {
        const uint64_t count = status.attempts_failed[static_cast<size_t>(traits.klass)];
        page.add(kName, {std::string(traits.name)}, static_cast<double>(count));
    }
}

void add_machine(metrics::Page& page, const api::ExecutorHealth& health) {
    const auto maybe = [&](const char* name, const auto& value) {
        if (value) {
            page.add(name, {}, static_cast<double>(*value));
        }
    };
    page.add("servo_executor_process_cpus", {}, health.cpus);
    maybe("servo_executor_process_cpu_ratio", health.cpu_share);
    maybe("servo_executor_process_memory_bytes", health.memory_bytes);
    maybe("servo_executor_process_memory_limit_bytes", health.memory_limit_bytes);
    maybe("servo_executor_process_disk_free_bytes", health.disk_free_bytes);
    const std::pair<const char*, std::optional<double>> pressures[] = {
        {"cpu", health.cpu_pressure},
        {"memory", health.memory_pressure},
        {"io", health.io_pressure}};
    for (const auto& [resource, pressure] : pressures) {
        if (pressure) {
            page.add("servo_executor_process_pressure_ratio", {resource}, *pressure);
        }
    }
}

}  // namespace

metrics::Page executor_page(const executor::Agent& agent, executor::Machine& machine) {
    const executor::AgentStatus status = agent.status();
    const Micros now = executor::boot_now();
    metrics::Page page;
    page.add("servo_build_info", {SERVO_VERSION}, 1);
    page.add("servo_executor_process_registered", {}, status.registered ? 1 : 0);
    page.add("servo_executor_process_draining", {}, status.draining ? 1 : 0);
    page.add(
        "servo_executor_process_heartbeat_age_seconds",
        {},
        seconds(std::max(Micros(0), now - status.answered_at))
    );
    page.add("servo_executor_process_loop_age_seconds", {}, seconds(agent.since_last_turn()));
    page.add(
        "servo_executor_process_results_queued", {}, static_cast<double>(status.results_queued)
    );
    add_slots(page, status);
    add_attempts(page, status);
    api::ExecutorHealth health;
    machine.look(now, health);
    add_machine(page, health);
    return page;
}

}  // namespace servo::apps

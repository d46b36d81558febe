#include "load/step.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/words.h"
#include "base/text.h"
#include "load/target.h"
#include "load/verdict.h"
#include "report/statistics.h"

namespace servo::load {
namespace {

constexpr Millis kLookAgain{50};
constexpr Millis kTick{20};

Error broken_off() {
    return unavailable("aborted", "The load test was broken off.");
}

Error late(std::string reason, std::string message) {
    return Error{ErrorCode::kDeadlineExceeded, std::move(reason), std::move(message), {}, 0};
}

Error cancelled_elsewhere(const api::Backfill& job) {
    return conflict(
        "cancelled_elsewhere",
        fmt::format(
            "Somebody else cancelled the load test's backfills while it ran ({}{}), perhaps "
            "with servo loadtest --clean. What was measured is worth nothing; run it again.",
            job.id,
            job.state_by.empty() ? "" : ", by " + job.state_by
        )
    );
}

int64_t boot_ms() {
    return read_machine(0).boot_ms;
}

// Everything that is read at an edge of the window.
struct Edge {
    MachineReading machine;
    std::vector<api::Backfill> jobs;
    std::map<std::string, std::map<std::string, int64_t>> slot_ms;  // executor → state → ms
    int slots = 0;
    bool all_ended = false;
};

class Step {
 public:
    Step(const Scenario& scenario, const StepPorts& ports, uint64_t& probes)
        : scenario_(scenario), ports_(ports), probes_(probes), begun_ms_(boot_ms()) {}

    Result<StepResult> run(int executors) {
        Result<StepResult> out = look(executors);
        // Whatever came of it: to the step it looks like work that ran out, or a refused probe.
        SERVO_CHECK(check_uncancelled());
        return out;
    }

 private:
    Result<StepResult> look(int executors) {
        SERVO_CHECK(start_jobs());
        SERVO_CHECK(wait_for_claims());
        SERVO_CHECK(let_pass(scenario_.warmup));
        const Edge from = SERVO_TRY(read_edge());
        SERVO_CHECK(measure(from, executors));
        const Edge to = SERVO_TRY(read_edge());
        StepResult out;
        out.executors = executors;
        out.slots = to.slots;
        compare(from, to, out);
        if (scenario_.window >= kServerLedgerFrom && !out.ran_out) {
            use_ledger(SERVO_TRY(ports_.client.get_status("")).time, out);
        }
        out.claim = SERVO_TRY(claim_latency());
        out.waiting = mean_waiting();
        if (ports_.local) {
            out.machine = machine_use(from.machine, to.machine);
        }
        out.limit = limit_of(out);
        return out;
    }

    // Nobody has cancelled what this step started; it does not do so itself.
    Status check_uncancelled() {
        for (size_t i = 0; i < scenario_.classes.size(); ++i) {
            const auto jobs =
                list_jobs(ports_.client, asset_name(i), "cancelling,cancelled", age());
            if (!jobs) {
                return {};  // what came of the step says more
            }
            for (const api::Backfill& job : *jobs) {
                if (ids_.contains(job.id) && job.state.starts_with("cancel")) {
                    return fail(cancelled_elsewhere(job));
                }
            }
        }
        return {};
    }

    // Since the step began, with room for a server whose clock is behind by a little.
    Millis age() const { return Millis(boot_ms() - begun_ms_) + Millis(2'000); }

    Status start_jobs() {
        for (int job = 0; job < scenario_.jobs; ++job) {
            const api::StartReply reply = SERVO_TRY(ports_.client.start_backfill(
                bulk_job(scenario_, job), client::new_idempotency_key()
            ));
            for (const api::StartedBackfill& one : reply.items) {
                ids_.insert(one.id.value_or(""));
            }
        }
        return {};
    }

    Status start_probe() {
        const api::StartReply reply = SERVO_TRY(ports_.client.start_backfill(
            probe_job(scenario_, probes_++), client::new_idempotency_key()
        ));
        for (const api::StartedBackfill& one : reply.items) {
            probe_ids_.insert(one.id.value_or(""));
        }
        return {};
    }

    Status wait_for_claims() {
        for (Millis waited{0};; waited += kLookAgain) {
            SERVO_CHECK(ports_.fleet.check());
            const api::SystemStatus status = SERVO_TRY(ports_.client.get_status(""));
            if (status.slots_busy > 0) {
                return {};
            }
            if (waited >= kClaimWithin) {
                return fail(late(
                    "nothing_claimed",
                    "No executor took any of the work within " + format_duration(kClaimWithin) +
                        ". Look for why: servo status, servo backfill list --status open"
                ));
            }
            if (!ports_.client.http().pause(kLookAgain)) {
                return fail(broken_off());
            }
        }
    }

    Status let_pass(Millis time) {
        if (time > Millis(0) && !ports_.client.http().pause(time)) {
            return fail(broken_off());
        }
        return {};
    }

    // Until the window is over or all work has ended: starts probes when they are due, and samples.
    Status measure(const Edge& from, int executors) {
        const int64_t begin = from.machine.boot_ms;
        int64_t next_sample = begin;
        uint64_t started = 0;
        for (int64_t now = begin; now - begin < scenario_.window.count(); now = boot_ms()) {
            const auto due =
                static_cast<uint64_t>((now - begin) * scenario_.probes_per_second / 1'000);
            for (; started < due; ++started) {
                SERVO_CHECK(start_probe());
            }
            if (now >= next_sample) {
                next_sample = now + kSampleEvery.count();
                SERVO_CHECK(ports_.fleet.check());
                const api::SystemStatus status = SERVO_TRY(ports_.client.get_status(""));
                take_sample(status);
                tell(status, executors, Millis(now - begin));
                if (status.running_partitions + status.pending_partitions == 0) {
                    return {};
                }
            }
            SERVO_CHECK(let_pass(kTick));
        }
        return {};
    }

    void take_sample(const api::SystemStatus& status) {
        ++samples_;
        for (const api::WaitReason& reason : status.waiting) {
            waiting_[reason.gate] += reason.partitions;
        }
    }

    void tell(const api::SystemStatus& status, int executors, Millis since) {
        ports_.progress(fmt::format(
            "{}  {} of {}  {} of {} slots busy  {:.0f} partitions/s",
            counted(static_cast<uint64_t>(executors), "executor", "executors"),
            human_duration(since),
            human_duration(scenario_.window),
            status.slots_busy,
            status.slots,
            status.partitions_per_second
        ));
    }

    Result<Edge> read_edge() {
        Edge edge;
        for (size_t i = 0; i < scenario_.classes.size(); ++i) {
            auto jobs =
                SERVO_TRY(list_jobs(ports_.client, asset_name(i), api::every_job_state(), age()));
            for (api::Backfill& job : jobs) {
                if (ids_.contains(job.id)) {
                    edge.jobs.push_back(std::move(job));
                }
            }
        }
        const auto executors = SERVO_TRY(ports_.client.list_executors(""));
        edge.machine = read_machine(ports_.server_pid);
        for (const api::Executor& one : executors.items) {
            if (one.state != "lost" && one.state != "left") {
                edge.slot_ms[one.name] = one.slot_ms;
                edge.slots += static_cast<int>(one.slots);
            }
        }
        edge.all_ended = std::all_of(edge.jobs.begin(), edge.jobs.end(), [](const auto& job) {
            return job.completed_at.has_value();
        });
        return edge;
    }

    void compare(const Edge& from, const Edge& to, StepResult& out) const {
        out.window_s = static_cast<double>(to.machine.boot_ms - from.machine.boot_ms) / 1'000;
        out.ran_out = to.all_ended;
        std::map<std::string, const api::Backfill*> before;
        for (const api::Backfill& job : from.jobs) {
            before[job.id] = &job;
        }
        std::map<std::string, TenantShare> tenants;
        for (size_t i = 0; i < scenario_.weights.size(); ++i) {
            tenants[tenant_name(i)] = {tenant_name(i), scenario_.weights[i], 0, 0};
        }
        for (const api::Backfill& job : to.jobs) {
            const auto known = before.find(job.id);
            const api::Backfill earlier = known == before.end() ? api::Backfill() : *known->second;
            TenantShare& tenant = tenants[job.tenant_id];
            tenant.partitions += job.completed_partitions - earlier.completed_partitions;
            tenant.slot_seconds += slot_seconds(job) - slot_seconds(earlier);
            out.failed += job.failed_partitions - earlier.failed_partitions;
        }
        std::vector<double> shares;
        for (size_t i = 0; i < scenario_.weights.size(); ++i) {
            const TenantShare& tenant = tenants[tenant_name(i)];
            out.completed += tenant.partitions;
            shares.push_back(tenant.slot_seconds / tenant.weight);
            out.tenants.push_back(tenant);
        }
        out.fairness = report::jain_index(shares);
        out.throughput = out.window_s > 0 ? static_cast<double>(out.completed) / out.window_s : 0;
        compare_slots(from, to, out);
    }

    static double slot_seconds(const api::Backfill& job) {
        return static_cast<double>(job.completed_partitions) *
               job.avg_partition_duration_ms.value_or(0) / 1'000;
    }

    static void compare_slots(const Edge& from, const Edge& to, StepResult& out) {
        std::map<std::string, int64_t> spent;
        int64_t all = 0;
        for (const auto& [executor, states] : to.slot_ms) {
            const auto before = from.slot_ms.find(executor);
            for (const auto& [state, ms] : states) {
                int64_t earlier = 0;
                if (before != from.slot_ms.end()) {
                    const auto known = before->second.find(state);
                    earlier = known == before->second.end() ? 0 : known->second;
                }
                spent[state] += std::max<int64_t>(0, ms - earlier);
                all += std::max<int64_t>(0, ms - earlier);
            }
        }
        for (const char* state : {"busy", "report", "held", "idle", "draining"}) {
            const double share =
                all > 0 ? static_cast<double>(spent[state]) / static_cast<double>(all) : 0;
            out.ledger.emplace_back(state, share);
        }
        out.slot_use = out.ledger.front().second;
    }

    static void use_ledger(const std::optional<api::TimeSpent>& time, StepResult& out) {
        double all = 0;
        for (const auto& [state, slots] : time ? time->slots : std::map<std::string, double>()) {
            all += slots;
        }
        if (all <= 0) {
            return;
        }
        out.by_server = true;
        out.ledger.clear();
        for (const auto& [state, slots] : time->slots) {
            out.ledger.emplace_back(state, slots / all);
        }
        std::stable_sort(out.ledger.begin(), out.ledger.end(), [](const auto& a, const auto& b) {
            return a.second > b.second;
        });
    }

    Result<ClaimLatency> claim_latency() {
        ClaimLatency out;
        std::vector<double> seconds;
        const bool probing = !probe_ids_.empty();
        std::vector<std::string> assets;
        for (size_t i = 0; i < (probing ? 0 : scenario_.classes.size()); ++i) {
            assets.push_back(asset_name(i));
        }
        if (probing) {
            assets.push_back(kProbeAsset);
        }
        const api::SystemStatus status = SERVO_TRY(ports_.client.get_status(""));
        for (const std::string& asset : assets) {
            for (const api::Backfill& job :
                 SERVO_TRY(list_jobs(ports_.client, asset, api::every_job_state(), age()))) {
                if (!(probing ? probe_ids_ : ids_).contains(job.id)) {
                    continue;
                }
                ++out.jobs;
                out.unclaimed += job.started_at ? 0 : 1;
                const Millis waited = job.started_at.value_or(status.as_of) - job.created_at;
                seconds.push_back(
                    static_cast<double>(std::max<int64_t>(0, waited.count())) / 1'000
                );
            }
        }
        out.p50_s = report::percentile(seconds, 50);
        out.p95_s = report::percentile(seconds, 95);
        out.p99_s = report::percentile(seconds, 99);
        return out;
    }

    std::vector<std::pair<std::string, double>> mean_waiting() const {
        std::vector<std::pair<std::string, double>> out;
        for (const auto& [gate, partitions] : waiting_) {
            out.emplace_back(gate, static_cast<double>(partitions) / std::max(samples_, 1));
        }
        std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
            return a.second > b.second;
        });
        return out;
    }

    const Scenario& scenario_;
    const StepPorts& ports_;
    uint64_t& probes_;
    int64_t begun_ms_;
    std::set<std::string> ids_;  // of the bulk jobs
    std::set<std::string> probe_ids_;
    std::map<std::string, uint64_t> waiting_;  // by gate, summed over the samples
    int samples_ = 0;
};

}  // namespace

Result<StepResult> run_step(
    const Scenario& scenario, int executors, const StepPorts& ports, uint64_t& probes
) {
    return Step(scenario, ports, probes).run(executors);
}

Status wait_for_executors(const StepPorts& ports, int count) {
    for (Millis waited{0};; waited += kLookAgain) {
        SERVO_CHECK(ports.fleet.check());
        const auto list = SERVO_TRY(ports.client.list_executors(""));
        const auto up = std::count_if(list.items.begin(), list.items.end(), [](const auto& one) {
            return one.state == "up";
        });
        if (up == count) {
            return {};
        }
        ports.progress(fmt::format(
            "{} of {} up", up, counted(static_cast<uint64_t>(count), "executor is", "executors are")
        ));
        if (waited >= kExecutorsWithin) {
            return fail(late(
                "executors_missing",
                fmt::format(
                    "{} up and in service, not {}, after {}. See which: servo executor list",
                    counted(static_cast<uint64_t>(up), "executor is", "executors are"),
                    count,
                    format_duration(kExecutorsWithin)
                )
            ));
        }
        if (!ports.client.http().pause(kLookAgain)) {
            return fail(broken_off());
        }
    }
}

}  // namespace servo::load

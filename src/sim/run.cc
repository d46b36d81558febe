#include "sim/run.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/executor_node.h"
#include "sim/partition_reader.h"
#include "sim/workload.h"

namespace servo::sim {
namespace {

constexpr uint64_t kEventsMax = 20'000'000;
// Waiting for backoffs, breakers, probes and hung programs comes on top of the work itself.
constexpr Micros kHealBase = std::chrono::hours(3);
constexpr Micros kSettle{45'000'000};  // after the last job ended

class Simulation {
 public:
    Simulation(const Options& options, Echo echo, Plant& plant)
        : world_(options, echo, plant),
          network_(world_),
          cluster_(world_, network_),
          programs_(world_),
          reader_(world_, cluster_),
          workload_(world_, cluster_, programs_, reader_) {}

    Report go() {
        cluster_.on_load([this](ServerNode& server, const core::Scheduler& scheduler) {
            workload_.tell_steps(server, scheduler);
            if (scheduler.epoch() == world_.auditor.epoch()) {
                reader_.look_everywhere(scheduler, server.engine().now());
            }
        });
        cluster_.start();
        workload_.start();
        make_executors();
        if (!world_.options.fairness) {
            schedule_faults();
            read_partitions();
        }
        run_until(Micros(world_.options.fault_phase), [] { return false; });
        if (world_.options.fairness) {
            check_shares();
        } else {
            heal();
        }
        return report();
    }

 private:
    void make_executors() {
        const Options& options = world_.options;
        for (int i = 0; i < options.executors; ++i) {
            ExecutorNode::Spec spec;
            spec.name = fmt::format("executor-{}", i);
            spec.slots = static_cast<int>(world_.prng.between(1, options.slots_max));
            if (i == 0 || world_.prng.chance(1, 2)) {
                spec.labels["zone"] = "east";
            }
            if (options.clock_drift) {
                spec.clock_per_mille = static_cast<int>(world_.prng.between(950, 1'050));
                spec.wall_offset = Millis(world_.prng.between(-60'000, 60'000));
            }
            executors_.push_back(
                std::make_unique<ExecutorNode>(world_, cluster_, programs_, std::move(spec))
            );
            executors_.back()->start();
        }
    }

    ExecutorNode& some_executor() { return *executors_[world_.prng.below(executors_.size())]; }

    void read_partitions() {
        const Micros delay = world_.healed ? Micros(30'000'000) : Micros(1'000'000);
        world_.queue.after(delay, [this] {
            reader_.look_somewhere();
            read_partitions();
        });
    }

    // Repeats `fault` at random times about `every` apart until the phase ends.
    void repeat(bool on, Micros every, std::function<void()> fault) {
        if (!on) {
            return;
        }
        world_.queue.after(
            world_.between(every / 4, every * 7 / 4),
            [this, every, fault = std::move(fault)] {
                if (!world_.healed) {
                    fault();
                    repeat(true, every, fault);
                }
            }
        );
    }

    void schedule_faults() {
        const Options& o = world_.options;
        const auto ms = [](int64_t value) { return Micros(value * 1'000); };
        repeat(o.executor_crashes, ms(25'000), [this, &o] {
            world_.mark("executor crash");
            const bool left = o.orphans && world_.prng.chance(1, 2);
            some_executor().crash(left ? Children::kLiveOn : Children::kDieToo);
        });
        repeat(o.executor_pauses, ms(30'000), [this, ms] {
            world_.mark("executor pause");
            some_executor().pause(world_.between(ms(1'000), ms(100'000)));
        });
        repeat(o.machine_freezes, ms(40'000), [this, ms] {
            world_.mark("machine freeze");
            some_executor().freeze(world_.between(ms(1'000), ms(60'000)));
        });
        repeat(o.executor_drains, ms(40'000), [this] {
            world_.mark("executor drain");
            drain_some();
        });
        repeat(o.slot_losses, ms(15'000), [this] {
            world_.mark("slot lost");
            some_executor().lose_slot();
        });
        repeat(o.slot_changes, ms(20'000), [this] {
            world_.mark("slots change");
            some_executor().set_slots(
                static_cast<int>(world_.prng.between(1, world_.options.slots_max + 1))
            );
        });
        repeat(o.server_crashes, ms(20'000), [this] {
            cluster_.crash(static_cast<CrashPoint>(1 + world_.prng.below(6)));
        });
        repeat(o.server_stalls, ms(30'000), [this, ms] {
            world_.mark("server stall");
            cluster_.stall(world_.between(ms(500), ms(30'000)));
        });
        repeat(o.second_leader, ms(45'000), [this, ms] {
            cluster_.take_over(world_.between(ms(1'000), ms(40'000)));
        });
        repeat(o.hand_overs, ms(30'000), [this] {
            world_.mark("hand-over");
            cluster_.hand_over();
        });
        repeat(o.wall_steps, ms(40'000), [this, ms] {
            world_.mark("wall clock step");
            cluster_.step_wall_clock(Millis(world_.prng.between(-3'600'000, 3'600'000)));
            cluster_.crash(CrashPoint::kNow);  // a start looks at the wall clock
        });
        repeat(o.partitions_one_way, ms(20'000), [this, ms] {
            world_.mark("one-way partition");
            const Direction direction =
                world_.prng.chance(1, 2) ? Direction::kToServer : Direction::kFromServer;
            network_.cut(
                some_executor().name(),
                direction,
                world_.now() + world_.between(ms(500), ms(40'000))
            );
        });
        repeat(o.outages, ms(60'000), [this, ms] {
            world_.mark("outage");
            programs_.set_outage(
                fmt::format("pool{}", world_.prng.below(2)),
                world_.now() + world_.between(ms(5'000), ms(90'000))
            );
        });
        repeat(o.controls || o.levers || o.applies || o.reprocesses, ms(3'000), [this] {
            workload_.disturb();
        });
    }

    void drain_some() {
        ExecutorNode& executor = some_executor();
        if (world_.prng.chance(1, 2)) {
            executor.drain();
            return;
        }
        core::DrainExecutor drain{executor.name(), world_.prng.chance(2, 3), "operator"};
        cluster_.request("operator", drain, [](const auto&) {});
    }

    template <typename Done>
    void run_until(Micros until, Done done) {
        while (!world_.findings.any() && !done() && !world_.queue.empty() &&
               world_.queue.next_at() <= until) {
            world_.queue.run_next();
            if (world_.queue.ran() > kEventsMax) {
                world_.findings.report("I18", "too many events: the system is running in circles");
            }
        }
    }

    void heal() {
        world_.healed = true;
        world_.note("--- everything heals ---");
        workload_.heal();
        for (const auto& executor : executors_) {
            executor->heal();
            undrain(executor->name(), 100);
        }
        const Micros most = world_.now() + kHealBase + 20 * workload_.work();
        run_until(most, [this] { return workload_.finished(); });
        if (world_.findings.any()) {
            return;
        }
        if (!workload_.finished()) {
            world_.findings.report("I18", "work does not end:" + workload_.open_jobs() + waiting());
            return;
        }
        const Micros settled = world_.now() + kSettle;
        run_until(settled, [] { return false; });
        if (!world_.findings.any()) {
            check_end();
        }
    }

    void undrain(const std::string& name, int tries) {
        core::DrainExecutor command{name, false, "operator"};
        cluster_.request("operator", command, [](const auto&) {});
        if (tries > 0) {
            world_.queue.after(Micros(20'000'000), [this, name, tries] {
                undrain(name, tries - 1);
            });
        }
    }

    // Why the open jobs wait, in the product's own words.
    std::string waiting() {
        std::string out;
        ServerNode* server = cluster_.leader();
        if (server == nullptr) {
            return "\n  no server leads";
        }
        const core::Scheduler& scheduler = *server->engine().scheduler();
        for (const JobId id : scheduler.open_jobs()) {
            const std::optional<core::JobView> view = scheduler.job(id, server->clock());
            for (const core::GateShare& share : view->waiting) {
                out += fmt::format(
                    "\n  {} wait for {} {}: {}",
                    share.partitions,
                    core::to_string(share.gate),
                    share.subject,
                    share.release
                );
            }
        }
        for (const core::ExecutorView& view : scheduler.executors(server->clock())) {
            out += fmt::format(
                "\n  {}: session {}, {} of {} slots busy{}",
                view.row.name,
                view.session.value,
                view.busy,
                view.slots,
                view.draining ? ", draining" : ""
            );
        }
        return out;
    }

    // Quiet at last: the store, the memory and the account must agree to the last row.
    void check_end() {
        ServerNode* server = cluster_.leader();
        if (server == nullptr) {
            world_.findings.report("I18", "no server leads in a healed world");
            return;
        }
        const core::Scheduler& scheduler = *server->engine().scheduler();
        world_.auditor.check_idle(scheduler, server->clock());
        reader_.look_everywhere(scheduler, server->clock());
        reader_.check_stored();
        const Result<Snapshot> snapshot = world_.store.load(scheduler.epoch());
        if (snapshot.has_value()) {
            world_.auditor.check_disk(scheduler, *snapshot, server->clock());
        }
        const auto findings = world_.store.fsck();
        if (!findings.has_value() || !findings->empty()) {
            world_.findings.report(
                "fsck", findings.has_value() ? findings->front() : findings.error().message
            );
        }
        for (const auto& [id, job] : world_.auditor.accounts().jobs) {
            const auto checkpoint = world_.store.within(store::TenantScope::all())->checkpoint(id);
            if (!checkpoint.has_value() || !*checkpoint ||
                !((*checkpoint)->counters == job.counters)) {
                world_.findings.report("I9", "the stored counters of an ended job are wrong");
            }
        }
    }

    // Weighted shares of slot-time among tenants that always had more to do (I13).
    void check_shares() {
        const auto& tenants = world_.auditor.accounts().tenants;
        double most = 0;
        double least = 1e300;
        std::string shares;
        for (const auto& [id, row] : tenants) {
            const auto weight = static_cast<double>(
                row.override_limits ? row.override_limits->weight : row.limits.weight
            );
            const double served = static_cast<double>(world_.ledger.busy(id).count()) / weight;
            most = std::max(most, served);
            least = std::min(least, served);
            shares += fmt::format(" {}:{:.0f}", row.name, served);
        }
        world_.note("served per weight:{}", shares);
        world_.mark("shares measured");
        if (least <= 0 || most / least > 1.15) {
            world_.findings.report("I13", "tenants are not served by their weights:" + shares);
        }
    }

    Report report() {
        Report out;
        out.violation = world_.findings.first();
        out.tail = world_.trace.tail();
        world_.note(
            "end: {} results recorded in {} batches",
            world_.auditor.recorded(),
            world_.auditor.batches()
        );
        out.hash = world_.trace.hash();
        out.virtual_time = world_.now();
        out.events = world_.queue.ran();
        out.recorded = world_.auditor.recorded();
        out.batches = world_.auditor.batches();
        out.marks = world_.marks;
        return out;
    }

    World world_;
    Network network_;
    Cluster cluster_;
    Programs programs_;
    PartitionReader reader_;
    Workload workload_;
    std::vector<std::unique_ptr<ExecutorNode>> executors_;
};

}  // namespace

Report run(const Options& options, Echo echo, Plant& plant) {
    return Simulation(options, echo, plant).go();
}

Report run(const Options& options, Echo echo) {
    Plant none;
    return run(options, echo, none);
}

std::string describe_failure(const Options& options, const Report& report) {
    std::string out = fmt::format("FAILED seed {}\n  {}\n", options.seed, to_string(options));
    if (report.violation) {
        out += fmt::format(
            "invariant {} at {:.6f} s: {}\n",
            report.violation->invariant,
            static_cast<double>(report.violation->at.count()) / 1e6,
            report.violation->what
        );
    }
    out += "the last lines of the trace:\n";
    for (const std::string& line : report.tail) {
        out += "  " + line + "\n";
    }
    out += fmt::format("repeat it: scripts/sim --seed {} --trace\n", options.seed);
    return out;
}

}  // namespace servo::sim

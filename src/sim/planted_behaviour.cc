// Planted bugs in what is done: answers too early, leaked permits, late reports, executors that run
// the wrong thing.
#include <algorithm>

#include "core/state.h"
#include "sim/planted_parts.h"

namespace servo::sim {
namespace {

// Answers from a copy of the scheduler; the commit may or may not come.
class AnswerEarly final : public Rarely {
 public:
    using Rarely::Rarely;
    bool answer_early(const engine::Engine& engine, engine::Item& item) override {
        if (engine.scheduler() == nullptr || !now()) {
            return false;
        }
        core::Scheduler copy(*engine.scheduler());
        ChangeSet unwritten;
        item.answer(copy.apply(item.command, engine.now(), engine.status().seq + 1, unwritten));
        return true;
    }
};

class LeakPermit final : public Rarely {
 public:
    using Rarely::Rarely;
    void touch(core::Scheduler& scheduler) override {
        core::State& state = scheduler.state_for_forecast();
        if (!state.tenants.empty() && now()) {
            ++state.tenants.begin()->second.slots;
        }
    }
};

class NoLimits final : public Plant {
 public:
    void touch(core::Scheduler& scheduler) override {
        core::State& state = scheduler.state_for_forecast();
        for (auto& [id, pool] : state.pools) {
            pool.row.concurrency_override = 1'000;
            pool.row.spec.per_tenant_concurrency = 0;
        }
        for (auto& [id, tenant] : state.tenants) {
            tenant.row.limits.max_concurrency = 0;
            if (tenant.row.override_limits) {
                tenant.row.override_limits->max_concurrency = 0;
            }
        }
    }
};

class ForgetSlotTime final : public Rarely {
 public:
    using Rarely::Rarely;
    void touch(core::Scheduler& scheduler) override {
        core::State& state = scheduler.state_for_forecast();
        for (auto& [id, lease] : state.leases) {
            if (lease.booked_to < core::stamp(state.now) && now()) {
                lease.booked_to = core::stamp(state.now);
                return;
            }
        }
    }
};

class LeaseTwice final : public Rarely {
 public:
    using Rarely::Rarely;
    void touch(core::Scheduler& scheduler) override {
        core::State& state = scheduler.state_for_forecast();
        for (auto& [id, lease] : state.leases) {
            if (!lease.grants.empty() && now()) {
                state.jobs.at(lease.job).ready.add(lease.grants.front().runs.front());
                return;
            }
        }
    }
};

class ForgetRetries final : public Plant {
 public:
    void touch(core::Scheduler& scheduler) override {
        scheduler.state_for_forecast().backoff.clear();
    }
};

// Leases of executors that are alive run out, as if their time were taken from a stepped clock.
class SpuriousExpiry final : public Rarely {
 public:
    using Rarely::Rarely;
    void touch(core::Scheduler& scheduler) override {
        core::State& state = scheduler.state_for_forecast();
        for (auto& [id, session] : state.sessions) {
            if (session.registered && now()) {
                session.last_call -= Millis(3'600'000);
            }
        }
    }
};

// A result for a lease that is no more is booked on one that is.
class AcceptLateReport final : public Plant {
 public:
    void on_call(const engine::Engine& engine, CallRequest& request) override {
        if (engine.scheduler() == nullptr) {
            return;
        }
        const core::State& state = engine.scheduler()->state();
        const auto session = state.sessions.find(request.session);
        if (session == state.sessions.end()) {
            return;
        }
        for (LeaseResults& results : request.results) {
            if (state.leases.contains(results.lease) || results.done.empty()) {
                continue;
            }
            for (const LeaseId id : session->second.leases) {
                const core::Lease& lease = state.leases.at(id);
                const bool named = std::any_of(
                    request.results.begin(),
                    request.results.end(),
                    [&](const LeaseResults& other) { return other.lease == id; }
                );
                if (!named && lease.reported < lease.size) {
                    DoneResult result = results.done.front();
                    result.position = lease.reported;
                    results = LeaseResults{id, {result}, {}, {}, {}};
                    break;
                }
            }
        }
    }
};

class FailureAsSuccess final : public Rarely {
 public:
    using Rarely::Rarely;
    void on_slot_event(executor::SlotEvent& event) override {
        auto* progress = std::get_if<executor::SlotProgress>(&event);
        if (progress == nullptr || progress->results.failed.empty() || !now()) {
            return;
        }
        const FailedResult failed = progress->results.failed.back();
        progress->results.failed.pop_back();
        DoneResult done;
        done.position = failed.position;
        done.started_at = failed.started_at;
        done.duration = failed.duration;
        progress->results.done.push_back(done);
        std::sort(
            progress->results.done.begin(),
            progress->results.done.end(),
            [](const DoneResult& a, const DoneResult& b) { return a.position < b.position; }
        );
        progress->results.logs.clear();
    }
};

class MadeUpTimes final : public Rarely {
 public:
    using Rarely::Rarely;
    void on_slot_event(executor::SlotEvent& event) override {
        auto* progress = std::get_if<executor::SlotProgress>(&event);
        if (progress == nullptr || !progress->results.failed.empty()) {
            return;
        }
        if (!progress->results.done.empty() && now()) {
            progress->results.done.back().duration += Micros(1);
        }
    }
};

class RunOutOfOrder final : public Plant {
 public:
    bool on_action(executor::Action& action) override {
        auto* feed = std::get_if<executor::FeedSlot>(&action);
        if (feed == nullptr || feed->grant.runs.size() != 1 || feed->grant.size() < 2 ||
            feed->grant.reversed || feed->grant.ordinals.size() != 1) {
            return true;
        }
        // The last one first.
        const Run run = feed->grant.runs.front();
        const OrdinalRun ordinals = feed->grant.ordinals.front();
        feed->grant.runs = {{run.end - 1, run.end}, {run.first, run.end - 1}};
        feed->grant.ordinals = {
            {ordinals.last(), 1, 1}, {ordinals.first, ordinals.count - 1, ordinals.stride}};
        return true;
    }
};

class NeverStop final : public Plant {
 public:
    bool on_action(executor::Action& action) override {
        return !std::holds_alternative<executor::SetStopTime>(action) &&
               !std::holds_alternative<executor::KillSlot>(action);
    }
};

class ShiftedTokens final : public Plant {
 public:
    void on_reply(CallReply& reply) override {
        for (Grant& grant : reply.grants) {
            if (grant.first_position > 0 && grant.size() > 1) {
                grant.token_base += 1;
            }
        }
    }
};

// More work of a lease is given and never arrives, however often it is sent.
class TopUpNeverArrives final : public Plant {
 public:
    void on_reply(CallReply& reply) override {
        std::erase_if(reply.grants, [](const Grant& grant) { return grant.first_position > 0; });
    }
};

template <typename Bug>
std::unique_ptr<Plant> rarely() {
    return std::make_unique<Bug>(20);
}
template <typename Bug>
std::unique_ptr<Plant> always() {
    return std::make_unique<Bug>();
}

void nothing(Options&) {}
void failures(Options& o) {
    o.fail_per_mille = 200;
}
void long_runs(Options& o) {
    o.durations = DurationShape::kMinutes;
    o.partitions_max = 60;
    o.executors = 3;
}

}  // namespace

// Mistakes of the scheduler and of the engine around it.
void add_behaviour_bugs(std::vector<PlantedBug>& bugs) {
    bugs.push_back(
        {"answer_before_commit",
         "a caller is answered before the commit",
         rarely<AnswerEarly>,
         nothing}
    );
    bugs.push_back(
        {"permit_leaked", "a slot of a tenant is never given back", rarely<LeakPermit>, nothing}
    );
    bugs.push_back(
        {"slot_time_forgotten",
         "the ledger leaves out some of a slot's time",
         rarely<ForgetSlotTime>,
         nothing}
    );
    bugs.push_back(
        {"limits_ignored",
         "limits of pools and tenants do not hold",
         always<NoLimits>,
         [](Options& o) {
             o.pools = true;
             o.limits = true;
             o.slots_max = 6;
             o.executors = 5;
         }}
    );
    bugs.push_back(
        {"leased_twice", "a leased partition is offered again", rarely<LeaseTwice>, nothing}
    );
    bugs.push_back(
        {"retries_forgotten", "what waits for its retry is lost", always<ForgetRetries>, failures}
    );
    bugs.push_back(
        {"expiry_by_wall_clock",
         "leases of living executors run out",
         rarely<SpuriousExpiry>,
         long_runs}
    );
}

// Mistakes of an executor, or of what lies between it and the scheduler.
void add_executor_bugs(std::vector<PlantedBug>& bugs) {
    bugs.push_back(
        {"late_report_accepted",
         "a late result is booked on another lease",
         always<AcceptLateReport>,
         [](Options& o) {
             o.executor_pauses = true;
             o.partitions_one_way = true;
             o.durations = DurationShape::kTenths;
             o.partitions_max = 3'000;
         }}
    );
    bugs.push_back(
        {"failure_as_success",
         "an executor reports a failure as a success",
         rarely<FailureAsSuccess>,
         failures}
    );
    bugs.push_back(
        {"result_made_up", "an executor reports times that were not", rarely<MadeUpTimes>, nothing}
    );
    bugs.push_back(
        {"run_out_of_order",
         "an executor runs the last partition first",
         always<RunOutOfOrder>,
         nothing}
    );
    bugs.push_back(
        {"stop_time_ignored",
         "slots go on although the server is out of reach",
         always<NeverStop>,
         [](Options& o) {
             long_runs(o);
             o.partitions_one_way = true;
             o.executor_pauses = true;
             o.machine_freezes = false;
             o.second_leader = false;
         }}
    );
    bugs.push_back(
        {"token_shifted",
         "a top-up carries the tokens of its neighbours",
         always<ShiftedTokens>,
         [](Options& o) {
             o.durations = DurationShape::kMillis;
             o.partitions_max = 5'000;
         }}
    );
    bugs.push_back(
        {"top_up_never_arrives",
         "more work of a lease is given and never arrives",
         always<TopUpNeverArrives>,
         [](Options& o) {
             o.durations = DurationShape::kMillis;
             o.partitions_max = 5'000;
         }}
    );
}

const std::vector<PlantedBug>& planted_bugs() {
    static const std::vector<PlantedBug> kBugs = [] {
        std::vector<PlantedBug> bugs;
        add_record_bugs(bugs);
        add_standing_bugs(bugs);
        add_behaviour_bugs(bugs);
        add_executor_bugs(bugs);
        return bugs;
    }();
    return kBugs;
}

}  // namespace servo::sim

#include "core/scheduler.h"

#include <algorithm>

#include "base/assert.h"
#include "core/rules.h"

namespace servo::core {

bool ApplyReply::changed() const {
    const auto moved = [](const auto& row) { return row.action != AppliedAction::kUnchanged; };
    return std::any_of(assets.begin(), assets.end(), moved) ||
           std::any_of(pools.begin(), pools.end(), moved);
}

Scheduler::Scheduler(const Snapshot& snapshot, Instant now, uint64_t seed)
    : state_(std::make_unique<State>()) {
    state_->prng = Prng(seed);
    load(*state_, snapshot, now);
}

Scheduler::Scheduler(const Scheduler& other) : state_(std::make_unique<State>(*other.state_)) {}
Scheduler::Scheduler(Scheduler&&) noexcept = default;
Scheduler& Scheduler::operator=(Scheduler&&) noexcept = default;
Scheduler::~Scheduler() = default;

Result<Reply> Scheduler::apply(
    const Command& command, Instant now, int64_t seq, ChangeSet& changes
) {
    SERVO_ASSERT(now >= state_->now);
    state_->now = now;
    Context c{*state_, now, seq, changes};
    struct Visitor {
        Context& c;
        Result<Reply> operator()(const ApplyDefinitions& x) { return apply_definitions(c, x); }
        Result<Reply> operator()(const SetTenant& x) { return set_tenant(c, x); }
        Result<Reply> operator()(const SetPool& x) { return set_pool(c, x); }
        Result<Reply> operator()(const HoldPool& x) { return hold_pool(c, x); }
        Result<Reply> operator()(const SetAsset& x) { return set_asset(c, x); }
        Result<Reply> operator()(const MarkPartitions& x) { return mark_partitions(c, x); }
        Result<Reply> operator()(const CreateToken& x) { return create_token(c, x); }
        Result<Reply> operator()(const RevokeToken& x) { return revoke_token(c, x); }
        Result<Reply> operator()(const SetPoolSteps& x) { return set_pool_steps(c, x); }
        Result<Reply> operator()(const CreateJobs& x) { return create_jobs(c, x); }
        Result<Reply> operator()(const PauseJob& x) { return pause_job(c, x); }
        Result<Reply> operator()(const ResumeJob& x) { return resume_job(c, x); }
        Result<Reply> operator()(const CancelJob& x) { return cancel_job(c, x); }
        Result<Reply> operator()(const RetryJob& x) { return retry_job(c, x); }
        Result<Reply> operator()(const SetJob& x) { return set_job(c, x); }
        Result<Reply> operator()(const AdoptJob& x) { return adopt_job(c, x); }
        Result<Reply> operator()(const DrainExecutor& x) { return drain_executor(c, x); }
        Result<Reply> operator()(const RegisterExecutor& x) {
            return Reply(SERVO_TRY(register_executor(c, x.request, x.token)));
        }
        Result<Reply> operator()(const ExecutorCall& x) {
            return Reply(SERVO_TRY(executor_call(c, x.request, x.token)));
        }
        Result<Reply> operator()(const Tick&) {
            tick(c);
            return Reply(Done{false});
        }
        Result<Reply> operator()(const AddStall& x) {
            for (auto& [id, session] : c.state.sessions) {
                session.last_call = std::min(c.now, session.last_call + x.stall);
            }
            c.state.loaded_at = std::min(c.now, c.state.loaded_at + x.stall);
            return Reply(Done{false});
        }
        Result<Reply> operator()(const CloseLedger&) {
            keep_ledger(c, Closing::kAll);
            return Reply(Done{false});
        }
    };
    return std::visit(Visitor{c}, command);
}

void Scheduler::seal(Instant now, int64_t seq, ChangeSet& changes) {
    Context c{*state_, now, seq, changes};
    core::seal(c);
}

Instant Scheduler::next_due() const {
    // Also with nothing to do: what was held or set for a time ends in time.
    const Instant tick = state_->last_tick + kTickInterval;
    return state_->backoff.empty() ? tick : std::min(tick, std::get<0>(*state_->backoff.begin()));
}

uint64_t Scheduler::wake_count() const {
    return state_->wake;
}

int64_t Scheduler::epoch() const {
    return state_->epoch;
}

}  // namespace servo::core

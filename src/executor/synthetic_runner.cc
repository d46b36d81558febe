#include "executor/synthetic_runner.h"

#include <algorithm>

#include "base/prng.h"

namespace servo::executor {

using model::FailureClass;

namespace {
// A schedule that is behind by more is given up: the slot was stopped, not slow to wake.
constexpr Micros kCatchUpMax{20'000};
}  // namespace

bool SyntheticRunner::serves(const Part& part) const {
    return part.program->definition.spec.run.kind == model::RunnerKind::kSynthetic;
}

void SyntheticRunner::start(Unit unit, Micros now) {
    unit_ = std::move(unit);
    busy_ = true;
    const model::SyntheticSpec& spec = unit_.part->program->definition.spec.run.synthetic;
    // Equal attempts behave equally.
    Prng prng(static_cast<uint64_t>(unit_.part->token_of(unit_.first)));
    const int64_t spread = spec.duration.count() * spec.spread_percent / 100;
    const Micros duration(
        std::max<int64_t>(0, spec.duration.count() + prng.between(-spread, spread))
    );
    outcome_.reset();
    if (prng.chance(static_cast<uint64_t>(std::max(spec.fail_per_mille, 0)), 1'000)) {
        outcome_ = spec.fail_class;
    }
    const Micros timeout = unit_.part->grant.timeout;
    if (timeout > Micros(0) && duration > timeout) {
        outcome_ = FailureClass::kTimeout;
    }
    started_ = end_at_ <= now && now - end_at_ < kCatchUpMax ? end_at_ : now;
    started_wall_ = wall_now() - std::chrono::duration_cast<Millis>(now - started_);
    end_at_ =
        started_ + (outcome_ == FailureClass::kTimeout ? std::min(duration, timeout) : duration);
    on_time(now);
}

void SyntheticRunner::on_time(Micros now) {
    if (busy_ && now >= end_at_) {
        std::string message;
        if (outcome_ == FailureClass::kTimeout) {
            message = kill_message(KillReason::kTimeout, unit_.part->grant, 1);
        } else if (outcome_) {
            message = "a synthetic failure";
        }
        finish(outcome_, end_at_, std::move(message));
    }
}

void SyntheticRunner::kill(KillReason reason, Micros now) {
    if (busy_) {
        finish(FailureClass::kLost, now, kill_message(reason, unit_.part->grant, 1));
    }
}

void SyntheticRunner::finish(std::optional<FailureClass> klass, Micros ended, std::string message) {
    busy_ = false;
    Outcome outcome;
    if (klass) {
        model::FailedResult failed;
        failed.position = unit_.first;
        failed.started_at = started_wall_;
        failed.duration = ended - started_;
        failed.klass = *klass;
        failed.message = std::move(message);
        outcome.result = std::move(failed);
    } else {
        model::DoneResult done;
        done.position = unit_.first;
        done.started_at = started_wall_;
        done.duration = ended - started_;
        outcome.result = done;
    }
    outcomes_.push_back(std::move(outcome));
}

}  // namespace servo::executor

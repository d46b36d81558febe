#include "sim/slot.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "executor/stop_rule.h"

namespace servo::sim {
namespace {

constexpr Micros kFlushWithin{20'000};

std::vector<Ordinal> ordinals_in_order(const Grant& grant) {
    std::vector<Ordinal> out;
    for (const OrdinalRun& run : grant.ordinals) {
        for (uint64_t i = 0; i < run.count; ++i) {
            const uint64_t member = grant.reversed ? run.count - 1 - i : i;
            out.push_back(run.first + static_cast<int64_t>(member) * run.stride);
        }
    }
    return out;
}

}  // namespace

void Slot::feed(
    uint64_t first_position, const Grant& grant, std::shared_ptr<const Definition> definition
) {
    if (grant.lease != lease_) {
        if (running_ || next_ < end_) {
            world_.findings.report(
                "keeper",
                fmt::format(
                    "a slot is fed lease {} while it runs {}", grant.lease.value, lease_.value
                )
            );
        }
        flush();
        lease_ = grant.lease;
        parts_.clear();
        next_ = end_ = first_position;
        stopped_ = false;
        stop_told_ = false;
    }
    if (stop_told_ && first_position > end_) {
        return;  // sent before the keeper heard of the cut, which takes it back as well
    }
    stop_told_ = false;
    if (first_position != end_) {
        world_.findings.report(
            "keeper",
            fmt::format(
                "lease {}: position {} is fed, {} comes next", lease_.value, first_position, end_
            )
        );
        return;
    }
    Part part{first_position, grant, std::move(definition), {}, ordinals_in_order(grant)};
    for (const Run& run : grant.runs) {
        for (Index index = run.first; index < run.end; ++index) {
            part.indices.push_back(index);
        }
    }
    if (part.ordinals.size() != part.indices.size() || !part.definition ||
        part.definition->asset != grant.asset || part.definition->revision != grant.revision) {
        world_.findings.report("protocol", "a grant and its definition do not fit");
        return;
    }
    const auto position = world_.auditor.position_of(lease_, grant.token_base);
    if (position && *position != first_position) {
        world_.findings.report(
            "protocol",
            fmt::format(
                "lease {}: position {} is fed with what the server has at {}",
                lease_.value,
                first_position,
                *position
            )
        );
    }
    const OrdinalView& view = *world_.auditor.accounts().jobs.at(grant.job).row.ordinals;
    for (const size_t i : {size_t{0}, part.indices.size() - 1}) {
        if (view.at(part.indices[i]) != part.ordinals[i]) {
            world_.findings.report("protocol", "a grant tells other ordinals than its job has");
        }
    }
    end_ += part.indices.size();
    parts_.push_back(std::move(part));
    start_next();
}

void Slot::trim(LeaseId lease, uint64_t size) {
    if (lease == lease_) {
        const uint64_t started = next_ + (running_ ? 1 : 0);
        cut(std::max(std::min(end_, size), started));
    }
    flush();
    host_.tell(executor::SlotTrimmed{lease, lease == lease_ ? end_ : size});
}

// Nothing at or after `end` is left, neither of the grant that it cuts through.
void Slot::cut(uint64_t end) {
    end_ = end;
    while (!parts_.empty() && parts_.back().first_position >= end) {
        parts_.pop_back();
    }
    if (!parts_.empty()) {
        Part& last = parts_.back();
        const uint64_t size = std::min<uint64_t>(last.indices.size(), end - last.first_position);
        last.indices.resize(size);
        last.ordinals.resize(size);
    }
}

void Slot::resume(LeaseId lease) {
    if (lease == lease_) {
        stopped_ = false;
        start_next();
    }
}

void Slot::kill(LeaseId lease) {
    if (lease == lease_) {
        stop_running("killed");
        cut(next_);
    }
    flush();
    host_.tell(executor::SlotTrimmed{lease, lease == lease_ ? end_ : 0});
}

void Slot::set_stop_time(executor::BootTime at) {
    stop_at_ = at;
    if (!stop_set_) {
        stop_set_ = true;
        check_stop_time();
    }
}

// The slot's own timer: it does not rely on an executor that may be frozen.
void Slot::check_stop_time() {
    if (host_.boot() < stop_at_) {
        host_.later(stop_at_ - host_.boot() + Millis(1), [this] { check_stop_time(); });
        return;
    }
    stop_set_ = false;
    if (running_ || next_ < end_) {
        world_.mark("slot stops at its stop time");
        stop_told_ = true;
        stop_running("out of contact");
        cut(next_);
        flush();
        host_.tell(executor::SlotTrimmed{lease_, end_});
    }
}

void Slot::vanish() {
    if (running_) {
        world_.ledger.vanish(running_->token);
        running_.reset();
    }
    ++run_;
}

void Slot::start_next() {
    if (running_ || stopped_ || next_ >= end_) {
        flush_soon();
        return;
    }
    while (!parts_.empty() && parts_.front().first_position + parts_.front().indices.size() <= next_
    ) {
        parts_.pop_front();
    }
    const Part& part = parts_.front();
    const uint64_t offset = next_ - part.first_position;
    Running running;
    running.position = next_;
    running.token = part.grant.token_base + static_cast<Token>(offset);
    running.started_at = host_.wall();
    running.started_boot = host_.boot();
    const Index index = part.indices[offset];
    running.outcome = programs_.draw(part.grant, *part.definition, index);
    running.effect = {
        running.outcome.success,
        running.outcome.klass,
        part.grant.tenant,
        part.grant.job,
        index,
        running.started_at,
        running.outcome.duration};
    const auto other = world_.ledger.start(running.token, part.grant.asset, part.ordinals[offset]);
    if (other && world_.clocks_agree) {
        world_.findings.report(
            "I3",
            fmt::format(
                "asset {} ordinal {} runs under tokens {} and {} at once",
                part.grant.asset.value,
                part.ordinals[offset],
                *other,
                running.token
            )
        );
    }
    const uint64_t run = ++run_;
    const Micros duration = running.outcome.duration;
    running_ = std::move(running);
    host_.later(duration, [this, run] { finish(run); });
    flush_soon();
}

void Slot::finish(uint64_t run) {
    if (!running_ || run != run_) {
        return;
    }
    if (running_->outcome.kills_executor) {
        host_.poisoned();
        return;
    }
    world_.ledger.end(running_->token, running_->effect);
    add_result();
    start_next();
}

// Some programs tell of their time, and some of them too much.
void Slot::tell_phases(uint64_t position, Micros duration) {
    PhaseTimes told;
    told.position = position;
    told.us[static_cast<size_t>(Phase::kDbExec)] =
        duration.count() * static_cast<int64_t>(position % 3) / 2;
    told.us[static_cast<size_t>(Phase::kIo)] = duration.count() / 3;
    results_.phases.push_back(told);
}

void Slot::add_result() {
    const Running ended = std::move(*running_);
    running_.reset();
    next_ = ended.position + 1;
    if (ended.position % 4 == 1) {
        tell_phases(ended.position, ended.outcome.duration);
    }
    if (ended.outcome.success) {
        DoneResult result;
        result.position = ended.position;
        result.started_at = ended.started_at;
        result.duration = ended.outcome.duration;
        result.rows = static_cast<int64_t>(ended.position);
        result.cpu_us = result.duration.count() / 4;
        results_.done.push_back(result);
        return;
    }
    FailedResult result;
    result.position = ended.position;
    result.started_at = ended.started_at;
    result.duration = ended.outcome.duration;
    result.klass = ended.outcome.klass;
    result.exit_code = 1;
    result.message = "simulated";
    result.retry_after = ended.outcome.retry_after;
    results_.failed.push_back(std::move(result));
    results_.logs.push_back({ended.position, 9, "simulated"});
    const bool sequential = !parts_.empty() && parts_.front().definition->spec.sequential;
    stopped_ = executor::stops_lease(ended.outcome.klass, sequential);
}

// What runs is killed: class lost, no effect.
void Slot::stop_running(const char* why) {
    if (!running_) {
        return;
    }
    world_.ledger.vanish(running_->token);
    FailedResult result;
    result.position = running_->position;
    result.started_at = running_->started_at;
    result.duration = host_.boot() - running_->started_boot;
    result.klass = FailureClass::kLost;
    result.message = why;
    results_.failed.push_back(std::move(result));
    next_ = running_->position + 1;
    running_.reset();
    ++run_;
}

void Slot::flush_soon() {
    if (!running_ && (stopped_ || next_ >= end_)) {
        flush();
    } else if (!flushing_) {
        flushing_ = true;
        host_.later(kFlushWithin, [this] {
            flushing_ = false;
            flush();
        });
    }
}

void Slot::flush() {
    if (!lease_) {
        return;
    }
    executor::SlotProgress progress;
    progress.lease = lease_;
    progress.started = next_ + (running_ ? 1 : 0);
    progress.results = std::exchange(results_, {});
    progress.results.lease = lease_;
    host_.tell(std::move(progress));
}

}  // namespace servo::sim

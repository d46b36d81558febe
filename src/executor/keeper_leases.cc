// The keeper's leases and slots: taking grants, feeding slots, settling boundaries, closing.
#include <algorithm>
#include <utility>

#include "executor/keeper.h"
#include "executor/result_cut.h"
#include "executor/stop_rule.h"

namespace servo::executor {

using model::LeaseId;

namespace {

// Closed leases are remembered, so that a late top-up continues the numbering of positions.
constexpr size_t kClosedMin = 64;
constexpr size_t kClosedPerSlot = 4;

// A lease whose partitions take this long is not topped up ahead.
constexpr int64_t kPrefetchMeanMaxUs = 1'000'000;

template <typename T>
void append(std::vector<T>& to, std::vector<T>&& from) {
    if (to.empty()) {
        to = std::move(from);
    } else {
        to.insert(
            to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end())
        );
    }
}

// Leaves the first `size` partitions of the grant, in the order in which they are run.
void cut_grant(model::Grant& grant, uint64_t size) {
    if (grant.size() <= size) {
        return;
    }
    size_t used = 0;
    for (uint64_t left = size; left > 0; ++used) {
        model::Run& run = grant.runs[used];
        run.end = run.first + std::min(left, run.size());
        left -= run.size();
    }
    grant.runs.resize(used);
    used = 0;
    for (uint64_t left = size; left > 0; ++used) {
        model::OrdinalRun& run = grant.ordinals[used];
        const uint64_t kept = std::min(left, run.count);
        if (grant.reversed) {
            run.first += static_cast<int64_t>(run.count - kept) * run.stride;
        }
        run.count = kept;
        left -= kept;
    }
    grant.ordinals.resize(used);
}

int64_t mean_duration_us(const model::LeaseResults& results) {
    int64_t sum = 0;
    for (const model::DoneResult& done : results.done) {
        sum += done.duration.count();
    }
    for (const model::FailedResult& failed : results.failed) {
        sum += failed.duration.count();
    }
    return sum / static_cast<int64_t>(std::max<size_t>(result_count(results), 1));
}

std::string_view why_lost(bool killed, bool stuck) {
    if (killed) {
        return "was killed with the slot process that ran it";
    }
    if (stuck) {
        return "the slot process that ran it did not react any more, as when something stops it, "
               "and was killed";
    }
    return "the slot process that ran it died: its program or somebody else killed it, or memory "
           "ran out";
}

}  // namespace

// --- grants ----------------------------------------------------------------------------------

void Keeper::take_grants(const std::vector<model::Grant>& grants) {
    for (const model::Grant& grant : grants) {
        if (grant.number <= ack_) {
            continue;
        }
        // Numbers may leave gaps: a reply lists every grant that is still meant, and one that was
        // withdrawn before it arrived is no longer listed.
        if (!take_grant(grant)) {
            break;  // not acked, so it comes again
        }
        ack_ = grant.number;
    }
    if (draining()) {
        trim_all_to_started();  // given back at once
    } else {
        assign_waiting();
    }
}

bool Keeper::take_grant(const model::Grant& grant) {
    const auto definition = definitions_.find({grant.asset, grant.revision});
    if (definition == definitions_.end()) {
        return false;
    }
    const auto known = leases_.find(grant.lease);
    if (known != leases_.end() && (known->second.answers_due > 0 || known->second.dropped)) {
        return false;  // where its next position is, is not settled yet
    }
    if (grant.first_position != next_position(grant.lease)) {
        report_wanted_ = true;
        return true;  // received; the sizes in the next report give it back
    }
    Lease& lease = lease_for(grant);
    lease.sequential = definition->second->spec.sequential;
    lease.killed = false;
    lease.top_up_asked = false;
    Part part{lease.size, grant, definition->second};
    lease.size += grant.size();
    lease.parts.push_back(std::move(part));
    if (lease.slot >= 0) {
        feed(grant.lease, lease, lease.parts.back());
        ask_top_up_if_low(lease);
    } else if (std::find(waiting_.begin(), waiting_.end(), grant.lease) == waiting_.end()) {
        waiting_.push_back(grant.lease);
    }
    return true;
}

// Where the lease ends, as far as this executor knows.
uint64_t Keeper::next_position(LeaseId id) const {
    const auto known = leases_.find(id);
    if (known != leases_.end()) {
        return known->second.size;
    }
    const auto closed = std::find_if(closed_.begin(), closed_.end(), [&](const auto& entry) {
        return entry.first == id;
    });
    return closed == closed_.end() ? 0 : closed->second;
}

Keeper::Lease& Keeper::lease_for(const model::Grant& grant) {
    const auto [found, inserted] = leases_.try_emplace(grant.lease);
    Lease& lease = found->second;
    if (inserted) {
        const auto closed = std::find_if(closed_.begin(), closed_.end(), [&](const auto& entry) {
            return entry.first == grant.lease;
        });
        if (closed != closed_.end()) {
            const uint64_t size = closed->second;
            lease.size = lease.started = lease.finished = lease.answered = size;
            closed_.erase(closed);
        }
    }
    return lease;
}

void Keeper::assign_waiting() {
    const auto usable = static_cast<size_t>(slots_wanted_);
    for (size_t i = 0; i < usable && !waiting_.empty(); ++i) {
        SlotRecord& slot = slots_[i];
        const auto occupant = leases_.find(slot.lease);
        if (!slot.ready || (occupant != leases_.end() && !occupant->second.complete())) {
            continue;
        }
        if (occupant != leases_.end()) {
            occupant->second.slot = -1;
        }
        const LeaseId id = waiting_.front();
        waiting_.pop_front();
        Lease& lease = leases_.at(id);
        slot.lease = id;
        lease.slot = static_cast<int>(i);
        for (const Part& part : lease.parts) {
            feed(id, lease, part);
        }
    }
}

void Keeper::feed(LeaseId, Lease& lease, const Part& part) {
    actions_.emplace_back(FeedSlot{lease.slot, part.first_position, part.grant, part.definition});
}

// --- controls --------------------------------------------------------------------------------

void Keeper::apply_control(const model::LeaseControl& control) {
    const auto found = leases_.find(control.lease);
    if (found == leases_.end()) {
        return;
    }
    Lease& lease = found->second;
    switch (control.action) {
        case model::LeaseAction::kShrink:
            trim(control.lease, lease, control.size);
            break;
        case model::LeaseAction::kStop:
            kill(control.lease, lease);
            break;
        case model::LeaseAction::kUnknown:
            lease.dropped = true;
            results_queued_ -= result_count(lease.queued);
            lease.queued = {};
            kill(control.lease, lease);
            if (lease.answers_due == 0) {
                erase(found);
            }
            break;
    }
}

void Keeper::trim(LeaseId id, Lease& lease, uint64_t size) {
    if (size >= lease.trim_asked.value_or(lease.size) || lease.complete() || lease.killed) {
        return;
    }
    if (lease.slot < 0) {
        lease.size = std::max(size, lease.started);
        settle_parts(lease);
        std::erase(waiting_, id);
        if (!lease.complete()) {
            waiting_.push_back(id);
        }
        report_wanted_ = true;
        return;
    }
    lease.trim_asked = size;
    ++lease.answers_due;
    actions_.emplace_back(TrimSlot{lease.slot, id, size});
}

void Keeper::kill(LeaseId id, Lease& lease) {
    if (lease.killed || lease.complete()) {
        return;
    }
    lease.killed = true;
    if (lease.slot < 0) {
        lease.size = lease.started;
        settle_parts(lease);
        std::erase(waiting_, id);
        report_wanted_ = true;
        return;
    }
    ++lease.answers_due;
    actions_.emplace_back(KillSlot{lease.slot, id});
}

void Keeper::kill_all() {
    for (auto& [id, lease] : leases_) {
        kill(id, lease);
    }
}

void Keeper::trim_all_to_started() {
    for (auto& [id, lease] : leases_) {
        trim(id, lease, lease.started);
    }
}

void Keeper::resume_stopped(LeaseId id, Lease& lease) {
    if (!lease.stopped_at || lease.answered <= *lease.stopped_at) {
        return;
    }
    lease.stopped_at.reset();
    if (lease.slot >= 0 && !lease.killed && !lease.complete()) {
        actions_.emplace_back(ResumeSlot{lease.slot, id});
    }
}

// Keeps the parts with positions in [finished, size), the last one cut at `size`: a slot that the
// lease moves to must get neither what has ended nor what was given back.
void Keeper::settle_parts(Lease& lease) {
    while (!lease.parts.empty() && lease.parts.back().first_position >= lease.size) {
        lease.parts.pop_back();
    }
    if (!lease.parts.empty()) {
        Part& last = lease.parts.back();
        cut_grant(last.grant, lease.size - last.first_position);
    }
    while (!lease.parts.empty()) {
        const Part& part = lease.parts.front();
        if (part.first_position + part.grant.size() > lease.finished) {
            break;
        }
        lease.parts.pop_front();
    }
}

// --- the end of a lease ----------------------------------------------------------------------

void Keeper::close_if_done(Leases::iterator found) {
    const Lease& lease = found->second;
    const bool settled = lease.complete() && lease.answered == lease.size &&
                         lease.size_answered == static_cast<int64_t>(lease.size);
    if (!settled) {
        return;
    }
    closed_.emplace_back(found->first, lease.size);
    if (closed_.size() > std::max(kClosedMin, kClosedPerSlot * slots_.size())) {
        closed_.pop_front();
    }
    erase(found);
}

void Keeper::erase(Leases::iterator found) {
    results_queued_ -= result_count(found->second.queued);
    const int slot = found->second.slot;
    if (slot >= 0) {
        slots_[static_cast<size_t>(slot)].lease = {};
    }
    std::erase(waiting_, found->first);
    leases_.erase(found);
}

// --- slot events -----------------------------------------------------------------------------

void Keeper::on_progress(int slot, SlotProgress event) {
    const auto found = leases_.find(event.lease);
    if (found == leases_.end() || found->second.slot != slot) {
        return;
    }
    Lease& lease = found->second;
    const size_t count = result_count(event.results);
    lease.started = std::max(lease.started, event.started);
    lease.finished += count;
    settle_parts(lease);
    if (count > 0) {
        const int64_t mean = mean_duration_us(event.results);
        lease.mean_us = lease.mean_us < 0 ? mean : (3 * lease.mean_us + mean) / 4;
    }
    for (const model::FailedResult& failed : event.results.failed) {
        if (!lease.stopped_at && stops_lease(failed.klass, lease.sequential)) {
            lease.stopped_at = failed.position;
            report_wanted_ = true;
        }
    }
    if (!lease.dropped) {
        results_queued_ += count;
        append(lease.queued.done, std::move(event.results.done));
        append(lease.queued.failed, std::move(event.results.failed));
        for (const model::LogTail& log : event.results.logs) {
            log_bytes_queued_ += wire_bytes(log.tail);
        }
        append(lease.queued.logs, std::move(event.results.logs));
        append(lease.queued.phases, std::move(event.results.phases));
        bound_logs();
    }
    if (lease.complete()) {
        report_wanted_ = true;
        assign_waiting();
    } else {
        ask_top_up_if_low(lease);
    }
    report_wanted_ = report_wanted_ || results_queued_ >= kResultsQueuedMax;
}

// While the server is away, or slower than the programs are talkative.
void Keeper::bound_logs() {
    if (log_bytes_queued_ <= kLogBytesQueuedMax) {
        return;
    }
    std::vector<model::LeaseResults*> queues;
    for (auto& [id, lease] : leases_) {
        queues.push_back(&lease.queued);
    }
    log_bytes_queued_ = keep_newest_logs(queues, kReportLogBytesMax);
}

void Keeper::ask_top_up_if_low(Lease& lease) {
    if (lease.top_up_asked || lease.sequential || lease.mean_us < 0 ||
        lease.mean_us >= kPrefetchMeanMaxUs || lease.killed || lease.stopped_at || draining()) {
        return;
    }
    const auto unstarted = static_cast<int64_t>(lease.size - lease.started);
    if (Micros(unstarted * lease.mean_us) < kTopUpBelow) {
        lease.top_up_asked = true;
        report_wanted_ = true;
    }
}

void Keeper::on_trimmed(int slot, const SlotTrimmed& event) {
    const auto found = leases_.find(event.lease);
    if (found == leases_.end() || found->second.slot != slot) {
        return;
    }
    Lease& lease = found->second;
    lease.answers_due = std::max(0, lease.answers_due - 1);
    lease.size = std::max(std::min(lease.size, event.size), lease.finished);
    lease.started = std::min(lease.started, lease.size);
    settle_parts(lease);
    if (lease.answers_due == 0) {
        lease.trim_asked.reset();
    }
    report_wanted_ = true;
    if (lease.dropped && lease.answers_due == 0) {
        erase(found);
    }
    assign_waiting();
}

// The slot started its positions in order and reported each end, so what it may have been at lies
// right after the last result.
void Keeper::on_lost(int slot, const SlotLost& event) {
    SlotRecord& record = slots_.at(static_cast<size_t>(slot));
    record.ready = false;
    const auto found = leases_.find(std::exchange(record.lease, {}));
    if (found == leases_.end()) {
        return;
    }
    Lease& lease = found->second;
    lease.slot = -1;
    lease.answers_due = 0;
    lease.trim_asked.reset();
    if (lease.dropped) {
        erase(found);
        return;
    }
    const bool stands = lease.stopped_at && lease.started == lease.finished;
    const uint64_t possibly = stands ? lease.finished : lease.finished + 1;
    const uint64_t end = std::min(lease.size, std::max(lease.started, possibly));
    for (uint64_t position = lease.finished; position < end; ++position) {
        model::FailedResult lost;
        lost.position = position;
        lost.started_at = event.at;
        lost.klass = model::FailureClass::kLost;
        lost.slot_died = !lease.killed;
        lost.message = why_lost(lease.killed, event.stuck);
        lease.queued.failed.push_back(std::move(lost));
        ++results_queued_;
    }
    lease.size = lease.started = lease.finished = end;
    lease.parts.clear();
    report_wanted_ = true;
}

}  // namespace servo::executor

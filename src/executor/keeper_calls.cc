// The keeper's conversation with the server: registering, reports, acquires and their repetition.
#include <algorithm>
#include <utility>

#include "executor/keeper.h"
#include "executor/result_cut.h"

namespace servo::executor {

using model::CallKind;
using model::CallRequest;

namespace {

constexpr Millis kCallBackoffMax{2'000};
constexpr Millis kRegisterBackoffMax{5'000};
// Calls come at times of their own, also to a new leader: this is for those that do not, and short,
// since work that waits for the leader waits for it.
constexpr Millis kRegisterAgainSpread{20};
// Attempts at the first wait of the backoff while one server ends and another takes over: that is
// mostly done after one or two, and a longer wait would be the longest part of a hand-over.
constexpr int kHandOverTries = 4;
constexpr Millis kAcquireAgainMax{2'000};

bool credentials_refused(const Error& error) {
    return error.code == ErrorCode::kUnauthenticated || error.code == ErrorCode::kPermissionDenied;
}

// Repeating the same call may help: nobody answered, or the one who did could not.
bool worth_repeating(const Error& error) {
    return traits(error.code).retryable || error.code == ErrorCode::kInternal ||
           credentials_refused(error);
}

// The server stops, or stands by while nobody leads: the next leader is up in a moment. How long to
// leave it alone such a server cannot know.
bool hands_over(const Error& error) {
    return error.reason == "stopping" || error.reason == "not_leading";
}

}  // namespace

void Keeper::send_register(BootTime now) {
    model::RegisterRequest request;
    request.executor = options_.executor;
    request.session = options_.session;
    request.number = ++register_number_;
    request.slots = static_cast<int>(slots_.size());
    slots_told_ = slots_.size();
    request.labels = options_.labels;
    request.build = options_.build;
    request.host = options_.host;
    request.pid = options_.pid;
    request.previous_gone = options_.previous_gone;
    request.held = held();
    request.ack = ack_;
    request.seen = seen_;
    register_in_flight_ = true;
    register_sent_ = now;
    actions_.emplace_back(SendRegister{
        std::make_shared<const model::RegisterRequest>(std::move(request)), kRegisterTimeout});
}

void Keeper::on_register_reply(Result<model::RegisterReply> reply, BootTime now) {
    account(now);
    if (!register_in_flight_ || gave_up_) {
        return;
    }
    register_in_flight_ = false;
    const bool stale = reply && reply->epoch < epoch_;
    if (reply && !stale) {
        registered_ = true;
        ever_registered_ = true;
        register_tries_ = {};
        executor_id_ = reply->executor_id;
        epoch_ = reply->epoch;
        seen_ = std::max(seen_, model::CommitMark{reply->epoch, reply->seq});
        heartbeat_ = std::max(reply->heartbeat_interval, Millis(1));
        // Four fifths of the lease, whatever its length.
        stop_after_ = std::min(model::kExecutorStopAfter, reply->lease_ttl * 4 / 5);
        report_wanted_ = true;
        answered_at(register_sent_);
        pump(now);
        return;
    }
    if (!stale && (!worth_repeating(reply.error()) ||
                   (credentials_refused(reply.error()) && !ever_registered_))) {
        give_up(std::move(reply.error()));
        return;
    }
    register_at_ =
        now + wait_after(register_tries_, stale ? nullptr : &reply.error(), kRegisterBackoffMax);
    pump(now);
}

void Keeper::register_again(BootTime now) {
    if (report_.request) {
        return_results(*report_.request);
    }
    report_ = {};
    acquire_ = {};
    registered_ = false;
    register_at_ = now + Millis(prng_.between(0, kRegisterAgainSpread.count()));
}

bool Keeper::report_due(BootTime now) const {
    return report_wanted_ || now >= report_sent_ + heartbeat_;
}

bool Keeper::acquire_due(BootTime now) const {
    return !draining() && !report_.request && !report_wanted_ && now >= acquire_at_ &&
           free_slots(CallKind::kAcquire) > 0;
}

// A slot whose lease is complete is free for a report that carries the rest of its results; for an
// acquire only once they were answered.
int Keeper::free_slots(CallKind kind) const {
    if (draining()) {
        return 0;
    }
    int free = 0;
    for (size_t i = 0; i < static_cast<size_t>(slots_wanted_); ++i) {
        const SlotRecord& slot = slots_[i];
        if (!slot.ready) {
            continue;
        }
        const auto found = leases_.find(slot.lease);
        if (found == leases_.end()) {
            ++free;
        } else if (kind == CallKind::kReport) {
            const Lease& lease = found->second;
            free += lease.complete() && result_count(lease.queued) == 0 ? 1 : 0;
        }
    }
    return std::max(0, free - static_cast<int>(waiting_.size()));
}

void Keeper::send_call(CallKind kind, BootTime now) {
    CallRequest request;
    request.kind = kind;
    request.session = options_.session;
    request.call = kind == CallKind::kReport ? ++report_number_ : ++acquire_number_;
    request.ack = ack_;
    request.seen = seen_;
    if (kind == CallKind::kReport) {
        request.results = take_results();
        // What did not fit goes with the next one.
        report_wanted_ = results_queued_ > 0;
        report_sent_ = now;
    }
    request.held = held();
    request.slot_ms = slot_ms_;
    request.free_slots = free_slots(kind);
    request.draining = draining();
    request.leaving = leaving_;
    InFlight& flight = flight_of(kind);
    flight = {};
    flight.request = std::make_shared<const CallRequest>(std::move(request));
    flight.first_sent = now;
    send_again(flight, now);
}

// The same number with the same content: whichever copy arrives first, its reply fits both.
void Keeper::send_again(InFlight& flight, BootTime) {
    flight.retry_at.reset();
    const bool is_report = flight.request->kind == CallKind::kReport;
    actions_.emplace_back(SendCall{flight.request, is_report ? kReportTimeout : kAcquireTimeout});
}

std::vector<model::LeaseResults> Keeper::take_results() {
    static_assert(kReportFailureBytesMax >= kFailureBytesMost);
    std::vector<model::LeaseResults> all;
    ReportRoom room{kReportResultsMax, kReportFailureBytesMax};
    for (auto& [id, lease] : leases_) {
        if (lease.dropped || result_count(lease.queued) == 0) {
            continue;
        }
        model::LeaseResults taken = cut_front(lease.queued, room);
        const size_t count = result_count(taken);
        if (count > 0) {
            taken.lease = id;
            results_queued_ -= count;
            all.push_back(std::move(taken));
        }
    }
    std::vector<model::LeaseResults*> taken;
    for (model::LeaseResults& results : all) {
        taken.push_back(&results);
    }
    keep_newest_logs(taken, kReportLogBytesMax);
    return all;
}

void Keeper::return_results(const CallRequest& request) {
    for (const model::LeaseResults& results : request.results) {
        const auto found = leases_.find(results.lease);
        if (found != leases_.end() && !found->second.dropped) {
            results_queued_ += result_count(results);
            put_front(found->second.queued, results);
        }
    }
}

Millis Keeper::wait_after(Tries& tries, const Error* error, Millis most) {
    const bool handed_over = error != nullptr && hands_over(*error);
    if (handed_over && tries.handing_over < kHandOverTries) {
        ++tries.handing_over;
    }
    const int doublings = std::max(0, tries.failures++ - tries.handing_over);
    return backoff(doublings, most, error == nullptr || handed_over ? 0 : error->retry_after_s);
}

void Keeper::on_call_reply(
    CallKind kind, int64_t call, Result<model::CallReply> reply, BootTime now
) {
    account(now);
    InFlight& flight = flight_of(kind);
    if (leaving_ && kind == CallKind::kAcquire) {
        return;  // whatever it brings was given to a session that ends
    }
    if (gave_up_ || !flight.request || flight.request->call != call || flight.retry_at) {
        return;
    }
    if (!reply) {
        on_call_error(flight, reply.error(), now);
    } else if (reply->epoch < epoch_ || reply->call != call) {
        flight.retry_at = now + wait_after(flight.tries, nullptr, kCallBackoffMax);
    } else {
        refusals_ = 0;
        epoch_ = reply->epoch;
        seen_ = std::max(seen_, model::CommitMark{reply->epoch, reply->seq});
        const InFlight answered = std::exchange(flight, {});
        answered_at(answered.first_sent);
        if (kind == CallKind::kAcquire) {
            // What is asked of its leases is asked again until it is done: that is no work either.
            const bool in_vain =
                reply->grants.empty() && !reply->drain && now - answered.first_sent < Millis(1'000);
            acquires_empty_ = in_vain ? acquires_empty_ + 1 : 0;
            acquire_at_ = in_vain ? now + backoff(acquires_empty_ - 1, kAcquireAgainMax, 0) : now;
        }
        on_answered(*answered.request, *reply, now);
    }
    pump(now);
}

void Keeper::on_call_error(InFlight& flight, const Error& error, BootTime now) {
    if (leaving_) {
        if (worth_repeating(error)) {
            flight.retry_at = now + wait_after(flight.tries, &error, kCallBackoffMax);
        } else {
            flight = {};  // an earlier copy was heard, or the server will not
        }
    } else if (error.reason == "unknown_session") {
        register_again(now);
    } else if (worth_repeating(error)) {
        flight.retry_at = now + wait_after(flight.tries, &error, kCallBackoffMax);
    } else if (++refusals_ >= kRefusalsMax) {
        give_up(error);
    } else {
        register_again(now);
    }
}

void Keeper::on_answered(const CallRequest& request, const model::CallReply& reply, BootTime now) {
    for (const model::Definition& definition : reply.definitions) {
        definitions_[{definition.asset, definition.revision}] =
            std::make_shared<const model::Definition>(definition);
    }
    if (request.kind == CallKind::kReport) {
        settle_results(request);
    }
    for (const model::LeaseControl& control : reply.controls) {
        apply_control(control);
    }
    if (reply.drain != drain_server_) {
        drain_server_ = reply.drain;
        report_wanted_ = true;
        if (drain_server_) {
            trim_all_to_started();
        }
    }
    if (request.kind == CallKind::kReport) {
        for (const model::LeaseResults& results : request.results) {
            const auto found = leases_.find(results.lease);
            if (found != leases_.end()) {
                resume_stopped(found->first, found->second);
            }
        }
        for (const model::HeldLease& held : request.held) {
            const auto found = leases_.find(held.lease);
            if (found != leases_.end()) {
                close_if_done(found);
            }
        }
    }
    // A reply that was under way for too long gives no right to start anything.
    if (now < answered_sent_ + stop_after_) {
        take_grants(reply.grants);
    }
}

void Keeper::settle_results(const CallRequest& request) {
    for (const model::LeaseResults& results : request.results) {
        const auto found = leases_.find(results.lease);
        if (found != leases_.end()) {
            found->second.answered += result_count(results);
        }
    }
    for (const model::HeldLease& held : request.held) {
        const auto found = leases_.find(held.lease);
        if (found != leases_.end()) {
            found->second.size_answered = static_cast<int64_t>(held.size);
        }
    }
}

}  // namespace servo::executor

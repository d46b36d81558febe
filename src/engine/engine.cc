#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/log.h"

namespace servo::engine {
namespace {

constexpr size_t kWokenPerBatch = 64;  // parked acquires tried in one batch
constexpr size_t kReadsPerStep = 256;

constexpr std::array<std::string_view, 5> kStateNames = {
    "starting",
    "leading",
    "read_only",
    "broken",
    "standby",
};

Error read_only() {
    Error error = unavailable(
        "disk_full",
        "The disk of the store is full: nothing is accepted until there is room. Running "
        "partitions go on and report when it is back."
    );
    error.retry_after_s = 2;
    return error;
}

// Replies to executors say how far the chain of commits goes.
void tell_commit(core::Reply& reply, int64_t seq) {
    if (auto* call = std::get_if<model::CallReply>(&reply)) {
        call->seq = seq;
    } else if (auto* registered = std::get_if<model::RegisterReply>(&reply)) {
        registered->seq = seq;
    }
}

const core::ExecutorCall* acquire_in(const Item& item) {
    const auto* call = std::get_if<core::ExecutorCall>(&item.command);
    return call && call->request.kind == model::CallKind::kAcquire ? call : nullptr;
}

}  // namespace

Error not_leading() {
    Error error =
        unavailable("not_leading", "This server does not lead, or not yet; try again in a moment.");
    error.retry_after_s = 1;
    return error;
}

Error store_away(const std::string& reason) {
    Error error = unavailable(
        reason,
        fmt::format(
            "The database does not answer the server ({}): nothing can be read or changed until it "
            "does. What was accepted is safe. Try again then.",
            reason
        )
    );
    error.retry_after_s = 2;
    return error;
}

std::string_view to_string(EngineState state) {
    return kStateNames[static_cast<size_t>(state)];
}

Engine::Engine(store::Store& store, store::Candidate self, uint64_t seed)
    : store_(store), leadership_(store, std::move(self)), seed_(seed) {}

Error Engine::why_not() const {
    return held_ ? *held_ : not_leading();
}

Error queue_full() {
    Error error = resource_exhausted(
        "queue_full", fmt::format("{} commands wait already; try again shortly.", kQueueMax)
    );
    error.retry_after_s = 1;
    return error;
}

void Engine::submit(Item item) {
    if (queue_.size() >= kQueueMax) {
        item.answer(fail(queue_full()));
        return;
    }
    queue_.push_back(std::move(item));
    status_.queued = queue_.size();
}

void Engine::read(Read read) {
    reads_.push_back(std::move(read));
}

// Parked acquires whose time is over get their empty reply.
void Engine::expire_parked(Instant now) {
    while (!parked_.empty() && parked_.begin()->first.first <= now) {
        const Item item = std::move(parked_.begin()->second);
        parked_.erase(parked_.begin());
        model::CallReply empty;
        empty.epoch = status_.epoch;
        empty.seq = seq_;
        empty.call = acquire_in(item)->request.call;
        item.answer(core::Reply(std::move(empty)));
    }
}

// Parked acquires are tried again, each in its turn, when something may have become available, and
// as long as some of them get work.
std::vector<Engine::Taken> Engine::woken() {
    std::vector<Taken> out;
    if (scheduler_->wake_count() == seen_wake_ && !wake_more_) {
        return out;
    }
    seen_wake_ = scheduler_->wake_count();
    wake_more_ = false;
    const size_t count = std::min(parked_.size(), kWokenPerBatch);
    auto next = parked_.upper_bound(last_woken_);
    for (size_t i = 0; i < count; ++i) {
        if (next == parked_.end()) {
            next = parked_.begin();
        }
        last_woken_ = next->first;
        out.push_back({std::move(next->second), next->first});
        next = parked_.erase(next);
    }
    return out;
}

std::vector<Engine::Taken> Engine::collect(Instant now) {
    std::vector<Taken> batch;
    if (!single_.empty()) {
        batch.push_back({std::move(single_.front()), std::nullopt});
        single_.pop_front();
        return batch;
    }
    const Millis gap = now - last_step_;
    if (gap > Millis(1'000) + kStallAddedAfter) {
        batch.push_back({{core::AddStall{gap - Millis(1'000)}, [](auto&&) {}, {}}, {}});
    }
    if (std::max(scheduler_->next_due(), tick_not_before_) <= now) {
        batch.push_back({{core::Tick{}, [](auto&&) {}, {}}, {}});
        wake_more_ = true;  // whoever no event woke has a turn in time
    }
    while (!queue_.empty() && batch.size() < kBatchMax) {
        batch.push_back({std::move(queue_.front()), std::nullopt});
        queue_.pop_front();
    }
    expire_parked(now);
    return batch;
}

// A failed job left memory when it ended; its retry brings it back first.
bool Engine::adopt_for_retry(const Item& item, Instant now, model::ChangeSet& changes) {
    const auto* retry = std::get_if<core::RetryJob>(&item.command);
    if (retry == nullptr || scheduler_->job(retry->job, now)) {
        return true;
    }
    Result<std::optional<model::Snapshot::OpenJob>> job = store_.load_job(retry->job);
    if (!job.has_value()) {
        return false;
    }
    if (job->has_value()) {
        (void)scheduler_->apply(core::AdoptJob{std::move(**job)}, now, seq_ + 1, changes);
    }
    return true;
}

void Engine::add_idempotency(
    const Item& item, const core::Reply& reply, Instant now, model::ChangeSet& changes
) const {
    if (!item.idempotency) {
        return;
    }
    const Idempotency& key = *item.idempotency;
    auto [http_status, body] = key.render(reply);
    changes.idempotency.push_back(
        {key.tenant, key.route, key.key, key.body_hash, http_status, std::move(body), now}
    );
}

void Engine::apply(
    std::vector<Taken> batch, Instant now, std::vector<Applied>& applied, model::ChangeSet& changes
) {
    for (auto& [item, parked] : batch) {
        if (const Status seen = check_seen(item); !seen) {
            applied.push_back({std::move(item), parked, fail(seen.error())});
            continue;
        }
        if (!adopt_for_retry(item, now, changes)) {
            applied.push_back({std::move(item), parked, fail(not_leading())});
            continue;
        }
        Result<core::Reply> reply = scheduler_->apply(item.command, now, seq_ + 1, changes);
        if (reply.has_value()) {
            add_idempotency(item, *reply, now, changes);
        }
        applied.push_back({std::move(item), parked, std::move(reply)});
    }
}

bool Engine::step(Instant wanted) {
    now_ = std::max(now_, wanted);
    pulse(now_);
    if (status_.state != EngineState::kLeading) {
        answer_without_lead(now_);
        if (!scheduler_) {
            return false;
        }
    }
    const Instant now = now_;  // a leader that just loaded goes on from the last commit's time
    bool worked = !reads_.empty();
    for (size_t i = 0; i < kReadsPerStep && !reads_.empty(); ++i) {
        const Read read = std::move(reads_.front());
        reads_.pop_front();
        read(*scheduler_, now);
    }
    if (status_.state != EngineState::kLeading) {
        return worked;
    }
    const bool alone = !single_.empty();
    std::vector<Applied> applied;
    model::ChangeSet changes;
    if (takeover_event_) {
        changes.events.push_back(*std::exchange(takeover_event_, std::nullopt));
    }
    apply(collect(now), now, applied, changes);
    if (!alone) {
        apply(woken(), now, applied, changes);  // what the batch released goes out with it
    }
    last_step_ = now;
    if (!applied.empty() || !changes.empty()) {
        worked = true;
        scheduler_->seal(now, seq_ + 1, changes);
        settle(applied, changes, now);
    }
    raise_epoch(now);
    status_.queued = queue_.size();
    status_.parked = parked_.size();
    return worked;
}

void Engine::answer_without_lead(Instant now) {
    std::vector<Applied> none;
    refuse_all(none, why_not());  // what is parked, or is to be tried one by one
    for (; !queue_.empty(); queue_.pop_front()) {
        queue_.front().answer(fail(why_not()));
    }
    status_.queued = 0;
    if (status_.state == EngineState::kStandby) {
        watch(now);
    } else if (status_.state != EngineState::kBroken && next_probe_ <= now) {
        recover(now);
    }
}

bool Engine::is_tick(const Applied& one) {
    return std::holds_alternative<core::Tick>(one.item.command);
}

// Commits and answers. Nobody is answered before the commit that makes the answer true.
void Engine::settle(std::vector<Applied>& applied, const model::ChangeSet& changes, Instant now) {
    status_.commands += static_cast<int64_t>(applied.size());
    if (changes.empty()) {
        answer_all(applied, now);
        return;
    }
    const store::CommitOutcome outcome = store_.commit({status_.epoch, seq_ + 1, now, &changes});
    ++status_.commits;
    switch (outcome.fate) {
        case store::CommitFate::kCommitted:
            ++seq_;
            status_.seq = seq_;
            committed_ = {status_.epoch, seq_};
            for (const model::EventRow& event : changes.events) {
                ++status_.changes[static_cast<size_t>(model::change_kind(event.kind))];
            }
            if (on_committed_) {
                on_committed_(changes, *scheduler_);
            }
            if (tick_pause_ > kRecoverEvery &&
                std::any_of(applied.begin(), applied.end(), is_tick)) {
                tick_pause_ = kRecoverEvery;
            }
            answer_all(applied, now);
            return;
        case store::CommitFate::kRefused:
            after_refusal(applied, outcome.message, now);
            return;
        case store::CommitFate::kFull:
            spdlog::error("The store's disk is full: {}", outcome.message);
            status_.last_error = outcome.message;
            status_.state = EngineState::kReadOnly;
            hold(read_only());
            refuse_all(applied, why_not());
            break;
        case store::CommitFate::kDeposed:
            refuse_all(applied, not_leading());
            stand_by(outcome.message, now);
            return;
        case store::CommitFate::kUnknown:
            spdlog::warn("A commit has no known outcome: {}", outcome.message);
            in_doubt_ = model::CommitMark{status_.epoch, seq_ + 1};
            status_.state = EngineState::kStarting;
            status_.last_error = outcome.message;
            refuse_all(applied, not_leading());
            break;
        case store::CommitFate::kBroken:
            spdlog::critical("The store is beyond use: {}", outcome.message);
            status_.state = EngineState::kBroken;
            status_.last_error = outcome.message;
            refuse_all(applied, not_leading());
            scheduler_.reset();
            return;
    }
    // Memory is ahead of the store, or may be: it is thrown away, never undone.
    scheduler_.reset();
    if (status_.state == EngineState::kReadOnly) {
        load_for_reads(now);
    }
    if (status_.state == EngineState::kReadOnly || seq_ == loaded_seq_) {
        next_probe_ = now + kRecoverEvery;  // a fresh load makes no room, and has not helped
        return;
    }
    recover(now);
}

// A constraint said no to the batch: load afresh and run its commands one per commit, so that only
// the guilty one is refused.
void Engine::after_refusal(std::vector<Applied>& applied, const std::string& message, Instant now) {
    spdlog::error("The store refused a batch of {} commands: {}", applied.size(), message);
    status_.last_error = message;
    status_.state = EngineState::kStarting;
    scheduler_.reset();
    if (applied.size() == 1) {
        applied[0].item.answer(fail(internal(
            "refused_by_store", "The store refused this change; the server's log says why."
        )));
    } else {
        for (Applied& one : applied) {
            single_.push_back(std::move(one.item));
        }
    }
    recover(now);
    if (applied.size() == 1 && is_tick(applied[0])) {
        tick_not_before_ = now_ + tick_pause_;  // after the load it is due, and refused, at once
        tick_pause_ = std::min(2 * tick_pause_, kTickPauseMax);
    }
}

void Engine::answer_all(std::vector<Applied>& applied, Instant now) {
    for (Applied& one : applied) {
        if (one.reply.has_value()) {
            tell_commit(*one.reply, seq_);
        }
        const core::ExecutorCall* acquire = acquire_in(one.item);
        if (acquire && one.reply.has_value() && parked_.size() < kParkedMax) {
            const auto* reply = std::get_if<model::CallReply>(&*one.reply);
            if (reply && reply->empty()) {
                const ParkKey fresh(now + model::kAcquireParkMax, ++park_count_);
                parked_.emplace(one.parked.value_or(fresh), std::move(one.item));
                continue;
            }
            wake_more_ = wake_more_ || one.parked.has_value();
        }
        one.item.answer(std::move(one.reply));
    }
}

void Engine::refuse_all(std::vector<Applied>& applied, const Error& error) {
    for (Applied& one : applied) {
        one.item.answer(fail(error));
    }
    for (const auto& [key, item] : parked_) {
        item.answer(fail(error));
    }
    parked_.clear();
    for (; !single_.empty(); single_.pop_front()) {
        single_.front().answer(fail(error));
    }
}

void Engine::close_ledger() {
    if (!scheduler_) {
        return;
    }
    model::ChangeSet changes;
    (void)scheduler_->apply(core::CloseLedger{}, now_, seq_ + 1, changes);
    if (changes.empty()) {
        return;
    }
    const store::CommitOutcome outcome = store_.commit({status_.epoch, seq_ + 1, now_, &changes});
    if (outcome.fate != store::CommitFate::kCommitted) {
        spdlog::warn("The ledger's last minute could not be stored: {}", outcome.message);
    }
}

void Engine::shut_down() {
    if (status_.state == EngineState::kLeading) {
        close_ledger();
    }
    if (status_.state == EngineState::kLeading || status_.state == EngineState::kReadOnly) {
        leadership_.resign();
        status_.state = EngineState::kStandby;
        status_.leading_since = kNever;
    }
    std::vector<Applied> none;
    const Error stopping = unavailable("stopping", "The server is stopping.");
    refuse_all(none, stopping);
    for (; !queue_.empty(); queue_.pop_front()) {
        queue_.front().answer(fail(stopping));
    }
    reads_.clear();
}

Instant Engine::next_due() const {
    if (status_.state == EngineState::kStandby) {
        return leadership_.next_look();
    }
    if (status_.state == EngineState::kReadOnly) {
        return std::min(next_probe_, leadership_.next_beat());
    }
    if (status_.state != EngineState::kLeading || !scheduler_) {
        return next_probe_;
    }
    if (!single_.empty() || !queue_.empty() || !reads_.empty() || takeover_event_) {
        return now_;
    }
    Instant due =
        std::min(std::max(scheduler_->next_due(), tick_not_before_), leadership_.next_beat());
    if (!parked_.empty()) {
        due = std::min(due, parked_.begin()->first.first);
        if (scheduler_->wake_count() != seen_wake_ || wake_more_) {
            due = now_;
        }
    }
    return due;
}

}  // namespace servo::engine

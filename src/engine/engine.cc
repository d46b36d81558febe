#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/log.h"

namespace servo::engine {
namespace {

constexpr Millis kRecoverEvery{1'000};
constexpr size_t kWokenPerBatch = 64;  // parked acquires tried in one batch
constexpr size_t kReadsPerStep = 256;

constexpr std::array<std::string_view, 4> kStateNames = {
    "starting",
    "leading",
    "read_only",
    "broken",
};

Error not_leading() {
    Error error = unavailable(
        "not_leading", "The state of the last change is being looked up; try again in a moment."
    );
    error.retry_after_s = 1;
    return error;
}

Error read_only() {
    Error error = unavailable(
        "disk_full",
        "The disk of the store is full: nothing is accepted until there is room. Running "
        "partitions go on and report when it is back."
    );
    error.retry_after_s = 2;
    return error;
}

const core::ExecutorCall* acquire_in(const Item& item) {
    const auto* call = std::get_if<core::ExecutorCall>(&item.command);
    return call && call->request.kind == model::CallKind::kAcquire ? call : nullptr;
}

}  // namespace

std::string_view to_string(EngineState state) {
    return kStateNames[static_cast<size_t>(state)];
}

Engine::Engine(store::Store& store, std::string holder, uint64_t seed)
    : store_(store), holder_(std::move(holder)), seed_(seed) {}

Status Engine::start(Instant wall) {
    now_ = wall;
    return lead(wall);
}

Status Engine::lead(Instant now) {
    const int64_t epoch = SERVO_TRY(store_.take_leadership({holder_}));
    const model::Snapshot snapshot = SERVO_TRY(store_.load(epoch));
    now_ = std::max({now_, now, snapshot.last_now});
    seq_ = snapshot.last_seq;
    scheduler_ =
        std::make_unique<core::Scheduler>(snapshot, now_, seed_ ^ static_cast<uint64_t>(epoch));
    status_.epoch = epoch;
    status_.seq = seq_;
    status_.state = EngineState::kLeading;
    seen_wake_ = 0;
    last_step_ = now_;
    next_probe_ = kNever;
    if (on_load_) {
        on_load_(*scheduler_);
    }
    return {};
}

void Engine::submit(Item item) {
    if (queue_.size() >= kQueueMax) {
        Error error = resource_exhausted(
            "queue_full", fmt::format("{} commands wait already; try again shortly.", kQueueMax)
        );
        error.retry_after_s = 1;
        item.answer(fail(std::move(error)));
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
        empty.call = acquire_in(item)->request.call;
        item.answer(core::Reply(std::move(empty)));
    }
}

// Parked acquires are tried again, each in its turn, when something may have become available, and
// as long as some of them get work.
void Engine::wake_parked(std::vector<Taken>& batch) {
    if (scheduler_->wake_count() == seen_wake_ && !wake_more_) {
        return;
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
        batch.push_back({std::move(next->second), next->first});
        next = parked_.erase(next);
    }
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
    if (scheduler_->next_due() <= now) {
        batch.push_back({{core::Tick{}, [](auto&&) {}, {}}, {}});
        wake_more_ = true;  // whoever no event woke has a turn in time
    }
    while (!queue_.empty() && batch.size() < kBatchMax) {
        batch.push_back({std::move(queue_.front()), std::nullopt});
        queue_.pop_front();
    }
    expire_parked(now);
    wake_parked(batch);
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

bool Engine::step(Instant wanted) {
    now_ = std::max(now_, wanted);
    const Instant now = now_;
    if (status_.state != EngineState::kLeading) {
        for (; !queue_.empty(); queue_.pop_front()) {
            queue_.front().answer(
                fail(status_.state == EngineState::kReadOnly ? read_only() : not_leading())
            );
        }
        if (status_.state != EngineState::kBroken && next_probe_ <= now) {
            recover(now);
        }
        status_.queued = 0;
        if (!scheduler_) {
            return false;
        }
    }
    bool worked = !reads_.empty();
    for (size_t i = 0; i < kReadsPerStep && !reads_.empty(); ++i) {
        const Read read = std::move(reads_.front());
        reads_.pop_front();
        read(*scheduler_, now);
    }
    if (status_.state != EngineState::kLeading) {
        return worked;
    }
    std::vector<Taken> batch = collect(now);
    last_step_ = now;
    if (!batch.empty()) {
        worked = true;
        model::ChangeSet changes;
        std::vector<Applied> applied;
        applied.reserve(batch.size());
        for (auto& [item, parked] : batch) {
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
        scheduler_->seal(now, seq_ + 1, changes);
        settle(applied, changes, now);
    }
    status_.queued = queue_.size();
    status_.parked = parked_.size();
    return worked;
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
            answer_all(applied, now);
            return;
        case store::CommitFate::kRefused:
            after_refusal(applied, outcome.message, now);
            return;
        case store::CommitFate::kFull:
            spdlog::error("The store's disk is full: {}", outcome.message);
            status_.state = EngineState::kReadOnly;
            status_.last_error = outcome.message;
            refuse_all(applied, read_only());
            break;
        case store::CommitFate::kUnknown:
        case store::CommitFate::kDeposed:
            spdlog::warn("A commit has no known outcome: {}", outcome.message);
            in_doubt_ = {status_.epoch, seq_ + 1};
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
        next_probe_ = now + kRecoverEvery;
        return;
    }
    recover(now);
}

void Engine::recover(Instant now) {
    const bool was_full = status_.state == EngineState::kReadOnly;
    ++status_.reloads;
    const Status led = lead(now);
    if (led.has_value()) {
        spdlog::info("Leading again with epoch {}.", status_.epoch);
        report_fate();
        return;
    }
    status_.last_error = led.error().message;
    status_.state = was_full ? EngineState::kReadOnly : EngineState::kStarting;
    next_probe_ = now + kRecoverEvery;
    spdlog::warn("Cannot lead yet: {}", led.error().message);
}

// What became of the batch in doubt; its callers were told to ask again, and the state just loaded
// has or has not its effects. This is for whoever reads the log.
void Engine::report_fate() {
    if (!in_doubt_) {
        return;
    }
    const auto [epoch, seq] = *in_doubt_;
    in_doubt_.reset();
    const Result<bool> committed = store_.committed(epoch, seq);
    if (committed.has_value()) {
        spdlog::info(
            "Batch {} of epoch {} was {}.", seq, epoch, *committed ? "committed" : "not committed"
        );
    } else {
        spdlog::warn("The fate of batch {} of epoch {}: {}", seq, epoch, committed.error().message);
    }
}

// Nothing was written, so the epoch is still ours: what is committed can be shown meanwhile.
void Engine::load_for_reads(Instant now) {
    const Result<model::Snapshot> snapshot = store_.load(status_.epoch);
    if (snapshot.has_value()) {
        scheduler_ = std::make_unique<core::Scheduler>(*snapshot, now, seed_);
    } else {
        spdlog::warn("Cannot read the store: {}", snapshot.error().message);
    }
}

// A constraint said no to the batch: load afresh and run its commands one per commit, so that only
// the guilty one is refused.
void Engine::after_refusal(std::vector<Applied>& applied, const std::string& message, Instant now) {
    spdlog::error("The store refused a batch of {} commands: {}", applied.size(), message);
    status_.last_error = message;
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
    status_.state = EngineState::kStarting;
    recover(now);
}

void Engine::answer_all(std::vector<Applied>& applied, Instant now) {
    for (Applied& one : applied) {
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

void Engine::shut_down() {
    std::vector<Applied> none;
    const Error stopping = unavailable("stopping", "The server is stopping.");
    refuse_all(none, stopping);
    for (; !queue_.empty(); queue_.pop_front()) {
        queue_.front().answer(fail(stopping));
    }
    reads_.clear();
}

Instant Engine::next_due() const {
    if (status_.state != EngineState::kLeading || !scheduler_) {
        return next_probe_;
    }
    if (!single_.empty() || !queue_.empty() || !reads_.empty()) {
        return now_;
    }
    Instant due = scheduler_->next_due();
    if (!parked_.empty()) {
        due = std::min(due, parked_.begin()->first.first);
        if (scheduler_->wake_count() != seen_wake_ || wake_more_) {
            due = now_;
        }
    }
    return due;
}

}  // namespace servo::engine

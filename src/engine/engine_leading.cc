// Taking, keeping and losing leadership; and noticing that the database is older than what was
// acknowledged.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "engine/engine.h"

namespace servo::engine {
namespace {

constexpr int kEpochsRaisedMax = 10'000;

// What a call says of the chain of commits; null for commands that say nothing.
const model::CommitMark* seen_in(const core::Command& command) {
    if (const auto* call = std::get_if<core::ExecutorCall>(&command)) {
        return &call->request.seen;
    }
    if (const auto* join = std::get_if<core::RegisterExecutor>(&command)) {
        return &join->request.seen;
    }
    return nullptr;
}

// A tenant's executor speaks for its tenant alone: what it claims stops nobody else.
bool bound_to_tenant(const core::Command& command) {
    if (const auto* call = std::get_if<core::ExecutorCall>(&command)) {
        return static_cast<bool>(call->token.tenant);
    }
    const auto* join = std::get_if<core::RegisterExecutor>(&command);
    return join != nullptr && join->token.tenant;
}

Error db_went_back(model::CommitMark known, int64_t epoch, int64_t seq) {
    Error error = unavailable(
        "db_went_back",
        fmt::format(
            "Commit {} of epoch {} was acknowledged, and the database does not have it (it ends at "
            "commit {}, epoch {}): an older copy of it is being served. Nothing is scheduled. "
            "Bring the newer database back, or start the server once with --accept-older-database "
            "to go on without what is lost.",
            known.seq,
            known.epoch,
            seq,
            epoch
        )
    );
    error.retry_after_s = 30;
    return error;
}

model::EventRow takeover_event(
    const store::LeaderRow& before, int64_t epoch, Instant now, const std::string& holder
) {
    return {
        model::TenantId{},
        now,
        "servo",
        "leader.changed",
        holder,
        fmt::format(
            "Leads with epoch {} after {}, which {}.",
            epoch,
            before.holder,
            before.gone ? "had ended" : "gave no sign of life"
        )};
}

}  // namespace

Status Engine::start(Instant wall) {
    now_ = wall;
    leadership_.watch(wall);
    if (!SERVO_TRY(leadership_.look(wall))) {
        stand_by("another server leads", wall);
        return {};
    }
    const Status led = lead(leadership_.row().epoch, wall);
    if (!led && led.error().reason == "deposed") {
        stand_by("another server was faster", wall);
        return {};
    }
    return led;
}

Status Engine::lead(int64_t after, Instant now) {
    const store::LeaderRow before = leadership_.row();
    const bool change = before.epoch > 0 && !leadership_.is_self(before);
    int64_t epoch = SERVO_TRY(leadership_.take(after, now));
    for (int i = 0; i < kEpochsRaisedMax && epoch <= epoch_floor_; ++i) {
        epoch = SERVO_TRY(leadership_.take(epoch, now));
    }
    status_.epoch = epoch;
    const model::Snapshot snapshot = SERVO_TRY(store_.load(epoch));
    now_ = std::max({now_, now, snapshot.last_now});
    seq_ = snapshot.last_seq;
    loaded_seq_ = seq_;
    scheduler_ =
        std::make_unique<core::Scheduler>(snapshot, now_, seed_ ^ static_cast<uint64_t>(epoch));
    status_.seq = seq_;
    status_.leader = leadership_.row();
    seen_wake_ = 0;
    last_step_ = now_;
    next_probe_ = kNever;
    let_go();
    if (!remembers(snapshot)) {
        return {};
    }
    status_.state = EngineState::kLeading;
    status_.leading_since = now_;
    if (change) {
        takeover_event_ = takeover_event(before, epoch, now_, status_.leader.holder);
    }
    if (on_load_) {
        on_load_(*scheduler_);
    }
    return {};
}

void Engine::recover(Instant now) {
    const bool was_full = status_.state == EngineState::kReadOnly;
    ++status_.reloads;
    const Status led = lead(status_.epoch, now);
    if (led) {
        spdlog::info("Leading again with epoch {}.", status_.epoch);
        report_fate();
        return;
    }
    if (led.error().reason == "deposed") {
        stand_by(led.error().message, now);
        report_fate();
        return;
    }
    status_.last_error = led.error().message;
    status_.state = was_full ? EngineState::kReadOnly : EngineState::kStarting;
    if (!was_full) {
        hold_if_away(led.error());
    }
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

// The epoch is still ours, or was a moment ago: what is committed can be shown meanwhile.
void Engine::load_for_reads(Instant now) {
    const Result<model::Snapshot> snapshot = store_.load(status_.epoch);
    if (snapshot.has_value()) {
        scheduler_ = std::make_unique<core::Scheduler>(*snapshot, now, seed_);
    } else {
        spdlog::warn("Cannot read the store: {}", snapshot.error().message);
    }
}

void Engine::hold(Error why) {
    status_.why = why.reason;
    held_ = std::move(why);
}

void Engine::hold_if_away(const Error& of_store) {
    if (of_store.code == ErrorCode::kUnavailable && of_store.reason != "deposed") {
        hold(store_away(of_store.reason));
    }
}

void Engine::let_go() {
    status_.why.clear();
    held_.reset();
}

// What memory holds is another's business now.
void Engine::stand_by(const std::string& why, Instant now) {
    spdlog::warn("Stands by: {}", why);
    scheduler_.reset();
    takeover_event_.reset();
    status_.state = EngineState::kStandby;
    status_.leading_since = kNever;
    status_.last_error = why;
    std::vector<Applied> none;
    refuse_all(none, not_leading());
    reads_.clear();
    leadership_.watch(now);
    let_go();
    const Result<bool> seen = leadership_.look(now);  // what to do about it, the next look says
    show_leader(seen.has_value());
    if (!seen) {
        hold_if_away(seen.error());
    }
}

// Not this server itself, as the row may still say: nobody is to be sent here.
void Engine::show_leader(bool seen) {
    const bool other = seen && !leadership_.is_self(leadership_.row());
    status_.leader = other ? leadership_.row() : store::LeaderRow{};
}

void Engine::watch(Instant now) {
    if (now < leadership_.next_look()) {
        return;
    }
    const Result<bool> free = leadership_.look(now);
    show_leader(free.has_value());
    if (!free) {
        status_.last_error = free.error().message;
        hold_if_away(free.error());
        spdlog::warn("Cannot see who leads: {}", free.error().message);
        return;
    }
    let_go();
    if (!*free) {
        return;
    }
    status_.last_error.clear();  // that another led is no error of a leader
    const Status led = lead(leadership_.row().epoch, now);
    if (led) {
        spdlog::info("Leads with epoch {}.", status_.epoch);
    } else if (led.error().reason != "deposed") {
        status_.last_error = led.error().message;
        hold_if_away(led.error());
        spdlog::warn("Cannot take over: {}", led.error().message);
    }
}

// A leader's sign of life.
void Engine::pulse(Instant now) {
    const bool leads =
        status_.state == EngineState::kLeading || status_.state == EngineState::kReadOnly;
    if (!leads || now < leadership_.next_beat()) {
        return;
    }
    switch (leadership_.beat(now)) {
        case Leadership::Pulse::kAlive:
            return;
        case Leadership::Pulse::kDeposed:
            stand_by("another server took over", now);
            return;
        case Leadership::Pulse::kLost:
            spdlog::error("The store did not answer for {} s.", kLeaderTtl.count() / 1'000);
            stand_by("the store does not answer", now);
            return;
    }
}

// Whether the store still has what this process committed. Otherwise nothing is scheduled.
bool Engine::remembers(const model::Snapshot& snapshot) {
    if (committed_ <= accepted_) {
        return true;
    }
    const Result<bool> there = committed_.seq > snapshot.last_seq
                                   ? Result<bool>(false)
                                   : store_.committed(committed_.epoch, committed_.seq);
    if (there.value_or(true)) {
        return true;
    }
    went_back(committed_);
    return accept_older_;
}

// Whether the store has what an executor heard of. Error: it has not, or that cannot be told; the
// item is not applied.
Status Engine::check_seen(const Item& item) {
    const model::CommitMark* seen = seen_in(item.command);
    if (seen == nullptr || seen->seq == 0 || *seen <= confirmed_ || *seen <= accepted_) {
        return {};
    }
    if (seen->epoch == status_.epoch && seen->seq <= seq_) {
        return {};
    }
    if (seen->epoch < status_.epoch && seen->seq <= loaded_seq_) {
        const Result<bool> there = store_.committed(seen->epoch, seen->seq);
        // Of one so old that its mark is not kept any more nobody can tell.
        const bool forgotten = !there && there.error().reason == "too_old";
        if (!there && !forgotten) {
            return fail(there.error());
        }
        if (there.value_or(true)) {
            confirmed_ = std::max(confirmed_, *seen);
            return {};
        }
    }
    if (bound_to_tenant(item.command)) {
        return fail(db_went_back(*seen, status_.epoch, seq_));
    }
    if (seen->epoch <= status_.epoch || store_.beat(status_.epoch)) {
        went_back(*seen);  // with an operator's leave the executor's next call is taken
    }
    // Else there is a newer leader; the commit will say that we are deposed.
    return fail(why_not());
}

void Engine::went_back(model::CommitMark known) {
    const Error error = db_went_back(known, status_.epoch, seq_);
    if (!accept_older_) {
        spdlog::critical("{}: {}", error.reason, error.message);
        status_.last_error = error.message;
        status_.leading_since = kNever;
        status_.state = EngineState::kReadOnly;
        hold(error);
        return;
    }
    spdlog::critical(
        "Commit {} of epoch {} is not in the database and was given up for lost.",
        known.seq,
        known.epoch
    );
    accepted_ = std::max(accepted_, known);
    epoch_floor_ = std::max(epoch_floor_, known.epoch);
}

// Executors take no reply of an epoch below the highest they saw, and tokens must go on ascending.
void Engine::raise_epoch(Instant now) {
    if (status_.state != EngineState::kLeading || status_.epoch > epoch_floor_) {
        return;
    }
    std::vector<Applied> none;
    refuse_all(none, not_leading());
    scheduler_.reset();
    status_.state = EngineState::kStarting;
    recover(now);
}

}  // namespace servo::engine

// What happens to slots and to waiting work, told to the ledger. Slot time is exact: each span
// between two events of a lease or of a session's free slots is booked once. What free slots lack
// is looked at once a second, by gates and jobs, so the cost does not grow with partitions.
#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "core/rules.h"

namespace servo::core {
namespace {

constexpr int64_t kMillion = 1'000'000;

Account account_of(const Job& job, ExecutorId executor) {
    return {job.row.tenant, job.row.asset, job.row.revision, executor, job.pools, {}};
}

Account account_of(const State& state, const Lease& lease) {
    return account_of(state.jobs.at(lease.job), lease.executor);
}

// Amounts on the stack: a report books some, many thousand times a second.
class AmountList {
 public:
    void add(Meter meter, int64_t value) {
        if (value != 0) {
            amounts_[size_++] = {meter, value};
        }
    }
    Amounts all() const { return {amounts_.data(), size_}; }

 private:
    static constexpr size_t kMost = 4 + kFailureClassCount + kPhaseCount;  // of a stretch
    static_assert(kMost > kGateCount);                                     // and of idle time
    std::array<Amount, kMost> amounts_;  // the first size_ are set
    size_t size_ = 0;
};

// Attempts one after the other: their time by what came of them, what is known of it by phase, and
// where the first began and the last ended.
struct Stretch {
    size_t attempts = 0;
    int64_t useful_us = 0;
    int64_t cancelled_us = 0;
    std::array<int64_t, kFailureClassCount> waste_us{};
    PhaseMicros phases_us{};
    int64_t sum_us = 0;
    Instant first_start;
    Instant last_end;
};

// What the program told, in proportion where it is more than the attempt took. Returns the rest.
int64_t add_told(PhaseMicros& out, int64_t us, const PhaseTimes& told) {
    const int64_t sum = std::accumulate(told.us.begin(), told.us.end(), int64_t{0});
    int64_t left = us;
    for (size_t i = 0; i < kPhaseCount; ++i) {
        const int64_t part = sum <= us ? told.us[i] : share_of(told.us[i], us, sum);
        out[i] += part;
        left -= part;
    }
    return left;
}

// What was measured of its CPU time counts where the program told none, as far as there is room.
void add_phases(PhaseMicros& out, int64_t us, const PhaseTimes* told, int64_t cpu_us) {
    constexpr auto kCpu = static_cast<size_t>(Phase::kCpu);
    const int64_t left = told == nullptr ? us : add_told(out, us, *told);
    if (told == nullptr || told->us[kCpu] == 0) {
        out[kCpu] += std::clamp<int64_t>(cpu_us, 0, left);
    }
}

template <typename R>
void add(Stretch& out, int64_t& by_outcome, const R& result, const PhaseTimes* told) {
    const int64_t us = std::max<int64_t>(0, result.duration.count());
    if (out.attempts++ == 0) {
        out.first_start = result.started_at;
    }
    out.last_end = result.started_at + std::chrono::duration_cast<Millis>(Micros(us));
    out.sum_us += us;
    by_outcome += us;
    add_phases(out.phases_us, us, told, result.cpu_us);
}

// The first attempt, and the rest: it may have begun long ago, the others lie between two reports.
std::array<Stretch, 2> stretches_of(const Lease& lease, const LeaseResults& results) {
    std::array<Stretch, 2> out;
    size_t done = 0;
    size_t failed = 0;
    auto told = results.phases.begin();
    const auto told_of = [&](uint64_t position) {
        const bool any = told != results.phases.end() && told->position == position;
        return any ? &*told++ : nullptr;
    };
    while (done < results.done.size() || failed < results.failed.size()) {
        Stretch& stretch = out[done + failed == 0 ? 0 : 1];
        const bool success = failed == results.failed.size() ||
                             (done < results.done.size() &&
                              results.done[done].position < results.failed[failed].position);
        if (success) {
            const DoneResult& result = results.done[done++];
            add(stretch, stretch.useful_us, result, told_of(result.position));
        } else {
            const FailedResult& result = results.failed[failed++];
            const bool cancelled = lease.stop && result.klass == FailureClass::kLost;
            add(stretch,
                cancelled ? stretch.cancelled_us
                          : stretch.waste_us[static_cast<size_t>(result.klass)],
                result,
                told_of(result.position));
        }
    }
    return out;
}

// How long the slot was at these results, gaps between them included. The executor's clock is
// trusted for the difference of two of its own times, within what can be true.
int64_t time_at(const Stretch& out, const Lease& lease, int64_t available_us) {
    const Millis told = out.last_end - lease.last_end.value_or(out.first_start);
    const int64_t told_us = std::clamp<int64_t>(told.count(), 0, available_us / 1'000) * 1'000;
    return std::clamp(told_us, std::min(out.sum_us, available_us), available_us);
}

// The attempts' durations cannot exceed the time in which the lease existed.
void fit(Stretch& out, int64_t available_us) {
    if (out.sum_us <= available_us) {
        return;
    }
    const int64_t told = std::exchange(out.sum_us, available_us);
    Division division(available_us, told);
    const auto cut = [&division](int64_t& us) { us = division.next(us); };
    cut(out.useful_us);
    cut(out.cancelled_us);
    std::for_each(out.waste_us.begin(), out.waste_us.end(), cut);
    for (int64_t& us : out.phases_us) {
        us = share_of(us, available_us, told);
    }
}

void book_stretch(Context& c, Lease& lease, const Account& account, Stretch& stretch) {
    const int64_t available = stamp(c.now) - lease.booked_to;
    fit(stretch, available);
    const Stamp end = lease.booked_to + time_at(stretch, lease, available);
    AmountList amounts;
    amounts.add(kMeterUseful, stretch.useful_us);
    amounts.add(kMeterCancelled, stretch.cancelled_us);
    for (size_t i = 0; i < kFailureClassCount; ++i) {
        amounts.add(waste(static_cast<FailureClass>(i)), stretch.waste_us[i]);
    }
    amounts.add(kMeterHeld, end - lease.booked_to - stretch.sum_us);
    int64_t opaque = stretch.sum_us;
    for (size_t i = 0; i < kPhaseCount; ++i) {
        amounts.add(spent_in(static_cast<Phase>(i)), stretch.phases_us[i]);
        opaque -= stretch.phases_us[i];
    }
    amounts.add(spent_in(Phase::kOpaque), opaque);
    c.state.ledger.book(lease.booked_to, end, amounts.all(), account, Booking::kEverywhere);
    lease.booked_to = end;
    lease.last_end = stretch.last_end;
}

// Learns from a report's successes, and says what they earned.
int64_t earn(const State& state, RevisionEntry& revision, uint64_t count, int64_t took_us) {
    Baseline& baseline = revision.baseline;
    if (baseline.mean_us > 0) {
        return baseline.mean_us * static_cast<int64_t>(count);
    }
    const auto warm_up = 2 * static_cast<uint64_t>(std::max<int64_t>(1, state.slots_total));
    if (baseline.skipped < warm_up) {
        baseline.skipped += count;
        return took_us;
    }
    baseline.count += count;
    baseline.sum_us += took_us;
    if (baseline.count >= kBaselineSamples) {
        baseline.mean_us =
            std::max<int64_t>(1, baseline.sum_us / static_cast<int64_t>(baseline.count));
    }
    return took_us;
}

void count_earned(State& state, TenantId tenant, int64_t us) {
    state.tally.earned_us[Tally::key(tenant)] += us;
    state.earned_rest_us += us;
    state.earned_ms.add(state.now, static_cast<uint64_t>(state.earned_rest_us / 1'000));
    state.earned_rest_us %= 1'000;
}

bool is_down(const State& state, const Session& session) {
    return !session.registered || !takes_work(state, session) ||
           session.last_call + kSilentAfter < state.now;
}

void book_missing(State& state) {
    const Stamp now = stamp(state.now);
    for (auto& [executor, missing] : state.missing) {
        Account account;
        account.executor = executor;
        const int64_t us = (now - missing.booked_to) * missing.slots;
        state.ledger.book(
            missing.booked_to, now, {{kMeterDown, us}}, account, Booking::kEverywhere
        );
        missing.booked_to = now;
    }
}

// --- waiting work ---

struct Seen {
    Account account;
    Gate gate = Gate::kNone;
    uint64_t partitions = 0;
};

PoolId pool_of(const GateAnswer& answer) {
    const bool pool = answer.gate == Gate::kPoolHeld || answer.gate == Gate::kBreaker ||
                      answer.gate == Gate::kPoolLimit;
    return pool ? PoolId(answer.subject) : PoolId{};
}

// Since when the same gate has held the job's work back, whatever was granted meanwhile.
void note_holder(const State& state, Job& job, const std::vector<Wait>& found) {
    const Instant now = state.now;
    if (found.empty() || found.front().leased) {
        job.held_since.reset();
        return;
    }
    const GateAnswer& answer = found.front().answer;
    // Without any executor it is slots that are missing.
    if (!answer.open() && (answer.gate != Gate::kNoExecutor || state.slots_total > 0)) {
        job.gated_at = now;
    }
    if (!job.held_since) {
        job.held_since = job.waiting_since;
    } else if (job.held_by != answer.gate || job.held_subject != answer.subject) {
        job.held_since = now;
    }
    job.held_by = answer.gate;
    job.held_subject = answer.subject;
}

// Books what waited since the last look, and returns what a free slot would have to choose from.
std::vector<Seen> look_at_waits(State& state, bool slots_free) {
    std::vector<Seen> out;
    std::set<TenantId> open;
    const Stamp from = stamp(state.waits_seen);
    const Stamp to = stamp(state.now);
    for (auto& [id, job] : state.jobs) {
        if (is_terminal(job.row.state)) {
            continue;
        }
        const std::vector<Wait> found = waits_of(state, job, state.now);
        note_holder(state, job, found);
        for (const Wait& wait : found) {
            Account account = account_of(job, ExecutorId{});
            account.pools = {};
            account.pool = pool_of(wait.answer);
            const auto ms = static_cast<int64_t>(wait.partitions) * (to - from) / 1'000;
            state.ledger.book(from, to, {{waits(wait.answer.gate), ms}}, account, Booking::kWork);
            if (wait.leased) {
                continue;
            }
            if (wait.answer.open()) {
                open.insert(job.row.tenant);
            }
            const bool served = !slots_free || !wait.answer.open() || free_slot_serves(state, job);
            out.push_back({account, served ? wait.answer.gate : Gate::kNoExecutor, wait.partitions}
            );
        }
    }
    state.waits_seen = state.now;
    settle_shares(state, open);
    return out;
}

Meter idle_meter(Gate gate) {
    return gate == Gate::kNone ? kMeterDispatch : gated(gate);
}

// min(free, waiting) by gate in proportion to what waits behind it; the rest has no work.
std::vector<Amount> split_idle(const std::vector<Seen>& seen, int64_t free) {
    std::array<int64_t, kGateCount> by_gate{};
    int64_t waiting = 0;
    for (const Seen& one : seen) {
        by_gate[static_cast<size_t>(one.gate)] += static_cast<int64_t>(one.partitions);
        waiting += static_cast<int64_t>(one.partitions);
    }
    free = std::max<int64_t>(1, free);
    const int64_t lacking = share_of(kMillion, std::min(free, waiting), free);
    std::vector<Amount> out;
    Division division(lacking, waiting);
    for (size_t gate = 0; gate < kGateCount; ++gate) {
        if (const int64_t part = division.next(by_gate[gate]); part > 0) {
            out.push_back({idle_meter(static_cast<Gate>(gate)), part});
        }
    }
    if (const int64_t rest = kMillion - lacking + division.rest(); rest > 0) {
        out.push_back({kMeterNoWork, rest});
    }
    return out;
}

// What was booked behind a gate in one cell goes to those whose work it held, in proportion.
void hand_out(State& state, const std::vector<Seen>& seen, Gate gate, int64_t cell, int64_t us) {
    const Meter meter = idle_meter(gate);
    const Stamp at = cell * kLedgerCellUs;
    int64_t waiting = 0;
    for (const Seen& one : seen) {
        waiting += one.gate == gate ? static_cast<int64_t>(one.partitions) : 0;
    }
    Division division(us, waiting);
    for (const Seen& one : seen) {
        if (one.gate == gate && waiting > 0) {
            const int64_t part = division.next(static_cast<int64_t>(one.partitions));
            state.ledger.book(at, at, {{meter, part}}, one.account, Booking::kConcerned);
        }
    }
    state.ledger.book(at, at, {{meter, division.rest()}}, Account{}, Booking::kConcerned);
}

void hand_out_idle(State& state, const std::vector<Seen>& seen) {
    for (size_t gate = 0; gate < kGateCount; ++gate) {
        for (const auto& [cell, us] : std::exchange(state.idle.concerned_us[gate], {})) {
            hand_out(state, seen, static_cast<Gate>(gate), cell, us);
        }
    }
}

// Keeps for the next look what the ledger got behind a gate, cell by cell as it divides a span.
void concern(State& state, size_t gate, Stamp from, Stamp to, int64_t us) {
    Division division(us, to - from);
    Stamp at = from;
    for (int64_t cell = from / kLedgerCellUs; cell * kLedgerCellUs < to; ++cell) {
        const Stamp end = std::min(to, (cell + 1) * kLedgerCellUs);
        state.idle.concerned_us[gate][cell] += division.next(end - at);
        at = end;
    }
}

int64_t count_free(const State& state) {
    int64_t free = 0;
    for (const auto& [id, session] : state.sessions) {
        free += is_down(state, session) ? 0 : std::max<int64_t>(0, free_slots(session));
    }
    return free;
}

}  // namespace

void book_results(
    Context& c, const Job& job, Lease& lease, RevisionEntry& revision, const LeaseResults& results
) {
    if (!c.state.ledger.on()) {
        return;
    }
    if (results.done.empty() && results.failed.empty()) {
        return;
    }
    const Account account = account_of(job, lease.executor);
    std::array<Stretch, 2> stretches = stretches_of(lease, results);
    const int64_t took_us = stretches[0].useful_us + stretches[1].useful_us;
    const int64_t earned =
        results.done.empty() ? 0 : earn(c.state, revision, results.done.size(), took_us);
    count_earned(c.state, job.row.tenant, earned);
    const Stamp began = lease.booked_to;
    for (Stretch& stretch : stretches) {
        if (stretch.attempts > 0) {
            book_stretch(c, lease, account, stretch);
        }
    }
    c.state.ledger.book(
        began, lease.booked_to, {{kMeterEarned, earned}}, account, Booking::kEverywhere
    );
}

void book_lease_end(State& state, const Lease& lease) {
    const Stamp now = stamp(state.now);
    if (!state.ledger.on() || now <= lease.booked_to) {
        return;
    }
    const auto session = state.sessions.find(lease.session);
    const int64_t rest = now - lease.booked_to;
    int64_t report = 0;
    if (session != state.sessions.end()) {
        report = std::min(rest, session->second.report_us);
        session->second.report_us -= report;
    }
    state.ledger.book(
        lease.booked_to,
        now,
        {{kMeterHeld, rest - report}, {kMeterReport, report}},
        account_of(state, lease),
        Booking::kEverywhere
    );
}

void book_lease_lost(State& state, Lease& lease, FailureClass klass) {
    const Stamp now = stamp(state.now);
    const int64_t us = now - lease.booked_to;
    state.ledger.book(
        lease.booked_to,
        now,
        {{waste(klass), us}, {spent_in(Phase::kOpaque), us}},
        account_of(state, lease),
        Booking::kEverywhere
    );
    lease.booked_to = now;
}

void book_idle(State& state, Session& session) {
    const Stamp from = session.idle_booked_to;
    const Stamp now = stamp(state.now);
    session.idle_booked_to = now;
    const int64_t us = (now - from) * std::max<int64_t>(0, free_slots(session));
    if (!state.ledger.on() || us <= 0) {
        return;
    }
    Account account;
    account.executor = session.executor;
    if (is_down(state, session)) {
        state.ledger.book(from, now, {{kMeterDown, us}}, account, Booking::kEverywhere);
        return;
    }
    AmountList amounts;
    Division division(us, kMillion);
    for (const Amount& part : state.idle.parts) {
        amounts.add(part.meter, division.next(part.value));
    }
    state.ledger.book(from, now, amounts.all(), account, Booking::kExecutor);
    for (const Amount& one : amounts.all()) {
        if (one.meter == kMeterNoWork) {
            state.ledger.book(from, now, {one}, account, Booking::kConcerned);
        } else {
            const size_t gate = one.meter == kMeterDispatch ? 0 : one.meter - kMeterGated;
            concern(state, gate, from, now, one.value);
        }
    }
}

void book_count(State& state, const Job& job, ExecutorId executor, Meter meter, uint64_t count) {
    const Stamp now = stamp(state.now);
    state.ledger.book(
        now,
        now,
        {{meter, static_cast<int64_t>(count)}},
        account_of(job, executor),
        executor ? Booking::kEverywhere : Booking::kWork
    );
}

void note_slot_times(Session& session, const SlotMillis& now) {
    const auto report = static_cast<size_t>(SlotState::kReport);
    const bool first = session.slot_ms == SlotMillis{};  // of this leader: no difference to take
    if (!first && now[report] > session.slot_ms[report]) {
        session.report_us += (now[report] - session.slot_ms[report]) * 1'000;
    }
    session.slot_ms = now;
}

void miss_slots(State& state, ExecutorRow& row, int slots, Instant seen) {
    if (slots > 0 && seen + kMissingFor > state.now) {
        row.missing_slots = slots;
        state.missing[row.id] = {slots, seen, stamp(state.now)};
    }
}

void slots_joined(Context& c, ExecutorId executor, int64_t slots) {
    State& state = c.state;
    book_missing(state);
    state.executors.at(executor).missing_slots = 0;
    if (state.missing.erase(executor) > 0) {
        return;
    }
    // A newcomer takes the place of the slots that are missing longest.
    while (slots > 0 && !state.missing.empty()) {
        const auto oldest = std::min_element(
            state.missing.begin(),
            state.missing.end(),
            [](const auto& a, const auto& b) { return a.second.since < b.second.since; }
        );
        const int64_t taken = std::min(slots, oldest->second.slots);
        slots -= taken;
        oldest->second.slots -= taken;
        ExecutorRow& row = state.executors.at(oldest->first);
        row.missing_slots = static_cast<int>(oldest->second.slots);
        c.changes.executors.push_back(row);
        if (oldest->second.slots == 0) {
            state.missing.erase(oldest);
        }
    }
}

void recount_slots(State& state) {
    state.slots_total = 0;
    int64_t known = 0;
    for (const auto& [id, session] : state.sessions) {
        known += session.slots;
        if (takes_work(state, session)) {
            state.slots_total += session.slots;
        }
    }
    for (const auto& [executor, missing] : state.missing) {
        known += missing.slots;
    }
    state.ledger.set_slots(known, stamp(state.now));
}

std::vector<RunningSpan> running_spans(const State& state) {
    std::vector<RunningSpan> out;
    out.reserve(state.leases.size());
    for (const auto& [id, lease] : state.leases) {
        out.push_back({lease.booked_to, account_of(state, lease)});
    }
    return out;
}

void keep_ledger(Context& c, Closing closing) {
    State& state = c.state;
    if (!state.ledger.on()) {
        return;
    }
    book_missing(state);
    const size_t missing = state.missing.size();
    std::erase_if(state.missing, [&](const auto& entry) {
        return entry.second.since + kMissingFor <= c.now;
    });
    if (state.missing.size() < missing) {
        recount_slots(state);
    }
    const auto rounds = static_cast<int64_t>(1 + state.jobs.size() / kJobsLookedAt);
    std::optional<std::vector<Seen>> seen;
    // A minute is closed with all of its idle time handed out.
    const bool closes = closing == Closing::kAll || state.ledger.close_due(stamp(c.now));
    if (closes || c.now - state.waits_seen >= kTickInterval * rounds) {
        const int64_t free = count_free(state);
        seen = look_at_waits(state, free > 0);
        state.idle.parts = split_idle(*seen, free);
    }
    for (auto& [id, session] : state.sessions) {
        book_idle(state, session);
    }
    if (seen) {
        hand_out_idle(state, *seen);
    }
    if (closes) {
        auto rows = state.ledger.close(stamp(c.now), state.epoch, running_spans(state), closing);
        std::move(rows.begin(), rows.end(), std::back_inserter(c.changes.ledger));
    }
}

}  // namespace servo::core

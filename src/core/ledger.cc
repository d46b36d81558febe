#include "core/ledger.h"

#include <algorithm>

namespace servo::core {
namespace {

constexpr int64_t kCellsPerMinute = 60'000'000 / kLedgerCellUs;
constexpr int64_t kMinutesPerHour = 60;
constexpr Stamp kMinuteUs = 60'000'000;

int64_t cell_of(Stamp at) {
    return at / kLedgerCellUs;
}

Instant instant_of(Stamp at) {
    return instant_ms(at / 1'000);
}

bool includes(Booking booking, LedgerScope scope) {
    switch (booking) {
        case Booking::kEverywhere:
            return true;
        case Booking::kExecutor:
            return scope == LedgerScope::kAll || scope == LedgerScope::kExecutor;
        case Booking::kConcerned:
            return scope != LedgerScope::kAll && scope != LedgerScope::kExecutor;
        case Booking::kWork:
            return scope != LedgerScope::kExecutor;
    }
    return false;
}

// Calls `each(key)` for every key of the account in the scope.
template <typename Each>
void for_keys(LedgerScope scope, const Account& account, const Each& each) {
    switch (scope) {
        case LedgerScope::kAll:
            each(kLedgerNobody);
            return;
        case LedgerScope::kTenant:
            each(LedgerKey{account.tenant.value, 0});
            return;
        case LedgerScope::kAsset:
            each(LedgerKey{account.asset.value, account.revision});
            return;
        case LedgerScope::kExecutor:
            each(LedgerKey{account.executor.value, 0});
            return;
        case LedgerScope::kPool:
            if (account.pools.empty()) {
                each(LedgerKey{account.pool.value, 0});
                return;
            }
            for (const auto& [pool, units] : account.pools) {
                each(LedgerKey{pool.value, 0});
            }
            return;
    }
}

bool same(const Account& a, const Account& b) {
    return a.tenant == b.tenant && a.asset == b.asset && a.revision == b.revision &&
           a.executor == b.executor && a.pool == b.pool &&
           std::equal(a.pools.begin(), a.pools.end(), b.pools.begin(), b.pools.end());
}

// Neighbours in any of these have places of their own.
size_t place_of(int64_t cell, const Account& account) {
    const auto number = [](int64_t value) { return static_cast<uint64_t>(value); };
    return (number(account.executor.value) + 31 * number(account.asset.value) +
            97 * number(account.revision) + 389 * number(cell)) %
           kLedgerPostings;
}

// The last minute of which all is known by `now`.
int64_t last_known_minute(Stamp now) {
    return (now - kLedgerCloseAfter.count() * 1'000) / kMinuteUs - 1;
}

Stamp overlap(Stamp from, Stamp to, Stamp begin, Stamp end) {
    return std::max<Stamp>(0, std::min(to, end) - std::max(from, begin));
}

}  // namespace

int64_t share_of(int64_t amount, int64_t part, int64_t all) {
    __extension__ using Wide = __int128;
    return amount == 0 || all <= 0 ? 0
                                   : static_cast<int64_t>(static_cast<Wide>(amount) * part / all);
}

void Ledger::start(Stamp now) {
    on_ = true;
    began_ = now;
    slots_since_ = now;
    closed_minute_ = now / kMinuteUs - 1;
    postings_.resize(kLedgerPostings);
    advance(cell_of(now));
}

void Ledger::advance(int64_t number) {
    const int64_t next = first_ + static_cast<int64_t>(cells_.size());
    for (Posting& posting : postings_) {
        settle(posting);
    }
    if (cells_.empty() || number - next >= kLedgerCellsMax) {
        cells_.clear();
        first_ = number;
        cells_.emplace_back();
        return;
    }
    for (int64_t i = next; i <= number; ++i) {
        cells_.emplace_back();
        const int64_t old = i - kLedgerYoungCells - first_;
        if (old >= 0) {
            Cell& cell = cells_[static_cast<size_t>(old)];
            cell.pruned = true;
            for (Rows& rows : cell.scopes) {
                prune(rows);
            }
        }
        if (cells_.size() > static_cast<size_t>(kLedgerCellsMax)) {
            cells_.pop_front();
            ++first_;
        }
    }
}

// The largest stay, the rest becomes one.
void Ledger::prune(Rows& rows) {
    if (rows.size() <= kLedgerKeysKept) {
        return;
    }
    std::vector<std::pair<int64_t, LedgerKey>> order;
    for (const auto& [key, meters] : rows) {
        int64_t size = 0;
        for (const Amount& one : meters.amounts()) {
            size +=
                is_slot_time(one.meter) || is_waiting(one.meter) ? whole(one.meter, one.value) : 0;
        }
        order.emplace_back(-size, key);
    }
    std::sort(order.begin(), order.end());
    for (size_t i = kLedgerKeysKept; i < order.size(); ++i) {
        if (order[i].second != kLedgerOthers) {
            const auto node = rows.extract(order[i].second);
            rows[kLedgerOthers].add(node.mapped());
        }
    }
}

void Ledger::put_row(Cell& cell, LedgerScope scope, LedgerKey key, Amounts amounts) {
    Rows& rows = cell.scopes[static_cast<size_t>(scope)];
    const size_t most = cell.pruned ? kLedgerKeysKept : kLedgerKeysOpen;
    auto it = rows.find(key);
    if (it == rows.end()) {
        it = rows.try_emplace(rows.size() < most ? key : kLedgerOthers).first;
    }
    for (const Amount& one : amounts) {
        it->second.add(one.meter, one.value);
    }
}

void Ledger::put_rows(int64_t number, Amounts amounts, const Account& account, Booking booking) {
    Cell& cell = cells_[static_cast<size_t>(number - first_)];
    for (size_t i = 0; i < kLedgerScopeCount; ++i) {
        const auto scope = static_cast<LedgerScope>(i);
        if (includes(booking, scope)) {
            for_keys(scope, account, [&](LedgerKey key) { put_row(cell, scope, key, amounts); });
        }
    }
}

void Ledger::settle(Posting& posting) {
    if (!posting.meters.empty()) {
        put_rows(posting.cell, posting.meters.amounts(), posting.account, Booking::kEverywhere);
        posting.meters.clear();
    }
}

Ledger::Posting& Ledger::posting_for(int64_t number, const Account& account) {
    Posting& posting = postings_[place_of(number, account)];
    if (posting.cell != number || !same(posting.account, account)) {
        settle(posting);
        posting.cell = number;
        posting.pools.assign(account.pools.begin(), account.pools.end());
        posting.account = account;
        posting.account.pools = posting.pools;
    }
    return posting;
}

void Ledger::put(int64_t number, Amounts amounts, const Account& account, Booking booking) {
    if (includes(booking, LedgerScope::kAll)) {
        const bool counted = number / kCellsPerMinute > closed_minute_;
        for (const Amount& one : amounts) {
            booked_us_ += is_slot_time(one.meter) ? one.value : 0;
            unphased_us_ += is_busy(one.meter) ? one.value : 0;
            unphased_us_ -= is_phase(one.meter) ? one.value : 0;
            counters_[one.meter] += counted ? one.value : 0;
        }
    }
    if (number < first_) {
        return;  // its cell is kept no more
    }
    if (number >= first_ + static_cast<int64_t>(cells_.size())) {
        advance(number);
    }
    if (booking != Booking::kEverywhere) {
        put_rows(number, amounts, account, booking);
        return;
    }
    Posting& posting = posting_for(number, account);
    for (const Amount& one : amounts) {
        posting.meters.add(one.meter, one.value);
    }
}

void Ledger::book(Stamp from, Stamp to, Amounts amounts, const Account& account, Booking booking) {
    if (!on_) {
        return;
    }
    const int64_t first = cell_of(from);
    const int64_t last = to > from ? cell_of(to - 1) : first;
    if (first == last) {
        put(first, amounts, account, booking);
        return;
    }
    for (const Amount& one : amounts) {
        Division division(one.value, to - from);
        Stamp at = from;
        for (int64_t number = first; number <= last && one.value != 0; ++number) {
            const Stamp end = std::min(to, (number + 1) * kLedgerCellUs);
            const Amount here{one.meter, division.next(end - at)};
            put(number, {&here, 1}, account, booking);
            at = end;
        }
    }
}

void Ledger::set_slots(int64_t slots, Stamp now) {
    expected_us_ = expected_us(now);
    slots_since_ = now;
    slots_ = slots;
}

int64_t Ledger::expected_us(Stamp now) const {
    return expected_us_ + slots_ * (now - slots_since_);
}

Ledger::Sums Ledger::sum(
    LedgerScope scope, Stamp from, Stamp to, const std::vector<RunningSpan>& running
) const {
    Sums out;
    const int64_t begin = std::max(first_, cell_of(from));
    const int64_t end =
        std::min(first_ + static_cast<int64_t>(cells_.size()), cell_of(to + kLedgerCellUs - 1));
    for (int64_t number = begin; number < end; ++number) {
        const Cell& cell = cells_[static_cast<size_t>(number - first_)];
        for (const auto& [key, meters] : cell.scopes[static_cast<size_t>(scope)]) {
            out[key].add(meters);
        }
    }
    for (const Posting& posting : postings_) {
        if (posting.cell >= begin && posting.cell < end && !posting.meters.empty()) {
            for_keys(scope, posting.account, [&](LedgerKey key) { out[key].add(posting.meters); });
        }
    }
    for (const RunningSpan& one : running) {
        const int64_t open = overlap(one.from, to, from, to);
        if (open > 0) {
            for_keys(scope, one.account, [&](LedgerKey key) { out[key].add(kMeterOpen, open); });
        }
    }
    prune(out);
    return out;
}

void Ledger::add_rows(
    LedgerSpan span,
    Stamp from,
    Stamp to,
    int64_t epoch,
    const std::vector<RunningSpan>& running,
    std::vector<LedgerRow>& out
) const {
    for (size_t i = 0; i < kLedgerScopeCount; ++i) {
        LedgerRow row;
        row.span = span;
        row.at = instant_of(from);
        row.epoch = epoch;
        row.scope = static_cast<LedgerScope>(i);
        for (const auto& [key, meters] : sum(row.scope, from, to, running)) {
            LedgerAmounts words = meters.words();
            if (!words.empty()) {
                row.entries.emplace(key, std::move(words));
            }
        }
        if (!row.entries.empty()) {
            out.push_back(std::move(row));
        }
    }
}

bool Ledger::close_due(Stamp now) const {
    return on_ && last_known_minute(now) > closed_minute_;
}

std::vector<LedgerRow> Ledger::close(
    Stamp now, int64_t epoch, const std::vector<RunningSpan>& running, Closing closing
) {
    std::vector<LedgerRow> out;
    if (!on_) {
        return out;
    }
    const int64_t kept = first_ / kCellsPerMinute;
    const int64_t last = closing == Closing::kAll ? now / kMinuteUs : last_known_minute(now);
    for (int64_t minute = std::max(closed_minute_ + 1, kept); minute <= last; ++minute) {
        const Stamp from = minute * kMinuteUs;
        const Stamp to = std::min(from + kMinuteUs, now);
        for (const RunningSpan& one : running) {
            counters_[kMeterOpen] += overlap(one.from, to, from, to);
        }
        add_rows(LedgerSpan::kMinute, from, to, epoch, running, out);
        if (minute == last || (minute + 1) % kMinutesPerHour == 0) {
            const Stamp hour = minute / kMinutesPerHour * kMinutesPerHour * kMinuteUs;
            add_rows(LedgerSpan::kHour, hour, to, epoch, running, out);
        }
        closed_minute_ = minute;
    }
    closed_minute_ = std::max(closed_minute_, last);
    return out;
}

}  // namespace servo::core

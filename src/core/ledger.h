// The two ledgers of time: what each slot did, and what waiting work waited for, in cells of ten
// seconds by tenant, asset revision, executor and pool. It is told spans of time and books them; it
// decides nothing. Integers; instants are µs here, so that short partitions leave no remainder.
//
// Attempts that run are booked when they end, back to when they began; until then whoever reads
// names them as running. A minute is stored as it stood shortly after its end: what still ran then
// is stored as open. Not thread-safe. A copy is off: one that runs ahead keeps no account.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/meter.h"
#include "model/ledger.h"

namespace servo::core {

using Stamp = int64_t;  // µs since 1970
constexpr Stamp stamp(Instant at) {
    return to_ms(at) * 1'000;
}

constexpr int64_t kLedgerCellUs = 10'000'000;
constexpr int64_t kLedgerCellsMax = 720;     // two hours
constexpr size_t kLedgerKeysKept = 100;      // a scope and cell; the rest as "other"
constexpr size_t kLedgerKeysOpen = 1'000;    // while a cell is young
constexpr int64_t kLedgerYoungCells = 3;     // may still grow beyond kLedgerKeysKept
constexpr Millis kLedgerCloseAfter{15'000};  // beyond the TTL, so that all is known by then
constexpr size_t kLedgerPostings = 1'024;    // places where amounts are added up first

// Whose time it is.
struct Account {
    TenantId tenant;
    AssetId asset;
    int revision = 0;
    ExecutorId executor;
    std::span<const std::pair<PoolId, int>> pools;  // counts in each of them; the job's
    PoolId pool;                                    // the only one, when no pools
};

// A span of slot time whose end is not known yet.
struct RunningSpan {
    Stamp from = 0;
    Account account;
};

using Amounts = std::span<const Amount>;

// Where a booking goes: everywhere; to the total and the executor; to whose work is concerned, when
// the total has it already; everywhere but to executors.
enum class Booking { kEverywhere, kExecutor, kConcerned, kWork };

// What is closed: the minutes of which all is known, or, as nothing more will be, all until now.
enum class Closing { kKnown, kAll };

// amount × part / all, rounded down; exact.
int64_t share_of(int64_t amount, int64_t part, int64_t all);

// Divides an amount in proportion to parts that come one after the other, so that what the parts
// get makes the amount when the parts make `all`: each gets the share of the parts so far, less
// what was given before.
class Division {
 public:
    Division(int64_t amount, int64_t all) : amount_(amount), all_(all) {}
    int64_t next(int64_t part) {
        if (part == 0) {
            return 0;
        }
        counted_ += part;
        const int64_t so_far = share_of(amount_, counted_, all_);
        return so_far - std::exchange(given_, so_far);
    }
    int64_t rest() const { return amount_ - given_; }  // not given yet

 private:
    int64_t amount_;
    int64_t all_;
    int64_t counted_ = 0;
    int64_t given_ = 0;
};

class Ledger {
 public:
    Ledger() = default;
    Ledger(const Ledger&) {}  // off
    Ledger& operator=(const Ledger&) = delete;
    Ledger(Ledger&&) = default;
    Ledger& operator=(Ledger&&) = default;
    ~Ledger() = default;

    void start(Stamp now);
    bool on() const { return on_; }

    // Spreads the amounts evenly over [from, to). `from` == `to`: all at that moment.
    void book(Stamp from, Stamp to, Amounts amounts, const Account& account, Booking booking);
    void book(
        Stamp from,
        Stamp to,
        std::initializer_list<Amount> amounts,
        const Account& account,
        Booking booking
    ) {
        book(from, to, Amounts(amounts.begin(), amounts.size()), account, booking);
    }

    // The number of slots there are, from `now` on; what is booked must come to their time.
    void set_slots(int64_t slots, Stamp now);
    int64_t expected_us(Stamp now) const;  // slots × time since the start
    int64_t booked_us() const { return booked_us_; }
    int64_t unphased_us() const { return unphased_us_; }  // busy time that has no phase: none

    bool close_due(Stamp now) const;
    // Minutes that are closed by `now` as rows to store, and anew the hours that they are in: what
    // ends with a leader is missing in both alike.
    std::vector<LedgerRow> close(
        Stamp now, int64_t epoch, const std::vector<RunningSpan>& running, Closing closing
    );

    // Sums over [from, to), whole cells, with what runs as open.
    using Sums = std::map<LedgerKey, Meters>;
    Sums sum(LedgerScope scope, Stamp from, Stamp to, const std::vector<RunningSpan>& running)
        const;
    Stamp began() const { return began_; }

    // Rising, by meter: each slot-second once. Time of an attempt that was stored as open stays so.
    const std::array<int64_t, kMeterCount>& counters() const { return counters_; }

 private:
    using Rows = std::map<LedgerKey, Meters>;
    struct Cell {
        std::array<Rows, kLedgerScopeCount> scopes;
        bool pruned = false;
    };
    // What an account got everywhere in one cell, on its way into the rows of all scopes: a slot
    // books several times a second, and most often goes on where it was.
    struct Posting {
        int64_t cell = 0;
        Account account;  // its pools are these:
        std::vector<std::pair<PoolId, int>> pools;
        Meters meters;  // empty: a free place
    };

    void advance(int64_t number);
    void put(int64_t number, Amounts amounts, const Account& account, Booking booking);
    void put_rows(int64_t number, Amounts amounts, const Account& account, Booking booking);
    static void put_row(Cell& cell, LedgerScope scope, LedgerKey key, Amounts amounts);
    Posting& posting_for(int64_t number, const Account& account);
    void settle(Posting& posting);
    static void prune(Rows& rows);
    void add_rows(
        LedgerSpan span,
        Stamp from,
        Stamp to,
        int64_t epoch,
        const std::vector<RunningSpan>& running,
        std::vector<LedgerRow>& out
    ) const;

    bool on_ = false;
    Stamp began_ = 0;
    int64_t first_ = 0;  // number of the oldest cell
    std::deque<Cell> cells_;
    std::vector<Posting> postings_;  // by place_of(); none is of a cell before first_
    int64_t closed_minute_ = 0;      // number of the last that was closed
    int64_t booked_us_ = 0;
    int64_t unphased_us_ = 0;
    int64_t slots_ = 0;
    Stamp slots_since_ = 0;
    int64_t expected_us_ = 0;
    std::array<int64_t, kMeterCount> counters_{};
};

}  // namespace servo::core

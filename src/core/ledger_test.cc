#include "core/ledger.h"

#include <gtest/gtest.h>

namespace servo::core {
namespace {

constexpr Stamp kSecond = 1'000'000;
constexpr Stamp kStart = stamp(instant_ms(1'767'225'600'000));  // a whole hour

Account account(int64_t tenant, int64_t executor = 1) {
    Account out;
    out.tenant = TenantId(tenant);
    out.asset = AssetId(10 + tenant);
    out.revision = 1;
    out.executor = ExecutorId(executor);
    return out;
}

struct LedgerTest : testing::Test {
    LedgerTest() { ledger.start(kStart); }
    int64_t at(LedgerScope scope, LedgerKey key, Meter meter, Stamp from, Stamp to) {
        const auto sums = ledger.sum(scope, kStart + from, kStart + to, {});
        const auto it = sums.find(key);
        return it == sums.end() ? 0 : it->second[meter];
    }
    Ledger ledger;
};

TEST_F(LedgerTest, SpreadsASpanOverItsCellsWithoutLosingAMicrosecond) {
    const int64_t amount = 25 * kSecond + 1;
    ledger.book(
        kStart + 5 * kSecond,
        kStart + 38 * kSecond,
        {{kMeterUseful, amount}},
        account(1),
        Booking::kEverywhere
    );
    int64_t sum = 0;
    for (int64_t cell = 0; cell < 4; ++cell) {
        const int64_t part =
            at(LedgerScope::kTenant,
               {1, 0},
               kMeterUseful,
               cell * 10 * kSecond,
               (cell + 1) * 10 * kSecond);
        EXPECT_GT(part, 0);
        sum += part;
    }
    EXPECT_EQ(sum, amount);
    EXPECT_EQ(ledger.booked_us(), amount);
    EXPECT_EQ(at(LedgerScope::kAll, kLedgerNobody, kMeterUseful, 0, 60 * kSecond), amount);
    EXPECT_EQ(at(LedgerScope::kAsset, {11, 1}, kMeterUseful, 0, 60 * kSecond), amount);
    EXPECT_EQ(at(LedgerScope::kPool, kLedgerNobody, kMeterUseful, 0, 60 * kSecond), amount);
}

TEST_F(LedgerTest, BooksOnlyWhereItWasTold) {
    ledger.book(kStart, kStart + kSecond, {{kMeterDispatch, 7}}, account(1), Booking::kExecutor);
    ledger.book(kStart, kStart + kSecond, {{kMeterDispatch, 7}}, account(1), Booking::kConcerned);
    ledger.book(kStart, kStart + kSecond, {{waits(Gate::kPaused), 9}}, account(2), Booking::kWork);
    EXPECT_EQ(ledger.booked_us(), 7);
    for (const LedgerScope scope : {LedgerScope::kAll, LedgerScope::kPool}) {
        EXPECT_EQ(at(scope, kLedgerNobody, kMeterDispatch, 0, 10 * kSecond), 7);
    }
    EXPECT_EQ(at(LedgerScope::kExecutor, {1, 0}, kMeterDispatch, 0, 10 * kSecond), 7);
    EXPECT_EQ(at(LedgerScope::kTenant, {1, 0}, kMeterDispatch, 0, 10 * kSecond), 7);
    EXPECT_EQ(at(LedgerScope::kTenant, {2, 0}, waits(Gate::kPaused), 0, 10 * kSecond), 9);
    EXPECT_TRUE(ledger.sum(LedgerScope::kExecutor, kStart, kStart + kSecond, {}).size() == 1);
}

TEST_F(LedgerTest, KeepsTheLargestKeysAndTheRestTogether) {
    const int64_t tenants = 3'000;
    for (int64_t tenant = 1; tenant <= tenants; ++tenant) {
        ledger.book(
            kStart,
            kStart + kSecond,
            {{kMeterUseful, 1'000 * tenant}},
            account(tenant),
            Booking::kEverywhere
        );
    }
    ledger.book(
        kStart + 60 * kSecond,
        kStart + 61 * kSecond,
        {{kMeterHeld, 1}},
        account(1),
        Booking::kEverywhere
    );
    const auto sums = ledger.sum(LedgerScope::kTenant, kStart, kStart + 10 * kSecond, {});
    EXPECT_LE(sums.size(), kLedgerKeysKept + 1);
    int64_t sum = 0;
    for (const auto& [key, meters] : sums) {
        sum += meters[kMeterUseful];
    }
    EXPECT_EQ(sum, 1'000 * tenants * (tenants + 1) / 2);
    EXPECT_TRUE(sums.contains(kLedgerOthers));
}

TEST_F(LedgerTest, KeepsApartAccountsThatTakeTurns) {
    // Equal but for one of their parts, and but for an executor of the same remainder.
    std::vector<Account> accounts(6, account(1));
    accounts[1].executor = ExecutorId(1 + static_cast<int64_t>(kLedgerPostings));
    accounts[2].asset = AssetId(12);
    accounts[3].revision = 2;
    accounts[4].tenant = TenantId(2);
    for (int64_t round = 0; round < 30; ++round) {
        // Jobs end, and their pools with them.
        std::vector<std::pair<PoolId, int>> pools = {{PoolId(7), 1}, {PoolId(8), 2}};
        accounts[5].pools = pools;
        for (const Account& one : accounts) {
            const Stamp from = kStart + round * kSecond;
            ledger.book(from, from + kSecond, {{kMeterUseful, kSecond}}, one, Booking::kEverywhere);
        }
        pools.assign(2, {PoolId(9), 1});
    }
    const auto seconds = [&](LedgerScope scope, LedgerKey key) {
        return at(scope, key, kMeterUseful, 0, 30 * kSecond) / kSecond;
    };
    EXPECT_EQ(seconds(LedgerScope::kAll, kLedgerNobody), 180);
    EXPECT_EQ(seconds(LedgerScope::kTenant, {1, 0}), 150);
    EXPECT_EQ(seconds(LedgerScope::kTenant, {2, 0}), 30);
    EXPECT_EQ(seconds(LedgerScope::kAsset, {11, 1}), 120);
    EXPECT_EQ(seconds(LedgerScope::kAsset, {11, 2}), 30);
    EXPECT_EQ(seconds(LedgerScope::kAsset, {12, 1}), 30);
    EXPECT_EQ(seconds(LedgerScope::kExecutor, {1, 0}), 150);
    EXPECT_EQ(seconds(LedgerScope::kExecutor, {1 + static_cast<int64_t>(kLedgerPostings), 0}), 30);
    EXPECT_EQ(seconds(LedgerScope::kPool, kLedgerNobody), 150);
    EXPECT_EQ(seconds(LedgerScope::kPool, {7, 0}), 30);
    EXPECT_EQ(seconds(LedgerScope::kPool, {8, 0}), 30);
    EXPECT_EQ(seconds(LedgerScope::kPool, {9, 0}), 0);
    EXPECT_EQ(ledger.booked_us(), 180 * kSecond);
}

TEST_F(LedgerTest, StoresAMinuteOnceWithWhatRunsAsOpen) {
    const std::vector<RunningSpan> running = {{kStart + 30 * kSecond, account(1)}};
    ledger.book(
        kStart,
        kStart + 30 * kSecond,
        {{kMeterUseful, 30 * kSecond}},
        account(1),
        Booking::kEverywhere
    );
    EXPECT_FALSE(ledger.close_due(kStart + 74 * kSecond));
    const auto rows = ledger.close(kStart + 75 * kSecond, 4, running, Closing::kKnown);
    ASSERT_EQ(rows.size(), 2 * kLedgerScopeCount);
    for (const LedgerRow& row : rows) {
        EXPECT_EQ(stamp(row.at), kStart);
        EXPECT_EQ(row.epoch, 4);
        ASSERT_EQ(row.entries.size(), 1U);
        const LedgerAmounts wanted = {{"slot.busy.open", 30'000}, {"slot.busy.useful", 30'000}};
        EXPECT_EQ(row.entries.begin()->second, wanted);
    }
    EXPECT_FALSE(ledger.close_due(kStart + 75 * kSecond));
    // The attempt ends: the cells say what it was, the counters keep to what was stored.
    ledger.book(
        kStart + 30 * kSecond,
        kStart + 70 * kSecond,
        {{waste(FailureClass::kData), 40 * kSecond}},
        account(1),
        Booking::kEverywhere
    );
    EXPECT_EQ(
        at(LedgerScope::kAll, kLedgerNobody, waste(FailureClass::kData), 0, 60 * kSecond),
        30 * kSecond
    );
    EXPECT_EQ(ledger.counters()[kMeterOpen], 30 * kSecond);
    EXPECT_EQ(ledger.counters()[waste(FailureClass::kData)], 10 * kSecond);
    EXPECT_EQ(ledger.counters()[kMeterUseful], 30 * kSecond);
}

// Whenever its leader dies, the hour has what its minutes have.
TEST_F(LedgerTest, WritesTheHourAnewWithEachMinute) {
    size_t hours = 0;
    for (int64_t minute = 0; minute < 60; ++minute) {
        const Stamp from = kStart + minute * 60 * kSecond;
        ledger.book(
            from,
            from + 60 * kSecond,
            {{kMeterDown, 60 * kSecond}},
            account(1),
            Booking::kEverywhere
        );
        for (const LedgerRow& row : ledger.close(from + 75 * kSecond, 1, {}, Closing::kKnown)) {
            if (row.span == LedgerSpan::kHour && row.scope == LedgerScope::kAll) {
                ++hours;
                EXPECT_EQ(stamp(row.at), kStart);
                EXPECT_EQ(row.entries.at(kLedgerNobody).at("slot.down"), (minute + 1) * 60'000);
            }
        }
    }
    EXPECT_EQ(hours, 60U);
}

TEST_F(LedgerTest, MinutesClosedTogetherWriteEachHourOnce) {
    ledger.book(
        kStart,
        kStart + 62 * 60 * kSecond,
        {{kMeterDown, 62 * 60 * kSecond}},
        account(1),
        Booking::kEverywhere
    );
    std::vector<std::pair<Stamp, int64_t>> hours;
    for (const LedgerRow& row :
         ledger.close(kStart + 62 * 60 * kSecond + 15 * kSecond, 1, {}, Closing::kKnown)) {
        if (row.span == LedgerSpan::kHour && row.scope == LedgerScope::kAll) {
            hours.emplace_back(
                stamp(row.at) - kStart, row.entries.at(kLedgerNobody).at("slot.down")
            );
        }
    }
    using Hours = std::vector<std::pair<Stamp, int64_t>>;
    EXPECT_EQ(hours, (Hours{{0, 3'600'000}, {3'600 * kSecond, 120'000}}));
}

TEST_F(LedgerTest, AnEndInOrderStoresTheRunningMinuteAndHour) {
    const Stamp end = kStart + 83 * kSecond;
    ledger.book(kStart, end, {{kMeterDown, 83 * kSecond}}, account(1), Booking::kEverywhere);
    const std::vector<RunningSpan> running = {{kStart + 70 * kSecond, account(2)}};
    (void)ledger.close(kStart + 75 * kSecond, 1, {}, Closing::kKnown);
    std::map<LedgerSpan, LedgerAmounts> last;
    for (const LedgerRow& row : ledger.close(end, 1, running, Closing::kAll)) {
        if (row.scope == LedgerScope::kAll) {
            EXPECT_EQ(
                stamp(row.at), row.span == LedgerSpan::kHour ? kStart : kStart + 60 * kSecond
            );
            last[row.span] = row.entries.at(kLedgerNobody);
        }
    }
    EXPECT_EQ(
        last.at(LedgerSpan::kMinute),
        (LedgerAmounts{{"slot.busy.open", 13'000}, {"slot.down", 23'000}})
    );
    EXPECT_EQ(
        last.at(LedgerSpan::kHour),
        (LedgerAmounts{{"slot.busy.open", 13'000}, {"slot.down", 83'000}})
    );
    EXPECT_TRUE(ledger.close(end, 1, running, Closing::kAll).empty());
}

TEST_F(LedgerTest, KnowsBusyTimeWithoutAPhase) {
    const auto book = [&](Stamp length, std::initializer_list<Amount> amounts) {
        ledger.book(kStart, kStart + length, amounts, account(1), Booking::kEverywhere);
    };
    // Over several cells, where each amount is divided by itself.
    book(
        47 * kSecond, {{kMeterUseful, 7}, {spent_in(Phase::kCpu), 3}, {spent_in(Phase::kOpaque), 4}}
    );
    book(kSecond, {{kMeterHeld, 9}, {kMeterOpen, 9}, {kMeterDown, 9}});
    EXPECT_EQ(ledger.unphased_us(), 0);
    book(kSecond, {{waste(FailureClass::kData), 5}, {spent_in(Phase::kOpaque), 3}});
    EXPECT_EQ(ledger.unphased_us(), 2);
}

TEST_F(LedgerTest, ForgetsAfterTwoHoursAndLeapsOverALongSilence) {
    ledger.book(kStart, kStart + kSecond, {{kMeterDown, 1}}, account(1), Booking::kEverywhere);
    ledger.book(
        kStart + 3 * 3'600 * kSecond,
        kStart + 3 * 3'600 * kSecond,
        {{kMeterDown, 2}},
        account(1),
        Booking::kEverywhere
    );
    EXPECT_EQ(at(LedgerScope::kAll, kLedgerNobody, kMeterDown, 0, 4 * 3'600 * kSecond), 2);
    EXPECT_EQ(ledger.booked_us(), 3);
    // Too old for a cell, but accounted for.
    ledger.book(kStart, kStart + kSecond, {{kMeterDown, 5}}, account(1), Booking::kEverywhere);
    EXPECT_EQ(ledger.booked_us(), 8);
}

TEST_F(LedgerTest, ACopyKeepsNoAccount) {
    Ledger copy(ledger);
    copy.book(kStart, kStart + kSecond, {{kMeterDown, 1}}, account(1), Booking::kEverywhere);
    EXPECT_FALSE(copy.on());
    EXPECT_EQ(copy.booked_us(), 0);
}

TEST(Division, GivesAllOfItInProportion) {
    Division thirds(100, 3);
    EXPECT_EQ(thirds.next(1), 33);
    EXPECT_EQ(thirds.next(0), 0);
    EXPECT_EQ(thirds.next(1), 33);
    EXPECT_EQ(thirds.rest(), 34);
    EXPECT_EQ(thirds.next(1), 34);
    EXPECT_EQ(thirds.rest(), 0);
    Division of_nothing(7, 0);
    EXPECT_EQ(of_nothing.next(1), 0);
    EXPECT_EQ(of_nothing.rest(), 7);
}

TEST(Meter, EveryOneHasAWordOfItsOwn) {
    std::map<std::string, int> seen;
    for (size_t meter = 0; meter < kMeterCount; ++meter) {
        ++seen[word_of(static_cast<Meter>(meter))];
    }
    EXPECT_EQ(seen.size(), kMeterCount);
    EXPECT_EQ(word_of(gated(Gate::kPoolHeld)), "slot.idle.gated:pool_held");
    EXPECT_EQ(word_of(waste(FailureClass::kLost)), "slot.busy.waste:lost");
    EXPECT_EQ(word_of(kMeterCancelled), "slot.busy.waste:cancelled");
    EXPECT_EQ(word_of(spent_in(Phase::kQueueLocal)), "phase.queue_local");
    EXPECT_EQ(word_of(spent_in(Phase::kOpaque)), "phase.opaque");
    EXPECT_EQ(word_of(waits(Gate::kNone)), "wait.capacity");
    EXPECT_EQ(word_of(kMeterFailedAttempts), "attempts.failed");
}

}  // namespace
}  // namespace servo::core

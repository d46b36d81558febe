// The ledger as people read it: names for keys, words for meters.
#include <fmt/format.h>

#include <algorithm>

#include "core/rules.h"
#include "core/scheduler.h"

namespace servo::core {
namespace {

using Row = LedgerView::Row;

void name_asset(const State& state, Row& row) {
    const auto asset = state.assets.find(AssetId(row.key.id));
    if (asset == state.assets.end()) {
        return;
    }
    row.tenant = asset->second.head.tenant;
    row.name = fmt::format("{}/{}", state.tenants.at(row.tenant).row.name, asset->second.head.name);
}

void name_pool(const State& state, Row& row) {
    const auto pool = state.pools.find(PoolId(row.key.id));
    if (pool == state.pools.end()) {
        return;
    }
    row.tenant = pool->second.row.tenant;
    row.name = row.tenant
                   ? fmt::format(
                         "{}/{}", state.tenants.at(row.tenant).row.name, pool->second.row.spec.name
                     )
                   : pool->second.row.spec.name;
}

void name_it(const State& state, LedgerScope scope, Row& row) {
    if (row.key == kLedgerNobody || row.key == kLedgerOthers) {
        row.name = row.key == kLedgerOthers ? "other" : "-";
        return;
    }
    row.name = fmt::format("{}", row.key.id);
    switch (scope) {
        case LedgerScope::kAll:
            return;
        case LedgerScope::kTenant:
            if (const auto it = state.tenants.find(TenantId(row.key.id));
                it != state.tenants.end()) {
                row.tenant = it->first;
                row.name = it->second.row.name;
            }
            return;
        case LedgerScope::kAsset:
            name_asset(state, row);
            return;
        case LedgerScope::kExecutor:
            if (const auto it = state.executors.find(ExecutorId(row.key.id));
                it != state.executors.end()) {
                row.name = it->second.name;
            }
            return;
        case LedgerScope::kPool:
            name_pool(state, row);
            return;
    }
}

}  // namespace

std::map<std::string, int64_t, std::less<>> Scheduler::ledger_counters() const {
    std::map<std::string, int64_t, std::less<>> out;
    for (size_t i = 0; i < kMeterCount; ++i) {
        const auto meter = static_cast<Meter>(i);
        if (meter != gated(Gate::kNone)) {
            out[word_of(meter)] = whole(meter, state_->ledger.counters()[i]);
        }
    }
    return out;
}

int64_t Scheduler::earned_slots_milli(Instant now) const {
    // Whole cells: the present one would read as a slump.
    const Instant end = instant_ms(to_ms(now) / kRateCellMs * kRateCellMs);
    const Instant begin = std::max(end - kRateNow, instant_ms(state_->ledger.began() / 1'000));
    const int64_t ms = std::max(kRateCellMs, Millis(end - begin).count());
    return static_cast<int64_t>(state_->earned_ms.sum(begin, end)) * 1'000 / ms;
}

LedgerView Scheduler::ledger(LedgerScope scope, Millis from, Millis to, Instant now) const {
    const auto cell = Millis(kLedgerCellUs / 1'000);
    // Executors report every other second, so all of a cell is known that much after its end.
    const Instant known = now - to - kHeartbeatInterval;
    const Instant end = instant_ms(known.time_since_epoch() / cell * cell.count());
    const Ledger& ledger = state_->ledger;
    const Stamp begin = std::max(stamp(end - (from - to)), ledger.began());
    LedgerView out;
    if (!ledger.on() || stamp(end) <= begin) {
        return out;
    }
    out.span = Millis((stamp(end) - begin) / 1'000);
    std::vector<std::pair<int64_t, Row>> rows;
    for (const auto& [key, meters] : ledger.sum(scope, begin, stamp(end), running_spans(*state_))) {
        Row row;
        row.key = key;
        row.amounts = meters.words();
        name_it(*state_, scope, row);
        rows.emplace_back(-meters.slot_time(), std::move(row));
    }
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
        return a.first < b.first;
    });
    for (auto& [size, row] : rows) {
        out.rows.push_back(std::move(row));
    }
    return out;
}

}  // namespace servo::core

// The ledger of time as it is stored: what one minute or hour of the installation was spent on, one
// row a scope. Amounts are named by words ("slot.busy.useful", "wait.pool_held"); the table of
// words is src/core/meter.h. A plain value.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace servo::model {

enum class LedgerSpan { kMinute, kHour };
enum class LedgerScope { kAll, kTenant, kAsset, kExecutor, kPool };
constexpr size_t kLedgerScopeCount = 5;
std::string_view to_string(LedgerSpan span);
std::string_view to_string(LedgerScope scope);
std::optional<LedgerSpan> ledger_span_from(std::string_view word);
std::optional<LedgerScope> ledger_scope_from(std::string_view word);
Millis length_of(LedgerSpan span);

// Whose amounts: the id of a tenant, asset, executor or pool; the revision is an asset's.
struct LedgerKey {
    int64_t id = 0;
    int revision = 0;
    auto operator<=>(const LedgerKey&) const = default;
};
constexpr LedgerKey kLedgerNobody{0, 0};   // belongs to none, as the time of an idle slot
constexpr LedgerKey kLedgerOthers{-1, 0};  // those beyond the cap, together

// What the words of slot time, of waiting work and of busy time's phases begin with.
constexpr std::string_view kSlotWords = "slot.";
constexpr std::string_view kWaitWords = "wait.";
constexpr std::string_view kPhaseWords = "phase.";
// What follows in `word`, "busy.useful" in "slot.busy.useful"; nothing in a word of another kind.
std::optional<std::string> ledger_name(std::string_view word, std::string_view words);

// Milliseconds, or a count, by word. Zeroes are left out.
using LedgerAmounts = std::map<std::string, int64_t, std::less<>>;
using LedgerEntries = std::map<LedgerKey, LedgerAmounts>;

struct LedgerRow {
    LedgerSpan span = LedgerSpan::kMinute;
    Instant at;         // its beginning
    int64_t epoch = 0;  // of the leader who kept it: two may have parts of one span
    LedgerScope scope = LedgerScope::kAll;
    LedgerEntries entries;
    bool operator==(const LedgerRow&) const = default;
};

// JSON, so that every store's SQL can unpack it: {"12": {"slot.down": 60000}, "-": …}; "-" is
// nobody, "other" the others, "12/3" revision 3 of asset 12. Error: internal / "corrupt_payload".
std::string encode_ledger(const LedgerEntries& entries);
Result<LedgerEntries> decode_ledger(std::string_view text);

// The first contradiction inside one span's rows, or an empty string: what the slots did sums to
// the same by tenant, asset and executor as over all, and their busy time to its phases.
std::string check_ledger(const std::map<LedgerScope, LedgerEntries>& scopes);

}  // namespace servo::model

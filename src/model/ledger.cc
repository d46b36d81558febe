#include "model/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdlib>

#include "base/text.h"

namespace servo::model {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 2> kSpanNames = {"minute", "hour"};
constexpr std::array<std::string_view, kLedgerScopeCount> kScopeNames = {
    "all", "tenant", "asset", "executor", "pool"};
constexpr size_t kWordBytesMax = 64;

Error corrupt(std::string_view what) {
    return internal("corrupt_payload", fmt::format("A row of the ledger is damaged: {}.", what));
}

std::string text_of(LedgerKey key) {
    if (key == kLedgerNobody) {
        return "-";
    }
    if (key == kLedgerOthers) {
        return "other";
    }
    return key.revision == 0 ? fmt::format("{}", key.id)
                             : fmt::format("{}/{}", key.id, key.revision);
}

Result<LedgerKey> key_from(std::string_view text) {
    if (text == "-") {
        return kLedgerNobody;
    }
    if (text == "other") {
        return kLedgerOthers;
    }
    const size_t slash = text.find('/');
    const bool revised = slash != std::string_view::npos;
    const auto id = parse_integer(text.substr(0, slash), 1, INT64_MAX);
    const auto revision =
        revised ? parse_integer(text.substr(slash + 1), 1, INT32_MAX) : Result<int64_t>(0);
    if (!id || !revision) {
        return fail(corrupt("a key is none"));
    }
    return LedgerKey{*id, static_cast<int>(*revision)};
}

Result<LedgerAmounts> amounts_from(const json::value& value) {
    const json::object* object = value.if_object();
    if (object == nullptr) {
        return fail(corrupt("amounts are missing"));
    }
    LedgerAmounts out;
    for (const auto& [word, amount] : *object) {
        const int64_t* number = amount.if_int64();
        if (number == nullptr || word.size() > kWordBytesMax) {
            return fail(corrupt("an amount is none"));
        }
        out.emplace(word, *number);
    }
    return out;
}

template <typename Wanted>
int64_t sum_of(const LedgerEntries& entries, const Wanted& wanted) {
    int64_t sum = 0;
    for (const auto& [key, amounts] : entries) {
        for (const auto& [word, amount] : amounts) {
            sum += wanted(word) ? amount : 0;
        }
    }
    return sum;
}

int64_t slot_time(const LedgerEntries& entries) {
    return sum_of(entries, [](const std::string& word) { return word.starts_with(kSlotWords); });
}

// Of attempts that have ended.
int64_t busy_time(const LedgerEntries& entries) {
    return sum_of(entries, [](const std::string& word) {
        const auto state = ledger_name(word, kSlotWords);
        return state && state->starts_with("busy.") && *state != "busy.open";
    });
}

int64_t phase_time(const LedgerEntries& entries) {
    return sum_of(entries, [](const std::string& word) { return word.starts_with(kPhaseWords); });
}

}  // namespace

std::optional<std::string> ledger_name(std::string_view word, std::string_view words) {
    return word.starts_with(words) ? std::optional(std::string(word.substr(words.size())))
                                   : std::nullopt;
}

std::string_view to_string(LedgerSpan span) {
    return kSpanNames[static_cast<size_t>(span)];
}

std::string_view to_string(LedgerScope scope) {
    return kScopeNames[static_cast<size_t>(scope)];
}

std::optional<LedgerSpan> ledger_span_from(std::string_view word) {
    const auto it = std::find(kSpanNames.begin(), kSpanNames.end(), word);
    return it == kSpanNames.end() ? std::nullopt
                                  : std::optional(static_cast<LedgerSpan>(it - kSpanNames.begin()));
}

std::optional<LedgerScope> ledger_scope_from(std::string_view word) {
    const auto it = std::find(kScopeNames.begin(), kScopeNames.end(), word);
    return it == kScopeNames.end()
               ? std::nullopt
               : std::optional(static_cast<LedgerScope>(it - kScopeNames.begin()));
}

Millis length_of(LedgerSpan span) {
    return span == LedgerSpan::kMinute ? Millis(60'000) : Millis(3'600'000);
}

std::string encode_ledger(const LedgerEntries& entries) {
    std::string out = "{";
    for (const auto& [key, amounts] : entries) {
        out += fmt::format("{}\"{}\":{{", out.size() > 1 ? "," : "", text_of(key));
        bool first = true;
        for (const auto& [word, amount] : amounts) {
            out += fmt::format("{}\"{}\":{}", first ? "" : ",", word, amount);
            first = false;
        }
        out += '}';
    }
    return out + '}';
}

Result<LedgerEntries> decode_ledger(std::string_view text) {
    boost::system::error_code error;
    const json::value value = json::parse(json::string_view(text), error);
    const json::object* object = error ? nullptr : value.if_object();
    if (object == nullptr) {
        return fail(corrupt("it is not an object"));
    }
    LedgerEntries out;
    for (const auto& [key, amounts] : *object) {
        out.emplace(SERVO_TRY(key_from(key)), SERVO_TRY(amounts_from(amounts)));
    }
    return out;
}

std::string check_ledger(const std::map<LedgerScope, LedgerEntries>& scopes) {
    const auto all = scopes.find(LedgerScope::kAll);
    const int64_t whole = all == scopes.end() ? 0 : slot_time(all->second);
    // Each amount is rounded to a millisecond by itself.
    const auto tolerance = std::max<int64_t>(1'000, whole / 1'000);
    for (const LedgerScope scope :
         {LedgerScope::kTenant, LedgerScope::kAsset, LedgerScope::kExecutor}) {
        const auto found = scopes.find(scope);
        const int64_t sum = found == scopes.end() ? 0 : slot_time(found->second);
        if (std::abs(sum - whole) > tolerance) {
            return fmt::format("{} slot-ms by {}, {} over all", sum, to_string(scope), whole);
        }
    }
    for (const auto& [scope, entries] : scopes) {
        const int64_t busy = busy_time(entries);
        const int64_t phases = phase_time(entries);
        if (std::abs(busy - phases) > tolerance) {
            return fmt::format(
                "{} busy ms by {}, {} of them by phase", busy, to_string(scope), phases
            );
        }
    }
    return "";
}

}  // namespace servo::model

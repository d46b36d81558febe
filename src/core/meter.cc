#include "core/meter.h"

#include <fmt/format.h>

#include <algorithm>

namespace servo::core {
namespace {

constexpr std::array<std::string_view, kMeterGated> kSlotNames = {
    "down", "idle.no_work", "idle.dispatch", "held", "busy.useful", "busy.open", "report"};
constexpr std::array<std::string_view, kMeterPhase - kMeterEarned> kCountNames = {
    "earned", "partitions.completed", "partitions.failed", "attempts.failed"};

}  // namespace

std::string word_of(Meter meter) {
    if (meter < kMeterGated) {
        return fmt::format("{}{}", kSlotWords, kSlotNames[meter]);
    }
    if (meter < kMeterWaste) {
        return fmt::format(
            "{}idle.gated:{}", kSlotWords, to_string(static_cast<Gate>(meter - kMeterGated))
        );
    }
    if (meter == kMeterCancelled) {
        return fmt::format("{}busy.waste:cancelled", kSlotWords);
    }
    if (meter < kMeterSlotEnd) {
        return fmt::format(
            "{}busy.waste:{}", kSlotWords, to_string(static_cast<FailureClass>(meter - kMeterWaste))
        );
    }
    if (meter < kMeterWaitEnd) {
        return fmt::format("{}{}", kWaitWords, to_string(static_cast<Gate>(meter - kMeterWait)));
    }
    if (meter >= kMeterPhase) {
        return fmt::format("{}{}", kPhaseWords, to_string(static_cast<Phase>(meter - kMeterPhase)));
    }
    return std::string(kCountNames[static_cast<size_t>(meter - kMeterEarned)]);
}

int64_t whole(Meter meter, int64_t amount) {
    return is_slot_time(meter) || is_phase(meter) || meter == kMeterEarned ? (amount + 500) / 1'000
                                                                           : amount;
}

void Meters::add(Meter meter, int64_t value) {
    if (value == 0) {
        return;
    }
    const auto it = std::lower_bound(
        amounts_.begin(),
        amounts_.end(),
        meter,
        [](const Amount& one, Meter wanted) { return one.meter < wanted; }
    );
    if (it != amounts_.end() && it->meter == meter) {
        it->value += value;
    } else {
        amounts_.insert(it, {meter, value});
    }
}

void Meters::add(const Meters& other) {
    for (const Amount& one : other.amounts_) {
        add(one.meter, one.value);
    }
}

int64_t Meters::operator[](Meter meter) const {
    const auto it = std::find_if(amounts_.begin(), amounts_.end(), [&](const Amount& one) {
        return one.meter == meter;
    });
    return it == amounts_.end() ? 0 : it->value;
}

int64_t Meters::slot_time() const {
    int64_t sum = 0;
    for (const Amount& one : amounts_) {
        sum += is_slot_time(one.meter) ? one.value : 0;
    }
    return sum;
}

LedgerAmounts Meters::words() const {
    LedgerAmounts out;
    for (const Amount& one : amounts_) {
        const int64_t value = whole(one.meter, one.value);
        if (value != 0) {
            out.emplace(word_of(one.meter), value);
        }
    }
    return out;
}

}  // namespace servo::core

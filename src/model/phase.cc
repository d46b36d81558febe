#include "model/phase.h"

#include <algorithm>

namespace servo::model {
namespace {

constexpr std::array<std::string_view, kPhaseCount> kNames = {
    "queue_local",
    "dns",
    "connect",
    "tls",
    "ttfb",
    "transfer",
    "db_wait",
    "db_exec",
    "cpu",
    "throttled",
    "io",
    "sleep",
    "opaque"};
constexpr auto kToldEnd = kNames.begin() + static_cast<size_t>(Phase::kOpaque);

}  // namespace

std::string_view to_string(Phase phase) {
    return kNames[static_cast<size_t>(phase)];
}

std::optional<Phase> told_phase_from(std::string_view word) {
    const auto* const it = std::find(kNames.begin(), kToldEnd, word);
    return it == kToldEnd ? std::nullopt : std::optional(static_cast<Phase>(it - kNames.begin()));
}

std::string told_phase_words() {
    std::string out;
    for (const auto* it = kNames.begin(); it != kToldEnd; ++it) {
        out += out.empty() ? "" : ", ";
        out += *it;
    }
    return out;
}

}  // namespace servo::model

// Failure classes and what each does by default (docs/reference/partition_programs.md).
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace servo::model {

// Persisted and on the wire as words; never renumbered.
enum class FailureClass {
    kTransient,
    kData,
    kResource,
    kExternal,
    kTimeout,
    kAuth,
    kConfiguration,
    kCrash,
    kError,
    kLost,         // executor died or we killed it: spends no attempt
    kQuarantined,  // three executors or slot processes died while it ran: final
};
constexpr size_t kFailureClassCount = 11;

struct FailureTraits {
    FailureClass klass;
    std::string_view name;
    int attempts_default;  // 0 = attempts are not counted for this class
    bool counts_attempt;   // false: external and lost
    bool stops_lease;      // the executor starts nothing more of the lease until answered
};

const FailureTraits& traits(FailureClass klass);
const std::array<FailureTraits, kFailureClassCount>& all_failure_traits();
std::string_view to_string(FailureClass klass);
std::optional<FailureClass> failure_class_from(std::string_view name);

}  // namespace servo::model

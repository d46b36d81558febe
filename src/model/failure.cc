#include "model/failure.h"

namespace servo::model {
namespace {

constexpr std::array<FailureTraits, kFailureClassCount> kTraits = {{
    {FailureClass::kTransient, "transient", 3, true, false},
    {FailureClass::kData, "data", 1, true, false},
    {FailureClass::kResource, "resource", 2, true, true},
    {FailureClass::kExternal, "external", 0, false, true},
    {FailureClass::kTimeout, "timeout", 2, true, false},
    {FailureClass::kAuth, "auth", 1, true, true},
    {FailureClass::kConfiguration, "configuration", 1, true, true},
    {FailureClass::kCrash, "crash", 2, true, false},
    {FailureClass::kError, "error", 2, true, false},
    {FailureClass::kLost, "lost", 0, false, false},
    {FailureClass::kQuarantined, "quarantined", 1, false, false},
}};

}  // namespace

const FailureTraits& traits(FailureClass klass) {
    return kTraits[static_cast<size_t>(klass)];
}

const std::array<FailureTraits, kFailureClassCount>& all_failure_traits() {
    return kTraits;
}

std::string_view to_string(FailureClass klass) {
    return traits(klass).name;
}

std::optional<FailureClass> failure_class_from(std::string_view name) {
    for (const FailureTraits& row : kTraits) {
        if (row.name == name) {
            return row.klass;
        }
    }
    return std::nullopt;
}

}  // namespace servo::model

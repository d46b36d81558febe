// Which failures stop a lease until the call that carries them is answered: the dependency, not the
// partition, is likely at fault. Keeper and slots apply the same rule.
#pragma once

#include "model/failure.h"

namespace servo::executor {

inline bool stops_lease(model::FailureClass klass, bool sequential) {
    return sequential || model::traits(klass).stops_lease;
}

}  // namespace servo::executor

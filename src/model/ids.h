// The ids of the domain. Internal ids are 63-bit integers; people see names, and for jobs and
// groups the text forms of model/job_id.h.
#pragma once

#include "base/strong_id.h"

namespace servo::model {

using TenantId = StrongId<struct TenantTag>;
using AssetId = StrongId<struct AssetTag>;
using PoolId = StrongId<struct PoolTag>;
using JobId = StrongId<struct JobTag>;
using GroupId = StrongId<struct GroupTag>;
using ExecutorId = StrongId<struct ExecutorTag>;  // an executor name, for ever
using SessionId = StrongId<struct SessionTag>;    // one life of an executor process, chosen by it
using LeaseId = StrongId<struct LeaseTag>;        // equals the fencing token of its first attempt

// Fencing token: epoch · 2^40 + n, strictly increasing over all leaders; one is drawn per attempt.
using Token = int64_t;
constexpr int kTokenCounterBits = 40;
constexpr Token first_token(int64_t epoch) {
    return epoch << kTokenCounterBits;
}
constexpr int64_t epoch_of(Token token) {
    return token >> kTokenCounterBits;
}

}  // namespace servo::model

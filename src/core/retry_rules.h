// What becomes of a partition after a failed attempt: final, or again when. Pure.
#pragma once

#include "base/prng.h"
#include "base/time.h"
#include "model/asset.h"
#include "model/job.h"

namespace servo::core {

using namespace model;

struct FailedAttempt {
    FailureClass klass = FailureClass::kError;
    int attempt = 1;          // number of the attempt that failed
    Instant first_failed_at;  // start of the present streak of `external`; else = now
    Millis retry_after{0};    // the program's wish, a lower bound of the delay
    int slot_deaths = 0;      // lost: of slot processes that ran it, when one just died
};

struct RetryDecision {
    bool final = false;
    Instant retry_at;
    int next_attempt = 1;
};

// Counted classes: final when `attempt` reaches attempts_allowed; else full jitter over the capped
// exponential min(max, initial · 2^(attempt-1)) (AWS Architecture Blog, "Exponential Backoff And
// Jitter"). external: never spends an attempt, waits about as long as it has been failing, final
// after external_max_elapsed. lost: never spends an attempt; again at once, or with the backoff of
// as many attempts as slot processes died, since a partition may be what kills them.
RetryDecision decide_retry(
    const RetryPolicy& policy,
    const JobSettings& settings,
    const FailedAttempt& failed,
    Instant now,
    Prng& prng
);

// Whether the job must pause because too many of its partitions failed finally.
bool too_many_failures(const MaxFailures& limit, const JobCounters& counters);

}  // namespace servo::core

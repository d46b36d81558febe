#include "core/retry_rules.h"

#include <algorithm>

namespace servo::core {
namespace {

constexpr Millis kRetryAfterMax{24 * 3'600'000};

Millis exponential_cap(const RetryPolicy& policy, int attempt) {
    const int doublings = std::clamp(attempt - 1, 0, 30);
    const int64_t initial = policy.backoff_initial.count();
    const int64_t limit = policy.backoff_max.count();
    if (initial > (limit >> doublings)) {
        return policy.backoff_max;
    }
    return Millis(initial << doublings);
}

// Full jitter; none before the first attempt.
Millis jitter(const RetryPolicy& policy, int attempts, Prng& prng) {
    return attempts < 1 ? Millis(0)
                        : Millis(prng.between(0, exponential_cap(policy, attempts).count()));
}

}  // namespace

RetryDecision decide_retry(
    const RetryPolicy& policy,
    const JobSettings& settings,
    const FailedAttempt& failed,
    Instant now,
    Prng& prng
) {
    const Millis wish = std::clamp(failed.retry_after, Millis(0), kRetryAfterMax);
    if (failed.klass == FailureClass::kLost) {
        return {false, now + jitter(policy, failed.slot_deaths, prng), failed.attempt};
    }
    if (failed.klass == FailureClass::kExternal) {
        const Millis elapsed = now - failed.first_failed_at;
        if (elapsed >= policy.external_max_elapsed) {
            return {true, now, failed.attempt};
        }
        const Millis cap = std::clamp(
            elapsed, policy.backoff_initial, std::max(policy.backoff_initial, policy.backoff_max)
        );
        const Millis delay(prng.between(cap.count() / 2, cap.count()));
        return {false, now + std::max(delay, wish), failed.attempt};
    }
    RetryPolicy effective = policy;
    if (settings.max_attempts) {
        effective.max_attempts = settings.max_attempts;
        effective.by_class.clear();
    }
    if (failed.attempt >= attempts_allowed(effective, failed.klass)) {
        return {true, now, failed.attempt};
    }
    const Millis delay = jitter(policy, failed.attempt, prng);
    return {false, now + std::max(delay, wish), failed.attempt + 1};
}

bool too_many_failures(const MaxFailures& limit, const JobCounters& counters) {
    const auto failed = static_cast<int64_t>(counters.failed);
    if (limit.count > 0 && failed > limit.count) {
        return true;
    }
    const auto ended = static_cast<int64_t>(counters.completed + counters.failed);
    return limit.percent > 0 && ended >= limit.percent_after &&
           failed * 100 > ended * limit.percent;
}

}  // namespace servo::core

#include "server/rate_limits.h"

#include <fmt/format.h>

#include <algorithm>

namespace servo::server {
namespace {

constexpr int64_t kMilli = 1'000;

}  // namespace

RateLimit rate_limit_of(api::Role role) {
    switch (role) {
        case api::Role::kAdmin:
            return kAdminRate;
        case api::Role::kExecutor:
            return kExecutorRate;
        case api::Role::kMetrics:
            return kMetricsRate;
        case api::Role::kPublic:
        case api::Role::kRead:
        case api::Role::kWrite:
            return kTenantRate;
    }
    return kTenantRate;
}

Status RateLimits::take(const std::string& token, api::Role role, Instant now) {
    if (token.empty()) {
        return {};
    }
    const RateLimit limit = rate_limit_of(role);
    if (buckets_.size() > kRateBucketsMax) {
        buckets_.clear();
    }
    const auto [it, fresh] = buckets_.try_emplace({token, role}, Bucket{limit.burst * kMilli, now});
    Bucket& bucket = it->second;
    // A millisecond brings per_second thousandths of a request.
    const int64_t passed_ms =
        std::min((now - bucket.at).count(), kMilli * limit.burst / limit.per_second + 1);
    bucket.left_milli =
        std::min(limit.burst * kMilli, bucket.left_milli + passed_ms * limit.per_second);
    bucket.at = now;
    if (bucket.left_milli >= kMilli) {
        bucket.left_milli -= kMilli;
        return {};
    }
    Error error = resource_exhausted(
        "rate_limited",
        fmt::format(
            "This token asks more than {} times a second; slow down and try again.",
            limit.per_second
        )
    );
    error.retry_after_s = 1;
    return fail(std::move(error));
}

}  // namespace servo::server

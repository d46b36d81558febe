// How often a token may ask: a bucket per token and role that fills with time. Used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "api/routes.h"
#include "base/result.h"
#include "base/time.h"

namespace servo::server {

struct RateLimit {
    int64_t per_second = 0;
    int64_t burst = 0;
};
// A tenant's limit is what one script in a tight loop may do without being felt by others. One
// executor token may serve a whole fleet, so its limit only stops a runaway.
constexpr RateLimit kTenantRate{50, 200};
constexpr RateLimit kAdminRate{200, 1'000};
constexpr RateLimit kExecutorRate{10'000, 40'000};
constexpr RateLimit kMetricsRate{20, 200};
constexpr size_t kRateBucketsMax = 20'000;  // more than there are tokens; beyond it all start full

class RateLimits {
 public:
    // Counts one request of `token` in `role`; an empty token is not limited.
    // Error: resource_exhausted / "rate_limited" with the seconds to wait.
    Status take(const std::string& token, api::Role role, Instant now);

 private:
    struct Bucket {
        int64_t left_milli = 0;  // requests × 1000
        Instant at;
    };
    std::map<std::pair<std::string, api::Role>, Bucket> buckets_;
};

RateLimit rate_limit_of(api::Role role);

}  // namespace servo::server

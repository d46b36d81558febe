// Pools: shared outside dependencies with their limits. A limit is a step function of time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/asset.h"
#include "model/ids.h"

namespace servo::model {

enum class PoolScope { kShared, kTenant };

// From each firing of `cron` in `timezone`, for `length`, the concurrency is `concurrency`.
struct PoolWindow {
    std::string cron;
    Millis length{0};
    std::string timezone = "UTC";
    int64_t concurrency = 0;  // 0 closes the pool
    bool operator==(const PoolWindow&) const = default;
};

// An endpoint that tells whether the dependency works: one GET from an executor, which alone
// resolves what the headers refer to.
struct PoolCheck {
    std::string url;
    Millis timeout{5'000};
    std::optional<SecretRef> bearer;  // of the header Authorization
    std::map<std::string, SecretRef> headers;
    bool operator==(const PoolCheck&) const = default;
};

constexpr size_t kPoolChecksMax = 8;
constexpr size_t kCheckUrlBytesMax = 2'048;

// http or https, without a user, spaces or controls.
bool is_check_url(std::string_view url);

struct PoolSpec {
    std::string name;
    PoolScope scope = PoolScope::kShared;
    int64_t concurrency = 0;             // units in use at once; 0 = no limit
    int64_t per_tenant_concurrency = 0;  // 0 = no limit
    std::vector<PoolWindow> windows;     // the first that is open counts
    std::string contact;
    std::vector<PoolCheck> checks;  // at most kPoolChecksMax
    bool operator==(const PoolSpec&) const = default;
};

// A step of the concurrency limit: from `from` on it is `concurrency`. Computed outside the
// scheduler from the windows, some days ahead, so that the scheduler needs no zone rules.
struct LimitStep {
    Instant from;
    int64_t concurrency = 0;  // -1 = no limit
    bool operator==(const LimitStep&) const = default;
};

enum class BreakerState { kClosed, kOpen, kRamping };

struct Hold {
    std::string by;
    std::string reason;
    Instant since;
    Instant until = kNever;
    bool operator==(const Hold&) const = default;
};

struct Override {
    std::string by;
    std::string reason;
    Instant since;
    Instant until = kNever;
    bool operator==(const Override&) const = default;
};

// A pool as stored. `tenant` is 0 for a shared pool.
struct PoolRow {
    PoolId id;
    TenantId tenant;
    PoolSpec spec;
    std::optional<Hold> hold;
    std::optional<int64_t> concurrency_override;
    Override override_info;  // meaningful while concurrency_override is set
    BreakerState breaker = BreakerState::kClosed;
    Instant breaker_since;
    bool operator==(const PoolRow&) const = default;
};

}  // namespace servo::model

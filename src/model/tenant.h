// Tenants: the unit of isolation and quota.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/ids.h"
#include "model/pool.h"

namespace servo::model {

constexpr int kTenantWeightMax = 1'000;
constexpr int64_t kTenantMaxPendingDefault = 1'000'000'000;

struct TenantLimits {
    int weight = 100;                                // 1..kTenantWeightMax
    int64_t max_concurrency = 0;                     // slots at once; 0 = no limit
    int64_t max_pending = kTenantMaxPendingDefault;  // partitions not yet finished
    bool operator==(const TenantLimits&) const = default;
};

struct TenantRow {
    TenantId id;
    std::string name;  // [a-z0-9][a-z0-9._-]{0,62}
    TenantLimits limits;
    std::optional<TenantLimits>
        override_limits;  // `tenant set`; ends with unset or override_info.until
    Override override_info;
    Instant created_at;
    bool operator==(const TenantRow&) const = default;
};

}  // namespace servo::model

// A pool's windows and checks as JSON text, the same in every store.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/pool.h"

namespace servo::store {

std::string encode_windows(const std::vector<model::PoolWindow>& windows);
// Error: internal / "corrupt_payload".
Result<std::vector<model::PoolWindow>> decode_windows(std::string_view json);

std::string encode_checks(const std::vector<model::PoolCheck>& checks);
// Error: internal / "corrupt_payload".
Result<std::vector<model::PoolCheck>> decode_checks(std::string_view json);

// The words of the stores' columns.
std::string_view to_string(model::PoolScope scope);
std::string_view to_string(model::BreakerState state);
std::optional<model::PoolScope> pool_scope_from(std::string_view name);
std::optional<model::BreakerState> breaker_state_from(std::string_view name);

}  // namespace servo::store

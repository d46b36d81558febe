#include "model/change_kind.h"

#include <gtest/gtest.h>

namespace servo::model {
namespace {

TEST(ChangeKind, IsWhatAnEventChanges) {
    const std::pair<const char*, const char*> expected[] = {
        {"asset.created", "apply"},
        {"asset.changed", "apply"},
        {"asset.archived", "apply"},
        {"pool.applied", "apply"},
        {"tenant.created", "apply"},
        {"asset.set", "limit"},
        {"backfill.set", "limit"},
        {"backfill.unset", "limit"},
        {"pool.set", "limit"},
        {"tenant.unset", "limit"},
        {"pool.held", "pool"},
        {"pool.breaker_opened", "pool"},
        {"executor.joined", "executor"},
        {"backfill.paused", "backfill"},
        {"token.rotated", "token"},
        {"leader.changed", "leader"},
        {"clock.stepped", "other"},
        {"set", "other"},
        {"", "other"}};
    for (const auto& [event, kind] : expected) {
        EXPECT_EQ(to_string(change_kind(event)), kind) << event;
    }
}

}  // namespace
}  // namespace servo::model

#include "sim/programs.h"

#include <algorithm>

namespace servo::sim {

Outcome Programs::draw(const Grant& grant, const Definition& definition, Index index) {
    Outcome outcome;
    const Profile& profile = profiles_[{grant.tenant_name, definition.spec.name}];
    Prng& prng = world_.prng;
    const int64_t typical = profile.typical.count();
    outcome.duration = Micros(prng.between(typical / 2 + 1, typical * 3 / 2 + 1));
    if (!world_.options.fairness && prng.chance(1, 50)) {
        outcome.duration *= 8;  // a straggler
    }
    if (poison_.contains({grant.job, index})) {
        outcome.kills_executor = true;
        outcome.duration = Micros(5'000);
        return outcome;
    }
    if (profile.hang_per_mille > 0 && !world_.healed && world_.per_mille(profile.hang_per_mille)) {
        world_.mark("partition hangs");
        outcome.duration = Micros::max();
    }
    if (outcome.duration >= grant.timeout) {
        outcome.duration = grant.timeout;
        outcome.success = false;
        outcome.klass = FailureClass::kTimeout;
        return outcome;
    }
    for (const auto& [pool, units] : definition.spec.pools) {
        const auto outage = outages_.find(pool);
        if (outage != outages_.end() && outage->second > world_.now() && !world_.healed &&
            prng.chance(9, 10)) {
            world_.mark("partition meets an outage");
            outcome.success = false;
            outcome.klass = FailureClass::kExternal;
            outcome.retry_after = prng.chance(1, 4) ? Millis(3'000) : Millis(0);
            return outcome;
        }
    }
    for (const auto& [klass, chance] : profile.failures) {
        if (world_.per_mille(chance)) {
            outcome.success = false;
            outcome.klass = klass;
            return outcome;
        }
    }
    return outcome;
}

}  // namespace servo::sim

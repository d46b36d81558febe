// What the assets' programs do when a partition runs: how long, and with what outcome. Decided by
// chance under the seed, from a profile per asset. Single-threaded.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/protocol.h"
#include "sim/world.h"

namespace servo::sim {

struct Profile {
    Micros typical{100'000};
    std::vector<std::pair<FailureClass, int>> failures;  // class, per mille
    int hang_per_mille = 0;
};

struct Outcome {
    bool success = true;
    bool kills_executor = false;
    FailureClass klass = FailureClass::kError;
    Micros duration{0};  // the timeout, when it hangs
    Millis retry_after{0};
};

class Programs {
 public:
    explicit Programs(World& world) : world_(world) {}

    void set_profile(const std::string& tenant, const std::string& asset, Profile profile) {
        profiles_[{tenant, asset}] = std::move(profile);
    }
    void set_poison(JobId job, Index index) { poison_.emplace(job, index); }
    // While a pool is out, most of what uses it fails with class external.
    void set_outage(const std::string& pool, Micros until) { outages_[pool] = until; }

    Outcome draw(const Grant& grant, const Definition& definition, Index index);

 private:
    World& world_;
    std::map<std::pair<std::string, std::string>, Profile> profiles_;
    std::set<std::pair<JobId, Index>> poison_;
    std::map<std::string, Micros> outages_;
};

}  // namespace servo::sim

// What the families of planted bugs share. Private to planted_*.cc.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/prng.h"
#include "sim/planted_bugs.h"

namespace servo::sim {

// A mistake made once in a while.
class Rarely : public Plant {
 public:
    explicit Rarely(uint64_t every) : every_(every) {}

 protected:
    bool now() { return prng_.chance(1, every_); }

 private:
    uint64_t every_;
    Prng prng_{42};
};

void add_record_bugs(std::vector<PlantedBug>& bugs);
void add_standing_bugs(std::vector<PlantedBug>& bugs);
void add_behaviour_bugs(std::vector<PlantedBug>& bugs);
void add_executor_bugs(std::vector<PlantedBug>& bugs);

}  // namespace servo::sim

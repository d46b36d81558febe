// Mistakes that the simulator must find: each sits between two real pieces, so that no production
// code knows of it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "sim/options.h"
#include "sim/plant.h"

namespace servo::sim {

struct PlantedBug {
    const char* name;
    const char* mistake;
    std::function<std::unique_ptr<Plant>()> make;
    // Switches on what the mistake needs to matter.
    std::function<void(Options&)> adjust;
};

const std::vector<PlantedBug>& planted_bugs();

}  // namespace servo::sim

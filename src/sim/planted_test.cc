// The checks are alive: every planted bug is found, within a bounded number of seeds. Prints how
// many each took, and which invariant caught it.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <ostream>

#include "sim/planted_bugs.h"
#include "sim/run.h"

namespace servo::sim {

static void PrintTo(const PlantedBug& bug, std::ostream* out) {
    *out << bug.name;
}

namespace {

constexpr uint64_t kSeedsMax = 60;

class Planted : public testing::TestWithParam<PlantedBug> {};

TEST_P(Planted, IsFound) {
    spdlog::set_level(spdlog::level::off);
    const PlantedBug& bug = GetParam();
    for (uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
        Options options = draw_options(seed);
        if (options.fairness) {
            continue;
        }
        options.partitions_max = std::min<uint64_t>(options.partitions_max, 2'000);
        options.tenants = std::min(options.tenants, 6);
        options.executors = std::min(options.executors, 6);
        bug.adjust(options);
        const std::unique_ptr<Plant> plant = bug.make();
        const Report report = run(options, Echo::kNo, *plant);
        if (report.violation) {
            std::printf(
                "%-22s %-50s found at seed %2d by %s\n",
                bug.name,
                bug.mistake,
                static_cast<int>(seed),
                report.violation->invariant.c_str()
            );
            return;
        }
    }
    FAIL() << bug.name << " (" << bug.mistake << ") was not found in " << kSeedsMax << " seeds";
}

INSTANTIATE_TEST_SUITE_P(Bug, Planted, testing::ValuesIn(planted_bugs()), [](const auto& instance) {
    return std::string(instance.param.name);
});

}  // namespace
}  // namespace servo::sim

// What one run does, drawn from its seed: each seed switches on a random subset of faults and
// shapes
// ("swarm"), so that rare combinations meet without every fault hiding every other.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace servo::sim {

enum class DurationShape { kMillis, kTenths, kSeconds, kMinutes };

struct Options {
    uint64_t seed = 1;

    // The world.
    int tenants = 1;
    int assets_per_tenant = 1;
    int executors = 1;
    int slots_max = 2;
    int jobs = 2;
    uint64_t partitions_max = 100;
    DurationShape durations = DurationShape::kTenths;
    bool wide_weights = false;  // 1 : 1000 instead of about equal
    bool pools = false;
    bool pool_windows = false;
    bool limits = false;      // of tenants, assets and jobs
    bool sequential = false;  // some assets are
    bool labels = false;      // some assets need one
    bool deadlines = false;
    bool overlaps = false;  // jobs over the same partitions
    bool reprocesses =
        false;  // many jobs over what is partly done, by policy; marks, new revisions
    Millis fault_phase{60'000};

    // What partitions do.
    int fail_per_mille = 0;
    bool hangs = false;
    bool poison = false;   // a partition that kills its executor
    bool outages = false;  // failures of class external for a while

    // The network.
    int loss_per_mille = 0;
    int duplicate_per_mille = 0;
    Micros delay_max{2'000};
    bool partitions_one_way = false;

    // Processes.
    bool executor_crashes = false;
    bool orphans = false;  // children outlive a crashed executor until their stop time
    bool executor_pauses = false;
    bool machine_freezes = false;
    bool executor_drains = false;
    bool slot_losses = false;
    bool slot_changes = false;  // their number follows a limit
    bool clock_drift = false;
    bool server_crashes = false;  // at any yield point
    bool server_stalls = false;
    bool second_leader = false;
    int standbys = 0;         // servers beside the one that leads
    bool hand_overs = false;  // a leader ends cleanly
    bool wall_steps = false;

    // The store.
    bool commits_unknown = false;
    bool commits_refused = false;
    bool disk_full = false;
    bool disk_broken = false;
    bool store_slow = false;

    // People.
    bool controls = false;
    bool levers = false;
    bool applies = false;
    bool idempotent_repeats = false;

    // Instead of all faults: a world in which every tenant has more to do than there is time, to
    // measure shares.
    bool fairness = false;
};

Options draw_options(uint64_t seed);
// "tenants=3 executors=2 … faults: server_crashes, loss 20‰".
std::string to_string(const Options& options);

}  // namespace servo::sim

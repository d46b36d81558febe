#include "sim/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/prng.h"

namespace servo::sim {
namespace {

constexpr std::array<std::string_view, 4> kShapeNames = {"millis", "tenths", "seconds", "minutes"};

void draw_world(Options& o, Prng& prng) {
    constexpr std::array<uint64_t, 4> kPartitions = {20'000, 3'000, 400, 60};
    o.durations = static_cast<DurationShape>(prng.below(4));
    o.partitions_max = kPartitions[static_cast<size_t>(o.durations)];
    if (prng.chance(1, 4)) {
        o.partitions_max = 1 + prng.below(10);
    } else if (o.durations == DurationShape::kMillis && prng.chance(1, 8)) {
        o.partitions_max = 100'000;
    }
    o.tenants = prng.chance(1, 12) ? 50 : static_cast<int>(prng.between(1, 6));
    o.assets_per_tenant = static_cast<int>(prng.between(1, 3));
    o.executors = prng.chance(1, 12) ? 25 : static_cast<int>(prng.between(1, 6));
    o.slots_max = static_cast<int>(prng.between(1, 6));
    o.jobs = static_cast<int>(prng.between(1, 3 + o.tenants));
    o.wide_weights = prng.chance(1, 4);
    o.pools = prng.chance(1, 2);
    o.pool_windows = o.pools && prng.chance(1, 3);
    o.limits = prng.chance(1, 2);
    o.sequential = prng.chance(1, 3);
    o.labels = prng.chance(1, 3);
    o.deadlines = prng.chance(1, 3);
    o.overlaps = prng.chance(1, 2);
    o.reprocesses = prng.chance(1, 2);
    if (o.reprocesses) {
        o.assets_per_tenant = 1;
        o.tenants = std::min(o.tenants, 3);
        o.jobs = static_cast<int>(prng.between(4, 16));
        o.partitions_max = std::min<uint64_t>(o.partitions_max, 2'000);
    }
    o.fault_phase = Millis(prng.between(20'000, 240'000));
    o.fail_per_mille = prng.chance(2, 3) ? static_cast<int>(prng.between(1, 200)) : 0;
    o.hangs = prng.chance(1, 4);
    o.poison = prng.chance(1, 6);
    o.outages = o.pools && prng.chance(1, 2);
}

void draw_faults(Options& o, Prng& prng) {
    const auto some = [&](uint64_t denominator) { return prng.chance(1, denominator); };
    o.loss_per_mille = some(2) ? static_cast<int>(prng.between(1, 100)) : 0;
    o.duplicate_per_mille = some(2) ? static_cast<int>(prng.between(1, 100)) : 0;
    o.delay_max = some(3) ? Micros(prng.between(2'000, 6'000'000)) : Micros(5'000);
    o.partitions_one_way = some(3);
    o.executor_crashes = some(2);
    o.orphans = some(2);
    o.executor_pauses = some(3);
    o.machine_freezes = some(4);
    o.executor_drains = some(4);
    o.slot_losses = some(4);
    o.clock_drift = some(3);
    o.server_crashes = some(2);
    o.server_stalls = some(3);
    o.second_leader = some(4);
    o.standbys = some(2) ? static_cast<int>(prng.between(1, 2)) : 0;
    o.hand_overs = some(4);
    o.wall_steps = some(3);
    o.commits_unknown = some(3);
    o.commits_refused = some(5);
    o.disk_full = some(5);
    o.disk_broken = some(6);
    o.store_slow = some(4);
    o.controls = some(2);
    o.levers = some(2);
    o.applies = some(4);
    o.idempotent_repeats = some(3);
    o.slot_changes = some(4);
}

void make_fair(Options& o, Prng& prng) {
    const uint64_t seed = o.seed;
    o = Options{};
    o.seed = seed;
    o.fairness = true;
    o.tenants = static_cast<int>(prng.between(2, 5));
    o.executors = static_cast<int>(prng.between(1, 3));
    o.slots_max = static_cast<int>(prng.between(2, 6));
    o.jobs = o.tenants;
    o.durations = prng.chance(1, 2) ? DurationShape::kTenths : DurationShape::kSeconds;
    o.partitions_max = 200'000;
    o.fault_phase = o.durations == DurationShape::kTenths ? Millis(120'000) : Millis(1'200'000);
}

}  // namespace

Options draw_options(uint64_t seed) {
    // Neighbouring seeds must not give neighbouring options.
    Prng mix(seed);
    Prng prng(mix.next() ^ 0x5e570ULL);
    Options o;
    o.seed = seed;
    draw_world(o, prng);
    draw_faults(o, prng);
    if (prng.chance(1, 25)) {
        make_fair(o, prng);
    }
    return o;
}

std::string to_string(const Options& o) {
    std::string out = fmt::format(
        "tenants={} assets={} executors={} slots_max={} jobs={} partitions_max={} durations={} "
        "fault_phase={}s fail={}/1000 loss={}/1000 duplicate={}/1000 delay_max={}us\n  with:",
        o.tenants,
        o.assets_per_tenant,
        o.executors,
        o.slots_max,
        o.jobs,
        o.partitions_max,
        kShapeNames[static_cast<size_t>(o.durations)],
        o.fault_phase.count() / 1'000,
        o.fail_per_mille,
        o.loss_per_mille,
        o.duplicate_per_mille,
        o.delay_max.count()
    );
    const std::pair<bool, const char*> flags[] = {
        {o.wide_weights, "wide_weights"},
        {o.pools, "pools"},
        {o.pool_windows, "pool_windows"},
        {o.limits, "limits"},
        {o.sequential, "sequential"},
        {o.labels, "labels"},
        {o.deadlines, "deadlines"},
        {o.overlaps, "overlaps"},
        {o.reprocesses, "reprocesses"},
        {o.hangs, "hangs"},
        {o.poison, "poison"},
        {o.outages, "outages"},
        {o.partitions_one_way, "partitions_one_way"},
        {o.executor_crashes, "executor_crashes"},
        {o.orphans, "orphans"},
        {o.executor_pauses, "executor_pauses"},
        {o.machine_freezes, "machine_freezes"},
        {o.executor_drains, "executor_drains"},
        {o.slot_losses, "slot_losses"},
        {o.slot_changes, "slot_changes"},
        {o.clock_drift, "clock_drift"},
        {o.server_crashes, "server_crashes"},
        {o.server_stalls, "server_stalls"},
        {o.second_leader, "second_leader"},
        {o.standbys > 0, "standbys"},
        {o.hand_overs, "hand_overs"},
        {o.wall_steps, "wall_steps"},
        {o.commits_unknown, "commits_unknown"},
        {o.commits_refused, "commits_refused"},
        {o.disk_full, "disk_full"},
        {o.disk_broken, "disk_broken"},
        {o.store_slow, "store_slow"},
        {o.controls, "controls"},
        {o.levers, "levers"},
        {o.applies, "applies"},
        {o.idempotent_repeats, "idempotent_repeats"},
        {o.fairness, "fairness"},
    };
    for (const auto& [on, name] : flags) {
        if (on) {
            out += ' ';
            out += name;
        }
    }
    return out;
}

}  // namespace servo::sim

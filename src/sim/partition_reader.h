// Asks where partitions stand as the server's worker threads do: in several looks at memory and
// store, between which anything may happen. What comes out is held against the auditor's account,
// partition by partition: each must be told as it stood at some moment of the request.
// Single-threaded.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/partition_place.h"
#include "engine/partition_sets.h"
#include "engine/reprocess.h"
#include "sim/cluster.h"

namespace servo::sim {

class PartitionReader {
 public:
    PartitionReader(World& world, Cluster& cluster) : world_(world), cluster_(cluster) {}

    // The partitions of `runs` that a new backfill with this policy runs. nullopt: no server led
    // throughout.
    std::optional<std::vector<OrdinalRun>> choose(
        AssetId asset, std::vector<OrdinalRun> runs, ReprocessPolicy policy
    );
    // A stretch of some asset: lists, one partition alone, and a policy.
    void look_somewhere();
    // All assets and policies, as this scheduler tells them, with nothing in between.
    void look_everywhere(const core::Scheduler& scheduler, Instant now);
    // No job is open: what is stored says all.
    void check_stored();

 private:
    // A partition at one moment.
    struct Seen {
        Standing standing;
        bool owned = false;
        auto operator<=>(const Seen&) const = default;
    };
    // One request.
    struct Reading {
        AssetHead asset;
        OrdinalView all;
        std::map<Ordinal, std::set<Seen>> seen;  // at all moments so far
        int64_t batches = 0;                     // of the last of them
        bool pauses = false;                     // between its looks
    };
    using Look = std::function<std::pair<const core::Scheduler*, Instant>()>;

    Reading begin(AssetId asset, std::vector<OrdinalRun> runs, bool pauses);
    void note(Reading& reading);
    void pause(Reading& reading);
    // The scheduler of the newest leader; null when none leads.
    std::pair<const core::Scheduler*, Instant> leader();
    engine::AskJobs ask_jobs(Reading& reading, const Look& look);
    engine::AskOwner ask_owner(Reading& reading, const Look& look);

    void check_lists(Reading& reading, const Look& look);
    void check_place(Reading& reading, Ordinal ordinal, const Look& look);
    std::optional<RunSet> check_choice(Reading& reading, ReprocessPolicy policy, const Look& look);
    // Fails unless `matches` holds of some moment of the partition.
    void expect(
        const Reading& reading,
        Ordinal ordinal,
        const std::string& told,
        const std::function<bool(const Seen&)>& matches
    );

    World& world_;
    Cluster& cluster_;
    bool reading_ = false;  // a request is under way: no other begins in its pauses
};

}  // namespace servo::sim

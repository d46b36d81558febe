// What people ask for: definitions and backfills at the start, and under `controls`, `levers` and
// `applies` all kinds of commands at all kinds of moments. Single-threaded.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/cluster.h"
#include "sim/partition_reader.h"
#include "sim/programs.h"

namespace servo::sim {

class Workload {
 public:
    Workload(World& world, Cluster& cluster, Programs& programs, PartitionReader& reader)
        : world_(world), cluster_(cluster), programs_(programs), reader_(reader) {}

    // Draws the definitions and applies them; jobs follow once they are accepted.
    void start();
    // A random command, as the options allow.
    void disturb();
    // Takes back every hold, limit, drain and pause, and goes on doing so for what pauses itself.
    void heal();
    // Steps of the pools' windows, which a loaded scheduler must be told again.
    void tell_steps(ServerNode& server, const core::Scheduler& scheduler);

    // Everything was asked for and has ended.
    bool finished() const;
    uint64_t partitions() const { return partitions_; }
    Micros work() const { return work_; }  // expected, in slot time
    // Labels that some asset needs.
    const std::string& needed_label() const { return label_; }
    std::string open_jobs() const;  // for people

 private:
    static constexpr int kTriesMax = 200;
    static constexpr Micros kAnswerWithin{4'000'000};

    struct AssetPlan {
        std::string tenant;
        AssetSpec spec;
        Micros typical{0};
        int64_t next_ordinal = 1;
    };

    void draw_definitions();
    AssetPlan draw_asset(const std::string& tenant, int number);
    Profile draw_profile(const AssetPlan& plan);
    std::vector<std::pair<std::string, int>> draw_weights() const;
    void apply();
    void set_weights();
    void plan_jobs();
    void create_job(size_t number);
    std::optional<JobRow> draw_job(size_t number);
    uint64_t draw_count(const AssetPlan& plan);
    std::vector<OrdinalRun> draw_new(AssetPlan& plan);
    std::vector<OrdinalRun> draw_known(const AssetPlan& plan);
    void send_job(const JobRow& row, int tries);
    void ask(const core::Command& command, int tries);
    void control();
    void lever();
    void change_definition();
    void mark_some();
    void resume_paused();
    std::optional<JobId> some_job();
    // When what is set for a time ends by itself; kNever: it is for good.
    Instant some_end();

    World& world_;
    Cluster& cluster_;
    Programs& programs_;
    PartitionReader& reader_;

    std::vector<std::string> tenants_;
    std::vector<std::string> pools_;
    std::map<std::string, PoolSpec> pool_specs_;
    std::vector<AssetPlan> assets_;
    core::ApplyDefinitions definitions_;
    std::vector<JobId> jobs_;
    size_t jobs_wanted_ = 0;
    size_t jobs_settled_ = 0;  // created, or refused for good
    uint64_t partitions_ = 0;
    Micros work_{0};
    std::string label_;
    int poisoned_ = 0;
};

}  // namespace servo::sim

// What a scenario plays on: the pure scheduler, a clock that only the script moves, and executors
// that do as the script says. Everything that happens is told as text.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/scheduler.h"

namespace servo::scenarios {

using namespace model;

struct Job {
    std::string name;
    JobId id;
    uint64_t total = 0;
};

// How the partitions of an asset behave when they are run.
struct Behaviour {
    Micros each{1'000'000};
    std::map<Index, FailureClass> broken;  // these indices fail, always; lost: their slot dies
};

// A lease as an executor has it.
struct HeldWork {
    LeaseId lease;
    JobId job;
    AssetId asset;
    int attempt = 1;
    std::vector<Index> indices;  // by position
    uint64_t started = 0;
    uint64_t reported = 0;
    uint64_t size = 0;   // what it means to run
    Instant busy_until;  // of the partition that runs
};

struct Executor {
    std::string name;
    SessionId session;
    int slots = 1;
    std::map<std::string, std::string> labels;
    int64_t call = 0;
    int64_t ack = 0;
    bool alive = true;
    bool draining = false;
    std::map<LeaseId, HeldWork> held;
};

class Stage {
 public:
    Stage();

    core::Scheduler& scheduler() { return *scheduler_; }
    Instant now() const { return now_; }
    std::string clock() const;  // "00:01:30" since the start

    Result<core::Reply> apply(const core::Command& command);
    std::vector<std::string> pass(Millis duration
    );  // a tick and a heartbeat of every executor each second

    // A report with the given results; grants that come back are told.
    std::vector<std::string> call(Executor& executor, std::vector<LeaseResults> results, int free);
    // Ends the first `count` running partitions of each lease of the executor.
    std::vector<std::string> finish(Executor& executor, uint64_t count);
    // Runs all executors on for `duration`, each partition as long as its asset says.
    void work(Millis duration);

    Job& job(const std::string& name);
    const std::string& job_name(JobId id) const;
    Executor& executor(const std::string& name);
    AssetId asset_id(const std::string& path);
    std::string row_of(const Job& job);

    std::map<std::string, Job> jobs;
    std::map<std::string, Executor> executors;
    std::map<AssetId, Behaviour> behaviours;
    std::set<std::string> outages;  // pools whose users fail with class external
    std::map<TenantId, Micros> served;
    std::map<JobId, uint64_t> done;
    std::vector<std::string> log;  // events since it was last told

 private:
    CallRequest request(Executor& executor, int free) const;
    std::vector<std::string> take(Executor& executor, const CallReply& reply);
    std::string take_grant(Executor& executor, const Grant& grant);
    LeaseResults result_of(HeldWork& work);
    FailureClass outcome(const HeldWork& work, Index index, bool& success) const;
    void start_next(HeldWork& work);

    std::unique_ptr<core::Scheduler> scheduler_;
    Instant start_;
    Instant now_;
    Instant last_tick_;
    int64_t seq_ = 0;
};

}  // namespace servo::scenarios

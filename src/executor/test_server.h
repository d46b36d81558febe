// A server for the executor's process tests: grants what the test adds, records what comes back.
// Thread-safe; answers on the caller's thread, parks acquires until there is work.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "executor/transport.h"

namespace servo::executor {

class TestServer : public Transport {
 public:
    // What was reported of one lease.
    struct Record {
        model::Grant grant;
        std::vector<model::DoneResult> done;
        std::vector<model::FailedResult> failed;
        std::map<uint64_t, model::LogTail> logs;  // by position
        std::map<uint64_t, model::PhaseMicros> phases;
        uint64_t size = 0;
        bool ended = false;  // every position has a result
    };

    explicit TestServer(Millis lease_ttl = model::kLeaseTtl) : lease_ttl_(lease_ttl) {}

    // Queues a lease of `count` partitions from the first ordinal of `spec`; returns its id.
    model::LeaseId add(const model::AssetSpec& spec, uint64_t count, model::Grant base = {});
    // Waits until the lease ended and returns its record; a generous limit keeps a broken executor
    // from hanging the test.
    Record wait(model::LeaseId lease);
    // Waits until the executor reported that so many positions started.
    bool wait_started(model::LeaseId lease, uint64_t count);
    // Waits until the executor listed the lease with that size.
    bool wait_size(model::LeaseId lease, uint64_t size);
    // Gives the partition `index` of a daily asset to the lease, behind what the executor listed
    // last.
    void top_up(model::LeaseId lease, model::Index index);
    void control(model::LeaseId lease, model::LeaseAction action, uint64_t size = 0);
    // From now on nothing is answered.
    void fall_silent();
    std::optional<model::RegisterRequest> registration() const;

    void register_executor(
        std::shared_ptr<const model::RegisterRequest> request, Millis timeout, RegisterDone done
    ) override;
    void call(std::shared_ptr<const model::CallRequest> request, Millis timeout, CallDone done)
        override;
    void on_logs_wanted(std::function<void()> wanted) override;
    void send_logs(std::shared_ptr<const model::LogReport> report, Millis timeout, LogsDone done)
        override;
    void tell_health(
        std::shared_ptr<const api::HealthRequest> request, Millis timeout, HealthDone done
    ) override;
    void shut_down() override;
    // Waits until the executor told something that fits, and returns it.
    api::ExecutorHealth wait_health(const std::function<bool(const api::ExecutorHealth&)>& fits);

    // Reads what position 0 of the lease prints, from now on.
    void watch(model::LeaseId lease);
    // Calls `once` on the agent's own thread, when it next sends what is watched.
    void before_logs(std::function<void()> once);
    // Waits until so much of it came and returns all that did.
    std::string wait_printed(size_t bytes);

 private:
    struct Waiting {
        model::AssetSpec spec;
        model::Grant grant;
    };
    model::CallReply compose(const model::CallRequest& request);
    void take(const model::CallRequest& request);

    Millis lease_ttl_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool silent_ = false;
    bool shut_down_ = false;
    std::optional<model::RegisterRequest> registration_;
    std::optional<api::ExecutorHealth> health_;
    std::deque<Waiting> waiting_;
    std::map<int64_t, model::Grant> unacked_;
    std::vector<model::Definition> definitions_;
    std::vector<model::LeaseControl> controls_;
    std::map<model::LeaseId, Record> records_;
    std::map<model::LeaseId, uint64_t> started_;
    std::shared_ptr<const model::CallRequest> parked_;
    CallDone parked_done_;
    std::function<void()> logs_wanted_;
    std::function<void()> before_logs_;
    std::optional<model::LogWish> wish_;
    std::string printed_;
    int64_t next_grant_ = 1;
    int64_t next_token_ = model::first_token(1) + 1;
    int next_asset_ = 1;
};

}  // namespace servo::executor

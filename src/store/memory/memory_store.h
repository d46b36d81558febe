// The store in memory, for tests and the simulator: keeps the same durable facts as the others and
// rebuilds snapshots from them by the same rules. Faults can be set for the next commits.
// Thread-safe; outlives the engine that uses it, so that "restart" is a new engine on the same
// store.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "store/state_block.h"
#include "store/store.h"

namespace servo::store {

enum class Fault {
    kNone,
    kUnknownCommitted,  // committed, but the answer got lost
    kUnknownLost,       // not committed, and the answer got lost
    kRefused,
    kFull,
    kBroken,
    kDeposed,  // another leader took over just before
};

class MemoryStore final : public Store, public Archive {
 public:
    explicit MemoryStore(const Retention& retention = {});
    ~MemoryStore() override;

    // The next `times` commits fail this way.
    void fail_next(Fault fault, int times = 1);

    // Store
    Result<int64_t> take_leadership(const Candidate& candidate) override;
    Result<LeaderRow> leader() override;
    Status beat(int64_t epoch) override;
    Status resign(int64_t epoch) override;
    Result<Snapshot> load(int64_t epoch) override;
    Result<std::optional<Snapshot::OpenJob>> load_job(JobId id) override;
    CommitOutcome commit(const Batch& batch) override;
    Result<bool> committed(int64_t epoch, int64_t seq) override;
    Result<bool> maintain(Instant now) override;
    Result<std::vector<std::string>> fsck() override;

    // Archive
    std::unique_ptr<History> within(TenantScope scope) override;

 private:
    struct Facts;
    class View;

    Status check(const ChangeSet& changes) const;
    void apply(const Batch& batch);
    void apply_definitions(const ChangeSet& changes);

    mutable std::mutex mutex_;
    Retention retention_;
    std::unique_ptr<Facts> facts_;  // guarded by mutex_
    Fault fault_ = Fault::kNone;
    int fault_times_ = 0;
};

}  // namespace servo::store

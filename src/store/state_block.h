// Materialised state of one aligned block of kStateBlockSize ordinals of an asset: which outcome
// each partition last had, and what made it. Packed for the store, applied to in each commit.
// A value type; not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace servo::store {

constexpr int64_t kStateBlockSize = 4'096;

// The block that holds `ordinal`; negative ordinals lie in negative blocks.
int64_t state_block_of(Ordinal ordinal);

// What made a partition's state.
struct StateOrigin {
    Outcome outcome = Outcome::kMissing;
    JobId job;
    int revision = 0;
    Instant at;
    // Has an outcome other than success, and had that one earlier, since its last mark.
    bool succeeded_before = false;
    auto operator<=>(const StateOrigin&) const = default;
};

// The runs of one change, cut at block bounds: block → runs within it, ascending.
std::map<int64_t, std::vector<OrdinalRun>> split_by_block(const std::vector<OrdinalRun>& runs);

class StateBlock {
 public:
    explicit StateBlock(int64_t number) : number_(number) {}

    // The members of `runs`, which lie in this block, now stand at `origin`; kMissing removes them.
    // That they succeeded before is added, and is forgotten only with them.
    void apply(const std::vector<OrdinalRun>& runs, const StateOrigin& origin);

    bool empty() const { return parts_.empty(); }
    // All of them, whatever their origin: the fewest ascending runs.
    std::vector<OrdinalRun> members() const;
    // Runs of each origin, strided where that is shorter.
    const std::map<StateOrigin, std::vector<OrdinalRun>>& parts() const { return parts_; }

    // Packed form: codec, origins, runs, CRC-32C.
    std::string encode() const;
    // Error: internal / "corrupt_payload".
    static Result<StateBlock> decode(std::string_view bytes, int64_t number);

    bool operator==(const StateBlock&) const = default;

 private:
    int64_t number_;
    std::map<StateOrigin, std::vector<OrdinalRun>> parts_;
};

// The part of a change that lies in one block.
struct StatePiece {
    const MaterialisedChange* change = nullptr;
    std::vector<OrdinalRun> runs;
};
// By block, so that each row is read and written once; pieces in the order of the changes.
std::map<std::pair<AssetId, int64_t>, std::vector<StatePiece>> pieces_by_block(
    const std::vector<MaterialisedChange>& changes
);
void apply_pieces(StateBlock& block, const std::vector<StatePiece>& pieces);

// Joins blocks given in ascending order into runs of equal (outcome, job, revision).
class StateRunCollector {
 public:
    StateRunCollector(Ordinal first, Ordinal last) : first_(first), last_(last) {}
    void add(const StateBlock& block);
    size_t size() const { return runs_.size(); }
    std::vector<History::StateRun> take();  // ascending by first ordinal

 private:
    void add_run(const StateOrigin& origin, const OrdinalRun& run);

    Ordinal first_;
    Ordinal last_;
    std::vector<History::StateRun> runs_;
    std::map<StateOrigin, size_t> open_;  // newest run of an origin (with `at` left out)
};

// Error: resource_exhausted / "too_many_runs" once the collector holds more than `runs_max`.
Status check_runs_max(const StateRunCollector& collector, int runs_max);

}  // namespace servo::store

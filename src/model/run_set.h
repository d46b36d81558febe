// RunSet: a set of indices kept as sorted, disjoint, non-adjacent half-open runs. Its size in
// memory follows the number of runs, not the number of indices. A value type; not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace servo::model {

using Index = uint64_t;

// Half-open [first, end); never empty inside a RunSet.
struct Run {
    Index first = 0;
    Index end = 0;
    constexpr uint64_t size() const { return end - first; }
    bool operator==(const Run&) const = default;
};

class RunSet {
 public:
    RunSet() = default;
    explicit RunSet(Run run) { add(run); }

    uint64_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    const std::vector<Run>& runs() const { return runs_; }
    bool contains(Index index) const;
    bool intersects(Run run) const;

    // Union / difference; an empty run changes nothing. O(log runs + runs moved).
    void add(Run run);
    void add(Index index) { add(Run{index, index + 1}); }
    void add(const RunSet& other);
    void subtract(Run run);
    void subtract(Index index) { subtract(Run{index, index + 1}); }
    void subtract(const RunSet& other);

    // Removes and returns the first `count` indices (all when there are fewer), in order. At most
    // `runs_max` runs are returned, so that the answer is bounded however fragmented the set is.
    RunSet take_front(uint64_t count, size_t runs_max);
    // The members of this set that lie in `run`.
    RunSet intersection(Run run) const;
    // The position-th smallest member; position < size().
    Index at(uint64_t position) const;

    bool operator==(const RunSet&) const = default;

    // Packed form, version byte first (codec 1: count, then gap and length varints).
    std::string encode() const;
    // Error: internal / "corrupt_payload".
    static Result<RunSet> decode(std::string_view bytes);

    // "0-4,7,9-12" (inclusive bounds, for people and golden files).
    std::string to_string() const;

 private:
    std::vector<Run> runs_;
    uint64_t size_ = 0;
};

}  // namespace servo::model

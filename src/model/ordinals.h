// Ordinals and the dense index space over them.
//
// An ordinal is the lasting identity of a partition: a 64-bit number that is a function of the key
// alone. A job numbers its partitions [0, N) as a view over runs of
// ordinals. Immutable after building; safe to share between threads as const.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/run_set.h"

namespace servo::model {

using Ordinal = int64_t;

// Most runs in one view; a selection that needs more is refused. Bounds the memory of a job.
constexpr size_t kOrdinalRunsMax = 1'000'000;

// first, first + stride, … : count ≥ 1 members, stride ≥ 1.
struct OrdinalRun {
    Ordinal first = 0;
    uint64_t count = 0;
    int64_t stride = 1;
    constexpr Ordinal last() const { return first + static_cast<int64_t>(count - 1) * stride; }
    bool operator==(const OrdinalRun&) const = default;
};

// Strictly ascending ordinals as runs, with prefix sums for O(log runs) look-ups.
class OrdinalView {
 public:
    OrdinalView() = default;
    // `runs` ascend and do not overlap (asserted). `reversed`: index 0 is the last ordinal.
    explicit OrdinalView(std::vector<OrdinalRun> runs, bool reversed = false);

    uint64_t size() const { return total_; }
    bool reversed() const { return reversed_; }
    const std::vector<OrdinalRun>& runs() const { return runs_; }

    Ordinal at(Index index) const;  // index < size()
    std::optional<Index> index_of(Ordinal ordinal) const;
    // The ordinals of a run of indices, ascending.
    std::vector<OrdinalRun> slice(Run indices) const;
    // The indices whose ordinal is also in `other`. O(runs of both), and O(members) only where the
    // strides of two overlapping runs differ.
    RunSet intersection(const OrdinalView& other) const;

    // Equal views have equal fingerprints; checked when a job is loaded.
    uint64_t fingerprint() const;

    // Packed form, version byte first. decode: internal / "corrupt_payload".
    std::string encode() const;
    static Result<OrdinalView> decode(std::string_view bytes);

 private:
    std::vector<OrdinalRun> runs_;
    std::vector<uint64_t> before_;  // before_[i] = members in runs_[0..i)
    uint64_t total_ = 0;
    bool reversed_ = false;
};

// Collects ascending ordinals and merges them into the fewest strided runs.
class OrdinalRunBuilder {
 public:
    void add(Ordinal ordinal);  // strictly greater than the one before (asserted)
    void add(OrdinalRun run);   // its first strictly greater than the last one before
    std::vector<OrdinalRun> take();

 private:
    std::vector<OrdinalRun> runs_;
};

}  // namespace servo::model

// The one implementation of PartitionScheme: one dimension, or a product of several whose ordinals
// are joined from fixed bit widths, the time dimension in the high bits. Internal to the partition
// schemes. Immutable; safe to share between threads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/partition_scheme.h"
#include "model/static_keys.h"
#include "model/time_dimension.h"

namespace servo::model {

struct CompiledDimension {
    std::string name;
    std::optional<TimeDimension> time;  // exactly one of the two
    std::optional<StaticDimension> keys;
    int shift = 0;  // where its bits begin in a joined ordinal
    int bits = 64;
};

// Bits for the ids of one static dimension in a product. A function of the kinds of the dimensions
// alone, so that no appended key ever moves an ordinal.
int static_bits(size_t static_dimensions, std::optional<Unit> time_unit);

class CompiledScheme final : public PartitionScheme {
 public:
    CompiledScheme(SchemeSpec spec, std::vector<CompiledDimension> dimensions);
    CompiledScheme(const CompiledScheme&) = delete;
    CompiledScheme& operator=(const CompiledScheme&) = delete;

    const SchemeSpec& spec() const override { return spec_; }
    const std::string& timezone() const override { return timezone_; }
    Result<Ordinal> parse_key(std::string_view key) const override;
    Result<PartitionInfo> describe(Ordinal ordinal) const override;
    Result<Resolved> resolve(const Selection& selection, Instant now) const override;

 private:
    // The ordinals that one static dimension, or all of them joined, contribute.
    struct Part {
        std::vector<OrdinalRun> runs;
        uint64_t count = 1;
    };

    Ordinal part_of(Ordinal ordinal, const CompiledDimension& dimension) const;
    Result<std::vector<std::string>> split_key(std::string_view key) const;
    const CompiledDimension* find(std::string_view name) const;

    Status check_selection(const Selection& selection) const;
    Result<Resolved> resolve_keys(const std::vector<std::string>& keys, Instant now) const;
    Result<Resolved> resolve_range(const Selection& selection, Instant now) const;
    Result<Part> select_static(const CompiledDimension& dimension, const Selection& selection)
        const;
    Result<TimeSelection> select_windows(const std::vector<std::string>& keys, Instant now) const;
    Result<Resolved> finish(Resolved resolved) const;

    SchemeSpec spec_;
    std::vector<CompiledDimension> dimensions_;  // as declared
    const CompiledDimension* time_ = nullptr;
    std::string timezone_;
};

}  // namespace servo::model

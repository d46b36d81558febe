// A compiled list of static keys: key ⇄ id, the position in the accumulated list. Internal to the
// partition schemes. Immutable; safe to share between threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/ordinals.h"
#include "model/partition_scheme.h"

namespace servo::model {

class StaticDimension {
 public:
    // Checks `spec`; appends what is wrong to `errors`, paths under `path` ("" or "dimensions.x.").
    static StaticDimension compile(
        const StaticKeys& spec, const std::string& path, std::vector<FieldError>& errors
    );

    // The id of a key that is selected today. Errors: invalid_argument / "bad_key",
    // not_found / "no_such_partition" with the keys of a short list, and the nearest one.
    Result<Ordinal> parse(std::string_view key) const;
    // Whether this list ever gave out `id`.
    bool has(Ordinal id) const;
    const std::string& key(Ordinal id) const { return keys_[static_cast<size_t>(id)]; }
    // The ids that are not retired.
    const std::vector<OrdinalRun>& live() const { return live_; }

 private:
    std::vector<std::string> first_live_keys(size_t most) const;

    std::vector<std::string> keys_;
    std::vector<uint32_t> by_key_;  // ids, in the order of their keys
    std::vector<bool> retired_;
    std::vector<OrdinalRun> live_;
    size_t live_count_ = 0;
};

bool is_static_key(std::string_view key);

}  // namespace servo::model

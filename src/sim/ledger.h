// The effect ledger: what the partitions' programs really did, told by the simulated slots and
// keyed by fencing token. The record is held against it. Single-threaded.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "base/time.h"
#include "model/failure.h"
#include "model/ids.h"
#include "model/ordinals.h"

namespace servo::sim {

using namespace model;

struct Effect {
    bool success = false;
    FailureClass klass = FailureClass::kError;  // when not a success
    TenantId tenant;
    JobId job;
    Index index = 0;
    Instant started_at;
    Micros duration{0};
};

class Ledger {
 public:
    // A program starts. Returns the token of another one that runs for the same partition at this
    // moment, if there is one.
    std::optional<Token> start(Token token, AssetId asset, Ordinal ordinal);
    // It ended by itself, or its timeout ended it.
    void end(Token token, const Effect& effect);
    // It was killed or vanished with its executor: no effect.
    void vanish(Token token);

    const Effect* find(Token token) const;
    size_t size() const { return effects_.size(); }
    // Sum of the durations of what ended, by tenant.
    Micros busy(TenantId tenant) const;

 private:
    using Place = std::pair<AssetId, Ordinal>;

    std::map<Token, Effect> effects_;
    std::map<Token, Place> running_;
    std::map<Place, Token> places_;
    std::map<TenantId, Micros> busy_;
};

}  // namespace servo::sim

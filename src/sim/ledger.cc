#include "sim/ledger.h"

namespace servo::sim {

std::optional<Token> Ledger::start(Token token, AssetId asset, Ordinal ordinal) {
    const Place place(asset, ordinal);
    running_[token] = place;
    const auto [found, alone] = places_.try_emplace(place, token);
    if (alone) {
        return std::nullopt;
    }
    return found->second;
}

void Ledger::end(Token token, const Effect& effect) {
    vanish(token);
    effects_[token] = effect;
    busy_[effect.tenant] += effect.duration;
}

void Ledger::vanish(Token token) {
    const auto found = running_.find(token);
    if (found == running_.end()) {
        return;
    }
    const auto place = places_.find(found->second);
    if (place != places_.end() && place->second == token) {
        places_.erase(place);
    }
    running_.erase(found);
}

const Effect* Ledger::find(Token token) const {
    const auto found = effects_.find(token);
    return found == effects_.end() ? nullptr : &found->second;
}

Micros Ledger::busy(TenantId tenant) const {
    const auto found = busy_.find(tenant);
    return found == busy_.end() ? Micros(0) : found->second;
}

}  // namespace servo::sim

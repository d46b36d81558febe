#include "sim/network.h"

#include <algorithm>

namespace servo::sim {

void Network::send(
    const std::string& place, Direction direction, std::function<void()> on_arrival
) {
    const Options& options = world_.options;
    if (!world_.healed) {
        const auto cut = cut_until_.find({place, direction});
        if (cut != cut_until_.end() && cut->second > world_.now()) {
            world_.mark("message cut off");
            return;
        }
        if (options.loss_per_mille > 0 && world_.per_mille(options.loss_per_mille)) {
            world_.mark("message lost");
            return;
        }
    }
    const auto delay = [&] {
        constexpr Micros kLeast{100};
        constexpr Micros kUsual{2'000};
        // Long delays are rare, or nothing would ever arrive in time.
        const bool slow = !world_.healed && world_.prng.chance(1, 20);
        return world_.between(kLeast, slow ? std::max(kUsual, options.delay_max) : kUsual);
    };
    if (!world_.healed && options.duplicate_per_mille > 0 &&
        world_.per_mille(options.duplicate_per_mille)) {
        world_.mark("message duplicated");
        world_.queue.after(delay(), on_arrival);
    }
    world_.queue.after(delay(), std::move(on_arrival));
}

void Network::cut(const std::string& place, Direction direction, Micros until) {
    cut_until_[{place, direction}] = until;
}

}  // namespace servo::sim

// Deterministic pseudo-random numbers (splitmix64; Steele, Lea, Flood 2014). Same seed, same
// sequence on every machine. Not for secrets.
#pragma once

#include <cstdint>

namespace servo {

class Prng {
 public:
    explicit Prng(uint64_t seed = 1) : state_(seed) {}

    uint64_t next() {
        state_ += 0x9e3779b97f4a7c15ULL;
        uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    // Uniform in [0, bound); 0 when bound is 0. Multiply-shift, so the bias is negligible.
    uint64_t below(uint64_t bound) {
        __extension__ using Wide = unsigned __int128;
        return static_cast<uint64_t>((static_cast<Wide>(next()) * bound) >> 64);
    }
    // Uniform in [low, high].
    int64_t between(int64_t low, int64_t high) {
        return low + static_cast<int64_t>(below(static_cast<uint64_t>(high - low) + 1));
    }
    // True with probability numerator / denominator.
    bool chance(uint64_t numerator, uint64_t denominator) { return below(denominator) < numerator; }

    uint64_t state() const { return state_; }

 private:
    uint64_t state_;
};

}  // namespace servo

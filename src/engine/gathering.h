// When a commit may wait for more: the callers that the last one answered call again at once as a
// rule, and one commit for all of them costs the store half as much as two. So the engine waits
// for them, but never longer than the last commit took: at worst that doubles it; and after one
// that hung no longer than kGatherMax, so that the leader's pulse does not wait, too. Where they do
// not come (each works for longer than a commit takes), it stops waiting for some time.
#pragma once

#include <chrono>
#include <cstddef>

namespace servo::engine {

constexpr std::chrono::milliseconds kGatherMax{10};
constexpr size_t kSiblingsMin = 8;       // answered calls that are worth waiting for
constexpr size_t kBatchesWithout = 256;  // not waited before, after the answered did not come

class Gathering {
 public:
    // How many calls to wait for when `waiting` are there and the last batch answered `answered`;
    // 0: do not wait.
    size_t wanted(size_t waiting, size_t answered) {
        if (answered < kSiblingsMin) {
            return 0;
        }
        if (without_ > 0) {
            --without_;
            return 0;
        }
        return waiting + answered;
    }
    // After a wait: `came` of the `answered` called again.
    void waited(size_t came, size_t answered) {
        if (came * 2 < answered) {
            without_ = kBatchesWithout;
        }
    }

 private:
    size_t without_ = 0;
};

}  // namespace servo::engine

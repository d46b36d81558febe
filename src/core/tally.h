// What the leader has counted since it began to lead: for metrics alone. Nothing decides by it and
// nothing stores it, so it starts at 0 with each leader, as counters do. Plain values; integers.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "base/time.h"
#include "model/failure.h"
#include "model/ids.h"

namespace servo::core {

using namespace model;

// Counts of durations by fixed upper edges, which are powers of people's habits: 5 ms to 30 days,
// one of them at exactly a minute.
struct DurationTally {
    static constexpr std::array<int64_t, 24> kEdgesMs = {
        5,         10,         25,         50,         100,         250,
        500,       1'000,      2'500,      5'000,      10'000,      30'000,
        60'000,    120'000,    300'000,    600'000,    1'800'000,   3'600'000,
        7'200'000, 21'600'000, 43'200'000, 86'400'000, 604'800'000, 2'592'000'000};

    std::array<uint64_t, kEdgesMs.size() + 1> counts{};  // the last: beyond every edge
    uint64_t total = 0;
    int64_t sum_us = 0;
    size_t last = 0;  // where the newest went: the next is most often like it

    void add(Micros duration);
};

// How a partition ends, as the status label says it.
enum class EndStatus { kCompleted, kFailed, kSkipped };
constexpr size_t kEndStatusCount = 3;
using EndCounts = std::array<uint64_t, kEndStatusCount>;

// How a job ends.
enum class FinalState { kCompleted, kFailed, kCancelled };
constexpr size_t kFinalStateCount = 3;

// Ids are given in ascending order, so these are the oldest; later ones are counted together under
// id 0, so that no number of tenants or assets makes the tally grow.
constexpr int64_t kNamedMax = 500;

struct Tally {
    std::map<TenantId, EndCounts> processed;
    std::map<AssetId, EndCounts> asset_processed;
    std::map<TenantId, uint64_t> attempts_completed;
    std::map<TenantId, int64_t> earned_us;  // slot time at baseline cost
    std::map<TenantId, std::array<uint64_t, kFailureClassCount>> attempts_failed;
    std::array<DurationTally, kFinalStateCount> job_duration;  // start → end
    DurationTally claim_latency;  // claimable → first lease, anew after each resume
    DurationTally completed_duration, failed_duration;  // of attempts

    template <typename Id>
    static Id key(Id id) {
        return id.value <= kNamedMax ? id : Id{};
    }
    void end(TenantId tenant, AssetId asset, EndStatus status, uint64_t count);
    void attempts_done(TenantId tenant, uint64_t count);
    void attempt_failed(TenantId tenant, FailureClass klass);
};

}  // namespace servo::core

// Looking ahead: copies of the scheduler run forward in virtual time over recorded durations. The
// same pick, the same limits; only the executors are imagined: the ones that are connected now.
// Pure and deterministic. Thread-safe on a scheduler that nobody changes meanwhile.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/scheduler.h"

namespace servo::core {

constexpr int kForecastRuns = 16;
constexpr int64_t kForecastGrantsPerRun = 1'500;  // ranges grow so that a run needs about so many
// The smallest range of a tail: such a part of the largest one, but no more than such a part of
// what each slot gets of the job.
constexpr int64_t kForecastTailPieces = 16;
constexpr uint64_t kForecastTailShares = 4;
constexpr int64_t kForecastEventsMax = 60'000;  // beyond it a run is given up
constexpr Millis kForecastHorizon{400LL * 86'400'000};

struct JobForecast {
    std::optional<Instant> p50;  // absent: it does not end by itself (held, paused, no executor)
    std::optional<Instant> p90;
    uint64_t samples = 0;  // recorded durations behind it; 0 = no history, no figures
    std::optional<Instant> paused_until;  // as paused_until() said when it was made
};

// kNever: until it is resumed. Nothing for a job that is not paused.
std::optional<Instant> paused_until(const JobRow& row);

struct Forecast {
    std::map<JobId, JobForecast> jobs;  // every open job, and the added ones
    int slots = 0;                      // of connected executors that take work
    bool drained = false;               // an operator drained one that is connected
};

// Duration draws: per range n · mean + √n · σ · z, where mean and σ come from the recorded
// histogram of the revision, scaled by the share of time lost to failures so far; and per run one
// factor on the mean of relative width max(5 %, cv / √samples) for what is not known about it. What
// runs at `now` counts with what is left of it.
// P50 and P90 are order statistics over kForecastRuns runs.
// Jobs in `added` need not exist; those that the scheduler refuses are left out.
Forecast forecast(
    const Scheduler& source, const std::vector<JobRow>& added, Instant now, uint64_t seed
);

// What the scheduler would answer to them now, if they came together. `now` may be earlier than its
// own time.
Status admit(const Scheduler& source, const std::vector<JobRow>& added, Instant now);

// Jobs whose P50 moves by more than 1 s and 1 % when the added ones come: job → delay.
std::map<JobId, Millis> delays(const Forecast& without, const Forecast& with, Instant now);

}  // namespace servo::core

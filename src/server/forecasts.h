// Estimates from copies of the scheduler run forward on a worker thread: when open backfills end,
// and what a new one would do. Estimates are kept and shared: one is made again only when it is old
// compared with what it costs. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "api/backfill.h"
#include "core/forecast.h"
#include "server/backend.h"

namespace servo::server {

constexpr Millis kForecastAgeMin{3'000};  // a younger one is used as it is
constexpr int kForecastCostShare = 20;    // at most 1/20 of a core goes into estimates
constexpr size_t kPreviewDelaysMax = 20;

class Forecasts {
 public:
    explicit Forecasts(Backend& backend) : backend_(backend) {}

    // The latest estimate of all open jobs, at most max(kForecastAgeMin, cost · kForecastCostShare)
    // old; an older one, or null at the very first, while another thread is making the next.
    Result<std::shared_ptr<const core::Forecast>> current();

    // What these new jobs would take and whom they would delay: of the tenant `only`, or (0) of
    // all. `rows` as for CreateJobs. Errors: those of CreateJobs, but for "nothing_left", which is
    // then why there is no estimate.
    Result<api::Preview> preview(std::vector<model::JobRow> rows, model::TenantId only);

 private:
    Backend& backend_;
    std::mutex mutex_;
    std::shared_ptr<const core::Forecast> latest_;  // under mutex_
    int64_t made_at_ms_ = 0;                        // under mutex_; boot time
    int64_t cost_ms_ = 0;                           // under mutex_
    bool making_ = false;                           // under mutex_
};

// The estimate of the job; null where there is none yet, or only one of a time before it was paused
// or resumed.
const core::JobForecast* estimate_of(const core::Forecast* forecast, const model::JobRow& row);

// "from 1,200 recorded durations, 8 slots", or why there is no estimate.
std::string estimate_basis(const core::JobForecast* job, const core::Forecast& forecast);

}  // namespace servo::server

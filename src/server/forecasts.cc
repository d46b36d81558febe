#include "server/forecasts.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/job_id.h"

namespace servo::server {
namespace {

using namespace model;

constexpr uint64_t kForecastSeed = 1;  // equal states give equal estimates

struct Copy {
    std::shared_ptr<const core::Scheduler> scheduler;
    Instant now;
};

Result<Copy> copy_scheduler(Backend& backend) {
    return backend.read([](const core::Scheduler& scheduler, Instant now) {
        return Copy{std::make_shared<const core::Scheduler>(scheduler), now};
    });
}

// `only`: of that tenant's jobs alone; 0 = of all.
std::vector<api::PreviewDelay> named_delays(
    const core::Scheduler& scheduler,
    const std::map<JobId, Millis>& delays,
    TenantId only,
    Instant now
) {
    std::vector<api::PreviewDelay> out;
    for (const auto& [id, delay] : delays) {
        const auto view = scheduler.job(id, now);
        if (view && (!only || view->row.tenant == only)) {
            out.push_back({to_text(id), view->tenant_name, view->asset_name, delay.count()});
        }
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
        return a.delay_ms != b.delay_ms ? a.delay_ms > b.delay_ms : a.id < b.id;
    });
    if (out.size() > kPreviewDelaysMax) {
        out.resize(kPreviewDelaysMax);
    }
    return out;
}

// The last of several jobs to end; absent when one of them has no estimate.
std::optional<Instant> latest(
    const core::Forecast& forecast,
    const std::vector<JobRow>& rows,
    std::optional<Instant> core::JobForecast::*member
) {
    std::optional<Instant> out;
    for (const JobRow& row : rows) {
        const auto job = forecast.jobs.find(row.id);
        if (job == forecast.jobs.end() || job->second.samples == 0 || !(job->second.*member)) {
            return std::nullopt;
        }
        out = std::max(out.value_or(kEpochStart), *(job->second.*member));
    }
    return out;
}

}  // namespace

const core::JobForecast* estimate_of(const core::Forecast* forecast, const JobRow& row) {
    if (forecast == nullptr) {
        return nullptr;
    }
    const auto it = forecast->jobs.find(row.id);
    const bool holds =
        it != forecast->jobs.end() && it->second.paused_until == core::paused_until(row);
    return holds ? &it->second : nullptr;
}

std::string estimate_basis(const core::JobForecast* job, const core::Forecast& forecast) {
    if (job == nullptr) {
        return "it is being computed";
    }
    if (forecast.slots == 0) {
        return forecast.drained
                   ? "no estimate: no executor takes work; `servo executor undrain NAME` takes a "
                     "drained one back"
                   : "no estimate: no executor takes work; start one with `servo executor`";
    }
    if (job->samples == 0) {
        return "no estimate: no duration of this asset revision is recorded yet";
    }
    if (!job->p50) {
        return "no estimate: it does not end by itself; `servo backfill explain` says what holds "
               "it";
    }
    return fmt::format(
        "from {} recorded durations, on {} slots",
        with_commas(static_cast<int64_t>(job->samples)),
        forecast.slots
    );
}

Result<std::shared_ptr<const core::Forecast>> Forecasts::current() {
    {
        const std::lock_guard lock(mutex_);
        const Millis age{engine::boottime_ms() - made_at_ms_};
        const Millis fresh = std::max(kForecastAgeMin, Millis(cost_ms_ * kForecastCostShare));
        if (making_ || (latest_ && age < fresh)) {
            return latest_;
        }
        making_ = true;
    }
    const int64_t begun = engine::boottime_ms();
    auto copy = copy_scheduler(backend_);
    std::shared_ptr<const core::Forecast> made;
    if (copy) {
        made = std::make_shared<const core::Forecast>(
            core::forecast(*copy->scheduler, {}, copy->now, kForecastSeed)
        );
    }
    const std::lock_guard lock(mutex_);
    making_ = false;
    if (!made) {
        return fail(std::move(copy).error());
    }
    latest_ = std::move(made);
    made_at_ms_ = engine::boottime_ms();
    cost_ms_ = made_at_ms_ - begun;
    return latest_;
}

Result<api::Preview> Forecasts::preview(std::vector<JobRow> rows, TenantId only) {
    const Copy copy = SERVO_TRY(copy_scheduler(backend_));
    const Status admitted = core::admit(*copy.scheduler, rows, copy.now);
    // That others have it all is an answer: whoever asks is told how much they have.
    if (!admitted && admitted.error().reason != "nothing_left") {
        return fail(admitted.error());
    }
    const core::Forecast without = core::forecast(*copy.scheduler, {}, copy.now, kForecastSeed);
    const core::Forecast with = core::forecast(*copy.scheduler, rows, copy.now, kForecastSeed);
    api::Preview out;
    out.completion_at = latest(with, rows, &core::JobForecast::p50);
    out.completion_p90_at = latest(with, rows, &core::JobForecast::p90);
    if (out.completion_at) {
        out.duration_p50_ms = (*out.completion_at - copy.now).count();
    }
    if (out.completion_p90_at) {
        out.duration_p90_ms = (*out.completion_p90_at - copy.now).count();
    }
    const auto first = rows.empty() ? with.jobs.end() : with.jobs.find(rows.front().id);
    if (!admitted) {
        out.basis = "no estimate: " + admitted.error().message;
    } else {
        out.basis = first == with.jobs.end() ? "no estimate: there is nothing to do"
                                             : estimate_basis(&first->second, with);
    }
    out.delays =
        named_delays(*copy.scheduler, core::delays(without, with, copy.now), only, copy.now);
    return out;
}

}  // namespace servo::server

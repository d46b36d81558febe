#include "server/pool_steps.h"

#include <algorithm>

#include "base/log.h"
#include "model/civil.h"
#include "model/cron.h"
#include "model/zone.h"

namespace servo::server {
namespace {

using namespace model;

// Half-open times at which one window is open, ascending and disjoint.
using Openings = std::vector<std::pair<Instant, Instant>>;

Result<Openings> openings_of(const PoolWindow& window, Instant now, Instant until) {
    const CronSpec cron = SERVO_TRY(parse_cron(window.cron));
    const auto zone = SERVO_TRY(Zone::load(window.timezone));
    // A window that opened before now may still be open.
    const int64_t from_s = floor_div(to_ms(now - window.length), 1'000);
    std::optional<int64_t> local = floor_div(from_s + zone->offset_at(from_s), kSecondsPerMinute);
    Openings out;
    while ((local = cron.next(*local)) && out.size() < kWindowOpeningsMax) {
        const Instant open = instant_ms(zone->first_instant(*local * kSecondsPerMinute) * 1'000);
        if (open > until) {
            break;
        }
        if (!out.empty() && open <= out.back().second) {
            out.back().second = std::max(out.back().second, open + window.length);
        } else if (open + window.length > now) {
            out.emplace_back(open, open + window.length);
        }
        ++*local;
    }
    return out;
}

bool open_at(const Openings& openings, Instant t) {
    const auto after =
        std::upper_bound(openings.begin(), openings.end(), t, [](Instant at, const auto& opening) {
            return at < opening.first;
        });
    return after != openings.begin() && t < std::prev(after)->second;
}

}  // namespace

Result<std::vector<LimitStep>> limit_steps(const PoolSpec& pool, Instant now, Millis ahead) {
    std::vector<LimitStep> out;
    if (pool.windows.empty()) {
        return out;
    }
    const Instant until = now + ahead;
    std::vector<Openings> windows;
    std::vector<Instant> edges = {now};
    for (const PoolWindow& window : pool.windows) {
        windows.push_back(SERVO_TRY(openings_of(window, now, until)));
        for (const auto& [open, close] : windows.back()) {
            edges.push_back(open);
            edges.push_back(close);
        }
    }
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    for (const Instant edge : edges) {
        if (edge < now || edge > until) {
            continue;
        }
        int64_t limit = pool.concurrency > 0 ? pool.concurrency : -1;
        for (size_t i = 0; i < windows.size(); ++i) {
            if (open_at(windows[i], edge)) {
                limit = pool.windows[i].concurrency;
                break;
            }
        }
        if (out.empty() || out.back().concurrency != limit) {
            out.push_back({edge, limit});
        }
    }
    return out;
}

PoolStepper::PoolStepper(Backend& backend) : backend_(backend) {}

PoolStepper::~PoolStepper() {
    stop();
}

void PoolStepper::start() {
    thread_ = std::thread([this] { run(); });
}

void PoolStepper::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void PoolStepper::refresh() {
    {
        const std::lock_guard lock(mutex_);
        wanted_ = true;
    }
    wake_.notify_all();
}

// A scheduler that was loaded anew has no steps, so they are computed again when the count of
// reloads or the epoch moved.
void PoolStepper::run() {
    std::pair<int64_t, int64_t> loaded{-1, -1};
    Instant next_all = kEpochStart;
    Instant next = kEpochStart;
    while (true) {
        bool all = false;
        {
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, kStepsCheckEvery, [this] { return stopping_ || wanted_; });
            if (stopping_) {
                return;
            }
            const engine::EngineStatus status = backend_.loop().status();
            const std::pair<int64_t, int64_t> now_loaded{status.reloads, status.epoch};
            all = wanted_ || now_loaded != loaded || backend_.now() >= next_all;
            if (!all && backend_.now() < next) {
                continue;
            }
            wanted_ = false;
            loaded = now_loaded;
        }
        next = backend_.now() + kStepsAgain;
        if (submit(all) && all) {
            next_all = backend_.now() + kStepsEvery;
        }
    }
}

// Of all pools, or only of those that are closed for want of them. False: some could not be told.
bool PoolStepper::submit(bool all) {
    const auto pools = backend_.read([](const core::Scheduler& scheduler, Instant now) {
        return scheduler.pools(now);
    });
    if (!pools) {
        return false;  // stopping, or loading
    }
    bool told = true;
    for (const core::PoolView& view : *pools) {
        if (view.row.spec.windows.empty() || (!all && view.limit_known)) {
            continue;
        }
        auto steps = limit_steps(view.row.spec, backend_.now(), kStepsAhead);
        if (!steps) {
            spdlog::error("windows of pool {}: {}", view.row.spec.name, steps.error().message);
            told = false;
            continue;
        }
        const auto reply = backend_.run(core::SetPoolSteps{view.row.id, std::move(*steps)});
        if (!reply) {
            spdlog::warn("windows of pool {}: {}", view.row.spec.name, reply.error().message);
            told = false;
        }
    }
    return told;
}

}  // namespace servo::server

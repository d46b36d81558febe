#include "core/forecast.h"

#include <algorithm>
#include <bit>
#include <queue>
#include <set>
#include <tuple>

#include "core/forecast_slots.h"
#include "core/rules.h"

namespace servo::core {
namespace {

// Rounded down; of a number that is not negative.
int64_t integer_sqrt(int64_t value) {
    const auto wanted = static_cast<uint64_t>(value);
    uint64_t root = 0;
    for (uint64_t bit = uint64_t{1} << (std::bit_width(wanted) / 2); bit > 0; bit >>= 1) {
        if ((root + bit) * (root + bit) <= wanted) {
            root += bit;
        }
    }
    return static_cast<int64_t>(root);
}

// About normal, × 1000: the sum of twelve uniforms (Irwin–Hall), four out of each draw.
int64_t normal_milli(Prng& prng) {
    int64_t sum = 0;
    for (int i = 0; i < 3; ++i) {
        for (uint64_t draw = prng.next(), piece = 0; piece < 4; ++piece, draw >>= 16) {
            sum += static_cast<int64_t>(draw & 0xffff);
        }
    }
    return sum * 1'000 / 65'536 - 6'000;
}

struct Durations {
    int64_t mean_us = 0;
    int64_t sigma_us = 0;
    uint64_t samples = 0;
};

// The revision's own record, else the newest before it that has one; null without any.
const DurationStats* record_of(const State& state, const Job& job) {
    const DurationStats* stats = nullptr;
    for (const auto& [number, entry] : state.asset_of(job).revisions) {
        if (number <= job.row.revision && entry.durations.count > 0) {
            stats = &entry.durations;
        }
    }
    return stats;
}

Durations durations_of(const State& state, const Job& job) {
    Durations out;
    const DurationStats* stats = record_of(state, job);
    if (stats == nullptr) {
        return out;
    }
    out.samples = stats->count;
    out.mean_us = std::max<int64_t>(1, stats->mean().count());
    // σ from the quartiles, as for a normal distribution: (q90 - q10) / 2.56; robust to outliers.
    const int64_t wide = (stats->quantile_per_mille(900) - stats->quantile_per_mille(100)).count();
    out.sigma_us = wide * 100 / 256;
    const JobCounters& counters = job.counters;
    if (counters.attempts_completed >= 20 && counters.busy_us > 0) {
        const int64_t lost_milli = std::min<int64_t>(
            counters.wasted_us / std::max<int64_t>(1, counters.busy_us / 1'000), 9'000
        );
        out.mean_us += out.mean_us / 1'000 * lost_milli;
    }
    return out;
}

class Run {
 public:
    Run(const Scheduler& source, Instant now, uint64_t seed)
        : scheduler_(source),
          state_(scheduler_.state_for_forecast()),
          now_(now),
          prng_(seed),
          free_(state_) {
        state_.forecasting = true;
        state_.now = now;
        state_.prng = Prng(seed);
        for (auto& [id, session] : state_.sessions) {
            session.unacked.clear();
        }
    }

    // Completion times of the jobs that end.
    std::map<JobId, Instant> play() {
        prepare();
        fill();
        for (int64_t i = 0; i < kForecastEventsMax && !state_.jobs.empty(); ++i) {
            const Instant release = free_.empty() ? kNever : next_release();
            const Instant end = finishing_.empty() ? kNever : std::get<Instant>(finishing_.top());
            if (std::min(release, end) - start_ > kForecastHorizon) {
                break;
            }
            advance(std::min(release, end));
            if (end <= release) {
                const auto [at, lease, session] = finishing_.top();
                finishing_.pop();
                complete(lease);
                free_.add(state_, session);
            }
            fill();
        }
        return ended_;
    }

 private:
    using Finish = std::tuple<Instant, LeaseId, SessionId>;

    Context context() { return Context{state_, now_, 1, scrap_}; }

    void prepare() {
        start_ = now_;
        int64_t work_us = 0;
        for (auto& [id, job] : state_.jobs) {
            const Durations d = durations_of(state_, job);
            if (d.samples > 0) {
                known_[id] = d;
                // Ranges are sized by the record that their durations are drawn from.
                state_.asset_of(job).revisions.at(job.row.revision).durations =
                    DurationStats(*record_of(state_, job));
                const int64_t relative_milli = std::max<int64_t>(
                    50,
                    d.sigma_us * 1'000 / d.mean_us /
                        std::max<int64_t>(1, integer_sqrt(static_cast<int64_t>(d.samples)))
                );
                factor_milli_[id] =
                    std::max<int64_t>(100, 1'000 + relative_milli * normal_milli(prng_) / 1'000);
                const auto left = static_cast<int64_t>(job.remaining.size());
                work_us += left > INT64_MAX / 8 / d.mean_us ? INT64_MAX / 16 : left * d.mean_us;
                work_us = std::min(work_us, INT64_MAX / 8);
            }
        }
        state_.range_target_us = std::max(kRangeTargetUs, work_us / kForecastGrantsPerRun);
        coarsen_tails();
        tick_every_ = std::max<Millis>(
            kTickInterval, Millis(work_us / 1'000 / std::max<int64_t>(1, state_.slots_total) / 400)
        );
        for (const auto& [id, lease] : state_.leases) {
            schedule(lease);
        }
        note_releases();
    }

    // The ends of what is set, held or paused for a time.
    void note_releases() {
        for (const auto& [id, tenant] : state_.tenants) {
            releases_.insert(tenant.row.override_limits ? tenant.row.override_info.until : kNever);
        }
        for (const auto& [id, asset] : state_.assets) {
            const AssetHead& head = asset.head;
            releases_.insert(head.concurrency_override ? head.override_info.until : kNever);
        }
        for (const auto& [id, pool] : state_.pools) {
            const PoolRow& row = pool.row;
            releases_.insert(row.concurrency_override ? row.override_info.until : kNever);
            releases_.insert(row.hold ? row.hold->until : kNever);
        }
        for (const auto& [id, job] : state_.jobs) {
            for (const auto& [pool, units] : job.pools) {
                pools_.insert(pool);
            }
            if (job.row.wants_latest) {  // it may come to use others
                for (const auto& [pool, unused] : state_.pools) {
                    pools_.insert(pool);
                }
            }
            releases_.insert(paused_until(job.row).value_or(kNever));
            for (const TemporarySettings& one : job.row.temporary) {
                releases_.insert(one.info.until);
            }
        }
    }

    // A job's last ranges shrink down to single partitions, which would be most of the grants of a
    // run with many jobs. What is left out is small against the whole, and against the job's part.
    void coarsen_tails() {
        const auto slots = static_cast<uint64_t>(std::max<int64_t>(1, state_.slots_total));
        for (const auto& [id, durations] : known_) {
            Job& job = state_.jobs.at(id);
            const auto of_all = static_cast<uint64_t>(
                state_.range_target_us / kForecastTailPieces / durations.mean_us
            );
            const uint64_t of_job = job.remaining.size() / (kForecastTailShares * slots);
            job.tail_range_min = std::max<uint64_t>(1, std::min(of_all, of_job));
        }
    }

    // The end of what is unreported, some of which has run for a while.
    void schedule(const Lease& lease) {
        const auto it = known_.find(lease.job);
        const auto n = static_cast<int64_t>(lease.size - lease.reported);
        int64_t us = n * kUnknownDurationUs;
        if (it != known_.end()) {
            const Durations& d = it->second;
            us = n * d.mean_us / 1'000 * factor_milli_.at(lease.job) +
                 n * (d.mean_us % 1'000) * factor_milli_.at(lease.job) / 1'000 +
                 integer_sqrt(n) * d.sigma_us / 1'000 * normal_milli(prng_);
            us = std::max<int64_t>(us, n);
        }
        // A batch runs all of its partitions at once.
        const RunnerKind kind = state_.jobs.at(lease.job).revision->spec.run.kind;
        const int64_t running_us = kind == RunnerKind::kBatch ? us : us / std::max<int64_t>(1, n);
        us -= std::min(Micros(now_ - lease.progress_at).count(), running_us);
        const Micros left(std::max<int64_t>(1, us));
        finishing_.emplace(now_ + std::chrono::ceil<Millis>(left), lease.id, lease.session);
    }

    void advance(Instant at) {
        now_ = std::max(now_, at);
        state_.now = now_;
        const bool released = !releases_.empty() && *releases_.begin() <= now_;
        if (now_ - state_.last_tick >= (released ? kTickInterval : tick_every_)) {
            Context c = context();
            tick(c);
            scrap_ = ChangeSet();
            releases_.erase(releases_.begin(), releases_.upper_bound(now_));
        }
        if (!state_.backoff.empty() && std::get<Instant>(*state_.backoff.begin()) <= now_) {
            retried_at_ = now_;
            release_backoff(state_, now_);
        }
    }

    void complete(LeaseId id) {
        const auto it = state_.leases.find(id);
        if (it == state_.leases.end()) {
            return;
        }
        Context c = context();
        Lease& lease = it->second;
        Job& job = state_.jobs.at(lease.job);
        const uint64_t count = lease.size - lease.reported;
        for (const LeaseGrant& grant : lease.grants) {
            for (const model::Run& run : grant.runs) {
                job.remaining.subtract(run);
                job.waiting.erase(
                    job.waiting.lower_bound(run.first), job.waiting.lower_bound(run.end)
                );
            }
        }
        observe_breakers(c, job, "", false, count);
        job.counters.completed += count;
        job.leased -= count;
        drop_front(c, lease, count);
        const JobId job_id = lease.job;
        end_lease(c, id);
        if (is_terminal(job.row.state)) {
            ended_[job_id] = now_;
            free_.job_ended(state_, job);
            forget(state_, job_id);
        }
    }

    void fill() {
        free_.fill_all([this](SessionId id) {
            Session& session = state_.sessions.at(id);
            Context c = context();
            while (free_slots(session) > 0) {
                const std::optional<LeaseId> lease = grant_one(c, session);
                if (!lease) {
                    return false;
                }
                schedule(state_.leases.at(*lease));
            }
            return true;
        });
    }

    // When time alone may release work next. What a tick has to see waits for one, as in life.
    Instant next_release() const {
        Instant next = kNever;
        if (!releases_.empty()) {
            next = std::max(*releases_.begin(), state_.last_tick + kTickInterval);
        }
        if (!state_.backoff.empty()) {
            // Some at a time: each of a hundred thousand retries has a moment of its own.
            const Instant due = std::get<Instant>(*state_.backoff.begin());
            next = std::min(next, std::max(due, retried_at_ + tick_every_));
        }
        for (const PoolId id : pools_) {
            const Pool& pool = state_.pools.at(id);
            const Instant probe = pool.breaker.probe_at().value_or(kNever);
            next = std::min(next, probe > now_ ? probe : kNever);
            next = std::min(next, pool_limit_rises(pool, now_));
        }
        return next;
    }

    Scheduler scheduler_;
    State& state_;
    Instant now_;
    Instant start_;
    Prng prng_;
    FreeSlots free_;
    std::set<PoolId> pools_;      // that open jobs use
    std::set<Instant> releases_;  // those that no tick has seen
    Instant retried_at_;          // backoff was last looked at
    Millis tick_every_{1'000};
    ChangeSet scrap_;
    std::map<JobId, Durations> known_;
    std::map<JobId, int64_t> factor_milli_;
    std::priority_queue<Finish, std::vector<Finish>, std::greater<>> finishing_;
    std::map<JobId, Instant> ended_;
};

}  // namespace

std::optional<Instant> paused_until(const JobRow& row) {
    return row.state == JobState::kPaused ? std::optional(row.resume_at) : std::nullopt;
}

Status admit(const Scheduler& source, const std::vector<JobRow>& added, Instant now) {
    Scheduler trial(source);
    ChangeSet scrap;
    SERVO_TRY(trial.apply(CreateJobs{added}, std::max(now, trial.state().now), 1, scrap));
    return {};
}

Forecast forecast(
    const Scheduler& source, const std::vector<JobRow>& added, Instant now, uint64_t seed
) {
    Forecast out;
    Scheduler with(source);
    ChangeSet scrap;
    for (const JobRow& row : added) {
        (void)with.apply(CreateJobs{{row}}, std::max(now, with.state().now), 1, scrap);
    }
    const State& state = with.state();
    out.slots = static_cast<int>(state.slots_total);
    out.drained = std::any_of(state.sessions.begin(), state.sessions.end(), [&](const auto& entry) {
        return state.executors.at(entry.second.executor).drain_wanted;
    });
    for (const auto& [id, job] : state.jobs) {
        if (!is_terminal(job.row.state)) {
            out.jobs[id].samples = durations_of(state, job).samples;
            out.jobs[id].paused_until = paused_until(job.row);
        }
    }
    if (out.slots == 0 || out.jobs.empty()) {
        return out;
    }
    std::map<JobId, std::vector<Instant>> ends;
    for (int i = 0; i < kForecastRuns; ++i) {
        Run run(with, std::max(now, state.now), seed + static_cast<uint64_t>(i) * 7'919);
        for (const auto& [id, at] : run.play()) {
            ends[id].push_back(at);
        }
    }
    for (auto& [id, job] : out.jobs) {
        std::vector<Instant>& times = ends[id];
        // A figure needs a history, and that the job ends in nearly every run.
        if (job.samples == 0 || times.size() * 10 < static_cast<size_t>(kForecastRuns) * 9) {
            continue;
        }
        std::sort(times.begin(), times.end());
        job.p50 = times[times.size() / 2];
        job.p90 = times[times.size() * 9 / 10];
    }
    return out;
}

std::map<JobId, Millis> delays(const Forecast& without, const Forecast& with, Instant now) {
    std::map<JobId, Millis> out;
    for (const auto& [id, before] : without.jobs) {
        const auto after = with.jobs.find(id);
        if (after == with.jobs.end() || !before.p50 || !after->second.p50) {
            continue;
        }
        const Millis delay = *after->second.p50 - *before.p50;
        if (delay > Millis(1'000) && delay > (*before.p50 - now) / 100) {
            out[id] = delay;
        }
    }
    return out;
}

}  // namespace servo::core

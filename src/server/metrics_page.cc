#include "server/metrics_page.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>

#include "core/pace.h"
#include "server/render.h"

namespace servo::server {
namespace {

using core::DurationTally;
using core::EndStatus;
using core::FinalState;
using model::AssetId;
using model::JobState;
using model::TenantId;

constexpr std::array kOpenStates = {
    JobState::kPending,
    JobState::kWaitingUpstream,
    JobState::kRunning,
    JobState::kPaused,
    JobState::kResuming,
    JobState::kCancelling};
constexpr std::array<std::string_view, core::kEndStatusCount> kEndNames = {
    "completed", "failed", "skipped"};
constexpr std::array<std::string_view, core::kFinalStateCount> kFinalNames = {
    "completed", "failed", "cancelled"};
constexpr const char* kOther = "other";
constexpr Millis kFailureRatioOver{600'000};
constexpr int64_t kFailureRatioSamples = 20;
constexpr size_t kFailureRatioTenants = 20;

// Everything but jobs, taken in one look.
struct Head {
    core::Tally tally;
    std::map<TenantId, std::string> tenants;  // the named ones; 0 = the others
    std::map<AssetId, std::string> assets;
    std::vector<core::ExecutorView> executors;
    std::vector<core::PoolView> pools;
    std::map<std::string, int64_t, std::less<>> time;  // of the ledger, by word
    core::LedgerView recent;                           // by tenant
    int64_t earned_milli = 0;
    int64_t slots_missing = 0;
    Instant now;
};

Head look(const core::Scheduler& scheduler, Instant now) {
    Head head;
    head.tally = scheduler.tally();
    for (int64_t id = 1; id <= core::kNamedMax; ++id) {
        if (const auto tenant = scheduler.tenant(TenantId(id))) {
            head.tenants[tenant->id] = tenant->name;
        }
        if (const auto asset = scheduler.asset(AssetId(id))) {
            head.assets[asset->id] = asset->name;
        }
    }
    if (scheduler.tenant(TenantId(core::kNamedMax + 1))) {
        head.tenants[TenantId{}] = kOther;
    }
    if (scheduler.asset(AssetId(core::kNamedMax + 1))) {
        head.assets[AssetId{}] = kOther;
    }
    head.executors = scheduler.executors(now);
    head.pools = scheduler.pools(now);
    head.time = scheduler.ledger_counters();
    head.recent = scheduler.ledger(model::LedgerScope::kTenant, kFailureRatioOver, Millis(0), now);
    head.earned_milli = scheduler.earned_slots_milli(now);
    head.slots_missing = core::slots_missing(scheduler);
    head.now = now;
    return head;
}

double seconds(Micros duration) {
    return static_cast<double>(duration.count()) / 1e6;
}

struct TenantJobs {
    std::array<uint64_t, model::kJobStateCount> by_state{};
    uint64_t running = 0, eligible = 0, gated = 0;
    uint64_t at_risk = 0, missed = 0;
    Millis stalled{0};
};

struct Jobs {
    std::map<TenantId, TenantJobs> tenants;
    Millis oldest{0};
    int64_t desired_slots = 0;
    std::map<core::Gate, int64_t> capped;  // slots that would be needed beyond those held
    uint64_t running = 0;
    double running_expected = 0;  // seconds, summed over what runs
};

void count(Jobs& jobs, const core::JobMeter& meter, Instant now) {
    TenantJobs& tenant = jobs.tenants[core::Tally::key(meter.tenant)];
    ++tenant.by_state[static_cast<size_t>(meter.state)];
    tenant.running += meter.running;
    tenant.eligible += meter.eligible;
    tenant.gated += meter.gated;
    tenant.at_risk += meter.deadline_at_risk ? 1 : 0;
    tenant.missed += meter.deadline_missed ? 1 : 0;
    if (meter.held_by == core::Gate::kNone) {
        jobs.desired_slots += meter.needs_slots;
    } else {
        jobs.desired_slots += meter.slots;
        jobs.capped[meter.held_by] += std::max<int64_t>(0, meter.needs_slots - meter.slots);
    }
    if (meter.claimable_since) {
        jobs.oldest = std::max(jobs.oldest, now - *meter.claimable_since);
    }
}

void count(Jobs& jobs, const core::JobPace& pace) {
    TenantJobs& tenant = jobs.tenants[core::Tally::key(pace.tenant)];
    tenant.stalled = std::max(tenant.stalled, pace.stalled);
    jobs.running += pace.running;
    jobs.running_expected += static_cast<double>(pace.running) * seconds(pace.expected);
}

// What one look between two batches sees.
struct Slice {
    std::vector<core::JobMeter> meters;
    std::vector<core::JobPace> paces;  // of the same jobs
    Instant now;
};

Result<Jobs> look_at_jobs(Backend& backend) {
    Jobs jobs;
    model::JobId after;
    while (true) {
        const auto slice = SERVO_TRY(backend.read([after](const auto& scheduler, Instant now) {
            return Slice{
                scheduler.meters(after, kJobsPerLook, now),
                core::paces(scheduler, after, kJobsPerLook, now),
                now};
        }));
        for (const core::JobMeter& meter : slice.meters) {
            count(jobs, meter, slice.now);
        }
        for (const core::JobPace& pace : slice.paces) {
            count(jobs, pace);
        }
        if (slice.meters.size() < static_cast<size_t>(kJobsPerLook)) {
            return jobs;
        }
        after = slice.meters.back().id;
    }
}

metrics::Buckets buckets(const DurationTally& tally) {
    metrics::Buckets out;
    for (const int64_t edge : DurationTally::kEdgesMs) {
        out.edges.push_back(seconds(Millis(edge)));
    }
    out.counts.assign(tally.counts.begin(), tally.counts.end());
    out.sum = static_cast<double>(tally.sum_us) / 1e6;
    return out;
}

template <typename Id, typename Counts>
Counts counts_of(const std::map<Id, Counts>& map, Id id) {
    const auto it = map.find(id);
    return it == map.end() ? Counts{} : it->second;
}

void add_partitions(metrics::Page& page, const Head& head) {
    for (const auto& [id, name] : head.tenants) {
        const core::EndCounts ends = counts_of(head.tally.processed, id);
        for (size_t i = 0; i < ends.size(); ++i) {
            page.add(
                "servo_backfill_partitions_processed_total",
                {name, std::string(kEndNames[i])},
                static_cast<double>(ends[i])
            );
        }
        page.add(
            "servo_backfill_attempts_total",
            {name, "completed"},
            static_cast<double>(counts_of(head.tally.attempts_completed, id))
        );
        const auto failed = counts_of(head.tally.attempts_failed, id);
        for (const model::FailureTraits& traits : model::all_failure_traits()) {
            page.add(
                "servo_backfill_attempts_total",
                {name, std::string(traits.name)},
                static_cast<double>(failed[static_cast<size_t>(traits.klass)])
            );
        }
    }
    // Assets of several tenants may share a name: their counts are one series.
    std::map<std::string, core::EndCounts> assets;
    for (const auto& [id, name] : head.assets) {
        const core::EndCounts ends = counts_of(head.tally.asset_processed, id);
        core::EndCounts& sum = assets[name];
        for (size_t i = 0; i < ends.size(); ++i) {
            sum[i] += ends[i];
        }
    }
    for (const auto& [name, ends] : assets) {
        for (size_t i = 0; i < ends.size(); ++i) {
            page.add(
                "servo_backfill_asset_partitions_processed_total",
                {name, std::string(kEndNames[i])},
                static_cast<double>(ends[i])
            );
        }
    }
}

void add_durations(metrics::Page& page, const core::Tally& tally) {
    for (size_t i = 0; i < tally.job_duration.size(); ++i) {
        page.add(
            "servo_backfill_job_duration_seconds",
            {std::string(kFinalNames[i])},
            buckets(tally.job_duration[i])
        );
    }
    page.add("servo_backfill_job_claim_latency_seconds", {}, buckets(tally.claim_latency));
    page.add(
        "servo_backfill_partition_duration_seconds",
        {"completed"},
        buckets(tally.completed_duration)
    );
    page.add(
        "servo_backfill_partition_duration_seconds", {"failed"}, buckets(tally.failed_duration)
    );
}

void add_jobs(metrics::Page& page, const Head& head, const Jobs& jobs) {
    std::array<uint64_t, model::kJobStateCount> all{};
    for (const auto& [id, name] : head.tenants) {
        const TenantJobs tenant = counts_of(jobs.tenants, id);
        for (const JobState state : kOpenStates) {
            const uint64_t number = tenant.by_state[static_cast<size_t>(state)];
            all[static_cast<size_t>(state)] += number;
            page.add(
                "servo_backfill_jobs_active_by_tenant",
                {name, std::string(to_string(state))},
                static_cast<double>(number)
            );
        }
        const auto partitions = [&](const char* state, uint64_t number) {
            page.add("servo_backfill_partitions", {name, state}, static_cast<double>(number));
        };
        partitions("running", tenant.running);
        partitions("eligible", tenant.eligible);
        partitions("gated", tenant.gated);
        page.add("servo_backfill_sla_at_risk_jobs", {name}, static_cast<double>(tenant.at_risk));
        page.add("servo_backfill_sla_breached_jobs", {name}, static_cast<double>(tenant.missed));
        page.add("servo_backfill_stalled_seconds", {name}, seconds(tenant.stalled));
    }
    for (const JobState state : kOpenStates) {
        page.add(
            "servo_backfill_jobs_active",
            {std::string(to_string(state))},
            static_cast<double>(all[static_cast<size_t>(state)])
        );
    }
    page.add("servo_backfill_oldest_claimable_seconds", {}, seconds(jobs.oldest));
    page.add(
        "servo_backfill_expected_partition_seconds",
        {},
        jobs.running == 0 ? 0 : jobs.running_expected / static_cast<double>(jobs.running)
    );
}

// What the ledger counted by these words, as seconds by the rest of the word.
void add_time(
    metrics::Page& page, const Head& head, std::string_view words, std::string_view metric
) {
    for (auto it = head.time.lower_bound(words); it != head.time.end(); ++it) {
        const auto name = model::ledger_name(it->first, words);
        if (!name) {
            break;
        }
        page.add(metric, {*name}, seconds(Millis(it->second)));
    }
}

void add_failure_ratios(metrics::Page& page, const core::LedgerView& recent) {
    std::vector<std::pair<double, std::string>> worst;
    for (const core::LedgerView::Row& row : recent.rows) {
        const auto amount = [&](std::string_view word) {
            const auto it = row.amounts.find(word);
            return it == row.amounts.end() ? int64_t{0} : it->second;
        };
        const int64_t failed = amount("partitions.failed");
        const int64_t ended = failed + amount("partitions.completed");
        if (row.tenant && ended >= kFailureRatioSamples) {
            worst.emplace_back(-static_cast<double>(failed) / static_cast<double>(ended), row.name);
        }
    }
    std::sort(worst.begin(), worst.end());
    worst.resize(std::min(worst.size(), kFailureRatioTenants));
    for (const auto& [ratio, tenant] : worst) {
        page.add("servo_backfill_tenant_failure_ratio", {tenant}, -ratio);
    }
}

void add_ledger(metrics::Page& page, const Head& head, const Jobs& jobs) {
    add_time(page, head, model::kSlotWords, "servo_slot_seconds_total");
    add_time(page, head, model::kPhaseWords, "servo_busy_seconds_total");
    add_time(page, head, model::kWaitWords, "servo_wait_seconds_total");
    for (const auto& [id, name] : head.tenants) {
        page.add(
            "servo_earned_slot_seconds_total",
            {name},
            static_cast<double>(counts_of(head.tally.earned_us, id)) / 1e6
        );
    }
    page.add("servo_earned_slots", {}, static_cast<double>(head.earned_milli) / 1e3);
    page.add("servo_desired_slots", {}, static_cast<double>(jobs.desired_slots));
    for (const core::Gate gate : core::kGatesThatCap) {
        page.add(
            "servo_desired_slots_capped",
            {std::string(core::to_string(gate))},
            static_cast<double>(counts_of(jobs.capped, gate))
        );
    }
    add_failure_ratios(page, head.recent);
}

void add_executors(metrics::Page& page, const Head& head, const ExecutorBook& book) {
    std::map<std::string_view, int> states;
    double slots = 0;
    double busy = 0;
    double draining_slots = 0;
    for (const core::ExecutorView& view : head.executors) {
        api::Executor executor = render_executor(view, head.now);
        add_health(book.health(view.session.value), head.now, executor);
        ++states[*std::find(kExecutorStates.begin(), kExecutorStates.end(), executor.state)];
        if (view.session && view.draining) {
            draining_slots += view.slots;
        } else if (view.session) {
            slots += view.slots;
            busy += std::min(view.busy, view.slots);
        }
    }
    for (const std::string_view state : kExecutorStates) {
        if (state == kExecutorLeft) {
            continue;
        }
        page.add("servo_executors", {std::string(state)}, states[state]);
    }
    page.add("servo_executor_slots", {"busy"}, busy);
    page.add("servo_executor_slots", {"free"}, slots - busy);
    page.add("servo_executor_slots", {"draining"}, draining_slots);
    page.add("servo_executor_slots", {"missing"}, static_cast<double>(head.slots_missing));
}

struct PoolSample {
    bool held = false;
    bool open = false;
    int64_t used = 0;
    std::optional<int64_t> limit;
};

// Shared pools have names first, as all tenants feel them; then the older ones.
std::map<std::string, PoolSample> samples_of(std::vector<core::PoolView> pools) {
    std::stable_partition(pools.begin(), pools.end(), [](const core::PoolView& pool) {
        return !pool.row.tenant;
    });
    std::map<std::string, PoolSample> out;
    int64_t named = 0;
    for (const core::PoolView& pool : pools) {
        const std::string name = pool.tenant_name.empty()
                                     ? pool.row.spec.name
                                     : pool.tenant_name + "/" + pool.row.spec.name;
        PoolSample& sample = out[named++ < core::kNamedMax ? name : kOther];
        sample.held = sample.held || pool.row.hold.has_value();
        sample.open =
            sample.open || (pool.wanted && pool.row.breaker == model::BreakerState::kOpen);
        sample.used += pool.used;
        if (pool.limit >= 0) {
            sample.limit = sample.limit.value_or(0) + pool.limit;
        }
    }
    return out;
}

void add_pools(metrics::Page& page, const std::vector<core::PoolView>& pools) {
    for (const auto& [name, sample] : samples_of(pools)) {
        page.add("servo_pool_held", {name}, sample.held ? 1 : 0);
        page.add("servo_pool_open", {name}, sample.open ? 1 : 0);
        page.add("servo_pool_used", {name}, static_cast<double>(sample.used));
        if (sample.limit) {
            page.add("servo_pool_limit", {name}, static_cast<double>(*sample.limit));
        }
    }
}

}  // namespace

metrics::Page metrics_page(Backend& backend, const HttpMeter& http) {
    metrics::Page page;
    const engine::EngineStatus status = backend.loop().status();
    page.add("servo_build_info", {backend.version()}, 1);
    page.add(
        "servo_leader_epoch", {}, static_cast<double>(std::max(status.epoch, status.leader.epoch))
    );
    page.add("servo_leader_queue_depth", {}, static_cast<double>(status.queued));
    page.add("servo_leader_reloads_total", {}, static_cast<double>(status.reloads));
    for (size_t i = 0; i < status.changes.size(); ++i) {
        page.add(
            "servo_changes_total",
            {std::string(to_string(static_cast<model::ChangeKind>(i)))},
            static_cast<double>(status.changes[i])
        );
    }
    page.add("servo_store_commands_total", {}, static_cast<double>(status.commands));
    page.add("servo_store_commits_total", {}, static_cast<double>(status.commits));
    http.write(page);
    const bool leads = status.state == engine::EngineState::kLeading;
    page.add("servo_leader_is_leader", {}, leads ? 1 : 0);
    if (!leads) {
        return page;
    }
    const auto head = backend.read(look);
    const auto jobs = look_at_jobs(backend);
    if (head && jobs) {
        add_partitions(page, *head);
        add_durations(page, head->tally);
        add_jobs(page, *head, *jobs);
        add_executors(page, *head, *backend.executor_book());
        add_pools(page, head->pools);
        add_ledger(page, *head, *jobs);
    }
    return page;
}

}  // namespace servo::server

// The jobs that people start: of new partitions, and of those that were done before, by policy.
#include <algorithm>

#include "model/job_id.h"
#include "sim/workload.h"

namespace servo::sim {
namespace {

constexpr uint64_t kReprocessedMax = 500;  // partitions of one job

}  // namespace

void Workload::plan_jobs() {
    jobs_.resize(jobs_wanted_);
    for (size_t i = 0; i < jobs_wanted_; ++i) {
        const Micros phase(world_.options.fault_phase);
        const Micros spread = world_.options.reprocesses ? phase * 9 / 10 : phase / 2;
        const Micros delay =
            i == 0 || world_.options.fairness ? Micros(300'000) : world_.between(Micros(0), spread);
        world_.queue.after(delay, [this, i] { create_job(i); });
    }
}

void Workload::create_job(size_t number) {
    const std::optional<JobRow> row = draw_job(number);
    if (!row) {
        world_.queue.after(Micros(500'000), [this, number] { create_job(number); });
        return;
    }
    jobs_[number] = row->id;
    if (row->total() > 0) {
        send_job(*row, kTriesMax);
    } else {
        world_.mark("nothing left to reprocess");
        ++jobs_settled_;
    }
}

uint64_t Workload::draw_count(const AssetPlan& plan) {
    const Options& options = world_.options;
    const uint64_t count = 1 + world_.prng.below(options.partitions_max);
    if (options.fairness) {
        return options.partitions_max;
    }
    if (plan.spec.sequential) {
        return std::min<uint64_t>(count, 40);
    }
    if (plan.spec.concurrency == 1 || !plan.spec.pools.empty()) {
        return std::min<uint64_t>(count, 1'000);
    }
    return count;
}

// Behind what there is, or over the end of it.
std::vector<OrdinalRun> Workload::draw_new(AssetPlan& plan) {
    Prng& prng = world_.prng;
    const uint64_t count = draw_count(plan);
    int64_t first = plan.next_ordinal;
    if (world_.options.overlaps && prng.chance(1, 2)) {
        first = std::max<int64_t>(1, first - static_cast<int64_t>(prng.below(count) + 1));
    }
    const int64_t stride = prng.chance(1, 6) && count < 2'000 ? 2 : 1;
    plan.next_ordinal = first + static_cast<int64_t>(count) * stride + prng.between(0, 5);
    return {{first, count, stride}};
}

// Among what was asked for before.
std::vector<OrdinalRun> Workload::draw_known(const AssetPlan& plan) {
    Prng& prng = world_.prng;
    const uint64_t count = std::min(draw_count(plan), kReprocessedMax);
    const int64_t most = std::max<int64_t>(1, plan.next_ordinal - static_cast<int64_t>(count));
    return {{prng.between(1, most), count, prng.chance(1, 6) ? 2 : 1}};
}

// The server resolves names to ids; without one that leads there is nothing to resolve with.
std::optional<JobRow> Workload::draw_job(size_t number) {
    ServerNode* server = cluster_.front();
    if (server == nullptr || !server->leading() || server->stalled()) {
        return std::nullopt;
    }
    const Options& options = world_.options;
    Prng& prng = world_.prng;
    const size_t place = options.fairness ? number * static_cast<size_t>(options.assets_per_tenant)
                                          : prng.below(assets_.size());
    AssetPlan& plan = assets_[place];
    const Instant now = server->clock();
    const core::Scheduler& scheduler = *server->engine().scheduler();
    const auto head = scheduler.find_asset(plan.tenant, plan.spec.name);
    if (!head) {
        return std::nullopt;
    }
    const bool again = options.reprocesses && plan.next_ordinal > 1 && prng.chance(2, 3);
    std::vector<OrdinalRun> runs = again ? draw_known(plan) : draw_new(plan);
    JobRow row;
    row.reprocess = static_cast<ReprocessPolicy>(prng.below(4));
    if (options.reprocesses) {
        auto chosen = reader_.choose(head->id, std::move(runs), row.reprocess);
        if (!chosen) {
            return std::nullopt;
        }
        runs = std::move(*chosen);
    }
    row.id = JobId(static_cast<int64_t>(prng.next() >> 1) | 1);
    row.tenant = head->tenant;
    row.asset = head->id;
    row.revision = head->latest_revision;
    row.ordinals = std::make_shared<const OrdinalView>(std::move(runs), prng.chance(1, 4));
    row.overlap = static_cast<OverlapPolicy>(prng.below(3));
    row.created_by = "analyst";
    row.settings.priority = prng.chance(1, 2) ? 0 : static_cast<int>(prng.between(-10, 10));
    if (options.deadlines && prng.chance(1, 2)) {
        row.settings.deadline = now + Millis(prng.between(1'000, 600'000));
    }
    if (options.limits && prng.chance(1, 3)) {
        row.settings.max_concurrency = prng.between(1, 4);
    }
    if (prng.chance(1, 4)) {
        row.settings.max_failures = MaxFailures{prng.between(0, 20), 0, 0};
    }
    const uint64_t count = row.total();
    if (options.poison && poisoned_ < 1 && count > 1) {
        ++poisoned_;
        programs_.set_poison(row.id, prng.below(count));
    }
    partitions_ += count;
    work_ += plan.typical * static_cast<int64_t>(count);
    return row;
}

void Workload::send_job(const JobRow& row, int tries) {
    auto settled = std::make_shared<bool>(false);
    std::optional<engine::Idempotency> key;
    if (world_.options.idempotent_repeats) {
        key = engine::Idempotency{
            row.tenant, "/v1/backfills", to_text(row.id), "body", [](const core::Reply& reply) {
                return std::pair(201, to_text(std::get<core::JobsReply>(reply).jobs.at(0).job));
            }};
    }
    const auto again = [this, row, tries, settled](const Error* error) {
        if (*settled) {
            return;
        }
        *settled = true;
        const bool mine = error != nullptr && error->reason == "id_in_use";
        const bool there = world_.auditor.accounts().jobs.contains(row.id);
        if (error == nullptr || mine || there) {
            ++jobs_settled_;
        } else if (error->reason == "overlap" || error->reason == "nothing_left" || tries == 0) {
            world_.mark("job refused for an overlap");
            ++jobs_settled_;
        } else {
            send_job(row, tries - 1);
        }
    };
    const auto answer = [again](const Result<core::Reply>& reply) {
        again(reply.has_value() ? nullptr : &reply.error());
    };
    cluster_.request("analyst", core::CreateJobs{{row}}, answer, key);
    if (world_.options.idempotent_repeats && world_.prng.chance(1, 3)) {
        world_.mark("request repeated while it is under way");
        cluster_.request("analyst", core::CreateJobs{{row}}, answer, key);
    }
    world_.queue.after(kAnswerWithin, [again] {
        const Error error = unavailable("timeout", "no answer in time");
        again(&error);
    });
}

}  // namespace servo::sim

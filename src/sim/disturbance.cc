// Commands that people send at any moment, and the end of it.
#include <algorithm>
#include <array>

#include "sim/workload.h"

namespace servo::sim {

std::optional<JobId> Workload::some_job() {
    const auto& jobs = world_.auditor.accounts().jobs;
    if (jobs.empty()) {
        return std::nullopt;
    }
    auto it = jobs.begin();
    std::advance(it, static_cast<ptrdiff_t>(world_.prng.below(jobs.size())));
    return it->first;
}

Instant Workload::some_end() {
    ServerNode* server = cluster_.front();
    return server != nullptr && world_.prng.chance(1, 3)
               ? server->clock() + Millis(world_.prng.between(0, 30'000))
               : kNever;
}

void Workload::disturb() {
    const Options& options = world_.options;
    const uint64_t choice = world_.prng.below(10);
    if (options.controls && choice < 6) {
        control();
    } else if (options.levers && choice < 9) {
        lever();
    } else if (options.reprocesses && world_.prng.chance(1, 2)) {
        mark_some();
    } else if (options.applies || options.reprocesses) {
        change_definition();
    }
}

void Workload::control() {
    Prng& prng = world_.prng;
    const std::optional<JobId> job = some_job();
    if (!job) {
        return;
    }
    core::Command command;
    switch (prng.below(10)) {
        case 0:
        case 1:
        case 2: {
            core::PauseJob pause{*job, core::PauseMode::kDrain, "", kNever, "operator"};
            pause.mode = prng.chance(1, 2) ? core::PauseMode::kKill : core::PauseMode::kDrain;
            pause.until = some_end();
            command = pause;
            break;
        }
        case 3:
        case 4:
        case 5:
            command = core::ResumeJob{*job, "operator"};
            break;
        case 6:
            if (prng.chance(1, 3)) {
                command = core::CancelJob{*job, prng.chance(1, 2), "", "operator"};
                break;
            }
            [[fallthrough]];
        case 7: {
            core::RetryJob retry{*job, {}, {}, "operator"};
            if (prng.chance(1, 2)) {
                retry.classes = {FailureClass::kData, FailureClass::kTransient};
                if (const auto sets =
                        world_.store.within(store::TenantScope::all())->failed_by_class(*job)) {
                    retry.failed_by_class = *sets;
                }
            }
            command = retry;
            break;
        }
        default: {
            core::SetJob set;
            set.job = *job;
            set.change.priority = static_cast<int>(prng.between(-10, 10));
            if (prng.chance(1, 3)) {
                set.change.max_concurrency = prng.between(0, 3);
            }
            if (prng.chance(1, 4)) {
                set.change.max_attempts = std::optional<int>(static_cast<int>(prng.between(1, 4)));
            }
            set.until = some_end();
            set.latest_revision = set.until == kNever && prng.chance(1, 3);
            set.actor = "operator";
            command = set;
        }
    }
    world_.mark("control");
    ask(command, 3);
    if (prng.chance(1, 4)) {
        ask(command, 3);  // the same once more
    }
}

void Workload::lever() {
    Prng& prng = world_.prng;
    world_.mark("lever");
    const std::string tenant = tenants_[prng.below(tenants_.size())];
    switch (prng.below(5)) {
        case 0: {
            core::SetTenant set;
            set.tenant = tenant;
            set.weight = static_cast<int>(prng.between(1, 1'000));
            set.max_concurrency = prng.between(0, 4);
            set.unset = prng.chance(1, 3);
            set.until = some_end();
            set.actor = "operator";
            ask(set, 3);
            return;
        }
        case 1:
            if (!pools_.empty()) {
                core::SetPool set;
                set.pool = pools_[prng.below(pools_.size())];
                set.concurrency = prng.between(0, 5);
                set.unset = prng.chance(1, 3);
                set.until = some_end();
                set.actor = "operator";
                ask(set, 3);
            }
            return;
        case 2:
            if (!pools_.empty()) {
                core::HoldPool hold;
                hold.pool = pools_[prng.below(pools_.size())];
                hold.release = prng.chance(1, 2);
                hold.until = some_end();
                hold.actor = "operator";
                ask(hold, 3);
            }
            return;
        case 3: {
            const AssetPlan& plan = assets_[prng.below(assets_.size())];
            core::SetAsset set;
            set.tenant = plan.tenant;
            set.asset = plan.spec.name;
            set.concurrency = prng.between(0, 3);
            set.unset = prng.chance(1, 3);
            set.until = some_end();
            set.actor = "operator";
            ask(set, 3);
            return;
        }
        default:
            mark_some();
    }
}

void Workload::mark_some() {
    constexpr std::array kOutcomes = {
        model::Outcome::kSucceeded, model::Outcome::kSkipped, model::Outcome::kMissing};
    Prng& prng = world_.prng;
    const AssetPlan& plan = assets_[prng.below(assets_.size())];
    core::MarkPartitions mark;
    mark.tenant = plan.tenant;
    mark.asset = plan.spec.name;
    mark.ordinals = {{prng.between(1, plan.next_ordinal), 1 + prng.below(20), 1}};
    mark.outcome = kOutcomes[prng.below(kOutcomes.size())];
    mark.reason = "adopted";
    mark.actor = "operator";
    world_.mark("partitions marked");
    ask(mark, 0);
}

void Workload::change_definition() {
    Prng& prng = world_.prng;
    world_.mark("definition changed");
    AssetPlan& plan = assets_[prng.below(assets_.size())];
    plan.spec.code_version = std::to_string(prng.below(1'000));
    if (prng.chance(1, 2)) {
        plan.spec.retries.max_attempts = static_cast<int>(prng.between(1, 5));
    }
    core::ApplyDefinitions apply;
    apply.actor = "operator";
    for (const std::string& tenant : tenants_) {
        core::TenantDefinitions wanted;
        wanted.tenant = tenant;
        for (const AssetPlan& asset : assets_) {
            if (asset.tenant == tenant) {
                wanted.assets.push_back(asset.spec);
            }
        }
        apply.tenants.push_back(std::move(wanted));
    }
    ask(apply, 3);
}

void Workload::tell_steps(ServerNode& server, const core::Scheduler& scheduler) {
    if (!world_.options.pool_windows) {
        return;
    }
    const Instant now = server.engine().now();
    for (const core::PoolView& pool : scheduler.pools(now)) {
        core::SetPoolSteps set;
        set.pool = pool.row.id;
        Instant at = now - Millis(1'000);
        for (int i = 0; i < 6; ++i) {
            set.steps.push_back({at, world_.prng.between(0, 4)});
            at += Millis(world_.prng.between(5'000, 40'000));
        }
        set.steps.push_back({at, 4});
        world_.auditor.on_pool_steps(set.pool, set.steps);
        server.engine().submit({set, [](auto&&) {}, std::nullopt});
    }
}

// --- the end ---------------------------------------------------------------------------------

// Again and again: a command sent before may still be on its way, and jobs pause themselves.
void Workload::heal() {
    constexpr int kTries = 3;
    for (const std::string& pool : pools_) {
        core::HoldPool release;
        release.pool = pool;
        release.release = true;
        release.actor = "operator";
        ask(release, kTries);
        core::SetPool widen;
        widen.pool = pool;
        widen.concurrency = 4;
        widen.actor = "operator";
        ask(widen, kTries);
    }
    for (const std::string& tenant : tenants_) {
        core::SetTenant set;
        set.tenant = tenant;
        set.max_concurrency = 0;
        set.actor = "operator";
        ask(set, kTries);
    }
    resume_paused();
    world_.queue.after(Micros(15'000'000), [this] { heal(); });
}

void Workload::resume_paused() {
    for (const auto& [id, job] : world_.auditor.accounts().jobs) {
        if (job.row.state == JobState::kPaused) {
            ask(core::ResumeJob{id, "operator"}, 3);
        }
    }
}

}  // namespace servo::sim

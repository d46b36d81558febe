#include "sim/workload.h"

#include <algorithm>

#include "model/job_id.h"

namespace servo::sim {
namespace {

constexpr std::array<int64_t, 4> kTypicalUs = {4'000, 200'000, 4'000'000, 60'000'000};
constexpr Millis kTimeout{180'000};

std::string name_of(const char* what, size_t number) {
    return fmt::format("{}{}", what, number);
}

SchemeSpec any_scheme() {
    Dimension dimension;
    dimension.values = StaticKeys{{"any"}, {}};
    return {{dimension}};
}

}  // namespace

// --- definitions -----------------------------------------------------------------------------

void Workload::draw_definitions() {
    const Options& options = world_.options;
    Prng& prng = world_.prng;
    for (int i = 0; i < options.tenants; ++i) {
        tenants_.push_back(name_of("t", static_cast<size_t>(i)));
    }
    std::vector<PoolSpec> pools;
    if (options.pools) {
        const int64_t count = prng.between(1, 2);
        for (int64_t i = 0; i < count; ++i) {
            PoolSpec pool;
            pool.name = name_of("pool", static_cast<size_t>(i));
            pool.concurrency = prng.chance(1, 5) ? 0 : prng.between(1, 6);
            pool.per_tenant_concurrency = prng.chance(1, 3) ? prng.between(1, 3) : 0;
            pools_.push_back(pool.name);
            pool_specs_[pool.name] = pool;
            pools.push_back(std::move(pool));
        }
    }
    for (const std::string& tenant : tenants_) {
        core::TenantDefinitions wanted;
        wanted.tenant = tenant;
        wanted.pools = pools;
        for (int i = 0; i < options.assets_per_tenant; ++i) {
            assets_.push_back(draw_asset(tenant, i));
            wanted.assets.push_back(assets_.back().spec);
        }
        definitions_.tenants.push_back(std::move(wanted));
    }
    definitions_.actor = "operator";
}

Workload::AssetPlan Workload::draw_asset(const std::string& tenant, int number) {
    const Options& options = world_.options;
    Prng& prng = world_.prng;
    AssetPlan plan;
    plan.tenant = tenant;
    AssetSpec& spec = plan.spec;
    spec.name = name_of("a", static_cast<size_t>(number));
    spec.partitions = any_scheme();
    spec.run.argv = {"work"};
    spec.timeout = kTimeout;
    spec.retries.backoff_initial = Millis(prng.between(100, 5'000));
    spec.retries.backoff_max = spec.retries.backoff_initial * prng.between(1, 8);
    spec.retries.external_max_elapsed = Millis(prng.between(60'000, 600'000));
    if (prng.chance(1, 3)) {
        spec.retries.max_attempts = static_cast<int>(prng.between(1, 5));
    }
    if (prng.chance(1, 3)) {
        spec.retries.by_class[FailureClass::kTransient] = static_cast<int>(prng.between(1, 4));
    }
    if (options.limits && prng.chance(1, 3)) {
        spec.concurrency = prng.between(1, 4);
    }
    if (options.sequential && prng.chance(1, 3)) {
        spec.sequential = true;
    }
    if (options.labels && prng.chance(1, 3)) {
        label_ = "east";
        spec.labels["zone"] = label_;
    }
    for (const std::string& pool : pools_) {
        if (prng.chance(1, 2)) {
            const PoolSpec& definition = pool_specs_.at(pool);
            const bool fits = definition.concurrency != 1 && definition.per_tenant_concurrency != 1;
            spec.pools[pool] = fits && prng.chance(1, 4) ? 2 : 1;
        }
    }
    if (prng.chance(1, 5) && !spec.sequential && !options.fairness) {
        spec.run.kind = RunnerKind::kBatch;
        spec.run.batch_size = static_cast<int>(prng.between(1, 20));
    }
    const int64_t typical = kTypicalUs[static_cast<size_t>(options.durations)];
    plan.typical = Micros(options.fairness ? typical : prng.between(typical / 4, typical * 2));
    if (spec.sequential) {
        plan.typical = std::min(plan.typical, Micros(2'000'000));
    }
    programs_.set_profile(tenant, spec.name, draw_profile(plan));
    return plan;
}

Profile Workload::draw_profile(const AssetPlan& plan) {
    const Options& options = world_.options;
    Prng& prng = world_.prng;
    Profile profile;
    profile.typical = plan.typical;
    profile.hang_per_mille = options.hangs && prng.chance(1, 2) ? 5 : 0;
    if (options.fail_per_mille > 0) {
        constexpr FailureClass kClasses[] = {
            FailureClass::kTransient,
            FailureClass::kData,
            FailureClass::kResource,
            FailureClass::kExternal,
            FailureClass::kTimeout,
            FailureClass::kAuth,
            FailureClass::kCrash,
            FailureClass::kConfiguration,
            FailureClass::kError,
        };
        const int64_t count = prng.between(1, 3);
        for (int64_t i = 0; i < count; ++i) {
            profile.failures.emplace_back(
                kClasses[prng.below(std::size(kClasses))],
                static_cast<int>(prng.between(0, options.fail_per_mille))
            );
        }
    }
    return profile;
}

// --- the start -------------------------------------------------------------------------------

void Workload::start() {
    draw_definitions();
    jobs_wanted_ = static_cast<size_t>(world_.options.jobs);
    apply();
}

void Workload::apply() {
    cluster_.request("operator", definitions_, [this](const Result<core::Reply>& reply) {
        if (reply.has_value() && jobs_wanted_ > 0 && jobs_.empty()) {
            set_weights();
            plan_jobs();
        }
    });
    world_.queue.after(kAnswerWithin, [this] {
        if (jobs_.empty()) {
            apply();
        }
    });
}

void Workload::set_weights() {
    Prng& prng = world_.prng;
    for (const std::string& tenant : tenants_) {
        core::SetTenant set;
        set.tenant = tenant;
        set.actor = "operator";
        if (world_.options.wide_weights) {
            set.weight = prng.chance(1, 2) ? 1 : 1'000;
        } else if (world_.options.fairness) {
            set.weight = static_cast<int>(prng.between(1, 4)) * 100;
        } else {
            set.weight = static_cast<int>(prng.between(50, 150));
        }
        if (world_.options.limits && prng.chance(1, 3)) {
            set.max_concurrency = prng.between(1, 6);
        }
        ask(set, kTriesMax);
    }
}

void Workload::ask(const core::Command& command, int tries) {
    auto settled = std::make_shared<bool>(false);
    const auto again = [this, command, tries, settled](bool worth) {
        if (!*settled) {
            *settled = true;
            if (worth && tries > 0) {
                ask(command, tries - 1);
            }
        }
    };
    cluster_.request("operator", command, [again](const Result<core::Reply>& reply) {
        again(!reply.has_value() && traits(reply.error().code).retryable);
    });
    world_.queue.after(kAnswerWithin, [again] { again(true); });
}

bool Workload::finished() const {
    if (jobs_.empty() || jobs_settled_ < jobs_wanted_) {
        return false;
    }
    const auto& jobs = world_.auditor.accounts().jobs;
    return std::all_of(jobs.begin(), jobs.end(), [](const auto& entry) {
        return is_terminal(entry.second.row.state);
    });
}

std::string Workload::open_jobs() const {
    std::string out;
    for (const auto& [id, job] : world_.auditor.accounts().jobs) {
        if (!is_terminal(job.row.state)) {
            out += fmt::format(
                "\n  {} {} ({}): {} of {} to do, {} live grants",
                to_text(id),
                to_string(job.row.state),
                job.row.state_reason,
                job.remaining.size(),
                job.row.total(),
                job.grants.size()
            );
        }
    }
    return out;
}

}  // namespace servo::sim

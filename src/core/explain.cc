// Gates in words: what holds work back, since when, and what would release it.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/rules.h"
#include "model/job_id.h"
#include "model/labels.h"

namespace servo::core {
namespace {

constexpr std::array<std::string_view, kGateCount> kGateNames = {
    "capacity",
    "not_before",
    "upstream",
    "paused",
    "cancelling",
    "overlap",
    "revision",
    "pool_held",
    "breaker",
    "pool_limit",
    "asset_limit",
    "job_limit",
    "tenant_limit",
    "sequential",
    "no_executor",
};

std::string subject_of(const State& state, const GateAnswer& answer) {
    switch (answer.gate) {
        case Gate::kPoolHeld:
        case Gate::kBreaker:
        case Gate::kPoolLimit:
            return state.pools.at(PoolId(answer.subject)).row.spec.name;
        case Gate::kOverlap:
        case Gate::kPaused:
        case Gate::kCancelling:
        case Gate::kJobLimit:
        case Gate::kNotBefore:
            return to_text(JobId(answer.subject));
        case Gate::kTenantLimit:
            return state.tenants.at(TenantId(answer.subject)).row.name;
        case Gate::kAssetLimit:
        case Gate::kSequential:
        case Gate::kUpstream:
        case Gate::kRevision:
        case Gate::kNoExecutor:
            return state.assets.at(AssetId(answer.subject)).head.name;
        case Gate::kNone:
            return "";
    }
    return "";
}

// The first executor by name that an operator drained and that could run the job; none: empty.
std::string drained_executor(const State& state, const Job& job) {
    for (const auto& [name, id] : state.executor_names) {
        const auto session = state.session_of.find(id);
        if (session != state.session_of.end() && state.executors.at(id).drain_wanted &&
            serves(state.sessions.at(session->second), job)) {
            return name;
        }
    }
    return "";
}

std::string release_of_no_executor(const State& state, const Job& job) {
    if (const std::string drained = drained_executor(state, job); !drained.empty()) {
        return fmt::format("servo executor undrain {}", drained);
    }
    const auto& labels = job.revision->spec.labels;
    return labels.empty() ? "An executor: servo executor --server URL"
                          : fmt::format(
                                "An executor with {}; servo executor list -o wide shows which has "
                                "what.",
                                to_text(labels)
                            );
}

// The pool as commands take it from somebody who sees several tenants.
std::string pool_words(const State& state, const Pool& pool) {
    const auto tenant = state.tenants.find(pool.row.tenant);
    const bool shared = tenant == state.tenants.end();
    return pool.row.spec.name + (shared ? "" : " --tenant " + tenant->second.row.name);
}

std::string release_of_pool_limit(
    const Pool& pool, const std::string& words, Instant now, Instant until
) {
    if (pool.row.concurrency_override == 0) {
        return fmt::format("servo pool unset {}", words);
    }
    const char* what = "Free units of the pool";
    if (!limit_known(pool)) {
        what = "The pool's time windows, which the server works out within seconds";
    } else if (pool_limit(pool, now) == 0) {
        what = "The end of the time window that closes the pool";
    } else if (until != kNever) {
        what = "Free units of the pool, or the end of the time window that limits it";
    }
    return fmt::format("{}, or: servo pool set {} --concurrency N", what, words);
}

std::string release_of_pool(const State& state, const GateAnswer& answer) {
    const Pool& pool = state.pools.at(PoolId(answer.subject));
    const std::string words = pool_words(state, pool);
    if (answer.gate == Gate::kPoolLimit) {
        return release_of_pool_limit(pool, words, state.now, answer.until);
    }
    const bool held = answer.gate == Gate::kPoolHeld;
    return fmt::format("{}servo pool release {}", held ? "" : "A probe that succeeds, or: ", words);
}

std::string release_of_sequential(const State& state, const Job& job) {
    for (const JobId id : state.asset_of(job).open_jobs) {
        if (id != job.row.id && !state.jobs.at(id).leases.empty()) {
            return fmt::format("The partition of {} that runs.", to_text(id));
        }
    }
    return "The partition before it.";
}

// What would release the work, with the command to type.
std::string release_of(
    const State& state, const Job& job, const GateAnswer& answer, const std::string& subject
) {
    const Gate gate = answer.gate;
    const std::string id = to_text(job.row.id);
    const std::string& tenant = state.tenants.at(job.row.tenant).row.name;
    switch (gate) {
        case Gate::kNone:
            return "A free slot; servo status tells how many there are.";
        case Gate::kNotBefore:
            return "Its retry time; nothing to do.";
        case Gate::kUpstream:
            return "The upstream partitions.";
        case Gate::kPaused:
            return fmt::format("servo backfill resume {}", id);
        case Gate::kCancelling:
            return fmt::format(
                "The end of the partitions that run, or: servo backfill cancel {} --force", id
            );
        case Gate::kOverlap:
            return fmt::format("The end of {}, or: servo backfill cancel {}", subject, subject);
        case Gate::kRevision:
            return fmt::format(
                "The end of the partitions that run; then it goes on with revision {}.",
                state.asset_of(job).head.latest_revision
            );
        case Gate::kPoolHeld:
        case Gate::kBreaker:
        case Gate::kPoolLimit:
            return release_of_pool(state, answer);
        case Gate::kAssetLimit:
            return fmt::format("servo asset set {} --concurrency N --tenant {}", subject, tenant);
        case Gate::kJobLimit:
            return fmt::format("servo backfill set {} --max-concurrency N", id);
        case Gate::kTenantLimit:
            return fmt::format("servo tenant set {} --max-concurrency N", tenant);
        case Gate::kSequential:
            return release_of_sequential(state, job);
        case Gate::kNoExecutor:
            return release_of_no_executor(state, job);
    }
    return "";
}

// No longer than the job has been as it is: a pool may have been parked before there was the job.
// What other work holds back is looked at once a second, and between looks only that much is sure.
Instant since_of(const State& state, const Job& job, const GateAnswer& answer) {
    if (answer.since != Instant{}) {
        return std::max(answer.since, job.row.state_since);
    }
    if (!job.held_since) {
        return job.waiting_since;
    }
    const bool seen = job.held_by == answer.gate && job.held_subject == answer.subject;
    return seen ? *job.held_since : std::max(job.waiting_since, state.waits_seen);
}

}  // namespace

std::string_view to_string(Gate gate) {
    return kGateNames[static_cast<size_t>(gate)];
}

GateShare explain(
    const State& state, const Job& job, const GateAnswer& answer, uint64_t partitions
) {
    GateShare out;
    out.gate = answer.gate;
    out.partitions = partitions;
    out.subject = subject_of(state, answer);
    out.since = since_of(state, job, answer);
    if (answer.until != kNever) {
        out.until = answer.until;
    }
    out.release = release_of(state, job, answer, out.subject);
    return out;
}

}  // namespace servo::core

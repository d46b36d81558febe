// The auditor's view of callers: what they were told must be in the log (I6). And of the leader's
// memory, which must be what the log says (I9, I19).
#include <fmt/format.h>

#include <set>

#include "model/job_id.h"
#include "sim/auditor.h"

namespace servo::sim {
namespace {

// The first line in which two texts differ.
std::string first_difference(const std::string& a, const std::string& b) {
    size_t from_a = 0;
    size_t from_b = 0;
    while (from_a < a.size() || from_b < b.size()) {
        const size_t end_a = std::min(a.find('\n', from_a), a.size());
        const size_t end_b = std::min(b.find('\n', from_b), b.size());
        const std::string line_a = from_a < a.size() ? a.substr(from_a, end_a - from_a) : "(end)";
        const std::string line_b = from_b < b.size() ? b.substr(from_b, end_b - from_b) : "(end)";
        if (line_a != line_b) {
            return fmt::format("memory: {}\n  disk:   {}", line_a, line_b);
        }
        from_a = end_a + 1;
        from_b = end_b + 1;
    }
    return "";
}

}  // namespace

void Auditor::expect_event(const std::string& kind, const std::string& subject) {
    const std::pair key(kind, subject);
    if (++answered_[key] > events_[key]) {
        fail(
            "I6",
            fmt::format(
                "{} of {} was answered {} times and is {} times in the log",
                kind,
                subject,
                answered_[key],
                events_[key]
            )
        );
    }
}

void Auditor::on_answer(const core::Command& command, const core::Reply& reply) {
    const auto* job = std::get_if<core::JobReply>(&reply);
    const auto* done = std::get_if<core::Done>(&reply);
    const bool changed = (job && job->changed) || (done && done->changed);
    if (const auto* call = std::get_if<core::ExecutorCall>(&command)) {
        check_call_answer(call->request, std::get<CallReply>(reply));
        if (call->request.leaving) {
            check_left(call->request.session);
        }
    } else if (const auto* create = std::get_if<core::CreateJobs>(&command)) {
        for (const JobRow& row : create->jobs) {
            if (!a_.jobs.contains(row.id)) {
                fail("I6", to_text(row.id) + " was answered as created and is not in the log");
            }
        }
    } else if (const auto* join = std::get_if<core::RegisterExecutor>(&command)) {
        executor_of_[join->request.session] = join->request.executor;
        joined_.insert(join->request.executor);
        if (!a_.executors.contains(join->request.executor)) {
            fail("I6", join->request.executor + " was registered and is not in the log");
        }
    } else if (const auto* applied = std::get_if<core::ApplyReply>(&reply)) {
        for (const core::AppliedAsset& asset : applied->assets) {
            if (asset.after && !a_.revisions.contains({asset.after->asset, asset.revision})) {
                fail("I6", asset.name + " was applied and is not in the log");
            }
        }
    } else if (!changed) {
        return;
    } else if (const auto* pause = std::get_if<core::PauseJob>(&command)) {
        expect_event("backfill.paused", to_text(pause->job));
    } else if (const auto* resume = std::get_if<core::ResumeJob>(&command)) {
        expect_event("backfill.resumed", to_text(resume->job));
    } else if (const auto* cancel = std::get_if<core::CancelJob>(&command)) {
        expect_event("backfill.cancelling", to_text(cancel->job));
    } else if (const auto* retry = std::get_if<core::RetryJob>(&command)) {
        expect_event("backfill.retried", to_text(retry->job));
    } else if (const auto* set = std::get_if<core::SetJob>(&command)) {
        expect_event("backfill.set", to_text(set->job));
    } else if (const auto* tenant = std::get_if<core::SetTenant>(&command)) {
        expect_event(tenant->unset ? "tenant.unset" : "tenant.set", tenant->tenant);
    } else if (const auto* pool = std::get_if<core::SetPool>(&command)) {
        expect_event(pool->unset ? "pool.unset" : "pool.set", pool->pool);
    } else if (const auto* hold = std::get_if<core::HoldPool>(&command)) {
        expect_event(hold->release ? "pool.released" : "pool.held", hold->pool);
    } else if (const auto* mark = std::get_if<core::MarkPartitions>(&command)) {
        expect_mark(*mark);
    } else if (const auto* drain = std::get_if<core::DrainExecutor>(&command)) {
        expect_event(drain->drain ? "executor.drained" : "executor.undrained", drain->executor);
    }
}

// What is given and taken back within one batch, because the executor registers anew in it, is
// nowhere in the log.
void Auditor::end_of_answers() {
    for (const auto& [session, what] : unlogged_) {
        if (!joined_.contains(executor_of_[session])) {
            fail("I6", what);
        }
    }
    unlogged_.clear();
    joined_.clear();
}

// Whoever ended in order holds nothing, so what it had not begun is somebody else's at once.
void Auditor::check_left(SessionId session) {
    for (const auto& [id, lease] : a_.leases) {
        if (lease.session == session) {
            fail(
                "I17",
                fmt::format("{} ended in order and holds lease {}", executor_of_[session], id.value)
            );
        }
    }
}

// Every grant that an executor is given is in the log, and so is every result that was taken.
void Auditor::check_call_answer(const CallRequest& request, const CallReply& reply) {
    for (const Grant& grant : reply.grants) {
        const auto base = static_cast<uint64_t>(grant.token_base);
        const bool known = granted_.intersects(Run{base, base + grant.size()});
        if (!known) {
            unlogged_.emplace_back(
                request.session,
                fmt::format(
                    "grant {} of lease {} was given out and is not in the "
                    "log",
                    grant.number,
                    grant.lease.value
                )
            );
        }
    }
    std::set<LeaseId> refused;
    for (const LeaseControl& control : reply.controls) {
        if (control.action == LeaseAction::kUnknown) {
            refused.insert(control.lease);
        }
    }
    for (const LeaseResults& results : request.results) {
        if (refused.contains(results.lease)) {
            continue;
        }
        const auto check = [&](uint64_t position) {
            const auto lease = positions_.find(results.lease);
            if (lease == positions_.end()) {
                return;
            }
            auto entry = lease->second.upper_bound(position);
            if (entry == lease->second.begin()) {
                return;
            }
            --entry;
            const Token token = entry->second.first + static_cast<Token>(position - entry->first);
            if (!recorded_.contains(static_cast<uint64_t>(token))) {
                fail(
                    "I6",
                    fmt::format(
                        "the result at position {} of lease {} was taken and is not "
                        "in the log",
                        position,
                        results.lease.value
                    )
                );
            }
        };
        for (const DoneResult& result : results.done) {
            check(result.position);
        }
        for (const FailedResult& result : results.failed) {
            check(result.position);
        }
    }
}

std::optional<uint64_t> Auditor::position_of(LeaseId id, Token token) const {
    const auto lease = positions_.find(id);
    if (lease == positions_.end()) {
        return std::nullopt;
    }
    for (const auto& [first, entry] : lease->second) {
        const auto offset = static_cast<uint64_t>(token - entry.first);
        if (token >= entry.first && offset < entry.second) {
            return first + offset;
        }
    }
    return std::nullopt;
}

void Auditor::check_memory(const core::Scheduler& scheduler, Instant now) {
    const std::string broken = scheduler.check_invariants();
    if (!broken.empty()) {
        fail("I1", "the scheduler's own check says: " + broken);
    }
    std::set<JobId> open;
    for (const JobId id : scheduler.open_jobs()) {
        open.insert(id);
        const auto found = a_.jobs.find(id);
        if (found == a_.jobs.end()) {
            fail("I19", to_text(id) + " is in memory and not in the log");
            continue;
        }
        const JobAccount& job = found->second;
        const std::optional<core::JobView> view = scheduler.job(id, now);
        check_counters(job, view->counters, "the scheduler's memory");
        if (view->row.state != job.row.state) {
            fail(
                "I19",
                fmt::format(
                    "{} is {} in memory and {} in the log",
                    to_text(id),
                    to_string(view->row.state),
                    to_string(job.row.state)
                )
            );
        }
    }
    for (const auto& [id, job] : a_.jobs) {
        if (!is_terminal(job.row.state) && !open.contains(id)) {
            fail("I1", to_text(id) + " is open in the log and not in memory");
        }
    }
    for (const auto& tenant : scheduler.tenants(now)) {
        int64_t leases = 0;
        for (const auto& [id, lease] : a_.leases) {
            leases += lease.tenant == tenant.row.id ? 1 : 0;
        }
        if (tenant.slots < leases) {
            fail(
                "I8",
                fmt::format(
                    "tenant {} is charged {} slots and holds {}",
                    tenant.row.name,
                    tenant.slots,
                    leases
                )
            );
        }
    }
}

void Auditor::check_disk(const core::Scheduler& live, const Snapshot& snapshot, Instant now) {
    const core::Scheduler fresh(snapshot, std::max(now, snapshot.last_now), 1);
    const std::string difference = first_difference(live.durable_digest(), fresh.durable_digest());
    if (!difference.empty()) {
        fail("I19", "the leader's memory is not what the store says\n  " + difference);
    }
    const std::string broken = fresh.check_invariants();
    if (!broken.empty()) {
        fail("I19", "a scheduler loaded from the store is broken: " + broken);
    }
}

void Auditor::check_idle(const core::Scheduler& scheduler, Instant now) {
    if (!a_.grants.empty()) {
        fail("I8", fmt::format("{} grants are stored although nothing is open", a_.grants.size()));
    }
    for (const auto& tenant : scheduler.tenants(now)) {
        if (tenant.slots != 0 || tenant.pending != 0) {
            fail(
                "I8",
                fmt::format("tenant {} is idle and charged {} slots", tenant.row.name, tenant.slots)
            );
        }
    }
    for (const auto& pool : scheduler.pools(now)) {
        if (pool.used != 0) {
            fail(
                "I8",
                fmt::format(
                    "pool {} is idle and has {} units in use", pool.row.spec.name, pool.used
                )
            );
        }
    }
}

}  // namespace servo::sim

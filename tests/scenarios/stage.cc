#include "stage.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/job_id.h"
#include "words.h"

namespace servo::scenarios {
namespace {

constexpr Instant kStart = instant_ms(1'767'225'600'000);  // 2026-01-01
constexpr Millis kSecond{1'000};

std::string runs_text(const std::vector<Index>& indices) {
    RunSet set;
    for (const Index index : indices) {
        set.add(index);
    }
    return set.to_string();
}

}  // namespace

Stage::Stage() : start_(kStart), now_(kStart), last_tick_(kStart) {
    Snapshot empty;
    empty.epoch = 1;
    scheduler_ = std::make_unique<core::Scheduler>(empty, now_, 7);
}

std::string Stage::clock() const {
    const int64_t ms = (now_ - start_).count();
    const int64_t s = ms / 1'000;
    return fmt::format("{:02}:{:02}:{:02}", s / 3'600, s / 60 % 60, s % 60);
}

Result<core::Reply> Stage::apply(const core::Command& command) {
    ChangeSet changes;
    Result<core::Reply> reply = scheduler_->apply(command, now_, seq_ + 1, changes);
    scheduler_->seal(now_, seq_ + 1, changes);
    ++seq_;
    for (const EventRow& event : changes.events) {
        std::string subject = event.subject;
        for (const auto& [name, job] : jobs) {
            if (to_text(job.id) == subject) {
                subject = name;
            }
        }
        log.push_back(fmt::format("{} {} {}", clock(), event.kind, subject));
    }
    const std::string broken = scheduler_->check_invariants();
    if (!broken.empty()) {
        throw ScenarioError("an invariant is broken: " + broken);
    }
    return reply;
}

std::vector<std::string> Stage::pass(Millis duration) {
    std::vector<std::string> told;
    const Instant end = now_ + duration;
    while (now_ < end) {
        now_ = std::min(end, now_ + kSecond);
        (void)apply(core::Tick{});
        for (auto& [name, executor] : executors) {
            if (executor.alive) {
                const std::vector<std::string> lines = call(executor, {}, 0);
                told.insert(told.end(), lines.begin(), lines.end());
            }
        }
    }
    return told;
}

// --- executors -------------------------------------------------------------------------------

CallRequest Stage::request(Executor& executor, int free) const {
    CallRequest request;
    request.kind = CallKind::kReport;
    request.session = executor.session;
    request.call = ++executor.call;
    request.ack = executor.ack;
    request.free_slots = free;
    request.draining = executor.draining;
    return request;
}

std::vector<std::string> Stage::call(
    Executor& executor, std::vector<LeaseResults> results, int free
) {
    CallRequest request = this->request(executor, free);
    request.results = std::move(results);
    for (const auto& [id, work] : executor.held) {
        request.held.push_back({id, work.size, work.started});
    }
    const Result<core::Reply> reply = apply(core::ExecutorCall{request});
    if (!reply.has_value()) {
        return {fmt::format("{}: {}", executor.name, reply.error().message)};
    }
    std::erase_if(executor.held, [](const auto& entry) {
        return entry.second.reported == entry.second.size;
    });
    return take(executor, std::get<CallReply>(*reply));
}

std::vector<std::string> Stage::take(Executor& executor, const CallReply& reply) {
    std::vector<std::string> told;
    for (const LeaseControl& control : reply.controls) {
        const auto found = executor.held.find(control.lease);
        if (found == executor.held.end()) {
            continue;
        }
        HeldWork& work = found->second;
        const std::string what = fmt::format("{} {}", job_name(work.job), runs_text(work.indices));
        if (control.action == LeaseAction::kShrink) {
            const uint64_t size = std::max(work.started, control.size);
            if (size < work.size) {
                told.push_back(
                    fmt::format("{} gives back {} of {}", executor.name, work.size - size, what)
                );
            }
            work.size = std::min(work.size, size);
            work.indices.resize(work.size);
        } else {
            told.push_back(fmt::format(
                "{} must {} {}",
                executor.name,
                control.action == LeaseAction::kStop ? "stop" : "forget",
                what
            ));
            executor.held.erase(found);
        }
    }
    for (auto& [id, work] : executor.held) {
        if (reply.drain && work.size > work.started) {
            told.push_back(fmt::format(
                "{} drains and gives back {} of {} {}",
                executor.name,
                work.size - work.started,
                job_name(work.job),
                runs_text(work.indices)
            ));
            work.size = work.started;
            work.indices.resize(work.size);
        }
    }
    for (const Grant& grant : reply.grants) {
        if (grant.number > executor.ack) {
            executor.ack = grant.number;
            told.push_back(take_grant(executor, grant));
        }
    }
    return told;
}

std::string Stage::take_grant(Executor& executor, const Grant& grant) {
    const auto [found, fresh] = executor.held.try_emplace(grant.lease);
    HeldWork& work = found->second;
    if (fresh) {
        work.lease = grant.lease;
        work.job = grant.job;
        work.asset = grant.asset;
        work.attempt = grant.attempt;
    }
    std::vector<Index> indices;
    for (const Run& run : grant.runs) {
        for (Index index = run.first; index < run.end; ++index) {
            indices.push_back(index);
        }
    }
    work.indices.insert(work.indices.end(), indices.begin(), indices.end());
    work.size += indices.size();
    if (work.started == work.reported) {
        start_next(work);
    }
    return fmt::format(
        "{} {} {} {}{}{}",
        executor.name,
        fresh ? "gets" : "gets more:",
        job_name(grant.job),
        runs_text(indices),
        grant.attempt > 1 ? fmt::format(", attempt {}", grant.attempt) : "",
        grant.suspect ? ", suspect" : ""
    );
}

void Stage::start_next(HeldWork& work) {
    if (work.started < work.size) {
        ++work.started;
        work.busy_until = now_ + std::chrono::duration_cast<Millis>(behaviours[work.asset].each);
    }
}

FailureClass Stage::outcome(const HeldWork& work, Index index, bool& success) const {
    success = false;
    const auto behaviour = behaviours.find(work.asset);
    const auto broken = behaviour->second.broken.find(index);
    if (broken != behaviour->second.broken.end()) {
        return broken->second;
    }
    const auto view = scheduler_->job(work.job, now_);
    const auto revision = view ? scheduler_->revision(work.asset, view->row.revision) : nullptr;
    for (const std::string& pool : outages) {
        if (revision && revision->spec.pools.count(pool) > 0) {
            return FailureClass::kExternal;
        }
    }
    success = true;
    return FailureClass::kError;
}

// The partition that runs ends, as its asset behaves.
LeaseResults Stage::result_of(HeldWork& work) {
    LeaseResults results;
    results.lease = work.lease;
    const uint64_t position = work.reported;
    const Micros each = behaviours[work.asset].each;
    bool success = false;
    const FailureClass klass = outcome(work, work.indices[position], success);
    if (success) {
        DoneResult result;
        result.position = position;
        result.started_at = now_;
        result.duration = each;
        results.done.push_back(result);
        ++done[work.job];
    } else {
        FailedResult result;
        result.position = position;
        result.started_at = now_;
        result.duration = each;
        result.klass = klass;
        result.slot_died = klass == FailureClass::kLost;
        results.failed.push_back(result);
    }
    if (const auto view = scheduler_->job(work.job, now_)) {
        served[view->row.tenant] += each;
    }
    work.reported = position + 1;
    start_next(work);
    return results;
}

std::vector<std::string> Stage::finish(Executor& executor, uint64_t count) {
    std::vector<LeaseResults> all;
    for (auto& [id, work] : executor.held) {
        LeaseResults merged;
        merged.lease = id;
        for (uint64_t i = 0; i < count && work.reported < work.size; ++i) {
            const LeaseResults one = result_of(work);
            merged.done.insert(merged.done.end(), one.done.begin(), one.done.end());
            merged.failed.insert(merged.failed.end(), one.failed.begin(), one.failed.end());
        }
        if (!merged.done.empty() || !merged.failed.empty()) {
            all.push_back(std::move(merged));
        }
    }
    return call(executor, std::move(all), 0);
}

void Stage::work(Millis duration) {
    const Instant end = now_ + duration;
    const auto report = [&](Executor& executor) {
        std::vector<LeaseResults> all;
        int busy = 0;
        for (auto& [id, work] : executor.held) {
            if (work.started > work.reported && work.busy_until <= now_) {
                all.push_back(result_of(work));
            }
            busy += work.reported < work.size ? 1 : 0;
        }
        (void)call(executor, std::move(all), executor.draining ? 0 : executor.slots - busy);
    };
    while (true) {
        for (auto& [name, executor] : executors) {
            if (executor.alive) {
                report(executor);
            }
        }
        Instant next = std::min(end, last_tick_ + kSecond);
        for (const auto& [name, executor] : executors) {
            for (const auto& [id, work] : executor.held) {
                if (executor.alive && work.started > work.reported) {
                    next = std::min(next, std::max(work.busy_until, now_ + Millis(1)));
                }
            }
        }
        if (now_ >= end) {
            return;
        }
        now_ = std::max(next, now_ + Millis(1));
        if (now_ >= last_tick_ + kSecond) {
            last_tick_ = now_;
            (void)apply(core::Tick{});
        }
    }
}

// --- names -----------------------------------------------------------------------------------

Job& Stage::job(const std::string& name) {
    const auto found = jobs.find(name);
    if (found == jobs.end()) {
        throw ScenarioError("there is no job " + name);
    }
    return found->second;
}

const std::string& Stage::job_name(JobId id) const {
    static const std::string kNone = "?";
    for (const auto& [name, job] : jobs) {
        if (job.id == id) {
            return name;
        }
    }
    return kNone;
}

Executor& Stage::executor(const std::string& name) {
    const auto found = executors.find(name);
    if (found == executors.end()) {
        throw ScenarioError("there is no executor " + name);
    }
    return found->second;
}

AssetId Stage::asset_id(const std::string& path) {
    const size_t slash = path.find('/');
    if (slash == std::string::npos) {
        throw ScenarioError("write an asset as tenant/name: " + path);
    }
    const auto head = scheduler_->find_asset(path.substr(0, slash), path.substr(slash + 1));
    if (!head) {
        throw ScenarioError("there is no asset " + path);
    }
    return head->id;
}

std::string Stage::row_of(const Job& job) {
    const auto view = scheduler_->job(job.id, now_);
    if (!view) {
        return fmt::format("{:<10} ended, {} done", job.name, done[job.id]);
    }
    const JobCounters& c = view->counters;
    return fmt::format(
        "{:<10} {:<10} {:<20} priority {:>2}, rank {}, {} slots, {} completed, {} failed, {} "
        "skipped, {} cancelled, {} to do",
        job.name,
        to_string(view->row.state),
        view->row.state_reason.empty() ? "-" : view->row.state_reason,
        view->effective_priority,
        view->rank,
        view->slots,
        c.completed,
        c.failed,
        c.skipped,
        c.cancelled,
        view->row.total() - c.finished()
    );
}

}  // namespace servo::scenarios

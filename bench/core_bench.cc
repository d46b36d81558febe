// The scheduler alone: creation, picks over many jobs, and the forecast. Prints medians of rounds
// with [min..max]; the second column is the goal it is held against.
//
//   core_bench                         all of it
//   core_bench create|forecast|calls   one part, to be profiled
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/forecast.h"
#include "core/scheduler.h"

namespace {

using namespace servo;
using namespace servo::core;

constexpr int kRounds = 5;
const Instant kStart = instant_ms(1'700'000'000'000);

// Milliseconds of `body`, one figure a round.
std::vector<double> time_ms(
    const std::function<void()>& prepare, const std::function<void()>& body, int rounds = kRounds
) {
    std::vector<double> out;
    for (int i = 0; i < rounds; ++i) {
        prepare();
        const auto begin = std::chrono::steady_clock::now();
        body();
        const auto end = std::chrono::steady_clock::now();
        out.push_back(std::chrono::duration<double, std::milli>(end - begin).count());
    }
    std::sort(out.begin(), out.end());
    return out;
}

void print(const char* what, const std::vector<double>& ms, const char* goal) {
    fmt::print(
        "{:<58} {:>10.3f} ms [{:.3f}..{:.3f}]  goal {}\n",
        what,
        ms[ms.size() / 2],
        ms.front(),
        ms.back(),
        goal
    );
}

Snapshot one_tenant(int assets) {
    Snapshot snapshot;
    snapshot.epoch = 1;
    TenantRow tenant;
    tenant.id = TenantId(1);
    tenant.name = "bench";
    snapshot.tenants.push_back(tenant);
    for (int i = 1; i <= assets; ++i) {
        auto revision = std::make_shared<AssetRevision>();
        revision->asset = AssetId(i);
        revision->tenant = tenant.id;
        revision->revision = 1;
        revision->spec.name = fmt::format("asset{}", i);
        AssetHead head;
        head.id = revision->asset;
        head.tenant = tenant.id;
        head.name = revision->spec.name;
        head.latest_revision = 1;
        snapshot.assets.push_back(head);
        snapshot.revisions.push_back(revision);
        DurationRow durations;
        durations.asset = head.id;
        durations.revision = 1;
        for (int us = 800'000; us < 1'200'000; us += 1'000) {
            durations.stats.add(Micros(us), 10);
        }
        snapshot.durations.push_back(durations);
    }
    return snapshot;
}

JobRow job(int64_t id, uint64_t count, int64_t asset) {
    JobRow row;
    row.id = JobId(id);
    row.tenant = TenantId(1);
    row.asset = AssetId(asset);
    row.revision = 1;
    row.ordinals = std::make_shared<OrdinalView>(std::vector<OrdinalRun>{{0, count, 1}});
    return row;
}

void must(const Result<Reply>& reply) {
    if (!reply.has_value()) {
        fmt::print(stderr, "{}\n", reply.error().message);
        std::abort();
    }
}

void executor(Scheduler& scheduler, int slots) {
    ChangeSet changes;
    RegisterRequest request;
    request.executor = "bench";
    request.session = SessionId(1);
    request.slots = slots;
    must(scheduler.apply(RegisterExecutor{request}, kStart, 1, changes));
}

void bench_create() {
    std::unique_ptr<Scheduler> scheduler;
    ChangeSet changes;
    print(
        "create a job of 10,000,000 partitions, scheduler only",
        time_ms(
            [&] { scheduler = std::make_unique<Scheduler>(one_tenant(1), kStart, 1); },
            [&] { must(scheduler->apply(CreateJobs{{job(5, 10'000'000, 1)}}, kStart, 1, changes)); }
        ),
        "< 5 ms with its commit"
    );
}

void bench_forecast() {
    Scheduler scheduler(one_tenant(11), kStart, 1);
    executor(scheduler, 64);
    ChangeSet changes;
    for (int i = 1; i <= 10; ++i) {
        must(scheduler.apply(CreateJobs{{job(i, 20'000, i)}}, kStart, 1, changes));
    }
    Forecast with;
    print(
        "preview of 1,000,000 partitions beside ten running jobs",
        time_ms(
            [] {},
            [&] {
                const Forecast without = forecast(scheduler, {}, kStart, 1);
                with = forecast(scheduler, {job(99, 1'000'000, 11)}, kStart, 1);
                (void)delays(without, with, kStart);
            }
        ),
        "< 200 ms"
    );
    const JobForecast& last = with.jobs.at(JobId(99));
    fmt::print(
        "  ends in {} s (P50), {} s (P90)\n",
        last.p50 ? (*last.p50 - kStart).count() / 1'000 : -1,
        last.p90 ? (*last.p90 - kStart).count() / 1'000 : -1
    );
}

// One executor call that reports a lease and gets the next, over `jobs` active jobs.
void bench_calls(int jobs) {
    constexpr int kCalls = 50'000;
    std::unique_ptr<Scheduler> scheduler;
    ChangeSet changes;
    const auto prepare = [&] {
        scheduler = std::make_unique<Scheduler>(one_tenant(jobs), kStart, 1);
        executor(*scheduler, 1);
        for (int i = 1; i <= jobs; ++i) {
            must(scheduler->apply(CreateJobs{{job(i, 60'000, i)}}, kStart, 1, changes));
        }
    };
    const auto body = [&] {
        CallRequest call;
        call.session = SessionId(1);
        call.free_slots = 1;
        for (int i = 1; i <= kCalls; ++i) {
            call.call = i;
            changes = ChangeSet();
            const Result<Reply> reply = scheduler->apply(ExecutorCall{call}, kStart, i, changes);
            must(reply);
            const Grant& grant = std::get<CallReply>(*reply).grants.back();
            call.ack = grant.number;
            call.results.assign(1, {});
            call.results[0].lease = grant.lease;
            call.results[0].done.push_back({0, kStart, Micros(1'000'000), -1, -1, -1, -1});
        }
    };
    print(
        fmt::format("{} report-and-claim calls over {} jobs", kCalls, jobs).c_str(),
        time_ms(prepare, body),
        "as one job"
    );
}

// A hundred slots at full load for some minutes, with the ledger of time and without: a copy of a
// scheduler keeps none. One body, alternating.
class FullLoad {
 public:
    explicit FullLoad(bool with_ledger) {
        Scheduler first(one_tenant(1), kStart, 1);
        ChangeSet changes;
        for (int i = 1; i <= kSlots; ++i) {
            RegisterRequest request;
            request.executor = fmt::format("bench{}", i);
            request.session = SessionId(i);
            must(first.apply(RegisterExecutor{request}, kStart, 1, changes));
        }
        must(first.apply(CreateJobs{{job(5, 10'000'000, 1)}}, kStart, 1, changes));
        scheduler_ = with_ledger ? std::make_unique<Scheduler>(std::move(first))
                                 : std::make_unique<Scheduler>(first);
        calls_.resize(kSlots);
    }

    void run() {
        for (int i = 1; i <= kCalls; ++i) {
            now_ += Millis(10);
            if (i % kSlots == 0) {
                ChangeSet changes;
                must(scheduler_->apply(Tick{}, now_, i, changes));
            }
            call(i);
        }
    }

    static constexpr int kCalls = 60'000;

 private:
    static constexpr int kSlots = 100;

    void call(int i) {
        CallRequest& call = calls_[static_cast<size_t>(i % kSlots)];
        call.session = SessionId(i % kSlots + 1);
        call.free_slots = 1;
        call.call = i;
        ChangeSet changes;
        const Result<Reply> reply = scheduler_->apply(ExecutorCall{call}, now_, i, changes);
        must(reply);
        const Grant& grant = std::get<CallReply>(*reply).grants.back();
        call.ack = grant.number;
        call.results.assign(1, {});
        call.results[0].lease = grant.lease;
        for (uint64_t position = 0; position < grant.size(); ++position) {
            call.results[0].done.push_back(
                {position, now_, Micros(900'000 / grant.size()), -1, -1, -1, -1}
            );
        }
    }

    std::unique_ptr<Scheduler> scheduler_;
    std::vector<CallRequest> calls_;
    Instant now_ = kStart;
};

void bench_ledger() {
    std::unique_ptr<FullLoad> load;
    std::array<std::vector<double>, 2> ms;
    for (int round = 0; round < kRounds; ++round) {
        for (const bool with : {false, true}) {
            const auto once =
                time_ms([&] { load = std::make_unique<FullLoad>(with); }, [&] { load->run(); }, 1);
            ms[with ? 1 : 0].push_back(once.front());
        }
    }
    for (std::vector<double>& figures : ms) {
        std::sort(figures.begin(), figures.end());
    }
    print("60000 calls of 100 slots at full load, no ledger of time", ms[0], "the floor");
    print("the same with the ledger of time", ms[1], "few us a call");
    fmt::print(
        "  {:.2f} us a call for the ledger\n",
        (ms[1][kRounds / 2] - ms[0][kRounds / 2]) * 1'000 / FullLoad::kCalls
    );
}

}  // namespace

int main(int argc, char** argv) {
    const std::string only = argc > 1 ? argv[1] : "";
    if (only.empty() || only == "create") {
        bench_create();
    }
    if (only.empty() || only == "forecast") {
        bench_forecast();
    }
    if (only.empty() || only == "calls") {
        bench_calls(1);
        bench_calls(10'000);
    }
    if (only.empty() || only == "ledger") {
        bench_ledger();
    }
    return 0;
}

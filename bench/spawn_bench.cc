// What running a partition costs: `/bin/true` through slots and the `worker` runner, side by side
// with `xargs -P2` and a bare posix_spawn loop on the same machine. Prints tasks per second and the
// ratios to xargs. Usage: spawn_bench [tasks]   (default 4,000)
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <vector>

#include "executor/agent.h"
#include "executor/attempt_dir.h"
#include "executor/slot_process.h"
#include "executor/test_server.h"

extern char** environ;

namespace servo::executor {
namespace {

constexpr int kSlots = 2;
constexpr int kRounds = 3;
constexpr uint64_t kLeasePartitions = 1'000;

double seconds(const std::function<void()>& work) {
    const Micros start = boot_now();
    work();
    return static_cast<double>((boot_now() - start).count()) / 1e6;
}

void wait_for(pid_t pid) {
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid || status != 0) {
        fmt::print(stderr, "a process of the bench failed\n");
        std::exit(1);
    }
}

void run_xargs(uint64_t tasks) {
    const std::string command = fmt::format("seq {} | xargs -P{} -n1 /bin/true", tasks, kSlots);
    std::string shell = "/bin/sh";
    std::string option = "-c";
    std::string script = command;
    char* argv[] = {shell.data(), option.data(), script.data(), nullptr};
    pid_t pid = 0;
    if (::posix_spawn(&pid, "/bin/sh", nullptr, nullptr, argv, environ) != 0) {
        std::exit(1);
    }
    wait_for(pid);
}

void run_bare(uint64_t tasks) {
    std::vector<std::thread> threads;
    for (int i = 0; i < kSlots; ++i) {
        threads.emplace_back([tasks] {
            std::string program = "/bin/true";
            char* argv[] = {program.data(), nullptr};
            for (uint64_t task = 0; task < tasks / kSlots; ++task) {
                pid_t pid = 0;
                if (::posix_spawn(&pid, "/bin/true", nullptr, nullptr, argv, environ) != 0) {
                    std::exit(1);
                }
                wait_for(pid);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
}

model::AssetSpec spec_of(model::RunnerKind kind, std::vector<std::string> argv) {
    model::AssetSpec spec;
    spec.name = "bench";
    model::TimeWindows days;
    days.start = "1970-01-01";
    spec.partitions.dimensions = {{"", days}};
    spec.run.kind = kind;
    spec.run.argv = std::move(argv);
    return spec;
}

void run_leases(TestServer& server, const model::AssetSpec& spec, uint64_t tasks) {
    std::vector<model::LeaseId> leases;
    for (uint64_t given = 0; given < tasks; given += kLeasePartitions) {
        leases.push_back(server.add(spec, std::min(kLeasePartitions, tasks - given)));
    }
    for (const model::LeaseId lease : leases) {
        const TestServer::Record record = server.wait(lease);
        if (!record.ended || !record.failed.empty()) {
            fmt::print(stderr, "partitions of the bench failed\n");
            std::exit(1);
        }
    }
}

int worker() {
    char buffer[4'096];
    ssize_t got = 0;
    while ((got = ::read(0, buffer, sizeof buffer)) > 0) {
        const std::string_view line(buffer, static_cast<size_t>(got));
        const size_t at = line.find("\"id\":") + 5;
        const std::string_view id = line.substr(at, line.find_first_of(",}", at) - at);
        const std::string answer = fmt::format("{{\"id\":{},\"status\":\"completed\"}}\n", id);
        if (::write(3, answer.data(), answer.size()) < 0) {
            return 1;
        }
    }
    return 0;
}

int bench(uint64_t tasks) {
    std::string folder = (std::filesystem::temp_directory_path() / "servo-bench-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) {
        return 1;
    }
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    const auto server = std::make_shared<TestServer>();
    AgentOptions options;
    options.name = "bench";
    options.slots = kSlots;
    options.state_dir = folder;
    options.slot_command = {self, "slot"};
    auto agent = Agent::start(std::move(options), server);
    if (!agent) {
        fmt::print(stderr, "{}\n", agent.error().message);
        return 1;
    }
    const auto command = spec_of(model::RunnerKind::kCommand, {"/bin/true"});
    const auto work = spec_of(model::RunnerKind::kWorker, {self, "worker"});
    const auto instant = spec_of(model::RunnerKind::kSynthetic, {});
    struct Contender {
        std::string name;
        uint64_t tasks;
        std::function<void(uint64_t)> run;
        std::vector<double> rates = {};  // one a round, ascending in the end
        double median() const { return rates[rates.size() / 2]; }
    };
    std::vector<Contender> contenders = {
        {"xargs -P2 /bin/true", tasks, run_xargs},
        {"bare posix_spawn, 2 threads", tasks, run_bare},
        {"slots, command /bin/true", tasks, [&](uint64_t n) { run_leases(*server, command, n); }},
        {"slots, worker, 0 ms", tasks * 20, [&](uint64_t n) { run_leases(*server, work, n); }},
        {"slots, synthetic, 0 ms", tasks * 50, [&](uint64_t n) {
             run_leases(*server, instant, n);
         }}};
    run_leases(*server, command, 100);  // everything is up
    for (int round = 0; round < kRounds; ++round) {
        for (Contender& contender : contenders) {
            const double took = seconds([&] { contender.run(contender.tasks); });
            contender.rates.push_back(static_cast<double>(contender.tasks) / took);
        }
    }
    for (Contender& contender : contenders) {
        std::sort(contender.rates.begin(), contender.rates.end());
    }
    fmt::print("{:<30} {:>30} {:>10}\n", "", "tasks/s, median [min..max]", "vs xargs");
    for (const Contender& contender : contenders) {
        const std::vector<double>& rates = contender.rates;
        fmt::print(
            "{:<30} {:>30} {:>9.2f}x\n",
            contender.name,
            fmt::format("{:.0f} [{:.0f}..{:.0f}]", contender.median(), rates[0], rates.back()),
            contender.median() / contenders[0].median()
        );
    }
    fmt::print(
        "command runner against bare posix_spawn: {:.2f}x\n",
        contenders[2].median() / contenders[1].median()
    );
    agent->reset();
    remove_tree(folder);
    return 0;
}

}  // namespace
}  // namespace servo::executor

int main(int argc, char** argv) {
    const std::string mode = argc > 1 ? argv[1] : "4000";
    if (mode == "slot") {
        return servo::executor::slot_main(servo::executor::kSlotFd);
    }
    if (mode == "worker") {
        return servo::executor::worker();
    }
    return servo::executor::bench(std::max<uint64_t>(100, std::strtoull(mode.c_str(), nullptr, 10))
    );
}

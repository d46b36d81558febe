#include "load/machine.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace servo::load {
namespace {

// user, nice, system, idle, iowait, irq, softirq, steal: proc(5).
constexpr int kIdle = 3;
constexpr int kWait = 4;
constexpr int kCounted = 8;

int64_t boot_ms() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<int64_t>(now.tv_sec) * 1'000 + now.tv_nsec / 1'000'000;
}

// Ticks of one thread: utime and stime, the 12th and 13th words after the name in brackets.
int64_t thread_ticks(const std::filesystem::path& stat) {
    std::ifstream in(stat);
    std::string text;
    std::getline(in, text);
    const size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) {
        return 0;
    }
    std::istringstream rest(text.substr(name_end + 1));
    std::string word;
    int64_t ticks = 0;
    for (int i = 1; i <= 13 && rest >> word; ++i) {
        ticks += i >= 12 ? std::atoll(word.c_str()) : 0;
    }
    return ticks;
}

}  // namespace

MachineReading read_machine(pid_t process) {
    MachineReading out;
    out.boot_ms = boot_ms();
    std::ifstream in("/proc/stat");
    std::string name;
    in >> name;
    for (int i = 0; i < kCounted; ++i) {
        int64_t ticks = 0;
        in >> ticks;
        out.total_ticks += ticks;
        out.busy_ticks += i == kIdle || i == kWait ? 0 : ticks;
    }
    if (process == 0) {
        return out;
    }
    std::error_code ignored;
    const std::filesystem::path tasks = "/proc/" + std::to_string(process) + "/task";
    for (const auto& entry : std::filesystem::directory_iterator(tasks, ignored)) {
        const auto thread = static_cast<pid_t>(std::atol(entry.path().filename().c_str()));
        out.threads[thread] = thread_ticks(entry.path() / "stat");
    }
    return out;
}

MachineUse machine_use(const MachineReading& from, const MachineReading& to) {
    MachineUse out;
    const int64_t total = to.total_ticks - from.total_ticks;
    if (total > 0) {
        out.busy =
            static_cast<double>(to.busy_ticks - from.busy_ticks) / static_cast<double>(total);
    }
    const double seconds = static_cast<double>(to.boot_ms - from.boot_ms) / 1'000;
    if (to.threads.empty() || seconds <= 0) {
        return out;
    }
    const double tick_seconds = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
    double most = 0;
    double sum = 0;
    for (const auto& [thread, ticks] : to.threads) {
        const auto before = from.threads.find(thread);
        const int64_t spent = ticks - (before == from.threads.end() ? 0 : before->second);
        const double cpus = static_cast<double>(spent) * tick_seconds / seconds;
        most = std::max(most, cpus);
        sum += cpus;
    }
    out.busiest_thread = most;
    out.process_cpus = sum;
    return out;
}

}  // namespace servo::load

#include "executor/exit_class.h"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace servo::executor {
namespace {

using model::FailureClass;

struct ExitRow {
    int code;
    FailureClass klass;
};

// Exit codes with a meaning; every other one but 0 is `error`.
constexpr std::array<ExitRow, 9> kExitTable = {{
    {75, FailureClass::kTransient},
    {65, FailureClass::kData},
    {69, FailureClass::kExternal},
    {77, FailureClass::kAuth},
    {78, FailureClass::kConfiguration},
    {126, FailureClass::kConfiguration},
    {127, FailureClass::kConfiguration},
    {134, FailureClass::kCrash},
    {139, FailureClass::kCrash},
}};

// What a shell exits with when its command was killed by SIGKILL.
constexpr int kShellKilled = 128 + SIGKILL;
constexpr int64_t kMemoryFullPercent = 95;

bool out_of_memory(const ProcessEnd& end, int64_t memory_bytes) {
    const bool killed =
        (end.signalled && end.code == SIGKILL) || (!end.signalled && end.code == kShellKilled);
    if (killed && end.oom_killed) {
        return true;
    }
    return memory_bytes > 0 && end.max_rss_kb >= memory_bytes / 1024 * kMemoryFullPercent / 100;
}

}  // namespace

std::optional<FailureClass> classify(
    const ProcessEnd& end, const std::map<int, FailureClass>& own, int64_t memory_bytes
) {
    switch (end.killed) {
        case KillReason::kTimeout:
            return FailureClass::kTimeout;
        case KillReason::kMemory:
            return FailureClass::kResource;
        case KillReason::kLost:
            if (end.signalled) {
                return FailureClass::kLost;
            }
            break;  // it ended by itself before the signal came
        case KillReason::kNone:
            break;
    }
    if (!end.signalled) {
        if (end.code == 0) {
            return std::nullopt;
        }
        const auto mapped = own.find(end.code);
        if (mapped != own.end()) {
            return mapped->second;
        }
    }
    if (out_of_memory(end, memory_bytes)) {
        return FailureClass::kResource;
    }
    if (end.signalled) {
        return FailureClass::kCrash;
    }
    const auto* row = std::find_if(kExitTable.begin(), kExitTable.end(), [&](const ExitRow& r) {
        return r.code == end.code;
    });
    return row != kExitTable.end() ? row->klass : FailureClass::kError;
}

std::string describe(const ProcessEnd& end) {
    if (end.signalled) {
        const char* name = ::sigabbrev_np(end.code);
        return fmt::format("was killed by signal {} (SIG{})", end.code, name ? name : "?");
    }
    return fmt::format("exited with code {}", end.code);
}

}  // namespace servo::executor

#include "executor/runner.h"

#include <fmt/format.h>

#include <cerrno>

#include "base/text.h"
#include "executor/process_runner.h"
#include "executor/synthetic_runner.h"
#include "executor/worker_runner.h"
#include "model/asset_codec.h"

namespace servo::executor {

using model::FailureClass;

std::unique_ptr<Runner> make_runner(model::RunnerKind kind, const RunnerContext& context) {
    switch (kind) {
        case model::RunnerKind::kCommand:
        case model::RunnerKind::kBatch:
            return std::make_unique<ProcessRunner>(context);
        case model::RunnerKind::kWorker:
            return std::make_unique<WorkerRunner>(context);
        case model::RunnerKind::kSynthetic:
            return std::make_unique<SyntheticRunner>();
    }
    return nullptr;
}

Result<ResolvedSecrets> resolve(const Program& program) {
    ResolvedSecrets secrets;
    secrets.values = SERVO_TRY(resolve_secrets(program.definition.spec.secrets, program.directory));
    secrets.redactor = Redactor(secrets.values);
    return secrets;
}

void fail_unit(
    std::vector<Outcome>& outcomes,
    const Unit& unit,
    const Started& started,
    FailureClass klass,
    int exit_code,
    const Error& error
) {
    for (uint64_t position = unit.first; position < unit.end(); ++position) {
        model::FailedResult failed;
        failed.position = position;
        failed.started_at = started.wall;
        failed.duration = boot_now() - started.boot;
        failed.klass = klass;
        failed.exit_code = exit_code;
        failed.message = cut_text(error.message, model::kMessageBytesMax);
        outcomes.push_back({std::move(failed), {}, {}});
    }
}

NotStarted explain(const SpawnFailure& failure, const ProcessSpec& spec) {
    const std::string why = error_text(failure.error_number);
    switch (failure.stage) {
        case SpawnStage::kFork:
        case SpawnStage::kDescriptors:
            return {
                FailureClass::kResource,
                0,
                internal(
                    "no_process",
                    fmt::format(
                        "this executor cannot start a process ({}): give it fewer slots, or raise "
                        "its limits of processes and open files",
                        why
                    )
                )};
        case SpawnStage::kDirectory:
            return {
                FailureClass::kConfiguration,
                126,
                failed_precondition(
                    "no_directory",
                    fmt::format(
                        "cannot enter the working directory {} on this executor: {}. Put the "
                        "asset's code there, or start the executor with --code-dir",
                        spec.directory,
                        why
                    )
                )};
        case SpawnStage::kExec:
            break;
    }
    const bool missing = failure.error_number == ENOENT;
    std::string advice;
    if (missing) {
        advice = "check that the file and the interpreter in its #! line exist there";
    } else if (failure.error_number == EACCES) {
        advice = fmt::format("run: chmod +x {}", shell_quote(spec.program));
    } else if (failure.error_number == ENOEXEC) {
        advice = "its first line must name an interpreter, such as #!/bin/sh";
    } else if (failure.error_number == E2BIG) {
        advice = "the arguments and the environment together are too long";
    } else {
        advice = "check the program";
    }
    return {
        FailureClass::kConfiguration,
        missing ? 127 : 126,
        failed_precondition(
            missing ? "program_not_found" : "program_not_executable",
            fmt::format(
                "cannot run {} in {}: {}; {}",
                spec.program,
                spec.directory.empty() ? "the executor's directory" : spec.directory,
                why,
                advice
            )
        )};
}

std::string kill_message(KillReason reason, const model::Grant& grant, int64_t count) {
    switch (reason) {
        case KillReason::kTimeout:
            return fmt::format(
                "ran into its timeout of {} and was killed",
                human_duration(grant.timeout * std::max<int64_t>(count, 1))
            );
        case KillReason::kMemory:
            return fmt::format(
                "used more memory than its limit of {} and was killed: raise resources.memory, or "
                "make the partition smaller",
                model::format_bytes(grant.memory_bytes)
            );
        case KillReason::kLost:
            return "was killed by its executor (a stop, a cancellation or a lost lease)";
        case KillReason::kNone:
            break;
    }
    return {};
}

std::string end_message(const ProcessEnd& end, const model::Grant& grant, int64_t count) {
    const bool ours = end.killed == KillReason::kTimeout || end.killed == KillReason::kMemory ||
                      (end.killed == KillReason::kLost && end.signalled);
    if (ours) {
        return kill_message(end.killed, grant, count);
    }
    if (end.oom_killed) {
        return grant.memory_bytes > 0
                   ? kill_message(KillReason::kMemory, grant, count)
                   : "was killed by the kernel for want of memory: set resources.memory, or give "
                     "the executor fewer slots";
    }
    return describe(end);
}

}  // namespace servo::executor

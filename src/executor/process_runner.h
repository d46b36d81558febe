// Runners `command` (a process per partition) and `batch` (a process for many partitions).
#pragma once

#include <map>

#include "executor/result_line.h"
#include "executor/runner.h"

namespace servo::executor {

class ProcessRunner : public Runner {
 public:
    explicit ProcessRunner(const RunnerContext& context)
        : context_(context), child_(context.oom, context.group) {}

    bool serves(const Part& part) const override;
    uint64_t unit_size_max(const Part& part) const override;
    void start(Unit unit, Micros now) override;
    bool busy() const override { return child_.present() || retry_start_at_ != Micros::max(); }
    void kill(KillReason reason, Micros now) override;

    int output_fd() const override { return child_.output_fd(); }
    void on_readable(bool output, bool answer, Micros now) override;
    void on_child_signal(Micros now) override;
    void on_time(Micros now) override;
    Micros next_due() const override { return std::min(child_.next_due(), retry_start_at_); }
    std::optional<LogTailBuffer::Piece> running_log(uint64_t position, uint64_t offset)
        const override;

 private:
    bool batch() const;
    Status prepare();
    void try_start(Micros now);
    void finish();
    void finish_command();
    void finish_batch();
    std::map<std::string, ResultLine> read_batch_lines(std::string& notes);
    Outcome outcome_of(
        uint64_t position,
        std::optional<model::FailureClass> klass,
        const ResultLine* line,
        const std::string& last
    );
    // Gives the outcomes of the unit what it printed.
    void keep_log(std::string tail);

    RunnerContext context_;
    Child child_;
    Unit unit_;
    Started started_;
    ProcessSpec spec_;
    ResolvedSecrets secrets_;
    // The system refused a new process: tried again until `retry_start_until_`.
    Micros retry_start_at_ = Micros::max();
    Micros retry_start_until_{0};
    Micros retry_wait_{0};
};

}  // namespace servo::executor

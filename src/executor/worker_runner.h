// Runner `worker`: one long-lived process of the asset per slot; a request line on its stdin, an
// answer line on its descriptor 3, one in flight. It is kept between leases of the same program.
#pragma once

#include "executor/result_line.h"
#include "executor/runner.h"

namespace servo::executor {

class WorkerRunner : public Runner {
 public:
    explicit WorkerRunner(const RunnerContext& context)
        : context_(context), child_(context.oom, context.group) {}

    bool serves(const Part& part) const override;
    uint64_t unit_size_max(const Part&) const override { return 1; }
    void start(Unit unit, Micros now) override;
    bool busy() const override { return in_flight_ || child_.being_killed(); }
    void kill(KillReason reason, Micros now) override;

    int output_fd() const override { return child_.output_fd(); }
    int answer_fd() const override { return child_.answer_fd(); }
    void on_readable(bool output, bool answer, Micros now) override;
    void on_child_signal(Micros now) override;
    void on_time(Micros now) override;
    Micros next_due() const override;
    // EOF on its stdin; killed when it does not end within the grace.
    void close(Micros now) override;
    bool closed() const override { return !in_flight_ && !child_.present(); }
    std::optional<LogTailBuffer::Piece> running_log(uint64_t position, uint64_t offset)
        const override;

 private:
    bool start_process(Micros now);
    void send_request(Micros now);
    void read_answers(Micros now);
    void take_answer(std::string_view line, Micros now);
    void complain(std::string what, Micros now);
    void on_gone();
    void end_request(
        std::optional<model::FailureClass> klass, const ResultLine& line, int exit_code
    );

    RunnerContext context_;
    Child child_;
    std::shared_ptr<const Program> program_;  // of the process
    model::TenantId tenant_;
    ResolvedSecrets secrets_;
    std::string answers_;  // read, not yet a whole line

    Unit unit_;
    Started started_;
    bool in_flight_ = false;
    int64_t cpu_began_us_ = -1;  // what the process had used when the request was sent
    bool delivered_ = false;     // the request reached the process' pipe
    bool sent_again_ = false;
    int64_t id_ = 0;
    std::string complaint_;  // the protocol was broken; the process is being killed for it
    Micros close_at_ = Micros::max();   // killed then, if it did not end on EOF
    Micros silent_at_ = Micros::max();  // it closed its answers, and has this long to end
    bool closing_ = false;
};

}  // namespace servo::executor

// How a slot runs the partitions of an asset: one implementation a kind of runner. A runner has at
// most one unit under way, never blocks, and is driven by the slot's loop. Single-threaded.
#pragma once

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "executor/attempt_dir.h"
#include "executor/child.h"
#include "executor/secrets.h"
#include "executor/work.h"

namespace servo::executor {

// The end of one position. `log.bytes_total` is 0 when nothing was printed.
struct Outcome {
    std::variant<model::DoneResult, model::FailedResult> result;
    model::LogTail log;
    std::optional<model::PhaseTimes> phases;  // when the program told of its time
};

// What the runners of a slot share.
struct RunnerContext {
    AttemptDir& dir;
    OomWatch& oom;
    SlotCgroup& group;
    bool allow_shell = true;
    Millis kill_grace{0};
};

class Runner {
 public:
    virtual ~Runner() = default;

    // Whether the runner can go on with this part as it stands (same kind, same program).
    virtual bool serves(const Part& part) const = 0;
    // Most positions that one unit of the part takes.
    virtual uint64_t unit_size_max(const Part& part) const = 0;
    // Precondition: !busy() and serves(*unit.part). May end at once.
    virtual void start(Unit unit, Micros now) = 0;
    // A unit is under way, or its processes are being cleared away.
    virtual bool busy() const = 0;
    // Ends what runs; its positions end with class lost (or as they ended meanwhile).
    virtual void kill(KillReason reason, Micros now) = 0;

    // Descriptors to wait for, -1 for none.
    virtual int output_fd() const { return -1; }
    virtual int answer_fd() const { return -1; }
    virtual void on_readable(bool /*output*/, bool /*answer*/, Micros /*now*/) {}
    virtual void on_child_signal(Micros /*now*/) {}
    virtual void on_time(Micros now) = 0;
    virtual Micros next_due() const = 0;

    // Ends a process that is kept between units; closed() when nothing is left of it.
    virtual void close(Micros /*now*/) {}
    virtual bool closed() const { return !busy(); }

    // What ended since the last call, in the order of positions.
    std::vector<Outcome> take_outcomes() { return std::exchange(outcomes_, {}); }
    // What the running position printed beyond `offset`; nullopt when it does not run, or when no
    // process runs it.
    virtual std::optional<LogTailBuffer::Piece> running_log(
        uint64_t /*position*/, uint64_t /*offset*/
    ) const {
        return std::nullopt;
    }

 protected:
    std::vector<Outcome> outcomes_;
};

std::unique_ptr<Runner> make_runner(model::RunnerKind kind, const RunnerContext& context);

// --- shared by the implementations -----------------------------------------------------------

// Secrets of a program, resolved anew for each process, and the redactor of their values.
struct ResolvedSecrets {
    std::map<std::string, std::string> values;
    Redactor redactor;
};
Result<ResolvedSecrets> resolve(const Program& program);

// When a unit began, on both clocks.
struct Started {
    Instant wall;
    Micros boot{0};
};

// Ends every position of the unit as failed with the error as message.
void fail_unit(
    std::vector<Outcome>& outcomes,
    const Unit& unit,
    const Started& started,
    model::FailureClass klass,
    int exit_code,
    const Error& error
);

// The class, exit code and message of a process that did not start.
struct NotStarted {
    model::FailureClass klass = model::FailureClass::kConfiguration;
    int exit_code = 0;
    Error error;
};
NotStarted explain(const SpawnFailure& failure, const ProcessSpec& spec);

std::string kill_message(KillReason reason, const model::Grant& grant, int64_t count);
// How it ended, and by whom when it was not by itself.
std::string end_message(const ProcessEnd& end, const model::Grant& grant, int64_t count);

}  // namespace servo::executor

#include "executor/worker_runner.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace servo::executor {

using model::FailureClass;

namespace {
constexpr size_t kLastLineBytesMax = 300;
constexpr size_t kAnswerShownMax = 200;
}  // namespace

bool WorkerRunner::serves(const Part& part) const {
    if (part.program->definition.spec.run.kind != model::RunnerKind::kWorker) {
        return false;
    }
    return !child_.present() ||
           (!closing_ && program_ == part.program && tenant_ == part.grant.tenant);
}

void WorkerRunner::start(Unit unit, Micros now) {
    unit_ = std::move(unit);
    started_ = {wall_now(), now};
    sent_again_ = false;
    const Program& program = *unit_.part->program;
    if (program.broken) {
        fail_unit(outcomes_, unit_, started_, FailureClass::kConfiguration, 0, *program.broken);
        return;
    }
    if (child_.present() || start_process(now)) {
        send_request(now);
    }
}

// False when it did not start; the unit then ended.
bool WorkerRunner::start_process(Micros now) {
    const model::Grant& grant = unit_.part->grant;
    program_ = unit_.part->program;
    tenant_ = grant.tenant;
    closing_ = false;
    close_at_ = silent_at_ = Micros::max();
    complaint_.clear();
    answers_.clear();
    const auto prepared = [&]() -> Result<ProcessSpec> {
        secrets_ = SERVO_TRY(resolve(*program_));
        SERVO_CHECK(context_.dir.prepare(tenant_.value));
        return worker_spec(
            {unit_, secrets_.values, context_.dir.places(), started_.wall, context_.allow_shell}
        );
    }();
    if (!prepared) {
        const bool disk = prepared.error().reason == "os_error";
        fail_unit(
            outcomes_,
            unit_,
            started_,
            disk ? FailureClass::kResource : FailureClass::kConfiguration,
            0,
            prepared.error()
        );
        return false;
    }
    const ChildLimits limits{now + grant.timeout, grant.memory_bytes, context_.kill_grace};
    const auto failure =
        child_.start(*prepared, ChildKind::kWorker, limits, secrets_.redactor.longest());
    if (failure) {
        const NotStarted why = explain(*failure, *prepared);
        fail_unit(outcomes_, unit_, started_, why.klass, why.exit_code, why.error);
        context_.dir.tidy();
        return false;
    }
    return true;
}

void WorkerRunner::send_request(Micros now) {
    const auto request = worker_request(unit_, ++id_);
    if (!request) {
        fail_unit(outcomes_, unit_, started_, FailureClass::kConfiguration, 0, request.error());
        return;
    }
    child_.log().reset(secrets_.redactor.longest());
    child_.set_deadline(now + unit_.part->grant.timeout);
    cpu_began_us_ = child_.cpu_so_far_us();
    in_flight_ = true;
    // One request is in flight and shorter than the pipe, so a partial write means that the process
    // did not read the one before.
    const ssize_t wrote = ::write(child_.input_fd(), request->data(), request->size());
    delivered_ = wrote == static_cast<ssize_t>(request->size());
    if (!delivered_ && errno != EPIPE) {
        complain("it does not read its requests", now);
    }
}

void WorkerRunner::kill(KillReason reason, Micros now) {
    child_.kill(reason, now);
}

void WorkerRunner::on_readable(bool output, bool answer, Micros now) {
    if (output) {
        child_.on_output();
    }
    if (answer) {
        read_answers(now);
    }
}

void WorkerRunner::read_answers(Micros now) {
    char chunk[16 * 1024];
    while (child_.answer_fd() >= 0 && complaint_.empty()) {
        const ssize_t got = ::read(child_.answer_fd(), chunk, sizeof chunk);
        if (got <= 0) {
            if (got == 0) {
                // Most likely it is ending; its status, which comes next, says more.
                child_.close_answer();
                silent_at_ = now + context_.kill_grace;
            }
            return;
        }
        answers_.append(chunk, static_cast<size_t>(got));
        size_t end = 0;
        while ((end = answers_.find('\n')) != std::string::npos && complaint_.empty()) {
            const std::string line = answers_.substr(0, end);
            answers_.erase(0, end + 1);
            take_answer(line, now);
        }
        if (answers_.size() > kResultLineBytesMax) {
            complain("its answer has no end of line", now);
        }
        if (got < static_cast<ssize_t>(sizeof chunk)) {
            return;
        }
    }
}

void WorkerRunner::take_answer(std::string_view line, Micros now) {
    const auto answer = parse_result_line(line);
    const auto shown = [&line, this] {
        return cut_text(secrets_.redactor.redact(line), kAnswerShownMax);
    };
    if (!answer) {
        complain(
            fmt::format("its answer is not valid: {}: {}", answer.error().message, shown()), now
        );
    } else if (!in_flight_ || answer->id != id_) {
        complain(fmt::format("it answered a request that it was not given: {}", shown()), now);
    } else if (answer->status == SaidStatus::kNothing) {
        complain(fmt::format(R"(its answer has no "status": {})", shown()), now);
    } else if (answer->status == SaidStatus::kCompleted) {
        end_request(std::nullopt, *answer, 0);
    } else {
        end_request(answer->klass.value_or(FailureClass::kError), *answer, 0);
    }
}

// The protocol is broken: what the process would say next cannot be trusted.
void WorkerRunner::complain(std::string what, Micros now) {
    if (child_.being_killed()) {
        child_.close_answer();  // that is what ends it, and not what it says meanwhile
    } else if (complaint_.empty()) {
        complaint_ = std::move(what);
        child_.kill(KillReason::kLost, now);
    }
}

void WorkerRunner::end_request(
    std::optional<FailureClass> klass, const ResultLine& line, int exit_code
) {
    in_flight_ = false;
    child_.set_deadline(Micros::max());
    Outcome outcome;
    const uint64_t bytes = child_.log().bytes_total();
    outcome.log.position = unit_.first;
    if (bytes > 0) {
        outcome.log.bytes_total = bytes;
        outcome.log.tail = child_.log().tail(secrets_.redactor);
    }
    if (line.phases) {
        outcome.phases = {unit_.first, *line.phases};
    }
    const int64_t cpu_ended_us = child_.cpu_so_far_us();
    const int64_t cpu_us =
        cpu_began_us_ < 0 || cpu_ended_us < 0 ? -1 : cpu_ended_us - cpu_began_us_;
    const Micros duration = std::max(Micros(0), boot_now() - started_.boot);
    if (!klass) {
        model::DoneResult done;
        done.position = unit_.first;
        done.started_at = started_.wall;
        done.duration = duration;
        done.rows = line.rows;
        done.bytes = line.bytes;
        done.cpu_us = cpu_us;
        outcome.result = done;
    } else {
        model::FailedResult failed;
        failed.position = unit_.first;
        failed.started_at = started_.wall;
        failed.duration = duration;
        failed.klass = *klass;
        failed.exit_code = exit_code;
        failed.cpu_us = cpu_us;
        failed.retry_after = line.retry_after;
        failed.pool = cut_text(line.pool, 128);
        std::string message = line.message;
        if (message.empty()) {
            message = "the worker said that it failed";
            const std::string last = last_line(outcome.log.tail, kLastLineBytesMax);
            message += last.empty() ? "" : ": " + last;
        }
        failed.message = cut_text(secrets_.redactor.redact(message), model::kMessageBytesMax);
        outcome.result = std::move(failed);
    }
    outcomes_.push_back(std::move(outcome));
}

void WorkerRunner::on_gone() {
    context_.dir.tidy();
    if (!in_flight_) {
        return;
    }
    const ProcessEnd& end = child_.end();
    if (!delivered_ && complaint_.empty() && end.killed == KillReason::kNone && !sent_again_) {
        // It ended before the request came; the partition was not touched.
        sent_again_ = true;
        in_flight_ = false;
        const Micros now = boot_now();
        if (start_process(now)) {
            send_request(now);
        }
        return;
    }
    const model::Grant& grant = unit_.part->grant;
    ResultLine line;
    if (!complaint_.empty()) {
        line.message = "the worker was ended: " + complaint_;
        end_request(FailureClass::kError, line, end.exit_code());
        return;
    }
    const auto klass = classify(end, program_->definition.spec.exit_codes, grant.memory_bytes);
    if (end.killed != KillReason::kNone || end.oom_killed) {
        line.message = end_message(end, grant, 1);
    } else {
        line.message = "the worker " + describe(end) + " without an answer";
        const std::string last = last_line(child_.log().tail(secrets_.redactor), kLastLineBytesMax);
        line.message += last.empty() ? "" : ": " + last;
    }
    end_request(klass.value_or(FailureClass::kError), line, end.exit_code());
}

void WorkerRunner::on_child_signal(Micros now) {
    if (!child_.present()) {
        return;
    }
    read_answers(now);  // what it said before it ended counts
    child_.on_child_signal(now);
    if (!child_.present()) {
        on_gone();
    }
}

void WorkerRunner::on_time(Micros now) {
    if (now >= close_at_) {
        close_at_ = Micros::max();
        child_.kill(KillReason::kLost, now);
    }
    if (now >= silent_at_) {
        silent_at_ = Micros::max();
        complain("it closed its answers (descriptor 3) but did not end", now);
    }
    if (child_.present() && now >= child_.next_due()) {
        child_.on_time(now);
        if (!child_.present()) {
            on_gone();
        }
    }
}

Micros WorkerRunner::next_due() const {
    return child_.present() ? std::min({child_.next_due(), close_at_, silent_at_}) : Micros::max();
}

void WorkerRunner::close(Micros now) {
    if (child_.present() && !closing_) {
        closing_ = true;
        child_.close_input();
        close_at_ = now + context_.kill_grace;
    }
}

std::optional<LogTailBuffer::Piece> WorkerRunner::running_log(uint64_t position, uint64_t offset)
    const {
    if (!in_flight_ || position != unit_.first) {
        return std::nullopt;
    }
    return child_.log().since(offset, secrets_.redactor);
}

}  // namespace servo::executor

#include "executor/process_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace servo::executor {

using model::FailureClass;

namespace {

constexpr Micros kRetryStartFirst{100'000};
constexpr Micros kRetryStartMost{1'000'000};
constexpr Micros kRetryStartFor{10'000'000};
constexpr size_t kNotesMax = 20;                  // remarks on a result file
constexpr size_t kLastLineBytesMax = 300;         // of the log, in a failure's message
constexpr size_t kFurtherLogBytesMax = 4 * 1024;  // of the further failures of a batch

bool may_pass(const SpawnFailure& failure) {
    const bool scarce = failure.error_number == EAGAIN || failure.error_number == ENOMEM ||
                        failure.error_number == EMFILE || failure.error_number == ENFILE;
    return scarce && failure.stage != SpawnStage::kDirectory;
}

uint64_t position_of(const Outcome& outcome) {
    return std::visit([](const auto& result) { return result.position; }, outcome.result);
}

// One output belongs to all partitions of a batch: the first failure keeps it, later ones its end;
// where nothing failed the first keeps it.
void share_log(std::vector<Outcome>& outcomes, uint64_t bytes_total, std::string tail) {
    std::string end = tail.substr(tail.size() - std::min(tail.size(), kFurtherLogBytesMax));
    end = clean_text(std::move(end));
    const auto failed = [](const Outcome& outcome) {
        return std::holds_alternative<model::FailedResult>(outcome.result);
    };
    const auto first = std::find_if(outcomes.begin(), outcomes.end(), failed);
    for (auto outcome = first; outcome != outcomes.end(); ++outcome) {
        if (failed(*outcome)) {
            outcome->log = {position_of(*outcome), bytes_total, end};
        }
    }
    if (!outcomes.empty()) {
        Outcome& keeps = first == outcomes.end() ? outcomes.front() : *first;
        keeps.log = {position_of(keeps), bytes_total, std::move(tail)};
    }
}

bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

bool ProcessRunner::serves(const Part& part) const {
    const model::RunnerKind kind = part.program->definition.spec.run.kind;
    return kind == model::RunnerKind::kCommand || kind == model::RunnerKind::kBatch;
}

uint64_t ProcessRunner::unit_size_max(const Part& part) const {
    const model::RunnerSpec& run = part.program->definition.spec.run;
    if (run.kind != model::RunnerKind::kBatch || part.grant.suspect) {
        return 1;
    }
    return static_cast<uint64_t>(std::max(run.batch_size, 1));
}

bool ProcessRunner::batch() const {
    return unit_.part->program->definition.spec.run.kind == model::RunnerKind::kBatch;
}

void ProcessRunner::start(Unit unit, Micros now) {
    unit_ = std::move(unit);
    started_ = {wall_now(), now};
    if (const Status prepared = prepare(); !prepared) {
        const bool disk = prepared.error().reason == "os_error";
        fail_unit(
            outcomes_,
            unit_,
            started_,
            disk ? FailureClass::kResource : FailureClass::kConfiguration,
            0,
            prepared.error()
        );
        return;
    }
    retry_start_until_ = now + kRetryStartFor;
    retry_wait_ = kRetryStartFirst;
    try_start(now);
}

Status ProcessRunner::prepare() {
    const Program& program = *unit_.part->program;
    if (program.broken) {
        return fail(*program.broken);
    }
    secrets_ = SERVO_TRY(resolve(program));
    SERVO_CHECK(context_.dir.prepare(unit_.part->grant.tenant.value));
    const Millis timeout = unit_.part->grant.timeout * static_cast<int64_t>(unit_.count);
    spec_ = SERVO_TRY(attempt_spec(
        {unit_,
         secrets_.values,
         context_.dir.places(),
         started_.wall + timeout,
         context_.allow_shell}
    ));
    if (batch()) {
        std::string text;
        for (const std::string& key : SERVO_TRY(keys_of(unit_))) {
            text += key;
            text += '\n';
        }
        SERVO_CHECK(context_.dir.write_keys(text));
    }
    return {};
}

void ProcessRunner::try_start(Micros now) {
    retry_start_at_ = Micros::max();
    const model::Grant& grant = unit_.part->grant;
    const Millis timeout = grant.timeout * static_cast<int64_t>(unit_.count);
    const ChildLimits limits{started_.boot + timeout, grant.memory_bytes, context_.kill_grace};
    const auto failure = child_.start(spec_, ChildKind::kOnce, limits, secrets_.redactor.longest());
    if (!failure) {
        return;
    }
    if (may_pass(*failure) && now < retry_start_until_) {
        retry_start_at_ = now + retry_wait_;
        retry_wait_ = std::min(retry_wait_ * 2, kRetryStartMost);
        return;
    }
    const NotStarted why = explain(*failure, spec_);
    fail_unit(outcomes_, unit_, started_, why.klass, why.exit_code, why.error);
    context_.dir.tidy();
}

void ProcessRunner::kill(KillReason reason, Micros now) {
    if (retry_start_at_ != Micros::max()) {
        retry_start_at_ = Micros::max();
        fail_unit(
            outcomes_,
            unit_,
            started_,
            FailureClass::kLost,
            0,
            internal("not_started", kill_message(reason, unit_.part->grant, 1))
        );
        context_.dir.tidy();
        return;
    }
    child_.kill(reason, now);
}

void ProcessRunner::on_readable(bool output, bool, Micros) {
    if (output) {
        child_.on_output();
    }
}

void ProcessRunner::on_child_signal(Micros now) {
    if (child_.present()) {
        child_.on_child_signal(now);
        if (!child_.present()) {
            finish();
        }
    }
}

void ProcessRunner::on_time(Micros now) {
    if (now >= retry_start_at_) {
        try_start(now);
    } else if (child_.present() && now >= child_.next_due()) {
        child_.on_time(now);
        if (!child_.present()) {
            finish();
        }
    }
}

void ProcessRunner::finish() {
    if (batch()) {
        finish_batch();
    } else {
        finish_command();
    }
    context_.dir.tidy();
}

Outcome ProcessRunner::outcome_of(
    uint64_t position,
    std::optional<FailureClass> klass,
    const ResultLine* line,
    const std::string& last
) {
    const model::Grant& grant = unit_.part->grant;
    const ProcessEnd& end = child_.end();
    const auto share = static_cast<int64_t>(unit_.count);
    const Micros duration = std::max(Micros(0), boot_now() - started_.boot) / share;
    Outcome outcome;
    if (line != nullptr && line->phases) {
        outcome.phases = {position, *line->phases};
    }
    if (!klass) {
        model::DoneResult done;
        done.position = position;
        done.started_at = started_.wall;
        done.duration = duration;
        done.rows = line != nullptr ? line->rows : -1;
        done.bytes = line != nullptr ? line->bytes : -1;
        done.max_rss_kb = end.max_rss_kb;
        done.cpu_us = child_.cpu_us() / share;
        outcome.result = done;
        return outcome;
    }
    model::FailedResult failed;
    failed.position = position;
    failed.started_at = started_.wall;
    failed.duration = duration;
    failed.klass = *klass;
    failed.exit_code = end.exit_code();
    failed.max_rss_kb = end.max_rss_kb;
    failed.cpu_us = child_.cpu_us() / share;
    std::string message;
    if (line != nullptr) {
        failed.retry_after = line->retry_after;
        failed.pool = cut_text(line->pool, 128);
        message = line->message;
    }
    if (message.empty()) {
        message = end_message(end, grant, share);
        message += last.empty() ? "" : ": " + last;
    }
    failed.message = cut_text(secrets_.redactor.redact(message), model::kMessageBytesMax);
    outcome.result = std::move(failed);
    return outcome;
}

void ProcessRunner::finish_command() {
    const model::Grant& grant = unit_.part->grant;
    const ProcessEnd& end = child_.end();
    auto klass = classify(end, unit_.part->program->definition.spec.exit_codes, grant.memory_bytes);
    std::string tail = child_.log().tail(secrets_.redactor);
    ResultLine line;
    const auto text = context_.dir.read_result(kResultLineBytesMax);
    std::string complaint;
    if (!text) {
        complaint = text.error().message;
    } else if (*text && !is_blank(**text)) {
        const std::string_view whole = **text;
        auto parsed = parse_result_line(whole.substr(0, whole.find('\n')));
        if (parsed) {
            line = *std::move(parsed);
        } else {
            complaint = parsed.error().message;
        }
    }
    const bool said_class_counts = klass && end.killed == KillReason::kNone && !end.oom_killed;
    if (said_class_counts && line.klass) {
        klass = line.klass;
    }
    if (!complaint.empty()) {
        tail += fmt::format("servo: SERVO_RESULT_FILE was ignored: {}\n", complaint);
        tail.erase(0, tail.size() - std::min(tail.size(), model::kLogTailBytesMax));
    }
    const std::string last = last_line(tail, kLastLineBytesMax);
    outcomes_.push_back(outcome_of(unit_.first, klass, &line, last));
    keep_log(std::move(tail));
}

void ProcessRunner::keep_log(std::string tail) {
    const uint64_t bytes_total = std::max<uint64_t>(child_.log().bytes_total(), tail.size());
    share_log(outcomes_, bytes_total, std::move(tail));
}

std::map<std::string, ResultLine> ProcessRunner::read_batch_lines(std::string& notes) {
    std::map<std::string, ResultLine> lines;
    size_t complaints = 0;
    const auto complain = [&](std::string_view what) {
        if (++complaints <= kNotesMax) {
            notes += fmt::format("servo: SERVO_RESULT_FILE: {}\n", what);
        }
    };
    const auto text = context_.dir.read_result(kResultLineBytesMax + unit_.count * 4'096);
    if (!text) {
        complain(text.error().message);
        return lines;
    }
    std::string_view rest = *text ? std::string_view(**text) : std::string_view();
    for (size_t number = 1; !rest.empty(); ++number) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (is_blank(line)) {
            continue;
        }
        auto parsed = parse_result_line(line);
        if (!parsed) {
            complain(fmt::format("line {}: {}", number, parsed.error().message));
        } else if (parsed->key.empty()) {
            complain(fmt::format(R"(line {}: it has no "key")", number));
        } else {
            lines[parsed->key] = *std::move(parsed);
        }
    }
    return lines;
}

// A key without a line takes the exit status; a key with one is what the line says, whatever became
// of the process afterwards.
void ProcessRunner::finish_batch() {
    const auto& own = unit_.part->program->definition.spec.exit_codes;
    const auto by_exit = classify(child_.end(), own, unit_.part->grant.memory_bytes);
    std::string notes;
    const std::map<std::string, ResultLine> lines = read_batch_lines(notes);
    std::string tail = child_.log().tail(secrets_.redactor) + notes;
    tail.erase(0, tail.size() - std::min(tail.size(), model::kLogTailBytesMax));
    const std::string last = last_line(tail, kLastLineBytesMax);
    const auto keys = keys_of(unit_);
    for (uint64_t i = 0; i < unit_.count; ++i) {
        const auto found = keys ? lines.find((*keys)[i]) : lines.end();
        if (found == lines.end()) {
            outcomes_.push_back(outcome_of(unit_.first + i, by_exit, nullptr, last));
            continue;
        }
        const ResultLine& line = found->second;
        std::optional<FailureClass> klass;
        if (line.status == SaidStatus::kFailed ||
            (line.status == SaidStatus::kNothing && line.klass)) {
            klass = line.klass.value_or(FailureClass::kError);
        }
        outcomes_.push_back(outcome_of(unit_.first + i, klass, &line, last));
    }
    keep_log(std::move(tail));
}

std::optional<LogTailBuffer::Piece> ProcessRunner::running_log(uint64_t position, uint64_t offset)
    const {
    if (!child_.present() || position < unit_.first || position >= unit_.end()) {
        return std::nullopt;
    }
    return child_.log().since(offset, secrets_.redactor);
}

}  // namespace servo::executor

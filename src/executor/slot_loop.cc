#include "executor/slot_loop.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "executor/stop_rule.h"

namespace servo::executor {

using model::LeaseId;

namespace {

constexpr Micros kFlushAfter{5'000};  // results wait this long for company
constexpr size_t kFlushResults = 500;
constexpr size_t kFlushLogBytes = 256 * 1024;
constexpr size_t kOutgoingMax = 64u << 20;  // a frozen executor does not read: start nothing more
constexpr Micros kPollAfter{1'000};         // longest run of instant partitions between polls
constexpr Micros kIdleWorkerKept{30'000'000};

template <typename... F>
struct Overload : F... {
    using F::operator()...;
};
template <typename... F>
Overload(F...) -> Overload<F...>;

}  // namespace

SlotLoop::SlotLoop(UniqueFd socket, UniqueFd signals, UniqueFd timer)
    : socket_(std::move(socket)), signals_(std::move(signals)), timer_(std::move(timer)) {}

SlotLoop::~SlotLoop() = default;

int SlotLoop::run() {
    for (;;) {
        now_ = boot_now();
        if (runner_) {
            runner_->on_time(now_);
        }
        collect();
        check_stop_time();
        run_ready();
        answer_kills();
        if (broken_ || (flush_due() && !flush()) || !wait()) {
            return shut_down();
        }
    }
}

// --- messages --------------------------------------------------------------------------------

bool SlotLoop::handle_socket() {
    if (!reader_.fill(socket_.get())) {
        return false;
    }
    for (;;) {
        const auto frame = reader_.next();
        if (!frame) {
            return false;
        }
        if (!*frame) {
            return true;
        }
        auto message = wire::decode_to_slot(**frame);
        if (!message || !handle(*std::move(message))) {
            return false;
        }
    }
}

bool SlotLoop::handle(wire::ToSlot message) {
    std::visit(
        Overload{
            [this](const wire::Hello& hello) { on_hello(hello); },
            [this](wire::Define& define) {
                program_ = make_program(std::move(define.definition), hello_.code_dir);
            },
            [this](wire::Feed& feed) { on_feed(std::move(feed)); },
            [this](const wire::Trim& trim) {
                if (trim.lease == lease_.id) {
                    lease_.size = std::min(lease_.size, std::max(trim.size, lease_.started));
                    while (!lease_.parts.empty() &&
                           lease_.parts.back()->first_position >= lease_.size) {
                        lease_.parts.pop_back();
                    }
                    send_trimmed();
                }
            },
            [this](const wire::Resume& resume) {
                if (resume.lease == lease_.id) {
                    lease_.stopped = false;
                }
            },
            [this](const wire::Kill& kill) { on_kill(kill.lease); },
            [this](const wire::StopAt& stop) { set_stop_time(stop.boot); },
            [this](const wire::AskLog& ask) {
                wire::LogAnswer answer{ask.id, std::nullopt};
                if (ask.lease == lease_.id) {
                    auto piece =
                        runner_ ? runner_->running_log(ask.position, ask.offset) : std::nullopt;
                    answer.piece = piece.value_or(LogTailBuffer::Piece{ask.offset, ask.offset, {}});
                }
                wire::encode(writer_.buffer(), wire::FromSlot(std::move(answer)));
                urgent_ = true;
            }},
        message
    );
    return !broken_;
}

void SlotLoop::on_hello(const wire::Hello& hello) {
    hello_ = hello;
    auto dir = AttemptDir::create(hello.scratch_prefix, hello.slot);
    if (!dir) {
        wire::encode(writer_.buffer(), wire::FromSlot(wire::Notice{dir.error().message}));
        writer_.flush(socket_.get());
        broken_ = true;
        return;
    }
    dir_.emplace(*std::move(dir));
    group_.emplace(hello.cgroup);
    wire::encode(writer_.buffer(), wire::FromSlot(wire::Ready{}));
    urgent_ = true;
}

void SlotLoop::on_feed(wire::Feed feed) {
    const LeaseId id = feed.grant.lease;
    if (id != lease_.id) {
        if (lease_.started < lease_.size || (runner_ && runner_->busy())) {
            broken_ = true;  // the keeper gives a slot one lease at a time
            return;
        }
        flush();  // the next result belongs to another lease
        lease_ = {};
        lease_.id = id;
        lease_.size = lease_.started = feed.first_position;
    }
    if (lease_.stop_time_told && feed.first_position > lease_.size) {
        return;  // sent before the keeper heard of the cut, which takes it back as well
    }
    auto part = make_part(feed.first_position, std::move(feed.grant), program_);
    if (!program_ || !part || feed.first_position != lease_.size) {
        broken_ = true;
        return;
    }
    lease_.size = (*part)->end_position();
    lease_.stop_time_told = false;
    lease_.parts.push_back(*std::move(part));
}

void SlotLoop::on_kill(LeaseId id) {
    if (id != lease_.id) {
        return;
    }
    ++lease_.kills_unanswered;
    lease_.size = lease_.started;
    kill_running(KillReason::kLost);
}

void SlotLoop::kill_running(KillReason reason) {
    if (runner_ && runner_->busy()) {
        runner_->kill(reason, now_);
        collect();
    }
}

// --- the stop time ---------------------------------------------------------------------------

void SlotLoop::set_stop_time(Millis boot) {
    stop_at_ = boot;
    // An absolute timer on CLOCK_BOOTTIME also goes off right after a suspension.
    itimerspec when{};
    when.it_value.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(boot).count();
    when.it_value.tv_nsec = (boot.count() % 1'000) * 1'000'000;
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

// The executor was not heard from for so long that the lease may be another's: nothing of it may
// go on here, whatever became of the executor.
void SlotLoop::check_stop_time() {
    const bool at_work = lease_.started < lease_.size || (runner_ && runner_->busy());
    if (now_ < stop_at_ || !at_work || lease_.stop_time_told) {
        return;
    }
    lease_.stop_time_told = true;
    ++lease_.kills_unanswered;
    lease_.size = lease_.started;
    kill_running(KillReason::kLost);
}

void SlotLoop::answer_kills() {
    if (lease_.kills_unanswered == 0 || (runner_ && runner_->busy())) {
        return;
    }
    collect();
    for (; lease_.kills_unanswered > 0; --lease_.kills_unanswered) {
        send_trimmed();
    }
    lease_.parts.clear();
}

// After the results that precede it.
void SlotLoop::send_trimmed() {
    flush();
    wire::encode(writer_.buffer(), wire::FromSlot(SlotTrimmed{lease_.id, lease_.size}));
    urgent_ = true;
}

// --- running ---------------------------------------------------------------------------------

bool SlotLoop::may_start() const {
    return dir_ && lease_.started < lease_.size && !lease_.stopped && now_ < stop_at_ &&
           lease_.kills_unanswered == 0 && !(runner_ && runner_->busy()) &&
           writer_.pending() < kOutgoingMax;
}

// Instant partitions follow each other here without a look at the descriptors, for a while.
void SlotLoop::run_ready() {
    while (may_start()) {
        start_next();
        collect();
        if (!may_start()) {
            return;
        }
        now_ = boot_now();
        if (now_ - polled_at_ >= kPollAfter || (flush_due() && !flush())) {
            return;
        }
    }
}

// The part of the next position. Precondition: lease_.started < lease_.size. A part that a trim cut
// short ends where the next one begins.
const std::shared_ptr<const Part>& SlotLoop::next_part() {
    auto& parts = lease_.parts;
    while (parts.front()->end_position() <= lease_.started ||
           (parts.size() > 1 && parts[1]->first_position <= lease_.started)) {
        parts.pop_front();
    }
    return parts.front();
}

void SlotLoop::start_next() {
    const std::shared_ptr<const Part> part = next_part();
    Runner* runner = runner_for(*part);
    if (runner == nullptr) {
        return;  // the one before is being closed
    }
    const uint64_t end = std::min(part->end_position(), lease_.size);
    const uint64_t count = std::min(runner->unit_size_max(*part), end - lease_.started);
    const Unit unit{part, lease_.started, count};
    lease_.started += count;
    progress_.lease = lease_.id;
    progress_.started = lease_.started;
    if (!progress_since_) {
        progress_since_ = now_;
    }
    runner->start(unit, now_);
}

Runner* SlotLoop::runner_for(const Part& part) {
    if (runner_ && !runner_->serves(part)) {
        if (!runner_->closed()) {
            runner_->close(now_);
            return nullptr;
        }
        runner_.reset();
    }
    if (!runner_) {
        const RunnerContext context{*dir_, oom_, *group_, hello_.allow_shell, hello_.kill_grace};
        runner_ = make_runner(part.program->definition.spec.run.kind, context);
    }
    return runner_.get();
}

void SlotLoop::collect() {
    if (!runner_) {
        return;
    }
    for (Outcome& outcome : runner_->take_outcomes()) {
        idle_since_ = now_;
        if (outcome.log.bytes_total > 0) {
            progress_log_bytes_ += outcome.log.tail.size();
            progress_.results.logs.push_back(std::move(outcome.log));
        }
        if (outcome.phases) {
            progress_.results.phases.push_back(*outcome.phases);
        }
        if (auto* done = std::get_if<model::DoneResult>(&outcome.result)) {
            progress_.results.done.push_back(*done);
        } else {
            auto& failed = std::get<model::FailedResult>(outcome.result);
            const bool sequential = program_ && program_->definition.spec.sequential;
            lease_.stopped = lease_.stopped || stops_lease(failed.klass, sequential);
            urgent_ = true;
            progress_.results.failed.push_back(std::move(failed));
        }
        if (!progress_since_) {
            progress_since_ = now_;
        }
        progress_.lease = lease_.id;
        progress_.started = lease_.started;
    }
}

// --- out -------------------------------------------------------------------------------------

bool SlotLoop::flush_due() const {
    if (urgent_) {
        return true;
    }
    if (!progress_since_) {
        return !writer_.empty();
    }
    const size_t results = progress_.results.done.size() + progress_.results.failed.size();
    const bool out_of_work = !(runner_ && runner_->busy()) && lease_.started == lease_.size;
    return out_of_work || results >= kFlushResults || progress_log_bytes_ >= kFlushLogBytes ||
           now_ - *progress_since_ >= kFlushAfter;
}

bool SlotLoop::flush() {
    if (progress_since_) {
        progress_.results.lease = progress_.lease;
        wire::encode(writer_.buffer(), wire::FromSlot(std::move(progress_)));
        progress_ = {};
        progress_since_.reset();
        progress_log_bytes_ = 0;
    }
    urgent_ = false;
    broken_ = broken_ || !writer_.flush(socket_.get());
    return !broken_;
}

Micros SlotLoop::wait_until() const {
    Micros until = Micros::max();
    if (runner_) {
        until = runner_->next_due();
        if (!runner_->busy() && !runner_->closed()) {
            until = std::min(until, idle_since_ + kIdleWorkerKept);
        }
    }
    if (progress_since_) {
        until = std::min(until, *progress_since_ + kFlushAfter);
    }
    return until;
}

// Waits for something to happen and handles it. False when the agent is gone.
bool SlotLoop::wait() {
    const int output = runner_ ? runner_->output_fd() : -1;
    const int answer = runner_ ? runner_->answer_fd() : -1;
    const short socket_events = writer_.empty() ? POLLIN : POLLIN | POLLOUT;
    pollfd fds[] = {
        {socket_.get(), socket_events, 0},
        {signals_.get(), POLLIN, 0},
        {timer_.get(), POLLIN, 0},
        {output, POLLIN, 0},
        {answer, POLLIN, 0}};
    const Micros until = wait_until();
    timespec timeout{};
    timespec* wait_for = nullptr;
    if (may_start() && !(runner_ && !runner_->serves(*next_part()))) {
        wait_for = &timeout;
    } else if (until != Micros::max()) {
        const Micros left = std::max(Micros(0), until - boot_now());
        timeout.tv_sec = left.count() / 1'000'000;
        timeout.tv_nsec = left.count() % 1'000'000 * 1'000;
        wait_for = &timeout;
    }
    const int ready = ::ppoll(fds, std::size(fds), wait_for, nullptr);
    now_ = polled_at_ = boot_now();
    if (ready < 0) {
        return errno == EINTR;
    }
    if (fds[2].revents != 0) {
        uint64_t expirations = 0;
        [[maybe_unused]] const ssize_t got = ::read(timer_.get(), &expirations, sizeof expirations);
    }
    if (runner_ && (fds[3].revents != 0 || fds[4].revents != 0)) {
        runner_->on_readable(fds[3].revents != 0, fds[4].revents != 0, now_);
    }
    if (fds[1].revents != 0) {
        signalfd_siginfo info[4];
        [[maybe_unused]] const ssize_t got = ::read(signals_.get(), info, sizeof info);
        if (runner_) {
            runner_->on_child_signal(now_);
        }
    }
    collect();
    if (runner_ && !runner_->busy() && !runner_->closed() &&
        now_ - idle_since_ >= kIdleWorkerKept) {
        runner_->close(now_);
    }
    if ((fds[0].revents & POLLOUT) != 0 && !writer_.flush(socket_.get())) {
        return false;
    }
    return (fds[0].revents & ~POLLOUT) == 0 || handle_socket();
}

// Nobody is left to report to: kill everything, wait until it is gone, leave nothing behind.
int SlotLoop::shut_down() {
    while (runner_ && !runner_->closed()) {
        now_ = boot_now();
        runner_->kill(KillReason::kLost, now_);
        runner_->close(now_);
        runner_->on_time(now_);
        runner_->take_outcomes();
        const Micros due = std::min(runner_->next_due(), now_ + Micros(50'000));
        const auto left = std::chrono::duration_cast<Millis>(due - now_).count() + 1;
        pollfd signals = {signals_.get(), POLLIN, 0};
        ::poll(&signals, 1, static_cast<int>(std::clamp<int64_t>(left, 1, 50)));
        signalfd_siginfo info[4];
        [[maybe_unused]] const ssize_t got = ::read(signals_.get(), info, sizeof info);
        runner_->on_child_signal(boot_now());
    }
    runner_.reset();
    dir_.reset();
    return broken_ ? 1 : 0;
}

}  // namespace servo::executor

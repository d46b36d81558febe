#include "executor/agent.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/log.h"

namespace servo::executor {
namespace {

constexpr Micros kPublishEvery{100'000};
constexpr Micros kTurnAtLeastEvery{1'000'000};  // the loop is seen to live
constexpr Millis kLogsTimeout{3'000};

uint64_t random_number() {
    uint64_t value = 0;
    if (::getrandom(&value, sizeof value, 0) != static_cast<ssize_t>(sizeof value)) {
        value = static_cast<uint64_t>(boot_now().count()) * 0x9e3779b97f4a7c15ULL +
                static_cast<uint64_t>(::getpid());
    }
    return value;
}

bool good_name(std::string_view name) {
    constexpr size_t kNameMax = 128;
    return !name.empty() && name.size() <= kNameMax &&
           name.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
           ) == std::string_view::npos;
}

}  // namespace

// --- inbox -----------------------------------------------------------------------------------

Result<std::shared_ptr<Agent::Inbox>> Agent::Inbox::make() {
    auto inbox = std::make_shared<Inbox>();
    inbox->wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!inbox->wake_) {
        return fail(os_error("make an event descriptor", errno));
    }
    return inbox;
}

bool Agent::Inbox::post(Task task) {
    {
        const std::lock_guard lock(mutex_);
        if (closed_) {
            return false;
        }
        tasks_.push_back(std::move(task));
    }
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t wrote = ::write(wake_.get(), &one, sizeof one);
    return true;
}

std::vector<Agent::Inbox::Task> Agent::Inbox::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    return std::exchange(tasks_, {});
}

std::vector<Agent::Inbox::Task> Agent::Inbox::take() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
    const std::lock_guard lock(mutex_);
    return std::exchange(tasks_, {});
}

// --- life ------------------------------------------------------------------------------------

Result<std::unique_ptr<Agent>> Agent::start(
    AgentOptions options, std::shared_ptr<Transport> transport
) {
    if (!good_name(options.name)) {
        return fail(invalid_argument(
            "bad_executor_name",
            fmt::format(
                R"(the executor's name "{}" must be 1 to 128 letters, digits, dots, dashes or )"
                "underscores: give one with --executor-name",
                options.name
            )
        ));
    }
    if (options.slots < 1 || options.slots > model::kSlotsPerExecutorMax) {
        return fail(invalid_argument(
            "bad_slots",
            fmt::format(
                "an executor has 1 to {} slots, not {}: set --slots",
                model::kSlotsPerExecutorMax,
                options.slots
            )
        ));
    }
    options.machine.disk = options.state_dir;
    StateDir state = SERVO_TRY(StateDir::open(options.state_dir));
    std::shared_ptr<Inbox> inbox = SERVO_TRY(Inbox::make());
    std::unique_ptr<Agent> agent(
        new Agent(std::move(options), std::move(transport), std::move(state), std::move(inbox))
    );
    // Signals are for the program's main thread.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    agent->transport_->on_logs_wanted([inbox = agent->inbox_] {
        inbox->post([](Agent& a) { a.log_feed_.wanted(); });
    });
    agent->thread_ = std::thread([raw = agent.get()] { raw->run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return agent;
}

Agent::Agent(
    AgentOptions options,
    std::shared_ptr<Transport> transport,
    StateDir state,
    std::shared_ptr<Inbox> inbox
)
    : options_(std::move(options)),
      transport_(std::move(transport)),
      state_(std::move(state)),
      inbox_(std::move(inbox)),
      slots_(static_cast<size_t>(options_.slots)),
      machine_(options_.machine),
      started_at_(wall_now()),
      checker_([inbox = inbox_](api::CheckAnswer answer) {
          inbox->post([answer = std::move(answer)](Agent& agent) mutable {
              agent.check_answers_.push_back(std::move(answer));
          });
      }) {
    if (options_.spans) {
        spans_.emplace(options_.name, options_.spans);
    }
    answered_at_ = boot_now();
    turned_at_us_ = answered_at_.count();
    status_.slots = options_.slots;
    status_.answered_at = answered_at_;
    if (auto tree = CgroupTree::take(options_.machine)) {
        cgroups_.emplace(*std::move(tree));
        spdlog::info("partitions are held to their memory by the kernel, in cgroups of the slots");
    } else {
        no_cgroups_ = tree.error().message;
        spdlog::info("partitions are held to their memory by looking at it: {}", no_cgroups_);
    }
}

Agent::~Agent() {
    stop();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Agent::drain() {
    inbox_->post([](Agent& agent) {
        agent.drain_asked_ = true;
        if (agent.keeper_) {
            agent.keeper_->drain(in_ms(agent.now_));
        }
    });
}

void Agent::stop() {
    stop_ = true;
    inbox_->post([](Agent&) {});
}

Status Agent::wait() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return ended_as_.has_value(); });
    return *ended_as_;
}

std::optional<Status> Agent::wait_for(Millis most) {
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, most, [this] { return ended_as_.has_value(); });
    return ended_as_;
}

AgentStatus Agent::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

Millis Agent::since_last_turn() const {
    return in_ms(boot_now() - Micros(turned_at_us_.load()));
}

// --- the loop --------------------------------------------------------------------------------

void Agent::run() {
    ::prctl(PR_SET_NAME, "servo-agent");
    // What a slot process that is killed leaves behind comes to us, and to its end.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    now_ = boot_now();
    while (turn()) {
        wait_for_events();
    }
    end_slots();
    if (spans_) {
        spans_->all_ended();
    }
    transport_->shut_down();
    // Whoever still asks is answered.
    for (Inbox::Task& task : inbox_->close()) {
        task(*this);
    }
    finish(outcome_.value_or(Status()));
}

// False when the agent has ended.
bool Agent::turn() {
    now_ = boot_now();
    slowest_turn_ = std::max(slowest_turn_, since_last_turn());
    turned_at_us_ = now_.count();
    for (Inbox::Task& task : inbox_->take()) {
        task(*this);
    }
    if (!keeper_) {
        start_keeper();
    } else {
        keeper_->on_time(in_ms(now_));
    }
    perform_actions();  // which are of the slots that there are
    follow_cpus();
    perform_actions();
    tend_slots();
    feed_logs();
    perform_actions();
    tell_health();
    publish();
    return !stop_ && !outcome_;
}

// Slot processes start at once; the server hears of the executor when it is known whether those of
// an earlier life are gone.
void Agent::start_keeper() {
    if (!state_.earlier_slots_gone() && options_.earlier_slots_wait > Millis(0) && !stop_) {
        constexpr Millis kSlice{50};
        const Millis slice = std::min(kSlice, options_.earlier_slots_wait);
        options_.earlier_slots_wait -= slice;
        state_.wait_for_earlier_slots(slice);
        return;
    }
    const bool gone = state_.earlier_slots_gone();
    if (!gone) {
        spdlog::warn(
            "slot processes of an earlier life of this executor are still there; their leases end "
            "after their time to live"
        );
    }
    KeeperOptions options;
    options.executor = options_.name;
    session_ = model::SessionId(static_cast<int64_t>(random_number() >> 1) | 1);
    options.session = session_;
    options.slots = static_cast<int>(slots_.size());
    options.labels = options_.labels;
    options.build = options_.build;
    options.host = options_.host;
    options.pid = ::getpid();
    options.previous_gone = gone;
    options.seed = random_number();
    options.drain_timeout = options_.drain_timeout;
    keeper_.emplace(std::move(options), in_ms(now_));
    for (size_t i = 0; i < slots_.size(); ++i) {
        if (slots_[i].ready) {
            keeper_->on_slot_event(static_cast<int>(i), SlotReady{}, in_ms(now_));
        }
    }
    if (drain_asked_) {
        keeper_->drain(in_ms(now_));
    }
}

Micros Agent::wake_at() const {
    Micros at = now_ + kTurnAtLeastEvery;
    if (!keeper_) {
        return now_;
    }
    at = std::min(at, log_feed_.next_due());
    const BootTime due = keeper_->next_due();
    if (due != BootTime::max()) {
        at = std::min<Micros>(at, due);
    }
    for (const Slot& slot : slots_) {
        constexpr Micros kReapEvery{10'000};
        if (slot.ending) {
            at = std::min(at, now_ + kReapEvery);
        } else if (!slot.host.running() && !slot.retired) {
            at = std::min(at, slot.start_at);
        }
    }
    return at;
}

void Agent::wait_for_events() {
    std::vector<pollfd> fds;
    fds.reserve(slots_.size() + 1);
    fds.push_back({inbox_->fd(), POLLIN, 0});
    for (const Slot& slot : slots_) {
        const short events = slot.host.wants_to_write() ? POLLIN | POLLOUT : POLLIN;
        fds.push_back({slot.host.fd(), events, 0});  // -1 when it is down: not waited for
    }
    const Micros left = std::max(Micros(0), wake_at() - boot_now());
    // Rounded up, so that the loop does not turn just before what is due.
    ::poll(fds.data(), fds.size(), static_cast<int>((left.count() + 999) / 1'000));
    now_ = boot_now();
    for (size_t i = 0; i < slots_.size(); ++i) {
        const short events = fds[i + 1].revents;
        const int index = static_cast<int>(i);
        Slot& slot = slots_[i];
        if (events == 0 || !slot.host.running()) {
            continue;
        }
        const bool wrote = (events & POLLOUT) == 0 || slot.host.flush();
        const bool read = (events & ~POLLOUT) == 0 || slot.host.receive(messages_);
        for (wire::FromSlot& message : std::exchange(messages_, {})) {
            handle_message(index, std::move(message));
        }
        if (!wrote || !read) {
            lose_slot(index);
        }
    }
}

void Agent::perform_actions() {
    if (keeper_) {
        for (Action& action : keeper_->take_actions()) {
            perform(action);
        }
    }
    for (size_t i = 0; i < slots_.size(); ++i) {
        SlotHost& host = slots_[i].host;
        if (host.running() && host.wants_to_write() && !host.flush()) {
            lose_slot(static_cast<int>(i));
        }
    }
}

void Agent::perform(Action& action) {
    if (const auto* send = std::get_if<SendRegister>(&action)) {
        send_register(*send);
    } else if (const auto* call = std::get_if<SendCall>(&action)) {
        send_call(*call);
    } else if (const auto* feed = std::get_if<FeedSlot>(&action)) {
        feed_slot(*feed);
    } else if (const auto* trim = std::get_if<TrimSlot>(&action)) {
        slots_[static_cast<size_t>(trim->slot)].host.send(wire::Trim{trim->lease, trim->size});
    } else if (const auto* resume = std::get_if<ResumeSlot>(&action)) {
        slots_[static_cast<size_t>(resume->slot)].host.send(wire::Resume{resume->lease});
    } else if (const auto* kill = std::get_if<KillSlot>(&action)) {
        Slot& slot = slots_[static_cast<size_t>(kill->slot)];
        slot.killed_at = now_;
        slot.host.send(wire::Kill{kill->lease});
    } else if (const auto* end = std::get_if<EndSlot>(&action)) {
        retire_slot(end->slot);
    } else if (const auto* stop = std::get_if<SetStopTime>(&action)) {
        tell_stop_time(stop->at);
    } else if (auto* refused = std::get_if<GiveUp>(&action)) {
        spdlog::error("the server refused this executor: {}", refused->error.message);
        outcome_ = fail(std::move(refused->error));
    } else {
        outcome_ = Status();
    }
}

void Agent::send_register(const SendRegister& action) {
    transport_->register_executor(
        action.request,
        action.timeout,
        [inbox = inbox_](Result<model::RegisterReply> reply) {
            inbox->post([reply = std::move(reply)](Agent& agent) mutable {
                agent.note_answer(reply ? nullptr : &reply.error());
                agent.keeper_->on_register_reply(std::move(reply), in_ms(agent.now_));
            });
        }
    );
}

void Agent::send_call(const SendCall& action) {
    const model::CallKind kind = action.request->kind;
    const int64_t call = action.request->call;
    transport_->call(
        action.request,
        action.timeout,
        [inbox = inbox_, kind, call](Result<model::CallReply> reply) {
            inbox->post([kind, call, reply = std::move(reply)](Agent& agent) mutable {
                agent.note_answer(reply ? nullptr : &reply.error());
                agent.keeper_->on_call_reply(kind, call, std::move(reply), in_ms(agent.now_));
            });
        }
    );
}

// What watched partitions print: asked of their slots, sent to the server.
void Agent::feed_logs() {
    if (auto chunks = log_feed_.take_report(now_); chunks && keeper_) {
        auto report = std::make_shared<model::LogReport>();
        report->session = keeper_->session();
        report->chunks = *std::move(chunks);
        transport_->send_logs(
            std::move(report),
            kLogsTimeout,
            [inbox = inbox_](Result<std::vector<model::LogWish>> wishes) {
                inbox->post([wishes = std::move(wishes)](Agent& agent) mutable {
                    agent.log_feed_.on_reply(std::move(wishes), agent.now_);
                });
            }
        );
    }
    for (const LogFeed::Ask& ask : log_feed_.take_asks(now_)) {
        const auto slot = std::find_if(slots_.begin(), slots_.end(), [&](const Slot& s) {
            return s.ready && s.lease == ask.wish.lease;
        });
        if (slot != slots_.end()) {
            slot->host.send(wire::AskLog{ask.id, ask.wish.lease, ask.wish.position, ask.wish.offset}
            );
        } else {
            log_feed_.on_answer(ask.id, std::nullopt, now_);
        }
    }
}

// One line when the server is lost and one when it is back, however many calls fail between.
void Agent::note_answer(const Error* error) {
    if (stop_ || outcome_) {
        return;  // calls that our own end cut short
    }
    if (error != nullptr && error->reason == "unknown_session" && keeper_ && keeper_->leaving()) {
        return;  // the server has heard that we leave before it answered what else was under way
    }
    server_reached_ = error == nullptr;
    answered_at_ = error == nullptr ? now_ : answered_at_;
    if (error != nullptr && !server_lost_said_) {
        spdlog::warn("the server does not answer as it should: {}", error->message);
        note_error(error->message);
    } else if (error == nullptr && server_lost_said_) {
        spdlog::info("the server answers again");
    }
    server_lost_said_ = error != nullptr;
}

void Agent::publish() {
    const bool changed = keeper_ && (keeper_->registered() != status_.registered ||
                                     keeper_->draining() != status_.draining);
    if (!changed && now_ - published_at_ < kPublishEvery) {
        return;
    }
    published_at_ = now_;
    AgentStatus status;
    status.slots = keeper_ ? keeper_->slots() : static_cast<int>(slots_.size());
    status.server_reached = server_reached_;
    status.answered_at = answered_at_;
    status.attempts_completed = attempts_completed_;
    status.attempts_failed = attempts_failed_;
    status.slots_stuck = stuck_slots();
    for (const Slot& slot : slots_) {
        status.slots_ready += slot.ready ? 1 : 0;
    }
    if (keeper_) {
        status.registered = keeper_->registered();
        status.draining = keeper_->draining();
        status.executor_id = keeper_->executor_id();
        status.epoch = keeper_->epoch();
        status.slots_busy = keeper_->slots_busy();
        status.results_queued = keeper_->results_queued();
        status.slot_ms = keeper_->slot_millis();
    }
    const std::lock_guard lock(mutex_);
    status_ = status;
}

void Agent::finish(Status outcome) {
    const std::lock_guard lock(mutex_);
    status_.ended = true;
    status_.registered = false;
    ended_as_ = std::move(outcome);
    ended_.notify_all();
}

}  // namespace servo::executor

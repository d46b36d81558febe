#include "sim/server_node.h"

#include <algorithm>
#include <utility>

#include "model/job_id.h"

namespace servo::sim {
namespace {

constexpr int64_t kDiskCheckEvery = 16;  // steps

}  // namespace

// --- the door to the store -------------------------------------------------------------------

class ServerNode::Door final : public store::Store {
 public:
    Door(World& world, ServerNode& server) : world_(world), server_(server) {}

    Result<int64_t> take_leadership(const store::Candidate& candidate) override {
        SERVO_CHECK(pass(CrashPoint::kBeforeTakeover));
        const int64_t epoch = SERVO_TRY(world_.store.take_leadership(candidate));
        world_.auditor.on_leadership(epoch);
        world_.note("{} takes epoch {}", server_.name_, epoch);
        SERVO_CHECK(pass(CrashPoint::kAfterTakeover));
        return epoch;
    }

    Result<store::LeaderRow> leader() override { return world_.store.leader(); }
    Status beat(int64_t epoch) override { return world_.plant.beat(world_.store, epoch); }
    Status resign(int64_t epoch) override { return world_.store.resign(epoch); }
    Result<Snapshot> load(int64_t epoch) override {
        Snapshot snapshot = SERVO_TRY(world_.store.load(epoch));
        world_.plant.on_load(snapshot);
        return snapshot;
    }
    Result<std::optional<Snapshot::OpenJob>> load_job(JobId id) override {
        return world_.store.load_job(id);
    }
    Result<bool> committed(int64_t epoch, int64_t seq) override {
        return world_.store.committed(epoch, seq);
    }
    Result<bool> maintain(Instant now) override { return world_.store.maintain(now); }
    Result<std::vector<std::string>> fsck() override { return world_.store.fsck(); }

    store::CommitOutcome commit(const store::Batch& batch) override {
        if (!pass(CrashPoint::kBeforeCommit).has_value()) {
            return {store::CommitFate::kBroken, "the process died"};
        }
        const bool fault = !world_.healed && set_fault();
        ChangeSet changes = *batch.changes;
        const store::Batch asked{batch.epoch, batch.seq, batch.now, &changes};
        world_.plant.edit(asked, changes);
        const store::CommitOutcome outcome = world_.plant.commit(world_.store, asked);
        settle(asked, outcome, fault);
        if (!pass(CrashPoint::kAfterCommit).has_value()) {
            return {store::CommitFate::kBroken, "the process died"};
        }
        return outcome;
    }

    Micros last_cost() const { return cost_; }

 private:
    // An error when the process dies here.
    Status pass(CrashPoint point) {
        if (server_.dying_ || server_.crash_point_ == point) {
            if (!server_.dying_) {
                world_.mark("server crash at point " + std::to_string(static_cast<int>(point)));
            }
            server_.dying_ = true;
            return fail(unavailable("died", "the process died"));
        }
        return {};
    }

    // Draws what goes wrong with the next commit.
    bool set_fault() {
        const Options& options = world_.options;
        const auto roll = [&](bool on, int64_t chance, store::Fault fault, const char* mark) {
            if (!on || !world_.per_mille(chance)) {
                return false;
            }
            world_.mark(mark);
            world_.store.fail_next(fault);
            world_.note("{}: {}", server_.name_, mark);
            return true;
        };
        return roll(
                   options.commits_unknown,
                   8,
                   store::Fault::kUnknownCommitted,
                   "commit unknown, committed"
               ) ||
               roll(
                   options.commits_unknown, 8, store::Fault::kUnknownLost, "commit unknown, lost"
               ) ||
               roll(options.commits_refused, 5, store::Fault::kRefused, "commit refused") ||
               roll(options.disk_full, 5, store::Fault::kFull, "disk full") ||
               roll(options.disk_broken, 2, store::Fault::kBroken, "disk broken");
    }

    void settle(const store::Batch& batch, const store::CommitOutcome& outcome, bool fault) {
        const bool written = outcome.fate == store::CommitFate::kCommitted ||
                             (outcome.fate == store::CommitFate::kUnknown &&
                              world_.store.committed(batch.epoch, batch.seq).value_or(false));
        const ChangeSet& c = *batch.changes;
        world_.note(
            "{} commits ({}, {}): jobs {} done {} failures {} grants +{} -{} checkpoints {}{}",
            server_.name_,
            batch.epoch,
            batch.seq,
            c.jobs.size(),
            c.done.size(),
            c.failures.size(),
            c.grants.size(),
            c.ended_grants.size(),
            c.checkpoints.size(),
            written ? "" : " - not written"
        );
        if (written) {
            world_.auditor.on_commit(batch);
        }
        if (outcome.fate == store::CommitFate::kDeposed) {
            world_.mark("deposed leader refused");
        }
        if (outcome.fate == store::CommitFate::kRefused && !fault) {
            world_.findings.report("store", "it refuses a batch: " + outcome.message);
        }
        const bool slow = !world_.healed && world_.options.store_slow && world_.prng.chance(1, 30);
        cost_ = slow ? world_.between(Micros(50'000), Micros(3'000'000))
                     : world_.between(Micros(200), Micros(3'000));
    }

    World& world_;
    ServerNode& server_;
    Micros cost_{1'000};
};

// --- the process -----------------------------------------------------------------------------

ServerNode::ServerNode(World& world, std::string name, Millis wall_offset)
    : world_(world), name_(std::move(name)), wall_offset_(wall_offset) {}

ServerNode::~ServerNode() {
    *life_ = false;
}

bool ServerNode::leading() const {
    return alive_ && !dying_ && engine_->status().state == engine::EngineState::kLeading;
}

Instant ServerNode::clock() const {
    return base_ + std::chrono::duration_cast<Millis>(world_.now());
}

bool ServerNode::start() {
    door_ = std::make_unique<Door>(world_, *this);
    engine_ =
        std::make_unique<engine::Engine>(*door_, store::Candidate{name_}, world_.options.seed);
    engine_->on_load([this](const core::Scheduler& scheduler) {
        loaded_ = true;
        if (on_load_) {
            on_load_(*this, scheduler);
        }
    });
    alive_ = true;
    const Instant wall = world_.true_wall() + wall_offset_;
    const Status led = engine_->start(wall);
    if (dying_ || !led.has_value()) {
        exit("dies while it starts");
        return false;
    }
    base_ = engine_->now() - std::chrono::duration_cast<Millis>(world_.now());
    world_.note("{} {}", name_, engine::to_string(engine_->status().state));
    if (leading()) {
        audit(engine_->now());
    }
    schedule(world_.now());
    return true;
}

// As the API does: a key that was answered gets the same answer, one under way a refusal. False:
// the request was answered.
bool ServerNode::claim_key(engine::Item& item) {
    // The API draws a new id for each request; a copy of a request must not use one again.
    const auto* create = std::get_if<core::CreateJobs>(&item.command);
    if (create && !item.idempotency &&
        world_.auditor.accounts().jobs.contains(create->jobs[0].id)) {
        item.answer(tl::unexpected<Error>(conflict("id_in_use", "it was created")));
        return false;
    }
    if (!item.idempotency) {
        return true;
    }
    const engine::Idempotency& key = *item.idempotency;
    const auto stored = world_.store.within(store::TenantScope::all())
                            ->idempotent_reply(key.tenant, key.route, key.key);
    if (stored.has_value() && *stored) {
        world_.mark("idempotency key answered again");
        core::JobsReply reply;
        reply.jobs.push_back({parse_job_id((*stored)->reply).value(), JobState::kPending});
        item.answer(core::Reply(reply));
        return false;
    }
    if (!keys_under_way_->insert(key.key).second) {
        item.answer(
            tl::unexpected<Error>(conflict("idempotency_key_under_way", "it is being worked on"))
        );
        return false;
    }
    item.answer = [under_way = keys_under_way_,
                   name = key.key,
                   answer = std::move(item.answer)](Result<core::Reply> reply) {
        under_way->erase(name);
        answer(std::move(reply));
    };
    return true;
}

void ServerNode::arrive(engine::Item item) {
    if (!alive_ || dying_ || !claim_key(item)) {
        return;
    }
    if (auto* call = std::get_if<core::ExecutorCall>(&item.command)) {
        world_.plant.on_call(*engine_, call->request);
    }
    auto answer = std::move(item.answer);
    item.answer =
        [this, answer = std::move(answer), command = item.command](Result<core::Reply> reply) {
            if (dying_) {
                return;
            }
            if (reply.has_value()) {
                world_.auditor.on_answer(command, *reply);
                const auto* call = std::get_if<core::ExecutorCall>(&command);
                if (call && call->request.kind == CallKind::kReport) {
                    world_.auditor.on_heard(call->request.session);
                }
                if (const auto* join = std::get_if<core::RegisterExecutor>(&command)) {
                    world_.auditor.on_heard(join->request.session);
                }
            }
            if (auto* call = reply.has_value() ? std::get_if<CallReply>(&*reply) : nullptr) {
                world_.plant.on_reply(*call);
            }
            answers_.push_back([answer, reply = std::move(reply)] { answer(reply); });
        };
    if (!world_.plant.answer_early(*engine_, item)) {
        engine_->submit(std::move(item));
    }
    schedule(world_.now());
}

void ServerNode::crash_at(CrashPoint point) {
    if (!alive_) {
        return;
    }
    if (point == CrashPoint::kNow) {
        exit("crashes");
    } else {
        crash_point_ = point;
    }
}

void ServerNode::stop() {
    if (!alive_ || dying_ || stalled()) {
        return;
    }
    engine_->step(clock());
    if (!dying_) {
        engine_->shut_down();
        world_.auditor.end_of_answers();
        send_answers(world_.now());
    }
    exit(dying_ ? "crashes" : "stops");
}

void ServerNode::stall(Micros duration) {
    stalled_until_ = world_.now() + duration;
    world_.note("{} stands still for {} ms", name_, duration.count() / 1'000);
    schedule(stalled_until_);
}

void ServerNode::schedule(Micros at) {
    at = std::max({at, ready_at_, stalled_until_, world_.now()});
    if (scheduled_at_ >= Micros(0) && scheduled_at_ <= at && scheduled_at_ >= stalled_until_ &&
        scheduled_at_ >= ready_at_) {
        return;
    }
    scheduled_at_ = at;
    world_.queue.at(at, [this, life = life_, number = ++wakeups_] {
        if (*life && number == wakeups_) {
            scheduled_at_ = Micros(-1);
            pump();
        }
    });
}

void ServerNode::pump() {
    if (!alive_) {
        return;
    }
    if (world_.now() < std::max(ready_at_, stalled_until_)) {
        schedule(ready_at_);
        return;
    }
    const Instant now = clock();
    const int64_t commits = engine_->status().commits;
    const bool led = leading();
    engine_->step(now);
    if (led != leading() && !dying_) {
        world_.mark(led ? "leader stands by" : "standby leads");
        world_.note("{} {}", name_, engine::to_string(engine_->status().state));
    }
    const bool committed = engine_->status().commits != commits;
    ready_at_ = world_.now() + (committed ? door_->last_cost() : Micros(50));
    world_.auditor.end_of_answers();
    if (crash_point_ == CrashPoint::kAmongAnswers && answers_.size() > 1 && !dying_) {
        world_.mark("server crash among answers");
        answers_.resize(world_.prng.below(answers_.size()));
        send_answers(ready_at_);
        dying_ = true;
    }
    if (dying_ || engine_->status().state == engine::EngineState::kBroken) {
        exit(dying_ ? "crashes" : "exits: its store is broken");
        return;
    }
    send_answers(ready_at_);
    after_step(now);
}

void ServerNode::send_answers(Micros at) {
    for (auto& answer : answers_) {
        world_.queue.at(at, std::move(answer));
    }
    answers_.clear();
}

void ServerNode::after_step(Instant now) {
    if (leading()) {
        audit(now);
        (void)door_->maintain(now);
        world_.plant.touch(const_cast<core::Scheduler&>(*engine_->scheduler()));
    }
    // What it loaded may be later than its clock.
    base_ += std::max(engine_->now() - clock(), Millis(0));
    const Instant due = engine_->next_due();
    if (engine_->has_work() || due <= now) {
        schedule(ready_at_);
    } else if (due != kNever) {
        schedule(world_.now() + std::chrono::duration_cast<Micros>(due - now));
    }
}

// What the checks look at between two batches. A deposed leader that does not know it yet is not
// looked at: its memory is old, which is allowed as long as nothing of it is written.
void ServerNode::audit(Instant now) {
    const core::Scheduler& scheduler = *engine_->scheduler();
    if (scheduler.epoch() != world_.auditor.epoch()) {
        return;
    }
    const bool fresh = std::exchange(loaded_, false);
    world_.auditor.on_step(now, fresh);
    ++steps_;
    const bool changed =
        std::exchange(seen_batches_, world_.auditor.batches()) != world_.auditor.batches();
    const bool due = steps_ % kDiskCheckEvery == 0;
    if (!changed && !fresh && !due) {
        return;
    }
    world_.auditor.check_memory(scheduler, now);
    if (fresh || due) {
        const Result<Snapshot> snapshot = world_.store.load(scheduler.epoch());
        if (snapshot.has_value()) {
            world_.auditor.check_disk(scheduler, *snapshot, now);
        } else {
            world_.findings.report("store", "it does not load: " + snapshot.error().message);
        }
    }
}

void ServerNode::exit(const char* why) {
    world_.note("{} {}", name_, why);
    alive_ = false;
    dying_ = true;
    answers_.clear();
    ++wakeups_;
}

}  // namespace servo::sim

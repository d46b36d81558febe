// One server process: a real engine on the shared store, seen through a door that can crash it at
// any store call, and a clock of its own. Single-threaded.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "sim/world.h"

namespace servo::sim {

// Where a server process may be made to die.
enum class CrashPoint {
    kNone,
    kNow,
    kBeforeTakeover,
    kAfterTakeover,  // leadership is taken, nothing is loaded
    kBeforeCommit,
    kAfterCommit,  // durable, and nobody was answered
    kAmongAnswers,
};

class ServerNode {
 public:
    // `wall_offset`: how far its wall clock is from the true one.
    ServerNode(World& world, std::string name, Millis wall_offset);
    ~ServerNode();

    // Leads or stands by. False: the process died in it.
    bool start();

    // A request arrives.
    void arrive(engine::Item item);

    void crash_at(CrashPoint point);
    void stall(Micros duration);
    // A clean end: does what is queued, gives leadership up, answers the rest.
    void stop();
    // Told each time a scheduler was loaded, before it is used.
    using LoadHook = std::function<void(ServerNode&, const core::Scheduler&)>;
    void on_load(LoadHook hook) { on_load_ = std::move(hook); }

    bool alive() const { return alive_; }
    bool stalled() const { return stalled_until_ > world_.now(); }
    bool leading() const;
    const std::string& name() const { return name_; }
    engine::Engine& engine() { return *engine_; }
    Instant clock() const;  // the scheduler's time

 private:
    class Door;

    bool claim_key(engine::Item& item);
    void schedule(Micros at);
    void pump();
    void after_step(Instant now);
    void send_answers(Micros at);
    void exit(const char* why);
    void audit(Instant now);

    World& world_;
    std::string name_;
    Millis wall_offset_;
    std::unique_ptr<Door> door_;
    std::unique_ptr<engine::Engine> engine_;
    LoadHook on_load_;
    bool alive_ = false;
    bool dying_ = false;  // a crash point was reached: nothing it says gets out any more
    CrashPoint crash_point_ = CrashPoint::kNone;
    Instant base_;  // clock() minus the time since the process' epoch
    Micros stalled_until_{0};
    Micros ready_at_{0};  // its engine's thread is busy until then
    Micros scheduled_at_{-1};
    uint64_t wakeups_ = 0;  // number of the newest wake-up; older ones are void
    bool loaded_ = false;
    int64_t steps_ = 0;
    int64_t seen_batches_ = 0;
    // Idempotency keys of requests that are not answered; an answer may arrive when its server is
    // gone.
    std::shared_ptr<std::set<std::string>> keys_under_way_ =
        std::make_shared<std::set<std::string>>();
    std::vector<std::function<void()>> answers_;  // of this step
    std::shared_ptr<bool> life_ = std::make_shared<bool>(true);
};

}  // namespace servo::sim

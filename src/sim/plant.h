// A place for planted bugs: the tests that prove that the checks are alive hang their mistakes in
// here, between the real pieces. Every default does nothing.
#pragma once

#include "core/scheduler.h"
#include "engine/engine.h"
#include "engine/open_owners.h"
#include "executor/keeper.h"
#include "store/store.h"

namespace servo::sim {

using namespace model;

class Plant {
 public:
    virtual ~Plant() = default;

    // What the engine asks to be written, before the checks see it.
    virtual void edit(const store::Batch&, ChangeSet&) {}
    // The store's commit, after the checks took note of what is asked.
    virtual store::CommitOutcome commit(store::Store& inner, const store::Batch& batch) {
        return inner.commit(batch);
    }
    // True: the answer was given already, before the commit.
    virtual bool answer_early(const engine::Engine&, engine::Item&) { return false; }
    virtual Status beat(store::Store& inner, int64_t epoch) { return inner.beat(epoch); }
    // What a leader loads.
    virtual void on_load(Snapshot&) {}
    // A call as it reaches the server.
    virtual void on_call(const engine::Engine&, CallRequest&) {}
    // The scheduler between two batches.
    virtual void touch(core::Scheduler&) {}
    // What a request is told of an open job.
    virtual void on_live_job(engine::LiveJob&) {}
    // What a slot says, on its way to the keeper.
    virtual void on_slot_event(executor::SlotEvent&) {}
    // A command of the keeper on its way to the slot; false: it is lost.
    virtual bool on_action(executor::Action&) { return true; }
    // What the keeper is told by the server.
    virtual void on_reply(CallReply&) {}
};

}  // namespace servo::sim

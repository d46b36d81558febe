// What tests of the scheduler's rules share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/scheduler.h"

namespace servo::core {

// A scheduler with one tenant and assets made by hand, and executors that answer at once.
class World {
 public:
    World() {
        snapshot_.epoch = 1;
        TenantRow tenant;
        tenant.id = TenantId(1);
        tenant.name = "acme";
        snapshot_.tenants.push_back(tenant);
        snapshot_.max_tenant_id = 1;
    }

    AssetSpec& asset(const std::string& name) {
        auto revision = std::make_shared<AssetRevision>();
        revision->asset = AssetId(++snapshot_.max_asset_id);
        revision->tenant = TenantId(1);
        revision->revision = 1;
        revision->spec.name = name;
        AssetHead head;
        head.id = revision->asset;
        head.tenant = revision->tenant;
        head.name = name;
        head.latest_revision = 1;
        snapshot_.assets.push_back(head);
        snapshot_.revisions.push_back(revision);
        return revision->spec;
    }
    void pool(const std::string& name, int64_t concurrency) {
        PoolRow row;
        row.id = PoolId(++snapshot_.max_pool_id);
        row.spec.name = name;
        row.spec.concurrency = concurrency;
        snapshot_.pools.push_back(row);
    }
    void start() { scheduler_ = std::make_unique<Scheduler>(snapshot_, now_, 7); }

    Result<Reply> apply(const Command& command) {
        changes_ = ChangeSet();
        Result<Reply> reply = scheduler_->apply(command, now_, ++seq_, changes_);
        scheduler_->seal(now_, seq_, changes_);
        EXPECT_EQ(scheduler_->check_invariants(), "");
        return reply;
    }
    JobRow row(int64_t id, uint64_t count, int64_t asset = 1, Ordinal first = 0) {
        JobRow row;
        row.id = JobId(id);
        row.tenant = TenantId(1);
        row.asset = AssetId(asset);
        row.revision = 1;
        row.ordinals = std::make_shared<OrdinalView>(std::vector<OrdinalRun>{{first, count, 1}});
        row.created_by = "ann";
        return row;
    }
    Result<Reply> create(const JobRow& row) { return apply(CreateJobs{{row}}); }
    void executor(int64_t session, int slots, const std::string& name = "") {
        RegisterRequest request;
        request.executor = name.empty() ? "x" + std::to_string(session) : name;
        request.session = SessionId(session);
        request.slots = slots;
        request.previous_gone = true;
        ASSERT_TRUE(apply(RegisterExecutor{request}).has_value());
    }
    CallRequest request(int64_t session, int free) {
        CallRequest call;
        call.session = SessionId(session);
        call.call = ++call_;
        call.free_slots = free;
        call.ack = ack_[session];
        call.held = held_[session];
        return call;
    }
    CallReply call(const CallRequest& request) {
        Result<Reply> reply = apply(ExecutorCall{request});
        EXPECT_TRUE(reply.has_value()) << (reply.has_value() ? "" : reply.error().message);
        CallReply out = std::get<CallReply>(*reply);
        for (const Grant& grant : out.grants) {
            if (grant.number > ack_[request.session.value]) {
                ack_[request.session.value] = grant.number;
                auto& held = held_[request.session.value];
                auto it = std::find_if(held.begin(), held.end(), [&](const HeldLease& lease) {
                    return lease.lease == grant.lease;
                });
                if (it == held.end()) {
                    held.push_back({grant.lease, 0, 0});
                    it = held.end() - 1;
                }
                it->size += grant.size();
            }
        }
        return out;
    }
    CallReply ask(int64_t session, int free) { return call(request(session, free)); }
    // Reports every partition of `lease` that is not reported yet.
    CallReply finish(
        int64_t session, const HeldLease& lease, uint64_t from, Micros each, int free
    ) {
        CallRequest call = request(session, free);
        LeaseResults results;
        results.lease = lease.lease;
        for (uint64_t i = from; i < lease.size; ++i) {
            results.done.push_back({i, now_, each, -1, -1, -1, -1});
        }
        call.results.push_back(results);
        std::erase_if(call.held, [&](const HeldLease& h) { return h.lease == lease.lease; });
        std::erase_if(held_[session], [&](const HeldLease& h) { return h.lease == lease.lease; });
        return this->call(call);
    }
    CallReply fail_one(int64_t session, const HeldLease& lease, FailureClass klass, int free = 0) {
        CallRequest call = request(session, free);
        LeaseResults results;
        results.lease = lease.lease;
        FailedResult failed;
        failed.position = 0;
        failed.klass = klass;
        failed.started_at = now_;
        results.failed.push_back(failed);
        call.results.push_back(results);
        std::erase_if(call.held, [&](const HeldLease& h) { return h.lease == lease.lease; });
        std::erase_if(held_[session], [&](const HeldLease& h) { return h.lease == lease.lease; });
        return this->call(call);
    }
    // The process of the slot died under what runs of the lease: all of it.
    CallReply lose_slot(int64_t session, const HeldLease& lease) {
        CallRequest call = request(session, 0);
        LeaseResults results;
        results.lease = lease.lease;
        for (uint64_t i = 0; i < lease.size; ++i) {
            FailedResult& failed = results.failed.emplace_back();
            failed.position = i;
            failed.klass = FailureClass::kLost;
            failed.started_at = now_;
            failed.slot_died = true;
        }
        call.results.push_back(results);
        std::erase_if(call.held, [&](const HeldLease& h) { return h.lease == lease.lease; });
        held_[session] = call.held;
        return this->call(call);
    }
    void pass(Millis d) {
        now_ += d;
        apply(Tick{});
    }
    JobState state(int64_t id) {
        const auto view = scheduler_->job(JobId(id), now_);
        return view ? view->row.state : JobState::kCompleted;
    }
    // Runs everything to the end on one executor with `slots`.
    void drain(int64_t session, int slots, Micros each) {
        for (int round = 0; round < 10'000 && !scheduler_->open_jobs().empty(); ++round) {
            ask(session, slots - static_cast<int>(held_[session].size()));
            const std::vector<HeldLease> held = held_[session];
            for (const HeldLease& lease : held) {
                finish(session, lease, 0, each, 0);
            }
            pass(Millis(1'000));
        }
    }

    Snapshot snapshot_;
    Instant now_ = instant_ms(1'700'000'000'000);
    int64_t seq_ = 0;
    int64_t call_ = 0;
    std::map<int64_t, int64_t> ack_;
    std::map<int64_t, std::vector<HeldLease>> held_;
    std::unique_ptr<Scheduler> scheduler_;
    ChangeSet changes_;
};

}  // namespace servo::core

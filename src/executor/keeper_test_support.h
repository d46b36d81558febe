// What the keeper's tests share: a fixture that plays the server and the slots.
#pragma once

#include <gtest/gtest.h>

#include <numeric>

#include "executor/keeper.h"
#include "executor/result_cut.h"

namespace servo::executor {

using model::CallKind;
using model::CallReply;
using model::CallRequest;
using model::FailureClass;
using model::Grant;
using model::LeaseAction;
using model::LeaseId;

inline constexpr LeaseId kA{101};
inline constexpr LeaseId kB{202};

class KeeperTest : public ::testing::Test {
 protected:
    void make(int slots = 1) {
        KeeperOptions options;
        options.executor = "exec-1";
        options.session = model::SessionId(7);
        options.slots = slots;
        options.drain_timeout = Millis(10'000);
        keeper_.emplace(options, now_);
        for (int slot = 0; slot < slots; ++slot) {
            event(slot, SlotReady{});
        }
    }
    void event(int slot, SlotEvent event) {
        keeper_->on_slot_event(slot, std::move(event), now_);
        collect();
    }
    void pass(int64_t ms) {
        now_ += Millis(ms);
        keeper_->on_time(now_);
        collect();
    }
    // Steps to each time that the keeper asks for, as its loop would.
    void run_until(Millis end) {
        while (keeper_->next_due() <= end) {
            pass(std::max<int64_t>(1, (keeper_->next_due() - now_).count()));
        }
        pass((end - now_).count());
    }
    void collect() {
        for (Action& action : keeper_->take_actions()) {
            actions_.push_back(std::move(action));
        }
    }
    template <typename T>
    std::vector<T> take() {
        std::vector<T> found;
        std::erase_if(actions_, [&](Action& action) {
            if (auto* match = std::get_if<T>(&action)) {
                found.push_back(std::move(*match));
                return true;
            }
            return false;
        });
        return found;
    }
    template <typename T>
    T one() {
        std::vector<T> found = take<T>();
        EXPECT_EQ(found.size(), 1u);
        return found.empty() ? T{} : found.back();
    }
    std::shared_ptr<const CallRequest> sent(CallKind kind) {
        std::shared_ptr<const CallRequest> found;
        std::erase_if(actions_, [&](Action& action) {
            const auto* call = std::get_if<SendCall>(&action);
            if (call == nullptr || call->request->kind != kind) {
                return false;
            }
            EXPECT_EQ(found, nullptr) << "two calls of a kind at once";
            found = call->request;
            return true;
        });
        return found;
    }
    std::shared_ptr<const CallRequest> report() {
        auto request = sent(CallKind::kReport);
        EXPECT_NE(request, nullptr);
        return request;
    }
    void answer_register(int64_t epoch = 1) {
        EXPECT_FALSE(take<SendRegister>().empty());
        model::RegisterReply reply;
        reply.executor_id = model::ExecutorId(3);
        reply.epoch = epoch;
        keeper_->on_register_reply(reply, now_);
        collect();
    }
    void answer(const std::shared_ptr<const CallRequest>& request, CallReply reply = {}) {
        ASSERT_NE(request, nullptr);
        reply.epoch = reply.epoch == 0 ? 1 : reply.epoch;
        reply.call = request->call;
        keeper_->on_call_reply(request->kind, request->call, std::move(reply), now_);
        collect();
    }
    void refuse(const std::shared_ptr<const CallRequest>& request, Error error) {
        ASSERT_NE(request, nullptr);
        keeper_->on_call_reply(request->kind, request->call, fail(std::move(error)), now_);
        collect();
    }
    // The last call, after which nothing more is said.
    void say_goodbye() {
        const auto last = report();
        EXPECT_TRUE(last->leaving);
        EXPECT_TRUE(last->held.empty());
        EXPECT_TRUE(take<Drained>().empty());
        answer(last);
        one<Drained>();
        pass(60'000);
        EXPECT_EQ(sent(CallKind::kReport), nullptr);
        EXPECT_EQ(sent(CallKind::kAcquire), nullptr);
    }
    static Grant grant(int64_t number, LeaseId lease, uint64_t size, uint64_t first = 0) {
        Grant grant;
        grant.first_position = first;
        grant.number = number;
        grant.lease = lease;
        grant.job = model::JobId(50);
        grant.asset = model::AssetId(1);
        grant.revision = 1;
        grant.runs = {{0, size}};
        grant.ordinals = {{0, size, 1}};
        grant.timeout = Millis(60'000);
        return grant;
    }
    static CallReply with(std::vector<Grant> grants, bool sequential = false) {
        CallReply reply;
        reply.grants = std::move(grants);
        model::Definition definition;
        definition.asset = model::AssetId(1);
        definition.revision = 1;
        definition.spec.sequential = sequential;
        reply.definitions = {definition};
        return reply;
    }
    static CallReply control(LeaseId lease, LeaseAction action, uint64_t size = 0) {
        CallReply reply;
        reply.controls = {{lease, action, size}};
        return reply;
    }
    // Positions [first, end) done, [0, started) started.
    static SlotProgress done(
        LeaseId lease,
        uint64_t first,
        uint64_t end,
        uint64_t started,
        Micros each = Micros(2'000'000)
    ) {
        SlotProgress progress;
        progress.lease = lease;
        progress.started = started;
        for (uint64_t position = first; position < end; ++position) {
            progress.results.done.push_back({position, instant_ms(1), each, -1, -1, -1, -1});
        }
        return progress;
    }
    static SlotProgress failed(LeaseId lease, uint64_t position, FailureClass klass) {
        SlotProgress progress;
        progress.lease = lease;
        progress.started = position + 1;
        model::FailedResult result;
        result.position = position;
        result.klass = klass;
        result.duration = Micros(2'000'000);
        progress.results.failed.push_back(result);
        return progress;
    }
    static Error unreachable() { return unavailable("server_unreachable", "no answer"); }

    // Registers, and gives lease A of `size` to slot 0.
    void give_a(uint64_t size, bool sequential = false) {
        answer_register();
        answer(report(), with({grant(1, kA, size)}, sequential));
        const FeedSlot feed = one<FeedSlot>();
        EXPECT_EQ(feed.slot, 0);
        EXPECT_EQ(feed.first_position, 0u);
    }

    Millis now_{1'000'000};
    std::optional<Keeper> keeper_;
    std::vector<Action> actions_;
};

}  // namespace servo::executor

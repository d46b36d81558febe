#include "executor/test_server.h"

#include <algorithm>
#include <utility>

namespace servo::executor {

using model::LeaseId;

namespace {
constexpr std::chrono::seconds kLimit{60};
constexpr model::Ordinal kFirstDay = 19'723;  // 2024-01-01 in days since 1970
}  // namespace

LeaseId TestServer::add(const model::AssetSpec& spec, uint64_t count, model::Grant base) {
    CallDone done;
    std::shared_ptr<const model::CallRequest> parked;
    model::CallReply reply;
    LeaseId id;
    {
        const std::lock_guard lock(mutex_);
        id = LeaseId(next_token_);
        base.lease = id;
        base.token_base = next_token_;
        next_token_ += static_cast<int64_t>(count);
        base.job = base.job ? base.job : model::JobId(77);
        base.tenant = model::TenantId(1);
        base.tenant_name = "acme";
        base.asset = model::AssetId(next_asset_++);
        base.revision = 1;
        base.runs = {{0, count}};
        if (base.ordinals.empty()) {
            // Days since 1970 for the daily assets of the tests.
            base.ordinals = {{kFirstDay, count, 1}};
        }
        base.timeout = base.timeout > Millis(0) ? base.timeout : Millis(30'000);
        Record record;
        record.grant = base;
        record.size = count;
        records_[id] = record;
        waiting_.push_back({spec, base});
        if (parked_) {
            parked = std::exchange(parked_, nullptr);
            done = std::move(parked_done_);
            reply = compose(*parked);
        }
    }
    if (done) {
        done(std::move(reply));
    }
    return id;
}

TestServer::Record TestServer::wait(LeaseId lease) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLimit, [&] { return records_.at(lease).ended; });
    return records_.at(lease);
}

bool TestServer::wait_started(LeaseId lease, uint64_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kLimit, [&] { return started_[lease] >= count; });
}

bool TestServer::wait_size(LeaseId lease, uint64_t size) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kLimit, [&] { return records_.at(lease).size == size; });
}

void TestServer::top_up(LeaseId lease, model::Index index) {
    const std::lock_guard lock(mutex_);
    const Record& record = records_.at(lease);
    model::Grant more = record.grant;
    more.number = next_grant_++;
    more.token_base = next_token_++;
    more.first_position = record.size;
    more.runs = {{index, index + 1}};
    more.ordinals = {{kFirstDay + static_cast<model::Ordinal>(index), 1, 1}};
    unacked_[more.number] = more;
}

void TestServer::control(LeaseId lease, model::LeaseAction action, uint64_t size) {
    const std::lock_guard lock(mutex_);
    controls_.push_back({lease, action, size});
}

void TestServer::fall_silent() {
    const std::lock_guard lock(mutex_);
    silent_ = true;
}

std::optional<model::RegisterRequest> TestServer::registration() const {
    const std::lock_guard lock(mutex_);
    return registration_;
}

void TestServer::register_executor(
    std::shared_ptr<const model::RegisterRequest> request, Millis, RegisterDone done
) {
    model::RegisterReply reply;
    {
        const std::lock_guard lock(mutex_);
        registration_ = *request;
        reply.executor_id = model::ExecutorId(1);
        reply.epoch = 1;
        reply.heartbeat_interval = Millis(50);
        reply.lease_ttl = lease_ttl_;
        changed_.notify_all();
    }
    done(reply);
}

void TestServer::call(std::shared_ptr<const model::CallRequest> request, Millis, CallDone done) {
    model::CallReply reply;
    std::function<void()> wanted;
    {
        const std::lock_guard lock(mutex_);
        wanted = wish_ ? logs_wanted_ : nullptr;
        if (silent_ || shut_down_) {
            done = [](auto) {};
        } else {
            take(*request);
            reply = compose(*request);
            if (request->kind == model::CallKind::kAcquire && reply.empty()) {
                parked_ = std::move(request);
                parked_done_ = std::exchange(done, [](auto) {});
            }
        }
    }
    done(std::move(reply));
    if (wanted) {
        wanted();
    }
}

void TestServer::on_logs_wanted(std::function<void()> wanted) {
    const std::lock_guard lock(mutex_);
    logs_wanted_ = std::move(wanted);
}

void TestServer::send_logs(std::shared_ptr<const model::LogReport> report, Millis, LogsDone done) {
    std::function<void()> before;
    {
        const std::lock_guard lock(mutex_);
        before = std::exchange(before_logs_, nullptr);
    }
    if (before) {
        before();
    }
    std::vector<model::LogWish> wishes;
    {
        const std::lock_guard lock(mutex_);
        for (const model::LogChunk& chunk : report->chunks) {
            if (wish_ && chunk.offset == wish_->offset) {
                printed_ += chunk.text;
                wish_->offset = chunk.next_offset;
            }
        }
        if (wish_) {
            wishes.push_back(*wish_);
        }
        changed_.notify_all();
    }
    done(wishes);
}

void TestServer::watch(LeaseId lease) {
    const std::lock_guard lock(mutex_);
    wish_ = {lease, 0, 0};
    printed_.clear();
}

void TestServer::before_logs(std::function<void()> once) {
    const std::lock_guard lock(mutex_);
    before_logs_ = std::move(once);
}

std::string TestServer::wait_printed(size_t bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLimit, [&] { return printed_.size() >= bytes; });
    return printed_;
}

void TestServer::tell_health(
    std::shared_ptr<const api::HealthRequest> request, Millis, HealthDone done
) {
    {
        const std::lock_guard lock(mutex_);
        health_ = request->health ? request->health : health_;
        changed_.notify_all();
    }
    done(api::HealthReply{1, {}});  // as often as the executor likes
}

api::ExecutorHealth TestServer::wait_health(
    const std::function<bool(const api::ExecutorHealth&)>& fits
) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, kLimit, [&] { return health_ && fits(*health_); });
    return came ? *health_ : api::ExecutorHealth{};
}

void TestServer::shut_down() {
    CallDone done;
    {
        const std::lock_guard lock(mutex_);
        shut_down_ = true;
        parked_.reset();
        done = std::exchange(parked_done_, nullptr);
    }
    if (done) {
        done(fail(unavailable("server_unreachable", "the test is over")));
    }
}

model::CallReply TestServer::compose(const model::CallRequest& request) {
    for (int free = request.free_slots; free > 0 && !waiting_.empty(); --free) {
        Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        next.grant.number = next_grant_++;
        definitions_.push_back({next.grant.asset, next.grant.revision, next.spec, "/"});
        unacked_[next.grant.number] = next.grant;
    }
    model::CallReply reply;
    reply.epoch = 1;
    reply.call = request.call;
    for (const auto& [number, grant] : unacked_) {
        reply.grants.push_back(grant);
        for (const model::Definition& definition : definitions_) {
            if (definition.asset == grant.asset) {
                reply.definitions.push_back(definition);
            }
        }
    }
    if (request.kind == model::CallKind::kReport) {
        reply.controls = std::exchange(controls_, {});
    }
    return reply;
}

void TestServer::take(const model::CallRequest& request) {
    std::erase_if(unacked_, [&](const auto& entry) { return entry.first <= request.ack; });
    for (const model::LeaseResults& results : request.results) {
        Record& record = records_.at(results.lease);
        record.done.insert(record.done.end(), results.done.begin(), results.done.end());
        record.failed.insert(record.failed.end(), results.failed.begin(), results.failed.end());
        for (const model::LogTail& log : results.logs) {
            record.logs[log.position] = log;
        }
        for (const model::PhaseTimes& told : results.phases) {
            record.phases[told.position] = told.us;
        }
    }
    if (request.kind == model::CallKind::kReport) {
        for (const model::HeldLease& held : request.held) {
            Record& record = records_.at(held.lease);
            started_[held.lease] = held.started;
            record.size = held.size;
            record.ended = record.done.size() + record.failed.size() == held.size;
        }
    }
    changed_.notify_all();
}

}  // namespace servo::executor

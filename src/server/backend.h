// What handlers work with: the engine, called as if it were a function, and
// what only the program that wired the server can do. Thread-safe; for worker threads, since the
// calls block until the engine answers.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "engine/loop.h"
#include "server/executor_book.h"
#include "server/log_watches.h"
#include "server/record.h"
#include "store/store.h"

namespace servo::server {

constexpr Millis kEngineWaitMax{30'000};
constexpr size_t kJobsPerRead = 32;  // views of jobs in one read: more would hold up commits

// Things that belong to the concrete store; an empty function answers "not_in_this_version".
struct StoreHooks {
    std::function<Result<std::vector<std::string>>()> fsck;
    std::function<Result<int64_t>(const std::string& path)> backup;  // returns the file's size
};

class Backend {
 public:
    // `record` given: reads are of what is on record, not of what the engine has in memory.
    Backend(engine::Loop& loop, StoreHooks hooks, std::string version, RecordBook* record = nullptr)
        : loop_(loop), hooks_(std::move(hooks)), version_(std::move(version)), record_(record) {}

    // Applies one command and waits for its commit. Errors: the scheduler's, or unavailable;
    // deadline_exceeded / "engine_timeout" when it is unknown whether it was applied.
    Result<core::Reply> run(
        core::Command command, std::optional<engine::Idempotency> idempotency = std::nullopt
    );
    // Runs `look(scheduler, now)` on the engine's thread between two batches and returns what it
    // returns. It must take less than a millisecond and capture by value only: after
    // kEngineWaitMax the caller is gone.
    template <typename Look>
    auto read(Look look) -> Result<std::invoke_result_t<Look, const core::Scheduler&, Instant>> {
        using Value = std::invoke_result_t<Look, const core::Scheduler&, Instant>;
        if (record_ != nullptr) {
            const auto record = SERVO_TRY(record_->read(now()));
            return Result<Value>(look(record->scheduler, record->as_of));
        }
        auto promise = std::make_shared<std::promise<Result<Value>>>();
        auto future = promise->get_future();
        const bool queued = loop_.read([promise = std::move(promise), look = std::move(look)](
                                           const core::Scheduler& scheduler, Instant now
                                       ) { promise->set_value(look(scheduler, now)); });
        if (!queued) {
            return fail(unread());
        }
        return wait_for(std::move(future));
    }

    // Told after definitions were applied; set once, before requests come.
    void on_definitions_changed(std::function<void()> hook) { changed_ = std::move(hook); }
    void definitions_changed() const {
        if (changed_) {
            changed_();
        }
    }

    // Whom to ask, by team; set once, before requests come.
    void set_contacts(std::map<std::string, std::string> contacts) {
        contacts_ = std::move(contacts);
    }
    const std::map<std::string, std::string>& contacts() const { return contacts_; }

    engine::Loop& loop() { return loop_; }
    LogWatches& log_watches() { return log_watches_; }
    // Shared with answers of the engine that may outlive this.
    const std::shared_ptr<ExecutorBook>& executor_book() const { return executor_book_; }
    const StoreHooks& hooks() const { return hooks_; }
    const std::string& version() const { return version_; }
    Instant now() const { return loop_.now(); }
    // How new what is read is: now, or as of the record.
    Result<Instant> as_of() {
        return record_ == nullptr ? Result<Instant>(now())
                                  : Result<Instant>(SERVO_TRY(record_->read(now()))->as_of);
    }
    RecordBook* record() { return record_; }  // null: it looks at what runs

 private:
    static Error engine_timeout();
    Error unread() const;  // why the engine reads nothing

    // Waits for a promise that the engine keeps, or drops when it stops.
    template <typename T>
    Result<T> wait_for(std::future<Result<T>> future) const {
        if (future.wait_for(kEngineWaitMax) != std::future_status::ready) {
            return fail(engine_timeout());
        }
        try {
            return future.get();
        } catch (const std::future_error&) {
            return fail(unread());
        }
    }

    engine::Loop& loop_;
    StoreHooks hooks_;
    std::string version_;
    LogWatches log_watches_;
    RecordBook* record_;
    std::function<void()> changed_;
    std::map<std::string, std::string> contacts_;
    std::shared_ptr<ExecutorBook> executor_book_ = std::make_shared<ExecutorBook>();
};

}  // namespace servo::server

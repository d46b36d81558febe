#include "apps/http_transport.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "client/executor_client.h"

namespace servo::apps {
namespace {

// A thread that makes calls one after the other on a connection of its own.
class Line {
 public:
    using Task = std::function<void(client::ExecutorClient&)>;

    explicit Line(const client::HttpOptions& options)
        : client_(client::make_curl_http(options)), thread_([this] { run(); }) {}
    ~Line() { shut_down(); }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;

    // After shut_down() the task runs on the calling thread, and its call fails at once.
    void post(Task task) {
        {
            const std::lock_guard lock(mutex_);
            if (!stopping_) {
                tasks_.push_back(std::move(task));
                wake_.notify_one();
                return;
            }
        }
        task(client_);
    }

    void shut_down() {
        client_.http().abort();  // first: from now on no task touches the connection
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
            wake_.notify_one();
        }
        const std::lock_guard lock(join_mutex_);
        if (thread_.joinable()) {
            thread_.join();
        }
    }

 private:
    void run() {
        for (;;) {
            Task task;
            {
                std::unique_lock lock(mutex_);
                wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
                if (tasks_.empty()) {
                    return;
                }
                task = std::move(tasks_.front());
                tasks_.pop_front();
            }
            task(client_);
        }
    }

    client::ExecutorClient client_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Task> tasks_;  // under mutex_; a register, a report and a health call at most
    bool stopping_ = false;   // under mutex_
    std::mutex join_mutex_;
    std::thread thread_;
};

class HttpTransport final : public executor::Transport {
 public:
    explicit HttpTransport(const client::HttpOptions& options)
        : options_(options), reports_(options), acquires_(options) {}
    ~HttpTransport() override { shut_down(); }

    void register_executor(
        std::shared_ptr<const model::RegisterRequest> request, Millis timeout, RegisterDone done
    ) override {
        reports_.post([request = std::move(request), timeout, done = std::move(done)](
                          client::ExecutorClient& client
                      ) { done(client.register_executor(*request, timeout)); });
    }

    void call(std::shared_ptr<const model::CallRequest> request, Millis timeout, CallDone done)
        override {
        Line& line = request->kind == model::CallKind::kReport ? reports_ : acquires_;
        line.post([this, request = std::move(request), timeout, done = std::move(done)](
                      client::ExecutorClient& client
                  ) {
            done(client.call(*request, timeout));
            if (client.logs_wanted() && logs_wanted_) {
                logs_wanted_();
            }
        });
    }

    void on_logs_wanted(std::function<void()> wanted) override { logs_wanted_ = std::move(wanted); }

    void send_logs(std::shared_ptr<const model::LogReport> report, Millis timeout, LogsDone done)
        override {
        // Made when somebody first reads a log: most executors never need it.
        Line* line = nullptr;
        {
            const std::lock_guard lock(mutex_);
            if (!logs_ && !over_) {
                logs_ = std::make_unique<Line>(options_);
            }
            line = logs_.get();
        }
        if (line == nullptr) {
            done(fail(unavailable("aborted", "the executor ends")));
            return;
        }
        line->post([report = std::move(report), timeout, done = std::move(done)](
                       client::ExecutorClient& client
                   ) { done(client.send_logs(*report, timeout)); });
    }

    void tell_health(
        std::shared_ptr<const api::HealthRequest> request, Millis timeout, HealthDone done
    ) override {
        reports_.post([request = std::move(request), timeout, done = std::move(done)](
                          client::ExecutorClient& client
                      ) { done(client.tell_health(*request, timeout)); });
    }

    void shut_down() override {
        reports_.shut_down();
        acquires_.shut_down();
        Line* line = nullptr;
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
            line = logs_.get();
        }
        if (line != nullptr) {
            line->shut_down();
        }
    }

 private:
    client::HttpOptions options_;
    std::function<void()> logs_wanted_;
    std::mutex mutex_;
    bool over_ = false;           // under mutex_
    std::unique_ptr<Line> logs_;  // set under mutex_, once
    Line reports_;
    Line acquires_;
};

}  // namespace

std::shared_ptr<executor::Transport> make_http_transport(const client::HttpOptions& options) {
    return std::make_shared<HttpTransport>(options);
}

}  // namespace servo::apps

// A few threads for what may block: store reads, parsing of asset files, waiting for the engine.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace servo::server {

constexpr size_t kWorkQueueMax = 512;

class Workers {
 public:
    explicit Workers(size_t threads);
    ~Workers();  // stops

    // False when the queue is full or the workers are stopping; `work` is then not run.
    bool submit(std::function<void()> work);
    // Drops what has not begun and waits for what has.
    void stop();

 private:
    void run();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace servo::server

// Sends spans to a collector over OTLP/HTTP, from a thread of its own. Recording is never in the
// way of work: what does not fit the queue, or what the collector does not take in time, is dropped
// and counted. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "client/http.h"
#include "trace/otlp.h"

namespace servo::trace {

constexpr size_t kSpansQueuedMax = 16'384;
constexpr size_t kSpansPerRequestMax = 1'024;
constexpr Millis kExportEvery{1'000};
constexpr Millis kExportTimeout{5'000};
constexpr int kExportTriesMax = 4;        // of one request, with doubling pauses between
constexpr Millis kLastExportMost{1'000};  // for all that is left when the process ends

struct ExporterOptions {
    // "http://127.0.0.1:4318", a path before /v1/traces allowed.
    std::string endpoint;
    // Sent with each request, such as a collector's key.
    std::vector<std::pair<std::string, std::string>> headers;
    Resource resource;
    std::string ca_file;
    Millis every = kExportEvery;
};

using MakeHttp = std::function<std::unique_ptr<client::Http>(client::HttpOptions)>;

// The headers of OTEL_EXPORTER_OTLP_HEADERS: "name=value,name2=value2", values percent-encoded.
// Error: invalid_argument / "bad_otlp_headers"; it does not repeat values.
Result<std::vector<std::pair<std::string, std::string>>> parse_otlp_headers(std::string_view text);

class Exporter {
 public:
    // Error: invalid_argument / "bad_otlp_endpoint".
    static Result<std::unique_ptr<Exporter>> start(
        ExporterOptions options, const MakeHttp& make_http = client::make_curl_http
    );
    // Sends what is queued, and gives up what the collector has not taken after kLastExportMost.
    ~Exporter();
    Exporter(const Exporter&) = delete;
    Exporter& operator=(const Exporter&) = delete;

    void add(Span span);
    uint64_t sent() const { return sent_; }
    uint64_t dropped() const { return dropped_; }

 private:
    Exporter(ExporterOptions options, std::unique_ptr<client::Http> http, std::string target);
    void run();
    std::vector<Span> next(bool& ending);
    bool send(const std::vector<Span>& spans);
    bool stops_within(Millis pause);
    void say_dropped(const std::string& why);

    const ExporterOptions options_;
    const std::unique_ptr<client::Http> http_;
    const std::string target_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Span> queue_;  // under mutex_
    bool stopping_ = false;   // under mutex_
    bool ended_ = false;      // under mutex_: the thread has nothing left to do
    std::atomic<uint64_t> sent_{0};
    std::atomic<uint64_t> dropped_{0};
    bool failing_ = false;  // the thread's: said once until it works again
    std::thread thread_;
};

}  // namespace servo::trace

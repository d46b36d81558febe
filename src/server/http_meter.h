// What the answers of the API come to, for /metrics: how many by route and status, how long they
// took, how many are under way. Thread-safe; a request costs two looks at the clock, a few atomic
// additions and two small allocations.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "metrics/page.h"
#include "server/http.h"

namespace servo::server {

class HttpMeter {
 public:
    static constexpr std::array<double, 10> kEdges = {
        0.001, 0.0025, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10, 30};  // seconds

    // Stands before the responder of one request and counts its answer, once; as 503 when there is
    // none. Must not outlive the meter.
    class Metered final : public Responder {
     public:
        Metered(HttpMeter& meter, std::shared_ptr<Responder> responder);
        ~Metered() override;
        Metered(const Metered&) = delete;
        Metered& operator=(const Metered&) = delete;

        // Before the answer; one without a route counts as of the route `other`.
        void is_of(const api::Route& route);
        void send(Response response) override;
        void send_made(std::function<Response()> make) override;
        void may_be_cut() override { responder_->may_be_cut(); }

     private:
        HttpMeter& meter_;
        std::shared_ptr<Responder> responder_;
        size_t place_;
        std::chrono::steady_clock::time_point began_;
        std::atomic<bool> sent_{false};
    };

    HttpMeter();

    // Routes that were asked for since the process began.
    void write(metrics::Page& page) const;

 private:
    static constexpr size_t kClasses = 4;  // 2xx to 5xx
    struct OfRoute {
        std::array<std::atomic<uint64_t>, kClasses> answers{};
        std::array<std::atomic<uint64_t>, kEdges.size() + 1> took{};
        std::atomic<uint64_t> micros{0};
    };

    void answered(size_t place, int status, Micros took);

    std::atomic<int64_t> under_way_{0};
    std::vector<OfRoute> routes_;  // as in api::routes(), then `other`
};

}  // namespace servo::server

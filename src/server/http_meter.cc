#include "server/http_meter.h"

#include <algorithm>
#include <string>
#include <utility>

namespace servo::server {
namespace {

constexpr const char* kOther = "other";
constexpr int kUnanswered = 503;

Micros since(std::chrono::steady_clock::time_point began) {
    return std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now() - began);
}

uint64_t read(const std::atomic<uint64_t>& count) {
    return count.load(std::memory_order_relaxed);
}

void add(std::atomic<uint64_t>& count, uint64_t amount) {
    count.fetch_add(amount, std::memory_order_relaxed);
}

}  // namespace

HttpMeter::Metered::Metered(HttpMeter& meter, std::shared_ptr<Responder> responder)
    : meter_(meter),
      responder_(std::move(responder)),
      place_(meter.routes_.size() - 1),
      began_(std::chrono::steady_clock::now()) {
    meter_.under_way_.fetch_add(1, std::memory_order_relaxed);
}

HttpMeter::Metered::~Metered() {
    if (!sent_.exchange(true)) {
        meter_.answered(place_, kUnanswered, since(began_));
    }
}

void HttpMeter::Metered::is_of(const api::Route& route) {
    place_ = static_cast<size_t>(&route - api::routes().data());
}

void HttpMeter::Metered::send(Response response) {
    if (!sent_.exchange(true)) {
        meter_.answered(place_, response.status, since(began_));
        responder_->send(std::move(response));
    }
}

void HttpMeter::Metered::send_made(std::function<Response()> make) {
    if (!sent_.exchange(true)) {
        // The status is not known before it is made.
        responder_->send_made(
            [&meter = meter_, place = place_, took = since(began_), make = std::move(make)] {
                Response response = make();
                meter.answered(place, response.status, took);
                return response;
            }
        );
    }
}

HttpMeter::HttpMeter() : routes_(api::routes().size() + 1) {}

void HttpMeter::answered(size_t place, int status, Micros took) {
    OfRoute& route = routes_[place];
    const int klass = std::clamp(status / 100 - 2, 0, static_cast<int>(kClasses) - 1);
    add(route.answers[static_cast<size_t>(klass)], 1);
    const double seconds = static_cast<double>(took.count()) / 1e6;
    const auto edge = std::lower_bound(kEdges.begin(), kEdges.end(), seconds);
    add(route.took[static_cast<size_t>(edge - kEdges.begin())], 1);
    add(route.micros, static_cast<uint64_t>(took.count()));
    under_way_.fetch_sub(1, std::memory_order_relaxed);
}

void HttpMeter::write(metrics::Page& page) const {
    page.add(
        "servo_http_requests_in_flight",
        {},
        static_cast<double>(under_way_.load(std::memory_order_relaxed))
    );
    for (size_t i = 0; i < routes_.size(); ++i) {
        const OfRoute& route = routes_[i];
        metrics::Buckets took{{kEdges.begin(), kEdges.end()}, {}, 0};
        for (const auto& count : route.took) {
            took.counts.push_back(read(count));
        }
        if (std::count(took.counts.begin(), took.counts.end(), uint64_t{0}) ==
            static_cast<std::ptrdiff_t>(took.counts.size())) {
            continue;
        }
        took.sum = static_cast<double>(read(route.micros)) / 1e6;
        const bool known = i + 1 < routes_.size();
        const std::string method(known ? to_string(api::routes()[i].method) : kOther);
        const std::string path(known ? api::routes()[i].path : kOther);
        for (size_t klass = 0; klass < kClasses; ++klass) {
            page.add(
                "servo_http_requests_total",
                {method, path, std::to_string(klass + 2) + "xx"},
                static_cast<double>(read(route.answers[klass]))
            );
        }
        page.add("servo_http_request_duration_seconds", {method, path}, took);
    }
}

}  // namespace servo::server

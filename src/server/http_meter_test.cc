#include "server/http_meter.h"

#include <gtest/gtest.h>

namespace servo::server {
namespace {

class Answered final : public Responder {
 public:
    explicit Answered(int& status) : status_(status) {}
    void send(Response response) override { status_ = response.status; }
    void send_made(std::function<Response()> make) override { status_ = make().status; }

 private:
    int& status_;
};

class HttpMeterTest : public ::testing::Test {
 protected:
    std::shared_ptr<HttpMeter::Metered> begin(const char* route) {
        auto metered =
            std::make_shared<HttpMeter::Metered>(meter_, std::make_shared<Answered>(status_));
        if (route != nullptr) {
            metered->is_of(api::route(route));
        }
        return metered;
    }
    bool says(const std::string& line) {
        metrics::Page page;
        meter_.write(page);
        text_ = page.text();
        return text_.find(line + "\n") != std::string::npos;
    }
    static Response with(int status) {
        Response response;
        response.status = status;
        return response;
    }

    HttpMeter meter_;
    int status_ = 0;
    std::string text_;
};

TEST_F(HttpMeterTest, AnswersCountOnceByRouteAndClass) {
    auto first = begin("get_backfill");
    EXPECT_TRUE(says("servo_http_requests_in_flight 1")) << text_;
    EXPECT_EQ(text_.find("servo_http_requests_total"), std::string::npos) << text_;
    first->send(with(404));
    EXPECT_EQ(status_, 404);
    first->send(with(200));
    EXPECT_EQ(status_, 404) << "the first answer counts";
    first.reset();
    begin("get_backfill")->send_made([] { return with(200); });
    EXPECT_EQ(status_, 200);
    const std::string of = R"({method="GET",route="/v1/backfills/{id}")";
    for (const std::string& line :
         {"servo_http_requests_total" + of + R"(,status="2xx"} 1)",
          "servo_http_requests_total" + of + R"(,status="4xx"} 1)",
          "servo_http_requests_total" + of + R"(,status="5xx"} 0)",
          "servo_http_request_duration_seconds_count" + of + "} 2",
          std::string("servo_http_requests_in_flight 0")}) {
        EXPECT_TRUE(says(line)) << line << "\n" << text_;
    }
}

TEST_F(HttpMeterTest, WhatIsNoRouteIsOtherAndWhatIsDroppedIsUnavailable) {
    begin(nullptr)->send(with(404));
    begin("executor_acquire").reset();
    EXPECT_TRUE(says(R"(servo_http_requests_total{method="other",route="other",status="4xx"} 1)"))
        << text_;
    EXPECT_TRUE(says(
        R"(servo_http_requests_total{method="POST",route="/v1/executor/acquire",status="5xx"} 1)"
    )) << text_;
    EXPECT_TRUE(says("servo_http_requests_in_flight 0")) << text_;
}

}  // namespace
}  // namespace servo::server

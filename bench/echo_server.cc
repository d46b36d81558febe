// The floor that P4 is held against: our own HTTP listener with nothing behind it. Parses the body
// as JSON and answers a document of about 300 bytes, made and serialised for each request.
//
//   echo_server SECONDS      prints its port, serves for so long
#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string>

#include "server/listener.h"

namespace {

using namespace servo::server;

void answer(const Request& request, const std::shared_ptr<Responder>& responder) {
    const boost::json::value in = boost::json::parse(request.body);
    boost::json::object out;
    out["epoch"] = 1;
    out["call"] = in.as_object().at("call");
    boost::json::object grant;
    grant["number"] = 42;
    grant["lease"] = 1099511627777;
    grant["token"] = 1099511627777;
    grant["backfill_id"] = "bf_0123456789abcdef";
    grant["tenant_id"] = "default";
    grant["asset_number"] = 1;
    grant["asset_revision"] = 1;
    grant["attempt"] = 1;
    grant["timeout_ms"] = 3'600'000;
    grant["runs"] = boost::json::array{boost::json::array{1'000, 1'016}};
    grant["ordinals"] = boost::json::array{boost::json::array{19'000, 16, 1}};
    out["grants"] = boost::json::array{grant};
    out["controls"] = boost::json::array{};
    Response response;
    response.body = boost::json::serialize(out);
    responder->send(std::move(response));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        fmt::print(stderr, "usage: echo_server SECONDS\n");
        return 2;
    }
    ListenerOptions options;
    options.port = 0;
    Listener listener(
        options,
        [](Request&& request, std::shared_ptr<Responder> responder) { answer(request, responder); },
        [&](const std::string&, const std::string&) { return options.body_ceiling; }
    );
    const servo::Status started = listener.start();
    if (!started.has_value()) {
        fmt::print(stderr, "{}\n", started.error().message);
        return 1;
    }
    fmt::print("{}\n", listener.port());
    std::fflush(stdout);
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, std::chrono::seconds(std::stoi(argv[1])));
    return 0;
}

// A load generator that speaks the executor protocol over real HTTP: `connections` keep-alive
// connections, each an executor of its own with one slot, all from one thread. Each call reports a
// finished lease and claims the next; what a partition "took" is invented, half as much to half as
// much again as what makes the server's range sizing give leases of `k` partitions.
//
//   http_load PORT executor CONNECTIONS K SECONDS     fused report-and-claim calls
//   http_load PORT bare CONNECTIONS 0 SECONDS         the same number of plain POSTs to /bench/echo
//
// Prints one line of name=value: calls and partitions per second, the latency of a call in ms (p50,
// p99), `acknowledged`, the partitions whose reports were answered since the start, and `gone=1`
// when the server went away before the time was over.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/executor_protocol.h"
#include "base/prng.h"

namespace {

using namespace servo;
using Clock = std::chrono::steady_clock;

constexpr size_t kReadBytes = 64 * 1024;

[[noreturn]] void die(const std::string& message) {
    fmt::print(stderr, "http_load: {}\n", message);
    std::exit(1);
}

int connect_to(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
        die(fmt::format("cannot connect to port {}: {}", port, std::strerror(errno)));
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

// One connection: at most one request in flight.
struct Connection {
    int fd = -1;
    std::string in;
    Clock::time_point sent;

    // False: the server is gone.
    bool post(const std::string& path, const std::string& body) {
        const std::string request = fmt::format(
            "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            "Content-Length: {}\r\n\r\n{}",
            path,
            body.size(),
            body
        );
        sent = Clock::now();
        size_t done = 0;
        while (done < request.size()) {
            const ssize_t n =
                ::send(fd, request.data() + done, request.size() - done, MSG_NOSIGNAL);
            if (n <= 0) {
                return false;
            }
            done += static_cast<size_t>(n);
        }
        return true;
    }

    // The body of a complete response, once it is there. Sets `gone` when there will be none.
    bool receive(std::string& body, bool& gone) {
        char buffer[kReadBytes];
        const ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
        if (n <= 0) {
            gone = true;
            return false;
        }
        in.append(buffer, static_cast<size_t>(n));
        const size_t head = in.find("\r\n\r\n");
        if (head == std::string::npos) {
            return false;
        }
        const size_t at = in.find("Content-Length: ");
        if (at == std::string::npos || at > head) {
            die("a response without Content-Length");
        }
        const size_t length = std::stoul(in.substr(at + 16, 20));
        if (in.size() < head + 4 + length) {
            return false;
        }
        if (in.compare(9, 3, "200") != 0) {
            die(in.substr(0, 400));
        }
        body = in.substr(head + 4, length);
        in.clear();
        return true;
    }
};

struct Executor {
    Connection connection;
    model::CallRequest call;
    bool registered = false;
    uint64_t in_flight = 0;     // partitions in the report that waits for its reply
    uint64_t acknowledged = 0;  // those that a reply made durable
    Prng prng{1};

    std::string register_body(int64_t number) {
        model::RegisterRequest request;
        request.executor = fmt::format("load-{}-{}", getpid(), number);
        request.session = model::SessionId(int64_t{getpid()} * 100'000 + number + 1);
        request.slots = 1;
        request.build = "bench";
        request.host = "bench";
        request.previous_gone = true;
        call.session = request.session;
        return boost::json::serialize(api::to_json(request));
    }

    // Turns the last reply into the next call: everything granted is done.
    std::string next_body(const std::string& reply_body, int64_t now_ms, Micros each) {
        call.results.clear();
        acknowledged += std::exchange(in_flight, 0);
        if (registered) {
            const auto reply =
                api::call_reply_from(boost::json::parse(reply_body), api::Unknown::kIgnore);
            if (!reply.has_value()) {
                die(reply.error().message);
            }
            for (const model::Grant& grant : reply->grants) {
                if (grant.number <= call.ack) {
                    continue;
                }
                call.ack = grant.number;
                model::LeaseResults results;
                results.lease = grant.lease;
                const uint64_t size = grant.size();
                in_flight += size;
                int64_t took_us = 0;
                for (uint64_t i = 0; i < size; ++i) {
                    const Micros took(each.count() * prng.between(500, 1'500) / 1'000);
                    const Instant start = instant_ms(now_ms + took_us / 1'000);
                    results.done.push_back({i, start, took, -1, -1, -1, -1});
                    took_us += took.count();
                }
                call.results.push_back(std::move(results));
            }
        }
        registered = true;
        ++call.call;
        call.free_slots = 1;
        return api::to_text(call);
    }
};

int64_t wall_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch()
    )
        .count();
}

const std::string kBareBody =
    R"({"session":123456789012,"call":42,"ack":41,"held":[],"results":[{"lease":1099511627777}],"free":1})";

struct Plan {
    int port = 0;
    bool bare = false;
    int connections = 0;
    Micros each{1};
    std::chrono::seconds seconds{0};
};

struct Figures {
    uint64_t calls = 0;
    uint64_t partitions = 0;
    std::vector<int64_t> latencies_us;
};

using Executors = std::vector<std::unique_ptr<Executor>>;

Executors connect_all(const Plan& plan, int epoll) {
    Executors executors;
    for (int i = 0; i < plan.connections; ++i) {
        auto executor = std::make_unique<Executor>();
        executor->connection.fd = connect_to(plan.port);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = static_cast<uint64_t>(i);
        epoll_ctl(epoll, EPOLL_CTL_ADD, executor->connection.fd, &event);
        const bool sent =
            plan.bare
                ? executor->connection.post("/bench/echo", kBareBody)
                : executor->connection.post("/v1/executor/register", executor->register_body(i));
        if (!sent) {
            die("the server closed a new connection");
        }
        executors.push_back(std::move(executor));
    }
    return executors;
}

uint64_t acknowledged_by(const Executors& executors) {
    uint64_t sum = 0;
    for (const auto& executor : executors) {
        sum += executor->acknowledged;
    }
    return sum;
}

// Answers replies with the next call until `end`. False: the server is gone.
bool drive(
    const Plan& plan, int epoll, Executors& executors, Clock::time_point end, Figures& figures
) {
    const uint64_t before = acknowledged_by(executors);
    std::vector<epoll_event> events(executors.size());
    std::string body;
    bool gone = false;
    while (!gone && Clock::now() < end) {
        const int ready = epoll_wait(epoll, events.data(), plan.connections, 100);
        const int64_t now_ms = wall_ms();
        for (int i = 0; i < ready && !gone; ++i) {
            Executor& executor = *executors[events[static_cast<size_t>(i)].data.u64];
            Connection& connection = executor.connection;
            if (!connection.receive(body, gone)) {
                continue;
            }
            ++figures.calls;
            figures.latencies_us.push_back(
                std::chrono::duration_cast<Micros>(Clock::now() - connection.sent).count()
            );
            gone = plan.bare
                       ? !connection.post("/bench/echo", kBareBody)
                       : !connection.post(
                             "/v1/executor/report", executor.next_body(body, now_ms, plan.each)
                         );
        }
    }
    figures.partitions = acknowledged_by(executors) - before;
    return !gone;
}

void report(double seconds, Figures figures, uint64_t acknowledged, bool gone) {
    std::vector<int64_t>& latencies = figures.latencies_us;
    std::sort(latencies.begin(), latencies.end());
    const auto at = [&](size_t per_mille) {
        return latencies.empty()
                   ? 0.0
                   : static_cast<double>(latencies[latencies.size() * per_mille / 1'000]) / 1e3;
    };
    fmt::print(
        "calls_per_s={:.0f} partitions_per_s={:.0f} p50_ms={:.3f} p99_ms={:.3f} acknowledged={} "
        "gone={}\n",
        static_cast<double>(figures.calls) / seconds,
        static_cast<double>(figures.partitions) / seconds,
        at(500),
        at(990),
        acknowledged,
        gone ? 1 : 0
    );
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        die("usage: http_load PORT executor|bare CONNECTIONS K SECONDS");
    }
    Plan plan;
    plan.port = std::stoi(argv[1]);
    plan.bare = std::string(argv[2]) == "bare";
    plan.connections = std::stoi(argv[3]);
    plan.each = Micros(plan.bare ? 1 : 1'000'000 / std::max(1, std::stoi(argv[4])));
    plan.seconds = std::chrono::seconds(std::stoi(argv[5]));

    const int epoll = epoll_create1(0);
    Executors executors = connect_all(plan, epoll);
    // The first second warms up: durations get known, ranges reach their size.
    Figures warm_up;
    bool up = drive(plan, epoll, executors, Clock::now() + std::chrono::seconds(1), warm_up);
    const Clock::time_point begun = Clock::now();
    Figures figures;
    up = up && drive(plan, epoll, executors, begun + plan.seconds, figures);
    const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    report(seconds, std::move(figures), acknowledged_by(executors), !up);
    return 0;
}

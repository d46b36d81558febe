#include "sim/cluster.h"

#include <algorithm>

namespace servo::sim {
namespace {

constexpr Micros kWatchEvery{250'000};

Error refused_connection() {
    return unavailable("unreachable", "nobody listens");
}

}  // namespace

void Cluster::start() {
    add_server();
    world_.queue.after(kWatchEvery, [this] { watch(); });
}

void Cluster::add_server() {
    auto server = std::make_unique<ServerNode>(
        world_, fmt::format("server-{}", next_number_++), wall_offset_
    );
    server->on_load(on_load_);
    if (!world_.options.duel || world_.healed) {
        server->retire_when_deposed();
    }
    servers_.push_back(std::move(server));
    servers_.back()->start();
}

// The supervisor: a dead server is started again a moment later.
void Cluster::watch() {
    world_.queue.after(kWatchEvery, [this] { watch(); });
    std::erase_if(servers_, [](const auto& server) { return !server->alive(); });
    if (!servers_.empty() || restarting_) {
        return;
    }
    restarting_ = true;
    const Micros delay =
        world_.between(Micros(10'000), Micros(world_.healed ? 500'000 : 4'000'000));
    world_.queue.after(delay, [this] {
        restarting_ = false;
        if (servers_.empty()) {
            add_server();
        }
    });
}

void Cluster::heal() {
    for (const auto& server : servers_) {
        server->retire_when_deposed();
    }
}

int Cluster::living() const {
    return static_cast<int>(std::count_if(servers_.begin(), servers_.end(), [](const auto& s) {
        return s->alive();
    }));
}

ServerNode* Cluster::front() {
    std::vector<ServerNode*> living;
    for (const auto& server : servers_) {
        if (server->alive()) {
            living.push_back(server.get());
        }
    }
    if (living.empty()) {
        return nullptr;
    }
    // While two live, some still reach the old one.
    const bool old = living.size() > 1 && world_.prng.chance(1, 4);
    return old ? living.front() : living.back();
}

void Cluster::request(
    const std::string& place,
    const core::Command& command,
    Answer answer,
    std::optional<engine::Idempotency> idempotency
) {
    auto back = [this, place, answer = std::move(answer)](Result<core::Reply> reply) {
        network_.send(place, Direction::kFromServer, [answer, reply = std::move(reply)] {
            answer(reply);
        });
    };
    network_.send(place, Direction::kToServer, [this, command, back, idempotency] {
        ServerNode* server = front();
        if (server == nullptr) {
            back(tl::unexpected<Error>(refused_connection()));
            return;
        }
        server->arrive({command, back, idempotency});
    });
}

void Cluster::crash(CrashPoint point) {
    if (ServerNode* server = front()) {
        server->crash_at(point);
    }
}

void Cluster::stall(Micros duration) {
    if (ServerNode* server = front()) {
        server->stall(duration);
    }
}

void Cluster::take_over(Micros duration) {
    ServerNode* server = front();
    if (server == nullptr || living() > 1) {
        return;
    }
    world_.mark("second leader takes over");
    world_.clocks_agree = false;  // the first answers heartbeats until it notices
    server->stall(duration);
    world_.queue.after(world_.between(Micros(0), Micros(3'000'000)), [this] { add_server(); });
}

}  // namespace servo::sim

#include "sim/cluster.h"

#include <algorithm>
#include <utility>

namespace servo::sim {
namespace {

constexpr Micros kWatchEvery{250'000};

Error refused_connection() {
    return unavailable("unreachable", "nobody listens");
}

}  // namespace

void Cluster::start() {
    world_.clocks_agree = world_.options.standbys == 0;  // a frozen leader answers heartbeats
    for (int i = 0; i <= world_.options.standbys; ++i) {
        add_server();
    }
    world_.queue.after(kWatchEvery, [this] { watch(); });
}

void Cluster::add_server() {
    auto server = std::make_unique<ServerNode>(
        world_, fmt::format("server-{}", next_number_++), wall_offset_
    );
    server->on_load(on_load_);
    servers_.push_back(std::move(server));
    servers_.back()->start();
}

// The supervisor: a dead server is started again a moment later.
void Cluster::watch() {
    world_.queue.after(kWatchEvery, [this] { watch(); });
    std::erase_if(servers_, [](const auto& server) { return !server->alive(); });
    bring_word();
    if (living() > world_.options.standbys || restarting_) {
        return;
    }
    restarting_ = true;
    const Micros delay =
        world_.between(Micros(10'000), Micros(world_.healed ? 500'000 : 4'000'000));
    world_.queue.after(delay, [this] {
        restarting_ = false;
        if (living() <= world_.options.standbys) {
            add_server();
        }
    });
}

// Most times the others notice that a leader's process is gone; else its time runs out.
void Cluster::bring_word() {
    const Result<store::LeaderRow> row = world_.store.leader();
    const bool lives = std::any_of(servers_.begin(), servers_.end(), [&](const auto& server) {
        return server->name() == row->holder;
    });
    if (lives) {
        return;
    }
    if (std::exchange(judged_epoch_, row->epoch) != row->epoch) {
        heard_of_ = world_.prng.chance(3, 4);
    }
    for (const auto& server : servers_) {
        if (heard_of_ && server->alive()) {
            server->engine().heard_gone(row->epoch);
        }
    }
}

int Cluster::living() const {
    return static_cast<int>(std::count_if(servers_.begin(), servers_.end(), [](const auto& s) {
        return s->alive();
    }));
}

ServerNode* Cluster::leader() {
    ServerNode* newest = nullptr;
    for (const auto& server : servers_) {
        const auto epoch = [](ServerNode& one) { return one.engine().status().epoch; };
        if (server->leading() && (newest == nullptr || epoch(*server) > epoch(*newest))) {
            newest = server.get();
        }
    }
    return newest;
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
    // Some reach another: one that stands by, or leads no longer and does not know it.
    ServerNode* first = leader();
    if (first == nullptr || (living.size() > 1 && world_.prng.chance(1, 4))) {
        return living[world_.prng.below(living.size())];
    }
    return first;
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
    if (server == nullptr || !server->leading()) {
        return;
    }
    world_.mark("second leader takes over");
    world_.clocks_agree = false;  // the first answers heartbeats until it notices
    const int64_t epoch = server->engine().status().epoch;
    server->stall(duration);
    world_.queue.after(world_.between(Micros(0), Micros(3'000'000)), [this, epoch] {
        if (living() < 2) {
            add_server();
        }
        for (const auto& other : servers_) {
            if (other->alive() && !other->leading()) {
                other->engine().heard_gone(epoch);
            }
        }
    });
}

void Cluster::hand_over() {
    if (ServerNode* server = front()) {
        server->stop();
    }
}

}  // namespace servo::sim

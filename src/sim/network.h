// The network between executors, people and servers: delay, loss, duplication, reordering (by
// delay) and one-way partitions. A message is an action that runs on arrival. Single-threaded.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "sim/world.h"

namespace servo::sim {

enum class Direction { kToServer, kFromServer };

class Network {
 public:
    explicit Network(World& world) : world_(world) {}

    // `place` is the end that is not the server: an executor's name, or a person's.
    void send(const std::string& place, Direction direction, std::function<void()> on_arrival);

    void cut(const std::string& place, Direction direction, Micros until);

 private:
    World& world_;
    std::map<std::pair<std::string, Direction>, Micros> cut_until_;
};

}  // namespace servo::sim

// Wire struct of the ledger of time: what a span of it was spent on, as averages. A plain value.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "api/codec.h"

namespace servo::api {

struct TimeSpent {
    int64_t span_ms = 0;      // shorter than usual while the leader is new
    double earned_slots = 0;  // work done, at what it costs in normal times
    double lost_slots = 0;    // slots that did nothing useful though something was to do
    std::string lost_to;      // what most of them did instead
    double completed_per_second = 0;
    double failed_per_second = 0;
    std::map<std::string, double> slots;    // by what they did
    std::map<std::string, double> phases;   // of them, busy with attempts that ended
    std::map<std::string, double> waiting;  // partitions, by the gate that held them
};

SERVO_WIRE_TYPE(TimeSpent, "TimeSpent");

}  // namespace servo::api

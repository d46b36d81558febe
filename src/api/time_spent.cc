#include "api/time_spent.h"

#include "api/codec_impl.h"

namespace servo::api {

template <typename V>
void describe(V& v, TimeSpent& t) {
    v.field("span_ms", t.span_ms, "Shorter than usual while the leader is new.");
    v.field(
        "earned_slots", t.earned_slots, "Work done per second, at what it costs in normal times."
    );
    v.field(
        "lost_slots",
        t.lost_slots,
        "Slots that did nothing useful though something was to do: down, held back, failing."
    );
    v.field("lost_to", t.lost_to, "What most of the lost slots did instead.");
    v.field("completed_per_second", t.completed_per_second, "Partitions.");
    v.field("failed_per_second", t.failed_per_second, "Partitions that failed for good.");
    v.field("slots", t.slots, "On average, by what they did.");
    v.field(
        "phases",
        t.phases,
        "Slots that were busy with attempts which have ended, on average, by what these did: as "
        "the "
        "programs told it, and their processor time; opaque: nobody said."
    );
    v.field("waiting", t.waiting, "Partitions on average, by the gate that held them.");
}

SERVO_WIRE(TimeSpent);

}  // namespace servo::api

// Backfills that wait for others' partitions: for whom, and in which order they start.
#include <gtest/gtest.h>

#include "core/scheduler_test_support.h"

namespace servo::core {
namespace {

class Overlap : public testing::Test {
 protected:
    Overlap() {
        w.asset("orders");
        w.start();
    }
    // Of partitions [first, first + 10); it waits for those that are there.
    void create(int64_t id, Ordinal first) {
        w.now_ += Millis(1'000);
        JobRow row = w.row(id, 10, 1, first);
        row.overlap = OverlapPolicy::kWait;
        ASSERT_TRUE(w.create(row).has_value());
    }
    void cancel(int64_t id) {
        ASSERT_TRUE(w.apply(CancelJob{JobId(id), false, "", "ann"}).has_value());
    }
    // 0: it does not wait.
    int64_t waits_for(int64_t id) const {
        return w.scheduler_->job(JobId(id), w.now_)->row.waits_for.value;
    }

    World w;
};

// Whatever the ids, which are drawn.
TEST_F(Overlap, WaitersStartInTheOrderTheyCame) {
    create(30, 0);
    create(40, 100);
    create(20, 5);   // waits for 30
    create(10, 12);  // shares partitions with 20 alone
    struct Row {
        int64_t cancelled, second, third;
    };
    for (const Row& row : {Row{40, 30, 20}, Row{30, 0, 20}}) {
        cancel(row.cancelled);
        EXPECT_EQ(waits_for(20), row.second) << row.cancelled;
        EXPECT_EQ(waits_for(10), row.third) << row.cancelled;
    }
    cancel(20);
    EXPECT_EQ(waits_for(10), 0);
}

TEST_F(Overlap, AWaiterThatEndsLetsThoseBehindItGoOnWaitingForTheRest) {
    create(30, 0);
    create(20, 5);  // waits for 30
    create(10, 8);  // shares partitions with both
    ASSERT_NE(waits_for(10), 0);
    cancel(20);
    EXPECT_EQ(waits_for(10), 30);
    EXPECT_EQ(w.scheduler_->job(JobId(10), w.now_)->row.state_reason, "overlap");
    cancel(30);
    EXPECT_EQ(waits_for(10), 0);
    EXPECT_EQ(w.scheduler_->job(JobId(10), w.now_)->row.state_reason, "");
}

}  // namespace
}  // namespace servo::core

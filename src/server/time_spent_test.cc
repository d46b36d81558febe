#include "server/time_spent.h"

#include <gtest/gtest.h>

namespace servo::server {
namespace {

core::LedgerView::Row row(
    int64_t id,
    int revision,
    const std::string& name,
    std::map<std::string, int64_t, std::less<>> amounts
) {
    return {{id, revision}, name, model::TenantId(1), std::move(amounts)};
}

core::LedgerView minute() {
    core::LedgerView view;
    view.span = Millis(60'000);
    view.rows = {
        row(7,
            1,
            "acme/orders",
            {{"slot.busy.useful", 120'000},
             {"slot.busy.waste:data", 30'000},
             {"slot.held", 6'000},
             {"phase.cpu", 30'000},
             {"phase.opaque", 120'000},
             {"wait.capacity", 600'000},
             {"earned", 90'000},
             {"partitions.completed", 120},
             {"partitions.failed", 6}}),
        row(7, 2, "acme/orders", {{"slot.busy.useful", 60'000}, {"slot.busy.open", 12'000}}),
        row(0, 0, "-", {{"slot.idle.no_work", 300'000}, {"slot.down", 6'000}})};
    return view;
}

TEST(TimeSpent, AveragesOverTheSpanAndPutsRevisionsTogether) {
    const auto all = time_by_name(minute(), [](const auto& one) { return one.key.id != 0; });
    ASSERT_EQ(all.size(), 1U);
    const api::TimeSpent& spent = all.at("acme/orders");
    EXPECT_EQ(spent.span_ms, 60'000);
    EXPECT_DOUBLE_EQ(spent.slots.at("busy.useful"), 3);
    EXPECT_DOUBLE_EQ(spent.slots.at("busy.open"), 0.2);
    EXPECT_DOUBLE_EQ(spent.phases.at("cpu"), 0.5);
    EXPECT_DOUBLE_EQ(spent.phases.at("opaque"), 2);
    EXPECT_DOUBLE_EQ(spent.waiting.at("capacity"), 10);
    EXPECT_DOUBLE_EQ(spent.earned_slots, 1.5);
    EXPECT_DOUBLE_EQ(spent.completed_per_second, 2);
    EXPECT_DOUBLE_EQ(spent.failed_per_second, 0.1);
    EXPECT_DOUBLE_EQ(spent.lost_slots, 0.6);
    EXPECT_EQ(spent.lost_to, "busy.waste:data");
}

TEST(TimeSpent, SumsWhatIsWantedAndIsAbsentBeforeAnythingIsKnown) {
    const auto whole = time_spent(minute(), [](const auto&) { return true; });
    ASSERT_TRUE(whole.has_value());
    EXPECT_DOUBLE_EQ(whole->slots.at("idle.no_work"), 5);
    EXPECT_DOUBLE_EQ(whole->phases.at("opaque"), 2);
    EXPECT_DOUBLE_EQ(whole->lost_slots, 0.7);
    const auto nothing = time_spent(minute(), [](const auto&) { return false; });
    EXPECT_TRUE(nothing->slots.empty());
    EXPECT_EQ(nothing->lost_to, "");
    EXPECT_FALSE(time_spent({}, [](const auto&) { return true; }).has_value());
}

}  // namespace
}  // namespace servo::server

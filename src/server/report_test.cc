// The review of a period: its sums by hand, and the route over a whole server.
#include <gtest/gtest.h>

#include "model/job_id.h"
#include "server/full_server_test.h"
#include "server/review.h"

namespace servo::server {
namespace {

using namespace model;

constexpr Millis kDay{86'400'000};
const Instant kUntil = instant_ms(1'704'067'200'000);  // 2024-01-01T00:00:00Z
const Instant kNow = kUntil - kDay;                    // in the period
const Instant kThen = kUntil - 8 * kDay;               // in the one before

JobRow job(int64_t id, int64_t tenant, int64_t asset, Instant created) {
    JobRow row;
    row.id = JobId(id);
    row.tenant = TenantId(tenant);
    row.asset = AssetId(asset);
    row.created_at = created;
    row.state = JobState::kCompleted;
    return row;
}

DoneEntry done(Instant started, Millis duration, int64_t cpu_us = -1, int64_t rss_kb = -1) {
    DoneEntry entry;
    entry.started_at = started;
    entry.duration = duration;
    entry.cpu_us = cpu_us;
    entry.max_rss_kb = rss_kb;
    return entry;
}

FailureRow failed(Instant started, Millis duration, FailureClass klass, bool final) {
    FailureRow row;
    row.started_at = started;
    row.ended_at = started + duration;
    row.klass = klass;
    row.final = final;
    return row;
}

const Names kNames{
    {{TenantId(1), "acme"}, {TenantId(2), "bigco"}},
    {{AssetId(10), "orders"}, {AssetId(20), "ledger"}},
    {}};

Review week() {
    return Review(ReviewSpan::of(kUntil, 7 * kDay));
}

TEST(Review, PartitionsCountWhereTheyEnded) {
    Review review = week();
    const JobRow orders = job(1, 1, 10, kThen);
    review.add_done(
        orders,
        {done(kNow, Millis(1'000)),
         done(kNow, Millis(2'000)),
         done(kThen, Millis(4'000)),
         // Begun before the edge and ended after it: of the period.
         done(kUntil - 7 * kDay - Millis(500), Millis(1'000)),
         done(kUntil - 15 * kDay, Millis(1'000)),  // of neither
         done(kUntil - Millis(10), Millis(1'000))}
    );
    review.add_done(job(2, 2, 20, kNow), {done(kNow, Millis(10'000))});
    const api::Report out = review.report(kNames);
    EXPECT_EQ(out.now.completed_partitions, 4u);
    EXPECT_EQ(out.before.completed_partitions, 1u);
    EXPECT_EQ(out.now.busy_ms, 14'000);
    EXPECT_DOUBLE_EQ(out.now.mean_slots, 14.0 / (7 * 86'400));
    ASSERT_EQ(out.tenants.size(), 2u);
    EXPECT_EQ(out.tenants[0].name, "bigco") << "the busiest first";
    EXPECT_EQ(out.tenants[1].completed_partitions, 3u);
    EXPECT_EQ(out.tenants[1].completed_before, 1u);
    EXPECT_EQ(out.assets[1].name, "acme/orders");
    ASSERT_EQ(out.steps.size(), 7u);
    EXPECT_EQ(out.steps[0].completed_partitions, 1u);
    EXPECT_EQ(out.steps[6].completed_partitions, 3u);
}

TEST(Review, FailuresByClassAndWhatTheyWasted) {
    Review review = week();
    review.add_failures(
        job(1, 1, 10, kNow),
        {failed(kNow, Millis(5'000), FailureClass::kTimeout, false),
         failed(kNow, Millis(7'000), FailureClass::kTimeout, true),
         failed(kNow, Millis(1'000), FailureClass::kData, true),
         failed(kThen, Millis(9'000), FailureClass::kData, true)}
    );
    const api::Report out = review.report(kNames);
    EXPECT_EQ(out.now.failed_attempts, 3u);
    EXPECT_EQ(out.now.failed_partitions, 2u);
    EXPECT_EQ(out.now.wasted_ms, 13'000);
    EXPECT_EQ(out.before.wasted_ms, 9'000);
    ASSERT_EQ(out.classes.size(), 2u);
    EXPECT_EQ(out.classes[0].failure_class, "timeout");
    EXPECT_EQ(out.classes[0].partitions, 1u);
    EXPECT_EQ(out.classes[1].attempts_before, 1u);
    ASSERT_EQ(out.wasted.size(), 2u);
    EXPECT_EQ(out.wasted[0].wasted_ms, 12'000);
    EXPECT_EQ(out.wasted[0].asset_name, "orders");
    EXPECT_EQ(out.steps[6].failed_attempts.at("timeout"), 2);
}

// As servo_backfill_job_claim_latency_seconds counts them: anew after each resume.
TEST(Review, ClaimsAreThoseOfThePeriod) {
    Review review = week();
    for (int i = 1; i <= 99; ++i) {
        JobRow row = job(i, 1, 10, kNow);
        row.claims = {{kNow, Millis(i * 10)}};
        review.add_job({row, {}, 1});
    }
    JobRow resumed = job(100, 1, 10, kThen);
    resumed.claims = {{kThen, Millis(7)}, {kNow, Millis(1'000)}};
    review.add_job({resumed, {}, 1});
    review.add_job({job(101, 1, 10, kNow), {}, 1});  // not claimed yet
    const api::Report out = review.report(kNames);
    EXPECT_EQ(out.now.backfills_started, 100);
    EXPECT_EQ(out.now.claims, 100);
    EXPECT_EQ(out.now.claim_p50_ms, 500);
    EXPECT_EQ(out.now.claim_p95_ms, 950);
    EXPECT_EQ(out.now.claim_p99_ms, 990);
    EXPECT_EQ(out.before.claims, 1);
    EXPECT_EQ(out.before.claim_p50_ms, 7);
}

TEST(Review, DeadlinesByHowCloseTheyWere) {
    Review review = week();
    const auto add = [&review](int64_t id, Millis margin, bool ended) {
        JobRow row = job(id, 1, 10, kThen);
        row.settings.deadline = kNow + margin;
        if (ended) {
            row.completed_at = kNow;
        } else {
            row.state = JobState::kRunning;
        }
        review.add_job({row, {}, 1});
    };
    add(1, Millis(60'000), true);
    add(2, -Millis(5'000), true);
    add(3, Millis(0), false);  // open, and its deadline a day ago
    add(4, 2 * kDay, false);   // open, with time left
    const api::Report out = review.report(kNames);
    ASSERT_EQ(out.deadlines.size(), 3u);
    EXPECT_EQ(out.deadlines[0].id, to_text(JobId(3)));
    EXPECT_EQ(out.deadlines[0].margin_ms, -kDay.count());
    EXPECT_EQ(out.deadlines[1].margin_ms, -5'000);
    EXPECT_EQ(out.deadlines[2].margin_ms, 60'000);
}

TEST(Review, ProcessorsAndMemoryOfThoseThatTell) {
    Review review = week();
    std::vector<DoneEntry> entries = {done(kNow, Millis(1'000))};
    for (int i = 1; i <= 20; ++i) {
        entries.push_back(done(kNow, Millis(1'000), 604'800'000, 1'024 * i));
    }
    review.add_done(job(1, 1, 10, kNow), entries);
    const api::Report out = review.report(kNames);
    // 20 × 604.8 s of processor time in 604,800 s.
    EXPECT_NEAR(*out.now.mean_cpus, 0.02, 1e-9);
    EXPECT_EQ(*out.now.memory_max_bytes, 20 << 20);
    EXPECT_NEAR(static_cast<double>(*out.now.memory_p95_bytes), 19 << 20, 0.1 * (19 << 20));
    EXPECT_FALSE(out.before.mean_cpus);
}

TEST(Review, SlotTimeIsTheLedgers) {
    Review review = week();
    const auto hour = [](Instant at, LedgerAmounts amounts) {
        return LedgerRow{LedgerSpan::kHour, at, 1, LedgerScope::kAll, {{kLedgerNobody, amounts}}};
    };
    review.add_ledger(
        {hour(kThen, {{"slot.idle.no_work", 5}}),
         hour(kNow, {{"slot.busy.useful", 10}, {"wait.capacity", 99}}),
         hour(kNow + Millis(3'600'000), {{"slot.busy.useful", 20}, {"slot.down", 1}}),
         hour(kUntil, {{"slot.down", 7}})}
    );
    const api::Report out = review.report(kNames);
    using States = std::map<std::string, int64_t>;
    EXPECT_EQ(out.now.slot_ms, (States{{"busy.useful", 30}, {"down", 1}}));
    EXPECT_EQ(out.before.slot_ms, (States{{"idle.no_work", 5}}));
}

TEST(Review, HoursThatABoundCutsAreKeptApart) {
    const Millis hour(3'600'000);
    const auto starts = [](const std::vector<ReviewSpan::Hours>& all) {
        std::vector<std::pair<int64_t, int64_t>> out;  // hours before kUntil
        for (const ReviewSpan::Hours& one : all) {
            const auto before = [](Instant at) { return (kUntil - at) / Millis(3'600'000); };
            out.emplace_back(before(one.from), before(one.to));
        }
        return out;
    };
    using Starts = std::vector<std::pair<int64_t, int64_t>>;
    const ReviewSpan even = ReviewSpan::of(kUntil, 3 * hour);
    EXPECT_EQ(starts(even.whole_hours()), (Starts{{6, 3}, {3, 0}}));
    EXPECT_TRUE(even.cut_hours().empty());
    const ReviewSpan odd = ReviewSpan::of(kUntil + Millis(1), 3 * hour);
    EXPECT_EQ(starts(odd.whole_hours()), (Starts{{5, 3}, {2, 0}}));
    EXPECT_EQ(starts(odd.cut_hours()), (Starts{{6, 5}, {3, 2}, {0, -1}}));
    const ReviewSpan shortest = ReviewSpan::of(kUntil + Millis(1), hour);
    EXPECT_TRUE(shortest.whole_hours().empty());
    EXPECT_EQ(starts(shortest.cut_hours()), (Starts{{2, 1}, {1, 0}, {0, -1}}));
}

TEST(Review, TablesAreCutAndTheRestSummedUp) {
    Review review = week();
    for (int i = 1; i <= 30; ++i) {
        review.add_done(job(i, 1, 100 + i, kNow), {done(kNow, Millis(i * 1'000))});
    }
    const api::Report out = review.report(kNames);
    ASSERT_EQ(out.assets.size(), api::kReportRowsMax);
    EXPECT_EQ(out.assets.front().name, "acme/asset 130");
    EXPECT_EQ(out.assets.back().name, "others");
    EXPECT_EQ(out.assets.back().completed_partitions, 11u);
}

TEST(Review, AShortPeriodIsCutIntoHours) {
    EXPECT_EQ(ReviewSpan::of(kUntil, kDay).step(), Millis(3'600'000));
    EXPECT_EQ(Review(ReviewSpan::of(kUntil, 2 * kDay)).report({}).steps.size(), 48u);
    EXPECT_EQ(Review(ReviewSpan::of(kUntil, 49 * Millis(3'600'000))).report({}).steps.size(), 3u);
}

TEST(ReportRoute, SaysWhatIsOnRecord) {
    TestServer server;
    server.apply(asset_yaml("orders"));
    const auto nothing = server.get("/v1/report");
    ASSERT_EQ(nothing.status, 200) << nothing.reply.body;
    EXPECT_EQ(nothing.json.at("now").at("completed_partitions"), 0);
    EXPECT_TRUE(nothing.json.at("tenants").as_array().empty());
    EXPECT_EQ(nothing.json.at("steps").as_array().size(), 7U);
    EXPECT_EQ(nothing.number("slots"), 0);

    const auto started = server.post(
        "/v1/backfills",
        R"({"asset":"orders","selection":{"start":"2024-01-01","end":"2024-01-10"}})"
    );
    ASSERT_EQ(started.status, 200) << started.reply.body;
    TestExecutor(server, "ex-1", 2).work([](uint64_t index) { return index == 3; });
    const auto report = server.get("/v1/report?since=1h&tenant=default");
    ASSERT_EQ(report.status, 200) << report.reply.body;
    EXPECT_EQ(report.text("tenant_id"), "default");
    EXPECT_EQ(report.json.at("now").at("backfills_started"), 1);
    EXPECT_EQ(report.json.at("now").at("backfills_failed"), 1);
    EXPECT_EQ(report.json.at("now").at("claims"), 1);
    EXPECT_EQ(report.json.at("now").at("completed_partitions"), 0)
        << "this executor says that it ran in 2023";
    EXPECT_EQ(report.number("slots"), 2);
    EXPECT_TRUE(report.json.at("notes").as_array().empty());
}

// Of a store that is younger than an hour all is in the period, whenever the hour began.
TEST(ReportRoute, SlotTimeOfACutHourIsInThePeriodOfItsMinutes) {
    const Instant now = instant_ms(
        std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch())
            .count()
    );
    const Millis minute(60'000);
    const Instant this_minute = now - now.time_since_epoch() % minute;
    const auto row = [](LedgerSpan span, Instant at, int64_t ms) {
        const LedgerAmounts amounts{{"slot.busy.useful", ms}};
        return LedgerRow{span, at, 1, LedgerScope::kAll, {{kLedgerNobody, amounts}}};
    };
    ChangeSet changes;
    changes.ledger = {
        row(LedgerSpan::kMinute, this_minute - 62 * minute, 7),
        row(LedgerSpan::kMinute, this_minute - 58 * minute, 30),
        row(LedgerSpan::kMinute, this_minute, 50)};
    for (Instant at = now - 3 * Millis(3'600'000); at <= now; at += Millis(3'600'000)) {
        const Instant hour = at - at.time_since_epoch() % Millis(3'600'000);
        changes.ledger.push_back(row(LedgerSpan::kHour, hour, 1'000));
    }
    const TestServer server({}, changes);
    const auto report = server.get("/v1/report?since=1h");
    ASSERT_EQ(report.status, 200) << report.reply.body;
    const auto useful = [&report](const char* period) {
        return report.json.at(period).at("slot_ms").at("busy.useful").to_number<int64_t>();
    };
    EXPECT_EQ(useful("now"), 80);
    EXPECT_EQ(useful("before"), 7);
}

TEST(ReportRoute, RefusesPeriodsThatAreNotOnRecord) {
    TestServer server;
    for (const char* since : {"10m", "91d", "2999-01-01", "soon"}) {
        EXPECT_EQ(server.get(std::string("/v1/report?since=") + since).status, 422) << since;
    }
    EXPECT_EQ(server.get("/v1/report?since=45d").status, 200);
}

}  // namespace
}  // namespace servo::server

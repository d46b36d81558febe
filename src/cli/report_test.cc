// servo report: its text as a file of the source tree (SERVO_UPDATE_GOLDEN=1 writes it anew), the
// page, and what it says when there is nothing to say.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "api/json.h"
#include "api/review.h"
#include "base/golden_test_support.h"
#include "cli/cli_harness.h"

namespace servo::cli {
namespace {

constexpr int64_t kDayMs = 86'400'000;
const Instant kUntil = instant_ms(1'704'067'200'000);

api::Report week() {
    api::Report report;
    report.until = kUntil;
    report.since = kUntil - Millis(7 * kDayMs);
    report.before_since = kUntil - Millis(14 * kDayMs);
    report.step_ms = kDayMs;
    report.now.backfills_started = 12;
    report.now.backfills_completed = 9;
    report.now.backfills_failed = 1;
    report.now.backfills_cancelled = 1;
    report.now.completed_partitions = 4'200;
    report.now.failed_partitions = 12;
    report.now.failed_attempts = 40;
    report.now.busy_ms = 86'400'000;
    report.now.wasted_ms = 3'600'000;
    report.now.claims = 12;
    report.now.claim_p50_ms = 120;
    report.now.claim_p95_ms = 4'000;
    report.now.claim_p99_ms = 61'000;
    report.now.mean_slots = 0.15;
    report.now.slot_ms = {
        {"busy.useful", 86'400'000},
        {"busy.waste:timeout", 3'600'000},
        {"idle.no_work", 510'000'000}};
    report.now.mean_cpus = 0.08;
    report.now.memory_p95_bytes = 300 << 20;
    report.now.memory_max_bytes = 1'500 << 20;
    report.before.backfills_started = 10;
    report.before.backfills_completed = 10;
    report.before.completed_partitions = 4'000;
    report.before.failed_partitions = 3;
    report.before.failed_attempts = 5;
    report.before.busy_ms = 80'000'000;
    report.before.wasted_ms = 100'000;
    report.before.claims = 10;
    report.before.claim_p50_ms = 100;
    report.before.claim_p95_ms = 900;
    report.before.claim_p99_ms = 1'000;
    report.before.mean_slots = 0.13;
    report.before.slot_ms = {{"busy.useful", 80'000'000}, {"idle.no_work", 520'000'000}};
    report.before.mean_cpus = 0.08;
    report.before.memory_p95_bytes = 280 << 20;
    report.before.memory_max_bytes = 700 << 20;
    report.tenants = {
        {"acme", 4'000, 12, 80'000'000, 4'000, 3}, {"bigco", 200, 0, 6'400'000, 0, 0}};
    report.assets = {
        {"acme/orders", 3'000, 2, 60'000'000, 3'000, 3},
        {"acme/warehouse_snapshots_of_everything", 1'000, 10, 20'000'000, 1'000, 0},
        {"bigco/ledger", 200, 0, 6'400'000, 0, 0}};
    report.classes = {{"timeout", 30, 10, 3'500'000, 0}, {"data", 10, 2, 100'000, 5}};
    for (int day = 0; day < 7; ++day) {
        report.steps.push_back({report.since + Millis(day * kDayMs), 600, {}});
    }
    report.steps[2].failed_attempts = {{"timeout", 30}, {"data", 4}};
    report.steps[5].failed_attempts = {{"data", 6}};
    report.deadlines = {
        {"bf_0000000000000001",
         "acme",
         "orders",
         "completed",
         kUntil - Millis(kDayMs),
         kUntil - Millis(kDayMs) + Millis(90'000),
         -90'000},
        {"bf_0000000000000002",
         "bigco",
         "ledger",
         "completed",
         kUntil - Millis(kDayMs),
         kUntil - Millis(kDayMs + 600'000),
         600'000}};
    report.wasted = {
        {"acme", "warehouse_snapshots_of_everything", "timeout", 30, 3'500'000},
        {"acme", "orders", "data", 10, 100'000}};
    report.slots = 4;
    report.notes = {"Only the newest 10,000 backfills were looked at."};
    return report;
}

std::string text_of(const api::Report& report) {
    return api::to_text(api::to_json(report));
}

TEST(Report, TextIsAsWrittenDown) {
    Shell shell;
    shell.server.answer("GET /v1/report", text_of(week()));
    const Outcome outcome = shell.run({"report", "--since", "7d"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(shell.server.asked.at(0).target, "/v1/report?since=7d");
    expect_golden("tests/golden/report.md", outcome.out);
}

TEST(Report, HasNoName) {
    Shell shell;
    const Outcome outcome = shell.run({"report", "-o", "name"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find("a report has no name"), std::string::npos) << outcome.err;
    EXPECT_TRUE(shell.server.asked.empty());
}

TEST(Report, PageHasADrawingForEachTrend) {
    Shell shell;
    shell.server.answer("GET /v1/report", text_of(week()));
    const auto path = std::filesystem::temp_directory_path() /
                      ("servo-report-" + std::to_string(::getpid()) + ".html");
    const Outcome outcome = shell.run({"report", "--html", path.string()});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "wrote " + path.string() + "\n");
    std::ifstream in(path);
    const std::string page{std::istreambuf_iterator<char>(in), {}};
    std::filesystem::remove(path);
    size_t drawings = 0;
    for (size_t at = page.find("<svg"); at != std::string::npos; at = page.find("<svg", at + 1)) {
        ++drawings;
    }
    EXPECT_EQ(drawings, 6u);
    EXPECT_EQ(page.find("http"), std::string::npos) << "it needs nothing from elsewhere";
}

TEST(Report, ADashIsStandardOutput) {
    Shell shell;
    shell.server.answer("GET /v1/report", text_of(week()));
    const Outcome page = shell.run({"report", "--html", "-"});
    EXPECT_EQ(page.code, 0) << page.err;
    EXPECT_TRUE(page.out.starts_with("<!DOCTYPE html>")) << page.out.substr(0, 100);
    EXPECT_EQ(page.err, "");
    EXPECT_FALSE(std::filesystem::exists("-"));
    const Outcome both = shell.run({"report", "--html", "-", "-o", "json"});
    EXPECT_EQ(both.code, 2);
    EXPECT_EQ(both.out, "");
}

TEST(Report, AnUnwritablePageIsSaid) {
    Shell shell;
    shell.server.answer("GET /v1/report", text_of(week()));
    const Outcome outcome = shell.run({"report", "--html", "/no/such/folder/x.html"});
    EXPECT_EQ(outcome.code, 4);
    EXPECT_NE(outcome.err.find("Cannot write /no/such/folder/x.html"), std::string::npos);
}

TEST(Report, NothingRan) {
    api::Report empty;
    empty.until = kUntil;
    empty.since = kUntil - Millis(kDayMs);
    Shell shell;
    shell.server.answer("GET /v1/report", text_of(empty));
    const Outcome outcome = shell.run({"report", "--since", "24h"});
    EXPECT_NE(outcome.out.find("Nothing ran in this period."), std::string::npos);
    EXPECT_EQ(outcome.out.find('|'), std::string::npos);
}

TEST(Report, JsonIsTheServers) {
    Shell shell;
    shell.server.answer("GET /v1/report", text_of(week()));
    const Outcome outcome = shell.run({"report", "-o", "json"});
    EXPECT_NE(outcome.out.find("\"completed_partitions\": 4200"), std::string::npos) << outcome.out;
}

}  // namespace
}  // namespace servo::cli

#include <gtest/gtest.h>

#include "base/golden_test_support.h"
#include "metrics/page.h"
#include "metrics/registry.h"

namespace servo::metrics {
namespace {

TEST(Registry, IsSortedAndKeepsTheRulesForNames) {
    const std::vector<Metric>& metrics = all();
    for (size_t i = 0; i < metrics.size(); ++i) {
        const Metric& one = metrics[i];
        const std::string name(one.name);
        if (i > 0) {
            EXPECT_LT(metrics[i - 1].name, one.name);
        }
        EXPECT_TRUE(name.starts_with("servo_")) << name;
        EXPECT_EQ(name.ends_with("_total"), one.type == Type::kCounter) << name;
        EXPECT_TRUE(one.type != Type::kHistogram || name.ends_with("_seconds")) << name;
        EXPECT_TRUE(one.help.ends_with('.')) << name;
        for (const std::string_view label : one.labels) {
            EXPECT_NE(label, "job_id") << name;
            EXPECT_NE(label, "partition_key") << name;
        }
    }
}

TEST(Registry, IsTheReferencePage) {
    expect_golden("docs/reference/metrics.md", reference_page());
}

TEST(Page, WritesWhatPrometheusReads) {
    Page page;
    page.add("servo_backfill_jobs_active", {"running"}, 3);
    page.add("servo_store_commits_total", {}, 7);
    page.add("servo_backfill_job_claim_latency_seconds", {}, Buckets{{0.5, 60}, {1, 2, 4}, 300.25});
    EXPECT_EQ(
        page.text(),
        "# HELP servo_backfill_job_claim_latency_seconds From the moment a job could be leased to "
        "its first lease; anew after each resume.\n"
        "# TYPE servo_backfill_job_claim_latency_seconds histogram\n"
        "servo_backfill_job_claim_latency_seconds_count 7\n"
        "servo_backfill_job_claim_latency_seconds_sum 300.25\n"
        "servo_backfill_job_claim_latency_seconds_bucket{le=\"0.5\"} 1\n"
        "servo_backfill_job_claim_latency_seconds_bucket{le=\"60\"} 3\n"
        "servo_backfill_job_claim_latency_seconds_bucket{le=\"+Inf\"} 7\n"
        "# HELP servo_backfill_jobs_active Open jobs by state.\n"
        "# TYPE servo_backfill_jobs_active gauge\n"
        "servo_backfill_jobs_active{state=\"running\"} 3\n"
        "# HELP servo_store_commits_total Batches that were committed.\n"
        "# TYPE servo_store_commits_total counter\n"
        "servo_store_commits_total 7\n"
    );
}

}  // namespace
}  // namespace servo::metrics

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "metrics/registry.h"

namespace servo::metrics {
namespace {

constexpr std::string_view kIntroduction = R"(# Metrics

What a server exports in Prometheus' text format on `--metrics-listen` (`/metrics`). Only the leader
exports what is about jobs, tenants, executors and pools; counters restart at 0 with a new leader.
Durations are in seconds. A label is never a job, a partition key or free text.

| metric | type | labels | meaning |
|---|---|---|---|
)";

}  // namespace

std::string reference_page() {
    std::string out(kIntroduction);
    for (const Metric& metric : all()) {
        const std::string labels =
            metric.labels.empty() ? "" : fmt::format("`{}`", fmt::join(metric.labels, "`, `"));
        out += fmt::format(
            "| `{}` | {} | {} | {} |\n", metric.name, to_string(metric.type), labels, metric.help
        );
    }
    return out;
}

}  // namespace servo::metrics

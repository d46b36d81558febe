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

constexpr std::string_view kOfExecutors = R"(
## Executors

What an executor exports about itself on `--health-listen` (`/metrics`), also while its server is away. Counters restart
at 0 with the process. No tenant, asset or job is named.

| metric | type | labels | meaning |
|---|---|---|---|
)";

std::string rows_of(Exporter exporter) {
    std::string out;
    for (const Metric& metric : all()) {
        if (metric.by != exporter && metric.by != Exporter::kBoth) {
            continue;
        }
        const std::string labels =
            metric.labels.empty() ? "" : fmt::format("`{}`", fmt::join(metric.labels, "`, `"));
        out += fmt::format(
            "| `{}` | {} | {} | {} |\n", metric.name, to_string(metric.type), labels, metric.help
        );
    }
    return out;
}

}  // namespace

std::string reference_page() {
    return std::string(kIntroduction) + rows_of(Exporter::kServer) + std::string(kOfExecutors) +
           rows_of(Exporter::kExecutor);
}

}  // namespace servo::metrics

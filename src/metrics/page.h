// One answer to a scrape: samples of registered metrics, rendered as Prometheus' text format.
// Not thread-safe.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/registry.h"

namespace servo::metrics {

// A histogram as counts below and at ascending upper edges; the last count is beyond all of them.
struct Buckets {
    std::vector<double> edges;     // seconds
    std::vector<uint64_t> counts;  // one more than edges; not cumulative
    double sum = 0;                // seconds
};

class Page {
 public:
    // Label values in the order of the metric's declaration; their number must be the declared one.
    void add(std::string_view name, const std::vector<std::string>& labels, double value);
    void add(std::string_view name, const std::vector<std::string>& labels, const Buckets& buckets);

    // Families in the registry's order; those without a sample are left out.
    std::string text() const;
    bool has(std::string_view name) const { return families_.contains(name); }

    static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

 private:
    prometheus::ClientMetric& sample(std::string_view name, const std::vector<std::string>& labels);

    std::map<std::string_view, prometheus::MetricFamily> families_;
};

}  // namespace servo::metrics

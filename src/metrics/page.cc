#include "metrics/page.h"

#include <prometheus/text_serializer.h>

#include "base/assert.h"

namespace servo::metrics {
namespace {

prometheus::MetricType kind_of(Type type) {
    switch (type) {
        case Type::kCounter:
            return prometheus::MetricType::Counter;
        case Type::kGauge:
            return prometheus::MetricType::Gauge;
        case Type::kHistogram:
            return prometheus::MetricType::Histogram;
    }
    return prometheus::MetricType::Untyped;
}

}  // namespace

prometheus::ClientMetric& Page::sample(
    std::string_view name, const std::vector<std::string>& labels
) {
    const Metric& declared = metric(name);
    SERVO_ASSERT(labels.size() == declared.labels.size());
    prometheus::MetricFamily& family = families_[declared.name];
    family.name = declared.name;
    family.help = declared.help;
    family.type = kind_of(declared.type);
    prometheus::ClientMetric one;
    for (size_t i = 0; i < labels.size(); ++i) {
        one.label.push_back({std::string(declared.labels[i]), labels[i]});
    }
    return family.metric.emplace_back(std::move(one));
}

void Page::add(std::string_view name, const std::vector<std::string>& labels, double value) {
    prometheus::ClientMetric& one = sample(name, labels);
    if (metric(name).type == Type::kCounter) {
        one.counter.value = value;
    } else {
        SERVO_ASSERT(metric(name).type == Type::kGauge);
        one.gauge.value = value;
    }
}

void Page::add(
    std::string_view name, const std::vector<std::string>& labels, const Buckets& buckets
) {
    SERVO_ASSERT(metric(name).type == Type::kHistogram);
    SERVO_ASSERT(buckets.counts.size() == buckets.edges.size() + 1);
    prometheus::ClientMetric& one = sample(name, labels);
    uint64_t below = 0;
    for (size_t i = 0; i < buckets.edges.size(); ++i) {
        below += buckets.counts[i];
        one.histogram.bucket.push_back({below, buckets.edges[i]});
    }
    one.histogram.sample_count = below + buckets.counts.back();
    one.histogram.sample_sum = buckets.sum;
}

std::string Page::text() const {
    std::vector<prometheus::MetricFamily> families;
    families.reserve(families_.size());
    for (const auto& [name, family] : families_) {
        families.push_back(family);
    }
    return prometheus::TextSerializer().Serialize(families);
}

}  // namespace servo::metrics

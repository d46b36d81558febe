// The registry of metrics: each one declared once, with its type, labels and meaning. What is
// exported, the reference page and the checks of the test suite come from here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace servo::metrics {

enum class Type { kCounter, kGauge, kHistogram };
std::string_view to_string(Type type);

// Whose listener exports it.
enum class Exporter { kServer, kExecutor, kBoth };

struct Metric {
    std::string_view name;
    Type type = Type::kGauge;
    std::vector<std::string_view> labels;
    std::string_view help;  // one sentence, with the unit
    Exporter by = Exporter::kServer;
};

// Every metric of this version, by name.
const std::vector<Metric>& all();
// Asserts that it is declared.
const Metric& metric(std::string_view name);

// docs/reference/metrics.md.
std::string reference_page();

}  // namespace servo::metrics

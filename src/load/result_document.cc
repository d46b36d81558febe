#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/rfc3339.h"
#include "base/text.h"
#include "load/result.h"
#include "load/verdict.h"
#include "report/plot.h"

namespace servo::load {
namespace {

using report::Figure;
using report::Paragraph;
using report::percent;
using report::Section;
using report::Table;

constexpr int kCurvePoints = 60;
constexpr double kCurveBeyond = 2;  // the fitted curve is drawn to this times the last measured

std::string rate(double per_second) {
    return per_second >= 100 ? with_commas(std::llround(per_second))
                             : fmt::format("{:.1f}", per_second);
}

std::string seconds(const std::optional<double>& value) {
    if (!value) {
        return "-";
    }
    const double ms = *value * 1'000;
    if (ms > 0 && ms < 10) {
        return fmt::format("{:.2g} ms", ms);
    }
    return ms < 1'000 ? fmt::format("{:.0f} ms", ms) : fmt::format("{:.2f} s", *value);
}

std::string ceiling_text(const report::ScalabilityFit& fit) {
    const auto ceiling = fit.ceiling();
    if (!ceiling) {
        return "none seen: it grew in step with the executors";
    }
    const auto peak = fit.peak_executors();
    return fmt::format(
        "{} partitions/s {}",
        rate(*ceiling),
        peak ? "at " + counted(static_cast<uint64_t>(*peak + 0.5), "executor", "executors")
             : "with ever more executors"
    );
}

Figure scaling_plot(const LoadResult& result) {
    report::LinePlot plot{"executors", "partitions per second", {}, {0}};
    report::Series measured{"measured", {}, report::Mark::kDots, 0};
    for (const StepResult& step : result.steps) {
        measured.points.push_back({static_cast<double>(step.executors), step.throughput});
        plot.x_marks.push_back(step.executors);
    }
    Figure figure{"Throughput by number of executors", "", {"measured"}};
    const double last = result.steps.back().executors;
    if (result.fit) {
        report::Series curve{"fitted", {}, report::Mark::kLine, 1};
        report::Series beyond{"beyond what was measured", {}, report::Mark::kDashedLine, 1};
        for (int i = 0; i <= kCurvePoints; ++i) {
            const double n = last * kCurveBeyond * i / kCurvePoints;
            const report::Point point{n, n > 0 ? result.fit->at(n) : 0};
            if (n <= last) {
                curve.points.push_back(point);
            }
            if (n >= last) {
                beyond.points.push_back(point);
            }
        }
        plot.series = {curve, beyond};
        plot.x_marks.push_back(last * kCurveBeyond);
        figure.legend.emplace_back("fitted (dashed: beyond what was measured)");
    }
    plot.series.push_back(measured);
    figure.svg = draw(plot);
    return figure;
}

// Every state of any step, in the order in which they come up.
std::vector<std::string> ledger_states(const LoadResult& result) {
    std::vector<std::string> out;
    for (const StepResult& step : result.steps) {
        for (const auto& [state, share] : step.ledger) {
            if (std::find(out.begin(), out.end(), state) == out.end()) {
                out.push_back(state);
            }
        }
    }
    return out;
}

double share_of(const StepResult& step, const std::string& state) {
    for (const auto& [name, share] : step.ledger) {
        if (name == state) {
            return share;
        }
    }
    return 0;
}

Figure ledger_plot(const LoadResult& result) {
    report::SharePlot plot{"share of slot time", {}};
    Figure figure{"Slot time by state", "", ledger_states(result)};
    for (const StepResult& step : result.steps) {
        report::ShareRow row{
            fmt::format("{} executor{}", step.executors, step.executors == 1 ? "" : "s"), {}};
        for (const std::string& state : figure.legend) {
            row.shares.push_back(share_of(step, state));
        }
        plot.rows.push_back(std::move(row));
    }
    figure.svg = draw(plot);
    return figure;
}

Figure latency_plot(const LoadResult& result) {
    report::LinePlot plot{"executors", "claim latency, seconds", {}, {0}};
    Figure figure{"Claim latency by number of executors", "", {"P50", "P95", "P99"}};
    plot.series = {
        {"P50", {}, report::Mark::kLine, 0},
        {"P95", {}, report::Mark::kLine, 1},
        {"P99", {}, report::Mark::kLine, 2}};
    for (const StepResult& step : result.steps) {
        const double n = step.executors;
        plot.x_marks.push_back(n);
        const ClaimLatency& claim = step.claim;
        for (size_t i = 0; i < 3; ++i) {
            const auto& value = i == 0 ? claim.p50_s : i == 1 ? claim.p95_s : claim.p99_s;
            if (value) {
                plot.series[i].points.push_back({n, *value});
            }
        }
    }
    figure.svg = draw(plot);
    return figure;
}

Section scaling_section(const LoadResult& result) {
    Section section{"Scaling", {}};
    Table table{
        {{"executors", true},
         {"slots", true},
         {"partitions/s", true},
         {"of linear", true},
         {"fitted", true},
         {"slot use", true},
         {"claim P50", true},
         {"P95", true},
         {"P99", true},
         {"fairness", true}},
        {},
        ""};
    const StepResult& first = result.steps.front();
    for (const StepResult& step : result.steps) {
        const double linear = first.throughput * step.executors / first.executors;
        table.rows.push_back(
            {std::to_string(step.executors),
             std::to_string(step.slots),
             rate(step.throughput),
             linear > 0 ? percent(step.throughput / linear) : "-",
             result.fit ? rate(result.fit->at(step.executors)) : "-",
             percent(step.slot_use),
             seconds(step.claim.p50_s),
             seconds(step.claim.p95_s),
             seconds(step.claim.p99_s),
             step.fairness ? fmt::format("{:.3f}", *step.fairness) : "-"}
        );
    }
    section.blocks.emplace_back(std::move(table));
    section.blocks.emplace_back(scaling_plot(result));
    if (!result.fit) {
        section.blocks.emplace_back(Paragraph{
            "No curve is fitted: that takes two numbers of executors at least that got something "
            "done."});
        return section;
    }
    const report::ScalabilityFit& fit = *result.fit;
    section.blocks.emplace_back(Paragraph{fmt::format(
        "Ceiling: {}. λ = {}/s, σ = {:.4f}, κ = {:.6f}; least squares of relative errors, {}.",
        ceiling_text(fit),
        rate(fit.lambda),
        fit.sigma,
        fit.kappa,
        fit.parameters < fit.points
            ? fmt::format("off by {} (root mean square)", percent(fit.error_rms))
            : "through every point, so nothing says how good it is: measure more numbers of "
              "executors"
    )});
    if (const std::string bend = bend_of(fit, result.steps.back().executors); !bend.empty()) {
        section.blocks.emplace_back(Paragraph{"What bends the curve most: " + bend + "."});
    }
    section.blocks.emplace_back(Paragraph{
        std::string("The curve: ") + report::kScalabilityFormula + "."});
    return section;
}

Section limits_section(const LoadResult& result) {
    Section section{"What limits it", {}};
    Table table{{{"executors", true}, {"limit"}, {"machine", true}, {"server CPUs", true}}, {}, ""};
    for (const StepResult& step : result.steps) {
        const bool server = step.machine && step.machine->process_cpus;
        table.rows.push_back(
            {std::to_string(step.executors),
             step.limit,
             step.machine ? percent(step.machine->busy) : "-",
             server ? fmt::format("{:.2f}", *step.machine->process_cpus) : "-"}
        );
    }
    section.blocks.emplace_back(std::move(table));
    return section;
}

Section ledger_section(const LoadResult& result) {
    Section section{"Where slot time went", {}};
    const std::vector<std::string> states = ledger_states(result);
    Table table{{{"executors", true}}, {}, ""};
    for (const std::string& state : states) {
        table.columns.push_back({state, true});
    }
    for (const StepResult& step : result.steps) {
        std::vector<std::string> row = {std::to_string(step.executors)};
        for (const std::string& state : states) {
            row.push_back(percent(share_of(step, state)));
        }
        table.rows.push_back(std::move(row));
    }
    section.blocks.emplace_back(std::move(table));
    section.blocks.emplace_back(ledger_plot(result));
    section.blocks.emplace_back(Paragraph{
        result.steps.front().by_server
            ? "By the server's ledger of time over the last minute of each window; the concepts "
              "page "
              "says what each state means."
            : "As the executors count it: busy runs a partition, held waits for its lease to be "
              "confirmed, report waits for a result to be answered, idle has no lease. With a "
              "window "
              "of a minute or more it is by the server's ledger, which also tells why slots idled."}
    );
    return section;
}

Section latency_section(const LoadResult& result) {
    Section section{"Claim latency", {}};
    size_t unclaimed = 0;
    std::string counts;
    for (const StepResult& step : result.steps) {
        unclaimed += step.claim.unclaimed;
        counts += (counts.empty() ? "" : ", ") + std::to_string(step.claim.jobs);
    }
    section.blocks.emplace_back(latency_plot(result));
    section.blocks.emplace_back(Paragraph{fmt::format(
        "From the start of a backfill to its first lease, of {} backfills; {} of them were still "
        "unclaimed when their window ended and count with their age there. A P99 of fewer than 100 "
        "is the worst that was seen.",
        counts,
        unclaimed
    )});
    return section;
}

Section tenants_section(const LoadResult& result) {
    Section section{"Fairness", {}};
    Table table{
        {{"executors", true},
         {"tenant"},
         {"weight", true},
         {"partitions", true},
         {"slot time", true},
         {"share of slot time", true},
         {"fair share", true}},
        {},
        ""};
    for (const StepResult& step : result.steps) {
        double all = 0;
        int weights = 0;
        for (const TenantShare& tenant : step.tenants) {
            all += tenant.slot_seconds;
            weights += tenant.weight;
        }
        for (const TenantShare& tenant : step.tenants) {
            table.rows.push_back(
                {std::to_string(step.executors),
                 tenant.name,
                 std::to_string(tenant.weight),
                 with_commas(static_cast<int64_t>(tenant.partitions)),
                 fmt::format("{:.1f} s", tenant.slot_seconds),
                 all > 0 ? percent(tenant.slot_seconds / all) : "-",
                 percent(static_cast<double>(tenant.weight) / weights)}
            );
        }
    }
    section.blocks.emplace_back(std::move(table));
    section.blocks.emplace_back(Paragraph{
        "The index is Jain's, (Σx)² / (n·Σx²) with x = slot time of completed partitions for each "
        "unit of weight: 1 when each tenant got its share, 1/n when one got everything."});
    return section;
}

}  // namespace

report::Document to_document(const LoadResult& result) {
    const StepResult* best = &result.steps.front();
    for (const StepResult& step : result.steps) {
        best = step.throughput > best->throughput ? &step : best;
    }
    report::Document document;
    document.title = "Servo load test";
    document.subtitle = fmt::format(
        "{}, {}. Synthetic partitions: they take their time and next to no processor.",
        result.temporary ? "A temporary server on this machine" : "The server " + result.server,
        format_rfc3339(result.started_at)
    );
    document.facts = {
        {"most partitions/s", rate(best->throughput)},
        {"with",
         counted(static_cast<uint64_t>(best->executors), "executor", "executors") + ", " +
             counted(static_cast<uint64_t>(best->slots), "slot", "slots")},
        {"claim latency P95", seconds(best->claim.p95_s)},
        {"slot use", percent(best->slot_use)}};
    if (result.fit) {
        const auto ceiling = result.fit->ceiling();
        document.facts.emplace_back(
            "fitted ceiling", ceiling ? rate(*ceiling) + " partitions/s" : "none seen"
        );
    }
    document.sections = {
        scaling_section(result),
        limits_section(result),
        latency_section(result),
        ledger_section(result),
        tenants_section(result)};
    Section settings{"Settings", {}};
    Table table{{{"option"}, {"value"}}, {}, ""};
    for (const auto& [name, value] : result.settings) {
        table.rows.push_back({name, value});
    }
    settings.blocks.emplace_back(std::move(table));
    document.sections.push_back(std::move(settings));
    return document;
}

}  // namespace servo::load

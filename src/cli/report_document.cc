#include "cli/report_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/rfc3339.h"
#include "base/text.h"
#include "cli/text.h"
#include "report/plot.h"
#include "report/statistics.h"

namespace servo::cli {
namespace {

using report::Document;
using report::Figure;
using report::Paragraph;
using report::Section;
using report::Table;

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
constexpr const char* kNothing = "-";
constexpr const char* kNothingRan = "Nothing ran in this period.";

// "+12 %", "-3 %"; "new" for what was not there before.
std::string change(double now, double before) {
    if (const auto relative = report::relative_change(now, before)) {
        const double percent = *relative * 100;
        return std::abs(percent) < 0.5 ? "±0 %" : fmt::format("{:+.0f} %", percent);
    }
    return now > 0 ? "new" : kNothing;
}

std::string number(uint64_t value) {
    return count(value);
}

std::string time(int64_t ms) {
    return human_duration(Millis(ms));
}

std::string maybe_time(const std::optional<double>& ms) {
    return ms ? span_ms(*ms) : kNothing;
}

std::string decimal(double value) {
    return value >= 100 ? with_commas(std::llround(value)) : fmt::format("{:.2f}", value);
}

std::string size(const std::optional<int64_t>& value) {
    return value ? bytes(value) : kNothing;
}

uint64_t ended_of(const api::ReportTotals& totals) {
    return totals.completed_partitions + totals.failed_partitions;
}

std::string failure_share(const api::ReportTotals& totals) {
    const uint64_t ended = ended_of(totals);
    return ended == 0
               ? kNothing
               : report::percent(
                     static_cast<double>(totals.failed_partitions) / static_cast<double>(ended), 2
                 );
}

double per_hour(const api::Report& report, uint64_t partitions) {
    const Millis length = report.until - report.since;
    return static_cast<double>(partitions) * kHourMs / static_cast<double>(length.count());
}

bool is_empty(const api::ReportTotals& totals) {
    return ended_of(totals) + totals.failed_attempts == 0 && totals.backfills_started == 0;
}

Section overview(const api::Report& report) {
    const api::ReportTotals& now = report.now;
    const api::ReportTotals& before = report.before;
    Table table{
        {{"measure"}, {"this period", true}, {"before", true}, {"change", true}}, {}, kNothingRan};
    const auto row = [&](const char* name, uint64_t a, uint64_t b) {
        table.rows.push_back(
            {name, number(a), number(b), change(static_cast<double>(a), static_cast<double>(b))}
        );
    };
    row("partitions completed", now.completed_partitions, before.completed_partitions);
    table.rows.push_back(
        {"partitions per hour",
         decimal(per_hour(report, now.completed_partitions)),
         decimal(per_hour(report, before.completed_partitions)),
         change(
             static_cast<double>(now.completed_partitions),
             static_cast<double>(before.completed_partitions)
         )}
    );
    row("partitions failed", now.failed_partitions, before.failed_partitions);
    table.rows.push_back({"share failed", failure_share(now), failure_share(before), ""});
    row("failed attempts", now.failed_attempts, before.failed_attempts);
    const auto jobs = [&](const char* name, int64_t a, int64_t b) {
        row(name, static_cast<uint64_t>(a), static_cast<uint64_t>(b));
    };
    jobs("backfills started", now.backfills_started, before.backfills_started);
    jobs("backfills completed", now.backfills_completed, before.backfills_completed);
    jobs("backfills failed", now.backfills_failed, before.backfills_failed);
    jobs("backfills cancelled", now.backfills_cancelled, before.backfills_cancelled);
    return {"Overview", {std::move(table)}};
}

std::string step_name(const api::Report& report, Instant start) {
    static constexpr std::array<const char*, 12> kMonths = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::string text = format_rfc3339(start);  // 2024-01-29T05:15:00Z
    const auto month = static_cast<size_t>(std::stoi(text.substr(5, 2)));
    const std::string day = fmt::format("{} {}", kMonths[month - 1], std::stoi(text.substr(8, 2)));
    return report.step_ms >= kDayMs ? day : text.substr(11, 5);
}

std::vector<std::string> step_names(const api::Report& report) {
    std::vector<std::string> out;
    for (const api::ReportStep& step : report.steps) {
        out.push_back(step_name(report, step.start));
    }
    return out;
}

std::string step_title(const api::Report& report) {
    return report.step_ms >= kDayMs ? "24 hours from (UTC)" : "hour from (UTC)";
}

Table group_table(const std::vector<api::ReportGroup>& groups, const char* what) {
    Table table{
        {{what},
         {"completed", true},
         {"before", true},
         {"change", true},
         {"failed", true},
         {"before", true},
         {"slot time", true}},
        {},
        kNothingRan};
    for (const api::ReportGroup& group : groups) {
        table.rows.push_back(
            {group.name,
             number(group.completed_partitions),
             number(group.completed_before),
             change(
                 static_cast<double>(group.completed_partitions),
                 static_cast<double>(group.completed_before)
             ),
             number(group.failed_partitions),
             number(group.failed_before),
             time(group.busy_ms)}
        );
    }
    return table;
}

Figure group_plot(const std::vector<api::ReportGroup>& groups, const char* title) {
    report::BarPlot plot{"completed partitions; paler: the period before", {}};
    for (const api::ReportGroup& group : groups) {
        plot.bars.push_back(
            {group.name,
             static_cast<double>(group.completed_partitions),
             number(group.completed_partitions),
             static_cast<double>(group.completed_before),
             number(group.completed_before)}
        );
    }
    return {title, draw(plot), {}};
}

Section throughput(const api::Report& report) {
    Section section{"Throughput", {}};
    if (report.tenants.empty()) {
        section.blocks.emplace_back(Paragraph{kNothingRan});
        return section;
    }
    report::ColumnPlot columns{
        step_title(report), "completed partitions", step_names(report), {{}}, true};
    for (const api::ReportStep& step : report.steps) {
        columns.series[0].push_back(static_cast<double>(step.completed_partitions));
    }
    section.blocks.emplace_back(Figure{"Completed partitions over the period", draw(columns), {}});
    section.blocks.emplace_back(group_table(report.tenants, "tenant"));
    if (report.tenants.size() > 1) {
        section.blocks.emplace_back(group_plot(report.tenants, "By tenant"));
    }
    section.blocks.emplace_back(group_table(report.assets, "asset"));
    section.blocks.emplace_back(group_plot(report.assets, "By asset"));
    return section;
}

Section failures(const api::Report& report) {
    Section section{"Failures", {}};
    Table table{
        {{"class"},
         {"attempts", true},
         {"before", true},
         {"change", true},
         {"partitions failed", true},
         {"slot time lost", true}},
        {},
        "No attempt failed, neither in this period nor in the one before."};
    report::ColumnPlot columns{step_title(report), "failed attempts", step_names(report), {}, true};
    Figure figure{"Failed attempts over the period, by class", "", {}};
    for (const api::ReportClass& one : report.classes) {
        table.rows.push_back(
            {one.failure_class,
             number(one.attempts),
             number(one.attempts_before),
             change(static_cast<double>(one.attempts), static_cast<double>(one.attempts_before)),
             number(one.partitions),
             time(one.wasted_ms)}
        );
        if (one.attempts == 0) {
            continue;
        }
        figure.legend.push_back(one.failure_class);
        columns.series.emplace_back();
        for (const api::ReportStep& step : report.steps) {
            const auto found = step.failed_attempts.find(one.failure_class);
            columns.series.back().push_back(
                found == step.failed_attempts.end() ? 0 : static_cast<double>(found->second)
            );
        }
    }
    section.blocks.emplace_back(std::move(table));
    if (!columns.series.empty()) {
        figure.svg = draw(columns);
        section.blocks.emplace_back(std::move(figure));
    }
    return section;
}

Section claims(const api::Report& report) {
    const api::ReportTotals& now = report.now;
    const api::ReportTotals& before = report.before;
    Table table{{{"claim latency"}, {"this period", true}, {"before", true}}, {}, ""};
    table.rows = {
        {"claims",
         number(static_cast<uint64_t>(now.claims)),
         number(static_cast<uint64_t>(before.claims))},
        {"P50", maybe_time(now.claim_p50_ms), maybe_time(before.claim_p50_ms)},
        {"P95", maybe_time(now.claim_p95_ms), maybe_time(before.claim_p95_ms)},
        {"P99", maybe_time(now.claim_p99_ms), maybe_time(before.claim_p99_ms)}};
    return {
        "Claim latency",
        {std::move(table),
         Paragraph{
             "From the moment a backfill could be claimed to its first lease, anew after each "
             "resume; as the metric servo_backfill_job_claim_latency_seconds counts it."}}};
}

Section utilisation(const api::Report& report) {
    const api::ReportTotals& now = report.now;
    const api::ReportTotals& before = report.before;
    const auto cpus = [](const api::ReportTotals& totals) {
        return totals.mean_cpus ? decimal(*totals.mean_cpus) : std::string(kNothing);
    };
    Table table{{{"measure"}, {"this period", true}, {"before", true}, {"change", true}}, {}, ""};
    table.rows = {
        {"slots in use, mean",
         decimal(now.mean_slots),
         decimal(before.mean_slots),
         change(now.mean_slots, before.mean_slots)},
        {"slot time of completed partitions",
         time(now.busy_ms),
         time(before.busy_ms),
         change(static_cast<double>(now.busy_ms), static_cast<double>(before.busy_ms))},
        {"slot time of failed attempts",
         time(now.wasted_ms),
         time(before.wasted_ms),
         change(static_cast<double>(now.wasted_ms), static_cast<double>(before.wasted_ms))},
        {"processors in use by programs, mean",
         cpus(now),
         cpus(before),
         change(now.mean_cpus.value_or(0), before.mean_cpus.value_or(0))},
        {"memory of a partition, P95",
         size(now.memory_p95_bytes),
         size(before.memory_p95_bytes),
         ""},
        {"memory of a partition, most",
         size(now.memory_max_bytes),
         size(before.memory_max_bytes),
         ""}};
    Section section{"Utilisation", {std::move(table)}};
    if (report.slots) {
        section.blocks.emplace_back(Paragraph{fmt::format(
            "Slots that are registered at the moment: {}.{}",
            *report.slots,
            *report.slots > 0
                ? fmt::format(
                      " The mean in use is {} of that.",
                      report::percent(now.mean_slots / static_cast<double>(*report.slots))
                  )
                : ""
        )});
    }
    return section;
}

int64_t sum_of(const std::map<std::string, int64_t>& amounts) {
    int64_t sum = 0;
    for (const auto& [name, amount] : amounts) {
        sum += amount;
    }
    return sum;
}

// The states of both periods, those that took the most first.
std::vector<std::string> slot_states(const api::Report& report) {
    std::map<std::string, int64_t> both = report.now.slot_ms;
    for (const auto& [state, ms] : report.before.slot_ms) {
        both[state] += ms;
    }
    std::vector<std::string> out;
    for (const auto& [state, ms] : both) {
        out.push_back(state);
    }
    std::stable_sort(out.begin(), out.end(), [&](const auto& a, const auto& b) {
        return both.at(a) > both.at(b);
    });
    return out;
}

Section slot_time(const api::Report& report) {
    Section section{"Where slot time went", {}};
    Table table{
        {{"state"}, {"this period", true}, {"share", true}, {"before", true}, {"share", true}},
        {},
        ""};
    report::SharePlot plot{"share of slot time", {{"this period", {}}, {"before", {}}}};
    Figure figure{"Slot time by state", "", slot_states(report)};
    for (const std::string& state : figure.legend) {
        std::vector<std::string> row = {state};
        for (size_t i = 0; i < 2; ++i) {
            const auto& period = i == 0 ? report.now.slot_ms : report.before.slot_ms;
            const auto found = period.find(state);
            const int64_t ms = found == period.end() ? 0 : found->second;
            const int64_t all = sum_of(period);
            const double share = all > 0 ? static_cast<double>(ms) / static_cast<double>(all) : 0;
            row.push_back(time(ms));
            row.push_back(report::percent(share));
            plot.rows[i].shares.push_back(share);
        }
        table.rows.push_back(std::move(row));
    }
    figure.svg = draw(plot);
    section.blocks.emplace_back(std::move(table));
    section.blocks.emplace_back(std::move(figure));
    section.blocks.emplace_back(Paragraph{
        "From the ledger of time, of all slots that there were: whole hours, and minutes in the "
        "hours "
        "that the bounds cut. The concepts page says what each state means."});
    return section;
}

Section deadlines(const api::Report& report) {
    Table table{
        {{"backfill"}, {"asset"}, {"state"}, {"deadline"}, {"margin", true}},
        {},
        "No backfill with a deadline ended in this period, or is past one."};
    for (const api::ReportDeadline& one : report.deadlines) {
        table.rows.push_back(
            {one.id,
             one.tenant_id + "/" + one.asset_name,
             one.state,
             when(one.deadline_at),
             one.margin_ms < 0 ? time(-one.margin_ms) + " late" : time(one.margin_ms)}
        );
    }
    return {"Closest calls to deadlines", {std::move(table)}};
}

Section waste(const api::Report& report) {
    Table table{
        {{"asset"}, {"class"}, {"failed attempts", true}, {"slot time lost", true}},
        {},
        "No slot time went into failed attempts."};
    report::BarPlot plot{"slot time lost, hours", {}};
    for (const api::ReportWaste& one : report.wasted) {
        const std::string asset = one.tenant_id + "/" + one.asset_name;
        table.rows.push_back({asset, one.failure_class, number(one.attempts), time(one.wasted_ms)});
        plot.bars.push_back(
            {asset + " " + one.failure_class,
             static_cast<double>(one.wasted_ms) / kHourMs,
             time(one.wasted_ms),
             std::nullopt,
             ""}
        );
    }
    Section section{"Top wasted time", {}};
    const bool any = !table.rows.empty();
    section.blocks.emplace_back(std::move(table));
    if (any) {
        section.blocks.emplace_back(Figure{"Slot time of failed attempts", draw(plot), {}});
    }
    return section;
}

}  // namespace

Document report_document(const api::Report& report) {
    Document document;
    document.title = report.tenant_id ? "Servo report of " + *report.tenant_id : "Servo report";
    document.subtitle = fmt::format(
        "{} to {}, compared with the {} before.",
        when(report.since),
        when(report.until),
        time((report.until - report.since).count())
    );
    if (is_empty(report.now) && is_empty(report.before)) {
        document.sections = {{"Overview", {Paragraph{kNothingRan}}}};
        return document;
    }
    const api::ReportTotals& now = report.now;
    document.facts = {
        {"partitions completed", number(now.completed_partitions)},
        {"against before",
         change(
             static_cast<double>(now.completed_partitions),
             static_cast<double>(report.before.completed_partitions)
         )},
        {"share failed", failure_share(now)},
        {"claim latency P95", maybe_time(now.claim_p95_ms)},
        {"slots in use", decimal(now.mean_slots)}};
    document.sections = {
        overview(report),
        throughput(report),
        failures(report),
        claims(report),
        utilisation(report),
        deadlines(report),
        waste(report)};
    if (!report.now.slot_ms.empty() || !report.before.slot_ms.empty()) {
        document.sections.insert(document.sections.end() - 2, slot_time(report));
    }
    for (const std::string& note : report.notes) {
        document.footer += (document.footer.empty() ? "" : " ") + note;
    }
    return document;
}

}  // namespace servo::cli

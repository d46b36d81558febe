#include "load/scenario.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rfc3339.h"
#include "base/text.h"

namespace servo::load {
namespace {

using config::OptionDecl;
using config::OptionForm;

constexpr int64_t kHourMs = 3'600'000;
constexpr std::string_view kTenantPrefix = "loadtest-";
constexpr std::string_view kAssetPrefix = "loadtest-class-";

// Whether it is the prefix and a number from 1.
bool is_numbered(std::string_view name, std::string_view prefix, int64_t most) {
    return name.starts_with(prefix) && parse_integer(name.substr(prefix.size()), 1, most);
}

Error bad_scenario(const std::string& message) {
    return invalid_argument("bad_scenario", message);
}

std::string micros_text(Micros duration) {
    return fmt::format("{}us", duration.count());
}

// "1,2,4".
Result<std::vector<int>> numbers_of(
    const config::Options& options, std::string_view name, int64_t low, int64_t high, size_t most
) {
    std::vector<int> out;
    for (const std::string& word : split(options.text(name), ',')) {
        const auto number = parse_integer(word, low, high);
        if (!number) {
            return fail(bad_scenario(fmt::format(
                "{}: must be whole numbers from {} to {} separated by commas, such as 1,2,4; not "
                "\"{}\".",
                options.typed_at(name),
                low,
                high,
                options.text(name)
            )));
        }
        out.push_back(static_cast<int>(*number));
    }
    if (out.size() > most) {
        return fail(
            bad_scenario(fmt::format("{}: at most {} numbers.", options.typed_at(name), most))
        );
    }
    return out;
}

api::SelectionRequest minutes(int64_t first, int64_t count) {
    api::SelectionRequest selection;
    selection.start = format_rfc3339(instant_ms(first * 60'000));
    selection.end = format_rfc3339(instant_ms((first + count) * 60'000));
    return selection;
}

std::string asset_text(
    const std::string& name,
    const DurationClass& one,
    const Scenario& scenario,
    bool fails,
    bool local_executors
) {
    std::string run = "duration: " + micros_text(one.duration);
    if (one.spread_percent > 0) {
        run += fmt::format(", spread: {}%", one.spread_percent);
    }
    if (fails && scenario.fail_per_mille > 0) {
        run += fmt::format(
            ", fail_rate: {}.{}%, fail_class: {}",
            scenario.fail_per_mille / 10,
            scenario.fail_per_mille % 10,
            scenario.fail_class
        );
    }
    return fmt::format(
        "  {}:\n"
        "    description: made by servo loadtest\n"
        "    partitions: {{ every: 1m, start: 1970-01-01 }}\n"
        "    run: {{ synthetic: {{ {} }} }}\n"
        "{}",
        name,
        run,
        local_executors ? fmt::format("    labels: {{ {}: local }}\n", kLocalLabel) : ""
    );
}

Result<std::vector<int>> executor_counts(const config::Options& options) {
    std::vector<int> counts =
        SERVO_TRY(numbers_of(options, "executors", 1, kExecutorsMax, kStepsMax));
    std::sort(counts.begin(), counts.end());
    if (const auto twice = std::adjacent_find(counts.begin(), counts.end());
        twice != counts.end()) {
        return fail(bad_scenario(fmt::format(
            "{}: {} is there twice, and each number is measured once; leave one out.",
            options.typed_at("executors"),
            *twice
        )));
    }
    return counts;
}

Result<std::vector<DurationClass>> classes_of(const config::Options& options, int jobs) {
    const Shape shape = SERVO_TRY(shape_from(options.text("duration_shape")));
    const int64_t spread = options.integer("duration_spread");
    if (shape == Shape::kUniform && spread > kUniformSpreadMax) {
        return fail(bad_scenario(fmt::format(
            "{}: must be a whole number from 0 to {} where --duration-shape is uniform, not "
            "\"{}\".",
            options.typed_at("duration_spread"),
            kUniformSpreadMax,
            spread
        )));
    }
    return duration_classes(shape, options.duration("duration"), static_cast<int>(spread), jobs);
}

Result<std::vector<int>> tenant_weights(const config::Options& options) {
    const auto tenants = static_cast<size_t>(options.integer("tenants"));
    if (options.text("weights").empty()) {
        return std::vector<int>(tenants, 1);
    }
    std::vector<int> weights = SERVO_TRY(numbers_of(options, "weights", 1, 1'000, kTenantsMax));
    if (weights.size() != tenants) {
        return fail(bad_scenario(fmt::format(
            "{}: {} numbers for {} tenants; give one for each.",
            options.typed_at("weights"),
            weights.size(),
            tenants
        )));
    }
    return weights;
}

}  // namespace

const std::vector<OptionDecl>& scenario_options() {
    static const std::vector<OptionDecl> kOptions = {
        {.name = "executors",
         .form = OptionForm::kText,
         .doc = "Numbers of local executors to measure with, one after the other, up to 64.",
         .usual = "1,2,4",
         .low = 1,
         .high = 200},
        {.name = "slots",
         .form = OptionForm::kInteger,
         .doc = "Slots of each local executor.",
         .usual = "4",
         .low = 1,
         .high = 1'000},
        {.name = "tenants",
         .form = OptionForm::kInteger,
         .doc = "Tenants, named loadtest-1, loadtest-2, …",
         .usual = "2",
         .low = 1,
         .high = kTenantsMax},
        {.name = "weights",
         .form = OptionForm::kText,
         .doc = "Their weights, such as 1,3; all 1 if absent.",
         .usual = "",
         .low = 0,
         .high = 1'000},
        {.name = "jobs",
         .form = OptionForm::kInteger,
         .doc = "Backfills of each tenant that run at the same time.",
         .usual = "4",
         .low = 1,
         .high = kJobsMax},
        {.name = "partitions",
         .form = OptionForm::kInteger,
         .doc = "Partitions of each backfill; what is left after the window is cancelled.",
         .usual = "100000",
         .low = 1,
         .high = kMinutesMax},
        {.name = "duration",
         .form = OptionForm::kDuration,
         .doc = "Time that a partition takes: the mean, or the median of lognormal.",
         .usual = "100ms",
         .low = 1,
         .high = kHourMs},
        {.name = "duration_shape",
         .form = OptionForm::kWord,
         .doc = "Distribution of the times: fixed, uniform, exponential or lognormal. The last two "
                "are cut into as many classes as there are jobs, 8 at most.",
         .usual = "fixed",
         .words = {"fixed", "uniform", "exponential", "lognormal"}},
        {.name = "duration_spread",
         .form = OptionForm::kInteger,
         .doc = "In percent: of uniform, the deviation both ways; of lognormal, σ.",
         .usual = "50",
         .low = 0,
         .high = 400},
        {.name = "fail_per_mille",
         .form = OptionForm::kInteger,
         .doc = "Attempts of a thousand that fail.",
         .usual = "0",
         .low = 0,
         .high = 1'000},
        {.name = "fail_class",
         .form = OptionForm::kWord,
         .doc = "Their failure class.",
         .usual = "transient",
         .words =
             {"transient",
              "data",
              "resource",
              "external",
              "timeout",
              "auth",
              "configuration",
              "crash",
              "error"}},
        {.name = "probes_per_second",
         .form = OptionForm::kInteger,
         .doc =
             "Backfills of one partition that are started meanwhile, for their claim latency. Each "
             "takes a turn of a slot, so many of them on few slots measure their own queue.",
         .usual = "2",
         .low = 0,
         .high = 100},
        {.name = "warmup",
         .form = OptionForm::kDuration,
         .doc = "Time between the first claim and the window, not measured.",
         .usual = "2s",
         .low = 0,
         .high = kHourMs},
        {.name = "window",
         .form = OptionForm::kDuration,
         .doc = "Time that is measured for each number of executors.",
         .usual = "10s",
         .low = 1'000,
         .high = kHourMs},
    };
    return kOptions;
}

Result<Scenario> scenario_of(const config::Options& options) {
    Scenario out;
    out.executors = SERVO_TRY(executor_counts(options));
    out.weights = SERVO_TRY(tenant_weights(options));
    out.slots = static_cast<int>(options.integer("slots"));
    out.jobs = static_cast<int>(options.integer("jobs"));
    out.partitions = options.integer("partitions");
    out.classes = SERVO_TRY(classes_of(options, out.jobs));
    out.fail_per_mille = static_cast<int>(options.integer("fail_per_mille"));
    out.fail_class = options.text("fail_class");
    out.probes_per_second = static_cast<int>(options.integer("probes_per_second"));
    out.warmup = options.duration("warmup");
    out.window = options.duration("window");
    const auto tenants = static_cast<int64_t>(out.weights.size());
    if (tenants * out.jobs > kJobsMax) {
        return fail(bad_scenario(fmt::format(
            "{} tenants with {} jobs each are {} backfills; at most {} are measured at once. Give "
            "fewer --tenants or --jobs.",
            tenants,
            out.jobs,
            tenants * out.jobs,
            kJobsMax
        )));
    }
    const auto classes = static_cast<int64_t>(out.classes.size());
    const int64_t jobs_of_asset = (out.jobs + classes - 1) / classes;
    if (jobs_of_asset * out.partitions > kMinutesMax) {
        return fail(bad_scenario(fmt::format(
            "{} jobs of an asset with {} partitions each are more than the {} that it has. Give "
            "fewer --partitions.",
            jobs_of_asset,
            with_commas(out.partitions),
            with_commas(kMinutesMax)
        )));
    }
    const int64_t probes = out.probes_per_second * ((out.warmup + out.window).count() / 1'000 + 1);
    if (probes > static_cast<int64_t>(kProbesMax)) {
        return fail(bad_scenario(fmt::format(
            "{} probes in {} are more than {}. Give fewer --probes-per-second.",
            probes,
            format_duration(out.warmup + out.window),
            kProbesMax
        )));
    }
    return out;
}

std::string tenant_name(size_t index) {
    return fmt::format("{}{}", kTenantPrefix, index + 1);
}

std::string asset_name(size_t index) {
    return fmt::format("{}{}", kAssetPrefix, index + 1);
}

bool is_load_tenant(std::string_view name) {
    return is_numbered(name, kTenantPrefix, kTenantsMax);
}

bool is_load_asset(std::string_view name) {
    return name == kProbeAsset || is_numbered(name, kAssetPrefix, kClassesMax);
}

api::ApplyRequest asset_file(const Scenario& scenario, bool local_executors) {
    std::vector<std::string> tenants;
    for (size_t i = 0; i < scenario.weights.size(); ++i) {
        tenants.push_back(tenant_name(i));
    }
    std::string text = "version: 1\ntenants: [" + join(tenants, ", ") + "]\nassets:\n";
    for (size_t i = 0; i < scenario.classes.size(); ++i) {
        text += asset_text(asset_name(i), scenario.classes[i], scenario, true, local_executors);
    }
    text += asset_text(kProbeAsset, {Micros(1'000), 0}, scenario, false, local_executors);
    api::ApplyRequest request;
    request.files.push_back({"loadtest", text, "/"});
    return request;
}

api::StartRequest bulk_job(const Scenario& scenario, int job) {
    const auto classes = static_cast<int>(scenario.classes.size());
    api::StartRequest request;
    request.asset = asset_name(static_cast<size_t>(job % classes));
    request.selection = minutes((job / classes) * scenario.partitions, scenario.partitions);
    request.reprocess = "all";
    request.max_failures = "none";
    request.note = "servo loadtest";
    for (size_t i = 0; i < scenario.weights.size(); ++i) {
        request.tenants.push_back(tenant_name(i));
    }
    return request;
}

api::StartRequest probe_job(const Scenario& scenario, uint64_t number) {
    api::StartRequest request;
    request.asset = kProbeAsset;
    request.selection = minutes(static_cast<int64_t>(number % kMinutesMax), 1);
    request.reprocess = "all";
    request.note = "servo loadtest, probe";
    request.tenants = {tenant_name(number % scenario.weights.size())};
    return request;
}

}  // namespace servo::load

#include <algorithm>
#include <boost/json/array.hpp>

#include "base/rfc3339.h"
#include "base/text.h"
#include "load/result.h"
#include "load/scenario.h"

namespace servo::load {
namespace {

namespace json = boost::json;

json::value maybe(const std::optional<double>& value) {
    return value ? json::value(*value) : json::value(nullptr);
}

// A number where the setting is one by its declaration: its type does not change with its value.
json::value setting_json(const std::string& name, const std::string& value) {
    const auto& declared = scenario_options();
    const auto option = std::find_if(declared.begin(), declared.end(), [&name](const auto& one) {
        return one.name == name;
    });
    const bool is_number =
        name == kExpectExecutors ||
        (option != declared.end() && option->form == config::OptionForm::kInteger);
    const auto number = parse_integer(value, INT64_MIN, INT64_MAX);
    return is_number && number ? json::value(*number) : json::value(value);
}

json::object step_json(const StepResult& step) {
    json::object ledger;
    for (const auto& [state, share] : step.ledger) {
        ledger[state] = share;
    }
    json::object waiting;
    for (const auto& [gate, partitions] : step.waiting) {
        waiting[gate] = partitions;
    }
    json::array tenants;
    for (const TenantShare& tenant : step.tenants) {
        tenants.push_back(json::object{
            {"name", tenant.name},
            {"weight", tenant.weight},
            {"completed_partitions", tenant.partitions},
            {"slot_seconds", tenant.slot_seconds}});
    }
    json::object out{
        {"executors", step.executors},
        {"slots", step.slots},
        {"window_seconds", step.window_s},
        {"completed_partitions", step.completed},
        {"failed_partitions", step.failed},
        {"partitions_per_second", step.throughput},
        {"claim_latency",
         {{"backfills", step.claim.jobs},
          {"unclaimed", step.claim.unclaimed},
          {"p50_seconds", maybe(step.claim.p50_s)},
          {"p95_seconds", maybe(step.claim.p95_s)},
          {"p99_seconds", maybe(step.claim.p99_s)}}},
        {"slot_use", step.slot_use},
        {"slot_time_shares", std::move(ledger)},
        {"slot_time_by", step.by_server ? "server" : "executors"},
        {"waiting_partitions", std::move(waiting)},
        {"fairness_index", maybe(step.fairness)},
        {"tenants", std::move(tenants)},
        {"ran_out", step.ran_out},
        {"limit", step.limit}};
    if (step.machine) {
        out["machine"] = json::object{
            {"busy", step.machine->busy},
            {"server_cpus", maybe(step.machine->process_cpus)},
            {"server_busiest_thread", maybe(step.machine->busiest_thread)}};
    }
    return out;
}

json::value fit_json(const std::optional<report::ScalabilityFit>& fit) {
    if (!fit) {
        return nullptr;
    }
    return json::object{
        {"formula", report::kScalabilityFormula},
        {"lambda", fit->lambda},
        {"sigma", fit->sigma},
        {"kappa", fit->kappa},
        {"points", fit->points},
        {"parameters", fit->parameters},
        {"relative_error_rms", fit->error_rms},
        {"ceiling_partitions_per_second", maybe(fit->ceiling())},
        {"peak_executors", maybe(fit->peak_executors())}};
}

}  // namespace

json::object to_json(const LoadResult& result) {
    json::object settings;
    for (const auto& [name, value] : result.settings) {
        settings[name] = setting_json(name, value);
    }
    json::array steps;
    for (const StepResult& step : result.steps) {
        steps.push_back(step_json(step));
    }
    return {
        {"server", result.server},
        {"temporary_server", result.temporary},
        {"started_at", format_rfc3339(result.started_at)},
        {"settings", std::move(settings)},
        {"steps", std::move(steps)},
        {"fit", fit_json(result.fit)}};
}

}  // namespace servo::load

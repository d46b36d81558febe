#include "metrics/registry.h"

#include <algorithm>

#include "base/assert.h"

namespace servo::metrics {
namespace {

// By name. Counters restart at 0 with a new leader; only the leader exports what is about jobs,
// tenants, executors and pools. No label is a job, a partition key or free text.
const std::vector<Metric> kMetrics = {
    {"servo_backfill_asset_partitions_processed_total",
     Type::kCounter,
     {"asset_name", "status"},
     "Partitions that ended, by asset: the first 500 assets by age, the rest as `other`."},
    {"servo_backfill_attempts_total",
     Type::kCounter,
     {"tenant_id", "outcome"},
     "Attempts that ended: completed, or by the class of their failure."},
    {"servo_backfill_expected_partition_seconds",
     Type::kGauge,
     {},
     "What the running partitions are expected to take, on average, by their assets' history; by "
     "their time limits where there is none. 0 when nothing runs."},
    {"servo_backfill_job_claim_latency_seconds",
     Type::kHistogram,
     {},
     "From the moment a job could be leased to its first lease; anew after each resume."},
    {"servo_backfill_job_duration_seconds",
     Type::kHistogram,
     {"final_state"},
     "From a job's first lease to its end."},
    {"servo_backfill_jobs_active", Type::kGauge, {"state"}, "Open jobs by state."},
    {"servo_backfill_jobs_active_by_tenant",
     Type::kGauge,
     {"tenant_id", "state"},
     "Open jobs by tenant and state, zero included."},
    {"servo_backfill_oldest_claimable_seconds",
     Type::kGauge,
     {},
     "How long the oldest claimable job has lacked nothing but a slot for its first lease since "
     "its start or resume; 0 when there is none. Paused and gated work does not count, nor what no "
     "executor in service can take, by its labels. While none is in service, what nothing else "
     "holds counts."},
    {"servo_backfill_partition_duration_seconds",
     Type::kHistogram,
     {"status"},
     "Durations of attempts that completed or failed."},
    {"servo_backfill_partitions",
     Type::kGauge,
     {"tenant_id", "state"},
     "Partitions of open jobs: running, eligible (wait for a slot only), gated. What an executor "
     "holds and has not started is none of them. Without any executor what nothing else holds is "
     "eligible."},
    {"servo_backfill_partitions_processed_total",
     Type::kCounter,
     {"tenant_id", "status"},
     "Partitions that ended: completed, failed for good, skipped. The first 500 tenants by age, "
     "the "
     "rest as `other`."},
    {"servo_backfill_sla_at_risk_jobs",
     Type::kGauge,
     {"tenant_id"},
     "Open jobs that would end after their deadline at their present number of slots. `servo "
     "backfill status` runs the scheduler ahead and knows better."},
    {"servo_backfill_sla_breached_jobs",
     Type::kGauge,
     {"tenant_id"},
     "Open jobs whose deadline has passed."},
    {"servo_backfill_stalled_seconds",
     Type::kGauge,
     {"tenant_id"},
     "How long the tenant's most stalled job has run without a result beyond what is plausible for "
     "its asset: three times the 95th percentile of its durations, at most the time limit."},
    {"servo_backfill_tenant_failure_ratio",
     Type::kGauge,
     {"tenant_id"},
     "Partitions that failed for good among those that ended in the last ten minutes: the worst 20 "
     "tenants with at least 20 of them."},
    {"servo_build_info", Type::kGauge, {"version"}, "Always 1.", Exporter::kBoth},
    {"servo_busy_seconds_total",
     Type::kCounter,
     {"phase"},
     "Slot time of attempts that ended, by what they did with it: as their programs told it "
     "(db_exec, transfer, sleep ...), cpu: their processor time, opaque: nobody said. The phases "
     "add up to busy.useful and busy.waste of servo_slot_seconds_total."},
    {"servo_changes_total",
     Type::kCounter,
     {"kind"},
     "Events that this server committed, by what they changed: apply (assets, pools and tenants), "
     "limit (limits, weights and settings), pool, executor, backfill, token, leader, other. "
     "`servo events` has each."},
    {"servo_desired_slots",
     Type::kGauge,
     {},
     "Slots with which the open jobs would keep their deadlines, or end within an hour, at 85 % "
     "busy; a job that more slots would not help counts with those it has."},
    {"servo_desired_slots_capped",
     Type::kGauge,
     {"reason"},
     "Slots that jobs would need beyond those they have, by the gate that makes more slots useless "
     "to them."},
    {"servo_earned_slot_seconds_total",
     Type::kCounter,
     {"tenant_id"},
     "Work done, in slot-seconds at baseline cost: each success counts what its asset revision "
     "takes in normal times."},
    {"servo_earned_slots",
     Type::kGauge,
     {},
     "Work done per second over the last minute, at baseline cost: slots that earned their time. "
     "Unlike partitions per second it does not change with the mix of assets."},
    {"servo_executor_process_attempts_total",
     Type::kCounter,
     {"outcome"},
     "Attempts that ended in its slots: completed, or by the class of their failure.",
     Exporter::kExecutor},
    {"servo_executor_process_cpu_ratio",
     Type::kGauge,
     {},
     "Share of its processors that was used since the scrape before.",
     Exporter::kExecutor},
    {"servo_executor_process_cpus",
     Type::kGauge,
     {},
     "Processors that it may use.",
     Exporter::kExecutor},
    {"servo_executor_process_disk_free_bytes",
     Type::kGauge,
     {},
     "Free on the disk of its scratch folders.",
     Exporter::kExecutor},
    {"servo_executor_process_draining",
     Type::kGauge,
     {},
     "1 while it takes no new work.",
     Exporter::kExecutor},
    {"servo_executor_process_heartbeat_age_seconds",
     Type::kGauge,
     {},
     "Since the server last answered; since the start when it never did.",
     Exporter::kExecutor},
    {"servo_executor_process_loop_age_seconds",
     Type::kGauge,
     {},
     "Since its loop last turned; above a few seconds it hangs.",
     Exporter::kExecutor},
    {"servo_executor_process_memory_bytes",
     Type::kGauge,
     {},
     "Memory in use under the limit that is nearest.",
     Exporter::kExecutor},
    {"servo_executor_process_memory_limit_bytes",
     Type::kGauge,
     {},
     "That limit: of its control group, or of the machine.",
     Exporter::kExecutor},
    {"servo_executor_process_pressure_ratio",
     Type::kGauge,
     {"resource"},
     "Share of ten seconds in which something waited for cpu, memory or io; absent where the "
     "machine does not tell.",
     Exporter::kExecutor},
    {"servo_executor_process_registered",
     Type::kGauge,
     {},
     "1 while a server knows it.",
     Exporter::kExecutor},
    {"servo_executor_process_results_queued",
     Type::kGauge,
     {},
     "Results that no report has carried yet.",
     Exporter::kExecutor},
    {"servo_executor_process_slot_seconds_total",
     Type::kCounter,
     {"state"},
     "Time of its slots by state: idle, held, busy, report, draining. They add up to slots and "
     "time.",
     Exporter::kExecutor},
    {"servo_executor_process_slots",
     Type::kGauge,
     {"state"},
     "Its slots: idle, busy, stuck, down (being started).",
     Exporter::kExecutor},
    {"servo_executor_slots",
     Type::kGauge,
     {"state"},
     "Slots of connected executors: busy, free, draining; and missing: those of executors that "
     "fell silent without a drain and were not made up for since, for at most an hour, also after "
     "a change of leader."},
    {"servo_executors",
     Type::kGauge,
     {"state"},
     "Executors by their state, as in `servo executor list`: up, stuck, draining, drained, lost."},
    {"servo_http_request_duration_seconds",
     Type::kHistogram,
     {"method", "route"},
     "From a request's last byte to its answer, by route, of those that were asked for. Calls of "
     "/v1/executor/acquire are parked until there is work."},
    {"servo_http_requests_in_flight",
     Type::kGauge,
     {},
     "Requests to the API that have no answer yet, parked calls of executors included."},
    {"servo_http_requests_total",
     Type::kCounter,
     {"method", "route", "status"},
     "Answers of the API by route and class of status (2xx to 5xx), of routes that were asked for "
     "since the process began; what is no route is `other`. Also on a server that stands by."},
    {"servo_leader_epoch",
     Type::kGauge,
     {},
     "Epoch of the newest leadership that this server knows of, its own or another's."},
    {"servo_leader_is_leader", Type::kGauge, {}, "1 on the server that leads, else 0."},
    {"servo_leader_queue_depth",
     Type::kGauge,
     {},
     "Commands that wait for the next batch, parked calls not counted."},
    {"servo_leader_reloads_total",
     Type::kCounter,
     {},
     "Times the scheduler was thrown away and loaded anew."},
    {"servo_pool_held", Type::kGauge, {"pool"}, "1 while a person holds the pool."},
    {"servo_pool_limit",
     Type::kGauge,
     {"pool"},
     "Units of the pool that may be in use now; absent where there is no limit."},
    {"servo_pool_open",
     Type::kGauge,
     {"pool"},
     "1 while the pool's breaker is open and open backfills use it."},
    {"servo_pool_used",
     Type::kGauge,
     {"pool"},
     "Units of the pool in use. Of pools, 500 have names, shared ones first and then by age; the "
     "rest is `other`."},
    {"servo_slot_seconds_total",
     Type::kCounter,
     {"state"},
     "Slot time by what the slot did, each slot-second once. An attempt counts when it ends; one "
     "that runs on beyond its minute counts as busy.open for that minute."},
    {"servo_store_commands_total", Type::kCounter, {}, "Commands that were committed or refused."},
    {"servo_store_commits_total", Type::kCounter, {}, "Batches that were committed."},
    {"servo_wait_seconds_total",
     Type::kCounter,
     {"gate"},
     "Partition-seconds that open jobs' partitions waited, by the gate that held them; capacity: "
     "for a slot only."},
};

}  // namespace

std::string_view to_string(Type type) {
    switch (type) {
        case Type::kCounter:
            return "counter";
        case Type::kGauge:
            return "gauge";
        case Type::kHistogram:
            return "histogram";
    }
    return "";
}

const std::vector<Metric>& all() {
    return kMetrics;
}

const Metric& metric(std::string_view name) {
    const auto it = std::find_if(kMetrics.begin(), kMetrics.end(), [&](const Metric& one) {
        return one.name == name;
    });
    SERVO_ASSERT(it != kMetrics.end());
    return *it;
}

}  // namespace servo::metrics

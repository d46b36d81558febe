"""What Prometheus would have scraped from an installation, as input series for `promtool test rules`.

A story is a list of phases (minutes, changes); each series keeps its last value until a phase changes
it. Gauges have values, counters a growth a minute. GONE ends a series, RESET(growth) begins a counter
at 0 again. A series is of the namespace `servo` unless it names another.
"""
import dataclasses
import re

INTERVAL_S = 30
SAMPLES_A_MINUTE = 60 // INTERVAL_S
GONE = None

COMMON = 'namespace="servo"'
SERIES = {
    "earned": 'servo_earned_slot_seconds_total{tenant_id="acme"}',
    "eligible": 'servo_backfill_partitions{tenant_id="acme",state="eligible"}',
    "gated": 'servo_backfill_partitions{tenant_id="acme",state="gated"}',
    "running": 'servo_backfill_partitions{tenant_id="acme",state="running"}',
    "bigco_eligible": 'servo_backfill_partitions{tenant_id="bigco",state="eligible"}',
    "bigco_running": 'servo_backfill_partitions{tenant_id="bigco",state="running"}',
    "busy": 'servo_executor_slots{state="busy"}',
    "free": 'servo_executor_slots{state="free"}',
    "draining": 'servo_executor_slots{state="draining"}',
    "missing": 'servo_executor_slots{state="missing"}',
    "completed": 'servo_backfill_partitions_processed_total{tenant_id="acme",status="completed"}',
    "bigco_completed":
        'servo_backfill_partitions_processed_total{tenant_id="bigco",status="completed"}',
    "expected": "servo_backfill_expected_partition_seconds{}",
    "jobs_running": 'servo_backfill_jobs_active{state="running"}',
    "jobs_pending": 'servo_backfill_jobs_active{state="pending"}',
    "jobs_paused": 'servo_backfill_jobs_active{state="paused"}',
    "oldest": "servo_backfill_oldest_claimable_seconds{}",
    "claims_30": 'servo_backfill_job_claim_latency_seconds_bucket{le="30"}',
    "claims_60": 'servo_backfill_job_claim_latency_seconds_bucket{le="60"}',
    "claims_120": 'servo_backfill_job_claim_latency_seconds_bucket{le="120"}',
    "claims": 'servo_backfill_job_claim_latency_seconds_bucket{le="+Inf"}',
    "failure_ratio": 'servo_backfill_tenant_failure_ratio{tenant_id="late"}',
    "attempts_completed": 'servo_backfill_attempts_total{tenant_id="acme",outcome="completed"}',
    "attempts_data": 'servo_backfill_attempts_total{tenant_id="acme",outcome="data"}',
    "attempts_lost": 'servo_backfill_attempts_total{tenant_id="acme",outcome="lost"}',
    "bigco_attempts_completed":
        'servo_backfill_attempts_total{tenant_id="bigco",outcome="completed"}',
    "bigco_attempts_data": 'servo_backfill_attempts_total{tenant_id="bigco",outcome="data"}',
    "at_risk": 'servo_backfill_sla_at_risk_jobs{tenant_id="acme"}',
    "breached": 'servo_backfill_sla_breached_jobs{tenant_id="acme"}',
    "stalled": 'servo_backfill_stalled_seconds{tenant_id="acme"}',
    "warehouse_open": 'servo_pool_open{pool="warehouse"}',
    "warehouse_held": 'servo_pool_held{pool="warehouse"}',
    "leads_a": 'servo_leader_is_leader{instance="a"}',
    "leads_b": 'servo_leader_is_leader{instance="b"}',
    "leads_elsewhere": 'servo_leader_is_leader{namespace="elsewhere",instance="c"}',
}
COUNTERS = {name for name, series in SERIES.items() if "_total{" in series or "_bucket{" in series}

EARNED = 38 * 60  # slot-seconds a minute
# Forty slots of two tenants, all busy, more work than they can take.
WELL = {
    "earned": EARNED, "eligible": 5000, "gated": 0, "running": 30, "bigco_eligible": 800,
    "bigco_running": 10, "busy": 40, "free": 0, "draining": 0, "missing": 0, "completed": 900,
    "bigco_completed": 300, "expected": 2, "jobs_running": 4, "jobs_pending": 3, "jobs_paused": 0,
    "oldest": 0, "claims_30": 2, "claims_60": 2, "claims_120": 2, "claims": 2,
    "failure_ratio": GONE, "attempts_completed": 900, "attempts_data": 9, "attempts_lost": 0,
    "bigco_attempts_completed": 300, "bigco_attempts_data": 0, "at_risk": 0, "breached": 0,
    "stalled": 0, "warehouse_open": 0, "warehouse_held": 0, "leads_a": 1, "leads_b": 0,
    "leads_elsewhere": GONE,
}


@dataclasses.dataclass(frozen=True)
class RESET:
    """A counter that a new leader begins at 0."""
    growth: float


def input_series(phases):
    """promtool's `input_series` of a story that begins WELL."""
    return [{"series": _named(SERIES[name]), "values": " ".join(_values(name, phases))}
            for name in SERIES]


def _named(series):
    if "namespace=" in series:
        return series
    return re.sub(r"\{(.*)\}", lambda match: "{" + ",".join(
        part for part in (COMMON, match.group(1)) if part) + "}", series)


def _values(name, phases):
    now, total = WELL[name], 0
    there = False
    for minutes, changes in phases:
        samples = minutes * SAMPLES_A_MINUTE
        now = changes.get(name, now)
        if now is GONE:
            yield f"stale _x{samples - 1}" if there else f"_x{samples}"
        elif name in COUNTERS:
            if isinstance(now, RESET):
                now, total = now.growth, 0
            step = now / SAMPLES_A_MINUTE
            yield f"{total:g}+{step:g}x{samples - 1}"
            total += step * samples
        else:
            yield f"{now:g}x{samples - 1}"
        there = now is not GONE


def length(phases):
    return sum(minutes for minutes, _ in phases)

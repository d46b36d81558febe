"""For each alert: what it must fire on, what it must stay quiet on, and how it resolves."""
import dataclasses

from world import COUNTERS, EARNED, GONE, RESET, SERIES, WELL

A1 = "ServoBackfillThroughputDegraded"
A2 = "ServoBackfillHighClaimLatency"
A3 = "ServoBackfillTenantHighFailureRate"
AT_RISK = "ServoBackfillSLAAtRisk"
BREACH = "ServoBackfillSLABreach"
STUCK = "ServoBackfillJobStuck"
QUEUE = "ServoBackfillQueueDepth"
POOL = "ServoBackfillPoolOpen"
MISSING = "ServoBackfillExecutorsMissing"
NO_LEADER = "ServoBackfillNoLeader"
ESCALATE = "ServoBackfillEscalate"


@dataclasses.dataclass(frozen=True)
class Story:
    """`firing`: {minute: whether the alert fires}. A decoy's alert never fires, from begin to end."""
    alert: str
    title: str
    phases: list
    firing: dict = dataclasses.field(default_factory=dict)
    decoy: bool = False
    says: tuple = ()  # (minute, more labels, summary, description)


def fires(alert, title, phases, firing, says=()):
    return Story(alert, title, phases, firing, says=says)


def quiet(alert, decoy, phases):
    return Story(alert, decoy, phases, decoy=True)


# Long enough for a usual throughput to be known.
BEFORE = (75, {})
SAME = {"earned": EARNED, "running": 30, "bigco_running": 10, "busy": 40, "missing": 0,
        "completed": 900, "bigco_completed": 300}
EXECUTORS_DIE = {"earned": 0, "running": 0, "bigco_running": 0, "busy": 0, "missing": 40,
                 "completed": 0, "bigco_completed": 0, "expected": 0}
NO_EXECUTOR_SERIES = EXECUTORS_DIE | {"earned": GONE, "busy": GONE, "free": GONE, "draining": GONE,
                                      "missing": GONE}
ALL_GONE = {name: GONE for name in SERIES}
DONE = {"earned": 0, "eligible": 0, "running": 0, "bigco_eligible": 0, "bigco_running": 0, "busy": 0,
        "free": 40, "completed": 0, "bigco_completed": 0, "jobs_running": 0, "jobs_pending": 0,
        "expected": 0}
PAUSED = DONE | {"gated": 5800, "jobs_paused": 7}


def part(ratio):
    """All goes on with this part of the usual throughput."""
    return {"earned": EARNED * ratio, "completed": 900 * ratio, "bigco_completed": 300 * ratio}


def another_leads(changes):
    """All series come from another server, whose counters begin at 0; it finds all well but `changes`."""
    now = WELL | {"leads_a": GONE, "leads_b": 1} | changes
    return {name: RESET(value) if name in COUNTERS and value is not GONE else value
            for name, value in now.items()}


THROUGHPUT = [
    fires(A1, "executors die", [BEFORE, (100, EXECUTORS_DIE), (20, SAME | {"expected": 2})],
          {74: False, 79: False, 83: True, 150: True, 174: True, 190: False},
          (85, {}, "Backfills finish 100% less work than usual",
           "In the last 5 minutes 100% less work was finished than the 38 slots' worth that is usual, "
           "and there is work that could run. See who lost it: `servo status --by executor`")),
    fires(A1, "executors die and their series vanish", [BEFORE, (60, NO_EXECUTOR_SERIES)],
          {83: True, 134: True}),
    fires(A1, "executors die and are not missed any more",
          [BEFORE, (62, EXECUTORS_DIE), (20, {"missing": 0})], {134: True, 156: True}),
    fires(A1, "51 percent", [BEFORE, (150, part(0.49)), (15, part(1))],
          {125: False, 138: True, 200: True, 224: True, 239: False}),
    fires(A1, "80 percent is seen sooner", [BEFORE, (60, part(0.2))], {92: True, 134: True}),
    fires(A1, "a slide of 25 percent an hour",
          [BEFORE, *[(15, part(0.75 ** (quarter / 4))) for quarter in range(1, 17)]], {314: True}),
    fires(A1, "a new leader while it persists",
          [BEFORE, (30, part(0.05)),
           (1, ALL_GONE), (30, another_leads(part(0.05)))],
          {100: True, 106: True, 120: True, 135: True}),
    fires(A1, "executors die, then the leader changes",
          [BEFORE, (2, EXECUTORS_DIE), (1, ALL_GONE), (55, another_leads(EXECUTORS_DIE)),
           (20, SAME | {"expected": 2})],
          {76: False, 86: True, 132: True, 150: False}),
    fires(A1, "work ends while it persists", [BEFORE, (30, part(0.05)), (20, DONE)],
          {100: True, 110: False, 124: False}),
    quiet(A1, "work done", [BEFORE, (70, DONE)]),
    quiet(A1, "paused", [BEFORE, (70, PAUSED)]),
    quiet(A1, "one quiet tenant",
          [BEFORE, (70, {"bigco_eligible": 0, "bigco_running": 0, "running": 40,
                          "bigco_completed": 0, "completed": 1200})]),
    quiet(A1, "heavier partitions",
          [BEFORE, (70, {"completed": 30, "bigco_completed": 10, "expected": 60})]),
    quiet(A1, "long partitions",
          [BEFORE, (25, {"completed": 0, "bigco_completed": 0, "earned": 0, "expected": 1500}),
           (60, {"completed": 2, "bigco_completed": 1, "earned": EARNED})]),
    quiet(A1, "new leader",
          [BEFORE, (1, {"earned": GONE, "eligible": GONE, "running": GONE, "bigco_eligible": GONE,
                        "bigco_running": GONE, "completed": GONE, "busy": GONE, "free": GONE,
                        "missing": GONE, "bigco_completed": GONE}),
           (1, {"earned": RESET(0), "eligible": 5000, "running": 30, "bigco_eligible": 800,
                "bigco_running": 10, "busy": 40, "free": 0, "missing": 0,
                "completed": RESET(900), "bigco_completed": RESET(300)}),
           (60, {"earned": EARNED})]),
    quiet(A1, "missing series", [(70, ALL_GONE)]),
    quiet(A1, "graceful scale-down",
          [BEFORE, (5, {"busy": 12, "draining": 28}),
           (100, part(0.3) | {"busy": 12, "draining": 0, "running": 9, "bigco_running": 3})]),
    quiet(A1, "49 percent", [BEFORE, (90, part(0.51))]),
    quiet(A1, "few completions",
          [(75, {"completed": 0.2, "bigco_completed": 0.05, "expected": 240}),
           (90, {"completed": 0, "bigco_completed": 0, "earned": 0})]),
    quiet(A1, "no history", [(10, {}), (70, EXECUTORS_DIE)]),
]

CLAIM_LATENCY = [
    fires(A2, "nothing is claimed", [(5, {}), (20, {"oldest": 90}), (10, {"oldest": 0})],
          {8: False, 12: True, 24: True, 27: False},
          (12, {}, "Jobs wait 1m 30s for their first lease",
           "Work that could run has waited 1m 30s for a slot (95th percentile of those that got one, or "
           "the oldest that did not). Not counted is what is paused or gated, and, while any executor is "
           "in service, what none of them can take. See what waits: "
           "`servo backfill list --status pending,resuming --sort created`")),
    fires(A2, "claims are slow",
          [(10, {}), (20, {"claims_30": 0, "claims_60": 0}), (15, {"claims_30": 2, "claims_60": 2})],
          {9: False, 20: True, 44: False}),
    quiet(A2, "fast claims", [(60, {"oldest": 20})]),
    quiet(A2, "one slow claim",
          [(10, {"claims_30": 0, "claims_60": 0, "claims_120": 0, "claims": 0}),
           (1, {"claims_120": 1, "claims": 1}), (20, {"claims_120": 0, "claims": 0})]),
    quiet(A2, "paused", [(10, {}), (60, PAUSED | {"oldest": 0, "claims_30": 0, "claims_60": 0,
                                                  "claims_120": 0, "claims": 0})]),
    quiet(A2, "missing series", [(60, ALL_GONE)]),
    quiet(A2, "new leader",
          [(20, {}), (2, ALL_GONE),
           (20, {"oldest": 2, "claims_30": RESET(2), "claims_60": RESET(2), "claims_120": RESET(2),
                 "claims": RESET(2)})]),
    quiet(A2, "exactly a minute", [(60, {"oldest": 60})]),
]

FAILURES = [
    fires(A3, "half of a tenant's attempts fail",
          [(15, {}), (40, {"attempts_completed": 50, "attempts_data": 50}),
           (30, {"attempts_completed": 900, "attempts_data": 9})],
          {14: False, 22: False, 50: True, 84: False},
          (50, {"tenant_id": "acme"}, "50% of the work of tenant acme fails",
           "50% of the attempts of tenant acme, or of its partitions that ended, failed in the last "
           "10 minutes. See which backfills: "
           "`servo backfill list --tenant acme --status open,failed --sort created`")),
    fires(A3, "31 percent",
          [(60, {"attempts_completed": 69, "attempts_data": 31})], {59: True}),
    fires(A3, "one tenant among healthy ones",
          [(60, {"attempts_completed": 9000, "bigco_attempts_completed": 1,
                 "bigco_attempts_data": 4})], {59: True},
          (59, {"tenant_id": "bigco"}, "80% of the work of tenant bigco fails",
           "80% of the attempts of tenant bigco, or of its partitions that ended, failed in the last "
           "10 minutes. See which backfills: "
           "`servo backfill list --tenant bigco --status open,failed --sort created`")),
    fires(A3, "a tenant beyond those with counters of their own",
          [(5, {}), (20, {"failure_ratio": 0.4}), (10, {"failure_ratio": GONE})],
          {14: False, 17: True, 34: False}),
    quiet(A3, "29 percent", [(60, {"attempts_completed": 71, "attempts_data": 29})]),
    quiet(A3, "few attempts", [(60, {"attempts_completed": 0.5, "attempts_data": 1})]),
    quiet(A3, "executors lost", [(60, {"attempts_completed": 10, "attempts_data": 0,
                                       "attempts_lost": 100})]),
    quiet(A3, "no attempts", [(60, {"attempts_completed": 0, "attempts_data": 0})]),
    quiet(A3, "missing series", [(60, ALL_GONE)]),
    quiet(A3, "new leader", [(30, {}), (30, {"attempts_completed": RESET(900),
                                             "attempts_data": RESET(9)})]),
]

DEADLINES = [
    fires(AT_RISK, "a deadline is about to be missed",
          [(5, {}), (20, {"at_risk": 1}), (10, {"at_risk": 0})],
          {8: False, 12: True, 24: True, 26: False},
          (12, {"tenant_id": "acme"}, "1 backfill(s) of tenant acme will miss their deadline",
           "At the present rate 1 open backfill(s) of tenant acme end after their deadline. See which, "
           "with deadlines and estimates: `servo backfill list --tenant acme --status open --sort rank -o wide`")),
    quiet(AT_RISK, "in time", [(60, {})]),
    quiet(AT_RISK, "a moment", [(5, {}), (4, {"at_risk": 2}), (20, {"at_risk": 0})]),
    quiet(AT_RISK, "missing series", [(60, ALL_GONE)]),
    fires(BREACH, "a deadline is missed", [(5, {}), (20, {"breached": 1}), (10, {"breached": 0})],
          {4: False, 7: True, 24: True, 26: False},
          (7, {"tenant_id": "acme"}, "1 backfill(s) of tenant acme missed their deadline",
           "The deadline of 1 open backfill(s) of tenant acme has passed. See what is left of them: "
           "`servo backfill list --tenant acme --status open --sort rank`")),
    quiet(BREACH, "in time", [(60, {})]),
    quiet(BREACH, "only at risk", [(60, {"at_risk": 3})]),
    quiet(BREACH, "missing series", [(60, ALL_GONE)]),
]

STUCK_JOBS = [
    fires(STUCK, "a job without a result",
          [(5, {}), *[(5, {"stalled": 300 * count}) for count in range(1, 6)], (10, {"stalled": 0})],
          {14: False, 19: True, 29: True, 32: False},
          (19, {"tenant_id": "acme"}, "A backfill of tenant acme makes no progress",
           "A running backfill of tenant acme has had no result for 15m 0s beyond three times what its "
           "partitions take at the 95th percentile. See which, by rate: "
           "`servo backfill list --tenant acme --status running --sort rate`")),
    fires(STUCK, "others finish meanwhile",
          [(5, {}), (20, {"stalled": 900, "completed": 5000})], {20: True}),
    quiet(STUCK, "long partitions", [(60, {"expected": 7200, "completed": 0.1, "stalled": 0})]),
    quiet(STUCK, "paused", [(60, PAUSED)]),
    quiet(STUCK, "below the threshold", [(60, {"stalled": 590})]),
    quiet(STUCK, "new leader", [(5, {"stalled": 590}), (1, ALL_GONE), (20, {"stalled": 0})]),
    quiet(STUCK, "missing series", [(60, ALL_GONE)]),
]

QUEUES = [
    fires(QUEUE, "jobs pile up", [(5, {}), (30, {"jobs_pending": 101}), (5, {"jobs_pending": 80})],
          {15: False, 22: True, 34: True, 36: False},
          (22, {}, "101 backfills wait for their first slot",
           "101 backfills have been created and have not run yet. See whose they are: "
           "`servo status --by tenant`")),
    quiet(QUEUE, "many paused", [(60, {"jobs_paused": 1000})]),
    quiet(QUEUE, "a burst", [(5, {}), (14, {"jobs_pending": 500}), (10, {"jobs_pending": 20})]),
    quiet(QUEUE, "at the threshold", [(60, {"jobs_pending": 100})]),
    quiet(QUEUE, "missing series", [(60, ALL_GONE)]),
]

POOLS = [
    fires(POOL, "a breaker opens",
          [(5, {}), (20, {"warehouse_open": 1}), (10, {"warehouse_open": 0})],
          {6: False, 8: True, 24: True, 26: False},
          (8, {"pool": "warehouse"}, "Pool warehouse is held because what is behind it fails",
           "Half or more of the last attempts that used pool warehouse failed with class external, so "
           "its work is parked and one attempt at a time tries whether it is back. See how many "
           "of them failed, and whom to ask: `servo pool list`")),
    quiet(POOL, "held by a person", [(60, {"warehouse_held": 1})]),
    quiet(POOL, "its work was cancelled", [(5, {}), (1, {"warehouse_open": 1}), (60, {"warehouse_open": 0})]),
    quiet(POOL, "missing series", [(60, ALL_GONE)]),
]

EXECUTORS = [
    fires(MISSING, "executors die", [(10, {}), (20, {"busy": 30, "missing": 10}),
                                     (10, {"busy": 40, "missing": 0})],
          {9: False, 11: False, 13: True, 29: True, 31: False},
          (13, {}, "25% of the executors' slots are missing",
           "25% of the slots went silent without a drain, or there are none at all, and backfills are "
           "open. See who is gone, and since when: `servo executor list --status lost`")),
    fires(MISSING, "executors die, then the leader changes",
          [(10, {}), (6, {"busy": 30, "missing": 10}), (1, ALL_GONE),
           (20, another_leads({"busy": 30, "missing": 10})), (10, {"busy": 40, "missing": 0})],
          {11: False, 15: True, 20: True, 36: True, 38: False}),
    fires(MISSING, "there are none", [(10, {}), (20, {"busy": 0, "free": 0})], {13: True}),
    quiet(MISSING, "graceful scale-down",
          [(10, {}), (5, {"busy": 12, "draining": 28}), (60, {"draining": 0})]),
    quiet(MISSING, "no work", [(10, {}), (60, DONE | {"free": 10, "missing": 30})]),
    quiet(MISSING, "all paused", [(10, {}), (60, PAUSED | {"free": 10, "missing": 30})]),
    quiet(MISSING, "replaced", [(10, {}), (1, {"busy": 30, "missing": 10}),
                                (60, {"busy": 40, "missing": 0})]),
    quiet(MISSING, "missing series", [(60, ALL_GONE)]),
]

LEADERS = [
    fires(NO_LEADER, "nobody leads", [(5, {}), (10, {"leads_a": 0}), (10, {"leads_b": 1})],
          {6: False, 8: True, 14: True, 16: False},
          (8, {}, "No server leads",
           "No server has said for 2 minutes that it leads: nothing is scheduled, and no other alert "
           "can speak. See what the servers and their store say: `servo doctor`")),
    fires(NO_LEADER, "nothing is scraped any more", [(5, {}), (30, ALL_GONE)], {8: True, 34: True}),
    fires(NO_LEADER, "one installation of two is not scraped any more",
          [(5, {"leads_elsewhere": 1}), (180, ALL_GONE | {"leads_elsewhere": 1}),
           (5, {"leads_a": 1})],
          {4: False, 8: True, 70: True, 184: True, 186: False}),
    quiet(NO_LEADER, "new leader", [(5, {}), (1, {"leads_a": GONE}), (20, {"leads_b": 1})]),
    quiet(NO_LEADER, "a standby is gone", [(5, {}), (30, {"leads_b": GONE})]),
]

ESCALATIONS = [
    fires(ESCALATE, "degraded for half an hour", [BEFORE, (60, EXECUTORS_DIE), (20, SAME)],
          {100: False, 113: True, 134: True, 150: False},
          (113, {}, "Backfills need somebody else's help",
           "Throughput has been degraded for half an hour, or several backfills with a deadline miss "
           "it. See where it is: `servo status --by tenant`")),
    fires(ESCALATE, "two deadlines", [(5, {}), (20, {"at_risk": 1, "breached": 1}),
                                      (10, {"at_risk": 0, "breached": 0})],
          {8: False, 12: True, 26: False}),
    quiet(ESCALATE, "degraded for a while", [BEFORE, (24, part(0.05)), (30, part(1))]),
    quiet(ESCALATE, "one deadline", [(60, {"at_risk": 1})]),
    quiet(ESCALATE, "missing series", [(60, ALL_GONE)]),
]

STORIES = (THROUGHPUT + CLAIM_LATENCY + FAILURES + DEADLINES + STUCK_JOBS + QUEUES + POOLS + EXECUTORS
           + LEADERS + ESCALATIONS)


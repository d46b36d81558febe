"""What Prometheus reads: every declared metric is written, and the counts are those of the store."""
import os
import re

from harness import DIRECT, ROOT, ServoTest, free_port, ledger_asset, wait_until

SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-z_]+)="([^"]*)"')


def declared(of_executors=False):
    """(name, type) of each metric of the reference page."""
    with open(os.path.join(ROOT, "docs", "reference", "metrics.md"), encoding="utf-8") as page:
        of = page.read().split("## Executors")
    return re.findall(r"^\| `(servo_\w+)` \| (\w+) \|", of[of_executors], re.MULTILINE)


class Metrics(ServoTest):
    def setUp(self):
        super().setUp()
        self.metrics_port = free_port()
        self.server = self.spawn(
            "server", "--data-dir", self.data_dir, "--listen", f"127.0.0.1:{self.port}",
            "--metrics-listen", f"127.0.0.1:{self.metrics_port}")
        wait_until(self.ready, "the server answers")

    def scrape(self, port=None):
        """{(name, labels as a frozenset of pairs): value}."""
        url = f"http://127.0.0.1:{port or self.metrics_port}/metrics"
        with DIRECT.open(url, timeout=30) as reply:
            self.assertIn("version=0.0.4", reply.headers["Content-Type"])
            text = reply.read().decode()
        samples = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = SAMPLE.match(line).groups()
                samples[name, frozenset(LABEL.findall(labels or ""))] = float(value)
        return samples

    def value(self, name, port=None, **labels):
        return self.scrape(port).get((name, frozenset(labels.items())))

    def test_every_declared_metric_is_written(self):
        self.apply("version: 1\npools: { warehouse: { concurrency: 2 } }\nassets:"
                   + ledger_asset("daily", self.folder, os.path.join(self.folder, "ledger"),
                                  every="day", extra="    pools: { warehouse: 1 }\n"))
        written = {name for name, _ in self.scrape()}
        for name, kind in declared():
            if name == "servo_backfill_tenant_failure_ratio":
                continue  # of tenants with enough ended partitions; below
            expected = [name] if kind != "histogram" else [
                f"{name}_bucket", f"{name}_sum", f"{name}_count"]
            for one in expected:
                self.assertIn(one, written)

    def test_an_executor_exports_what_is_declared_of_executors(self):
        port = free_port()
        self.spawn("executor", "--server", self.url, "--slots", "2", "--health-listen", f"127.0.0.1:{port}")
        fails = "case $SERVO_PARTITION_KEY in *-03) exit 65;; esac; "
        self.apply("version: 1\nassets:" + ledger_asset(
            "daily", self.folder, os.path.join(self.folder, "ledger"), every="day", before=fails))
        job = self.begin("daily", "--start", "2024-01-01", "--end", "2024-01-10", "--max-failures", "none")
        self.wait_state(job, "failed")
        attempts = "servo_executor_process_attempts_total"
        wait_until(lambda: self.value(attempts, port, outcome="completed") == 9, "it counts what completed")
        self.assertEqual(1, self.value(attempts, port, outcome="data"))
        self.assertEqual(0, self.value(attempts, port, outcome="timeout"))
        self.assertEqual(1, self.value("servo_executor_process_registered", port))
        wait_until(lambda: self.value("servo_executor_process_slots", port, state="idle") == 2, "it is idle")
        self.assertEqual(0, self.value("servo_executor_process_slots", port, state="stuck"))
        samples = self.scrape(port)
        where_the_kernel_tells = set() if os.path.exists("/proc/pressure/cpu") else {
            "servo_executor_process_pressure_ratio"}
        names = {name for name, _ in declared(of_executors=True)} - where_the_kernel_tells
        self.assertEqual(set(), names - {name for name, _ in samples})
        self.assertNotIn("tenant_id", {label for _, labels in samples for label, _ in labels})
        answered = self.value("servo_executor_process_heartbeat_age_seconds", port)
        self.processes[0].kill()
        wait_until(lambda: self.value("servo_executor_process_heartbeat_age_seconds", port) > answered + 5,
                   "a server that is gone shows")

    def test_a_new_tenant_counts_from_zero(self):
        self.apply("version: 1\ntenants: [acme]\nassets:" + ledger_asset(
            "daily", self.folder, os.path.join(self.folder, "ledger"), every="day"))
        for status in ("completed", "failed", "skipped"):
            self.assertEqual(0, self.value("servo_backfill_partitions_processed_total",
                                           tenant_id="acme", status=status))

    def test_counts_are_those_of_the_record(self):
        fails = "case $SERVO_PARTITION_KEY in *-03) exit 65;; esac; "
        self.apply("version: 1\nassets:" + ledger_asset(
            "daily", self.folder, os.path.join(self.folder, "ledger"), every="day", before=fails))
        job = self.begin("daily", "--start", "2024-01-01", "--end", "2024-01-25",
                         "--max-failures", "none")
        wait_until(lambda: self.value("servo_backfill_oldest_claimable_seconds") > 0,
                   "work that nobody can take ages")
        wait_until(lambda: self.value("servo_wait_seconds_total", gate="no_executor") > 0,
                   "work that nobody can take waits")
        self.assertGreater(self.value("servo_desired_slots"), 0)
        self.assertEqual(1, self.value("servo_backfill_jobs_active", state="pending"))
        self.spawn("executor", "--server", self.url, "--slots", "2")
        self.wait_state(job, "failed")
        self.assertEqual(24, self.value("servo_backfill_partitions_processed_total",
                                       tenant_id="default", status="completed"))
        self.assertEqual(1, self.value("servo_backfill_partitions_processed_total",
                                       tenant_id="default", status="failed"))
        self.assertEqual(1, self.value("servo_backfill_attempts_total",
                                       tenant_id="default", outcome="data"))
        self.assertEqual(1, self.value("servo_backfill_job_duration_seconds_count",
                                       final_state="failed"))
        self.assertEqual(1, self.value("servo_backfill_job_claim_latency_seconds_count"))
        self.assertEqual(0, self.value("servo_backfill_jobs_active", state="running"))
        self.assertEqual(0, self.value("servo_backfill_oldest_claimable_seconds"))
        self.assertGreater(self.value("servo_slot_seconds_total", state="busy.useful"), 0)
        self.assertGreater(self.value("servo_slot_seconds_total", state="busy.waste:data"), 0)
        self.assertGreater(self.value("servo_busy_seconds_total", phase="cpu"), 0)
        self.assertGreater(self.value("servo_busy_seconds_total", phase="opaque"), 0)
        self.assertGreater(
            self.value("servo_earned_slot_seconds_total", tenant_id="default"), 0)
        self.assertEqual(0, self.value("servo_desired_slots"))
        ratio = wait_until(lambda: self.value(
            "servo_backfill_tenant_failure_ratio", tenant_id="default"), "the ratio is told")
        self.assertAlmostEqual(1 / 25, ratio)
        self.assertEqual(2, self.value("servo_executor_slots", state="free"))

    def test_slots_of_a_killed_executor_are_missing_and_those_of_a_drained_one_are_not(self):
        killed = self.spawn("executor", "--server", self.url, "--slots", "3",
                            "--executor-name", "killed")
        drained = self.spawn("executor", "--server", self.url, "--slots", "2",
                             "--executor-name", "drained")
        wait_until(lambda: self.value("servo_executor_slots", state="free") == 5, "both joined")
        self.assertEqual(2, self.value("servo_executors", state="up"))
        self.servo("executor", "drain", "drained")
        wait_until(lambda: self.value("servo_executors", state="drained") == 1, "one is drained")
        killed.kill()
        self.assertEqual(0, drained.stop())
        wait_until(lambda: self.value("servo_executors", state="lost") == 1, "one is lost")
        self.assertEqual(0, self.value("servo_executors", state="drained"))
        wait_until(lambda: self.value("servo_executor_slots", state="missing") == 3, "its slots are missing")
        self.servo("executor", "drain", "killed")
        self.assertEqual(0, self.value("servo_executor_slots", state="missing"))

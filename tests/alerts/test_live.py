"""A real Prometheus and Alertmanager watch a real Servo: executors are killed, the alert arrives with a
link that leads to its page, and it resolves when they are back. The dashboard's queries are asked of
the same Prometheus under load. An hour is a minute here (DIVISOR)."""
import math
import os

from harness import DIRECT, MARKER, ServoTest, free_port, wait_until
from watchers import Alertmanager, Prometheus, Receiver

DIVISOR = 60
RATE_INTERVAL = "5s"
FALLEN = "ServoBackfillThroughputDegraded"
MISSING = "ServoBackfillExecutorsMissing"
FAILING = "ServoBackfillTenantHighFailureRate"
FIRING_PANEL = "Alerts that fire"

ASSETS = """version: 1
tenants: [acme]
pools: {{ warehouse: {{ scope: tenant, concurrency: 2 }} }}
assets:
  bulk:
    partitions: {{ every: 1m, start: 2024-01-01 }}
    run: {{ synthetic: {{ duration: 100ms, spread: 20% }} }}
"""
FAULTY = """version: 1
tenants: [faulty]
assets:
  broken:
    partitions: {{ every: day, start: 2024-01-01 }}
    run: {{ command: {{ argv: ["exit 65"], shell: true }} }}
    env: {{ {marker}: "{folder}" }}
"""


class Live(ServoTest):
    def setUp(self):
        super().setUp()
        self.metrics = f"127.0.0.1:{free_port()}"
        self.health = {name: f"127.0.0.1:{free_port()}" for name in ("one", "two")}
        self.server = self.start_watched_server()
        self.marked = set()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.alertmanager = Alertmanager(
            os.path.join(self.folder, "alertmanager"), self.receiver, self.environment)
        self.addCleanup(self.alertmanager.daemon.close)
        targets = {"servo": [self.metrics], "servo-executor": list(self.health.values())}
        self.prometheus = Prometheus(
            os.path.join(self.folder, "prometheus"), targets, self.alertmanager, self.receiver, DIVISOR,
            self.environment)
        self.addCleanup(self.prometheus.daemon.close)
        self.alertmanager.wait_ready()
        self.prometheus.wait_ready()

    def start_watched_server(self):
        server = self.spawn("server", "--data-dir", self.data_dir, "--listen",
                            f"127.0.0.1:{self.port}", "--metrics-listen", self.metrics)
        wait_until(self.ready, "the server answers")
        return server

    def start_executors(self):
        return [self.spawn("executor", "--server", self.url, "--slots", "4", "--executor-name", name,
                           "--health-listen", address)
                for name, address in self.health.items()]

    def load(self):
        """Work for long, and a tenant whose every partition fails."""
        self.apply(ASSETS.format())
        self.apply(FAULTY.format(marker=MARKER, folder=self.folder))
        self.servo("backfill", "start", "bulk", "--tenant", "acme", "--start", "2024-01-01", "--end",
                   "2024-03-31", "--sla-deadline", "+1d", "--yes")
        failing = self.servo("backfill", "start", "broken", "--tenant", "faulty", "--start",
                             "2024-01-01", "--end", "2024-02-29", "--max-failures", "none").out.strip()
        self.wait_state(failing, "failed")

    def wait_for(self, expression, what):
        return wait_until(lambda: self.prometheus.query(expression), what)

    def wait_alert(self, name, status):
        found = wait_until(lambda: self.receiver.received(name, status), f"{name} is {status}")
        return found

    def check_link(self, alert):
        with DIRECT.open(alert["annotations"]["runbook_url"], timeout=10) as reply:
            self.assertIn(f"`{alert['labels']['alertname']}`", reply.read().decode())

    def gives_a_number(self, expression):
        """Whether a query of the dashboard does, now."""
        query = expression.replace("$__rate_interval", RATE_INTERVAL)
        for variable in ("namespace", "tenant", "asset"):
            query = query.replace(f"${variable}", ".*")
        return any(math.isfinite(value) for _, value in self.prometheus.query(query))

    def empty_panels(self, panels):
        return [f"{panel['title']}: {target['expr']}" for panel in panels for target in panel["targets"]
                if not self.gives_a_number(target["expr"])]

    def wait_marked(self, title):
        expression = self.prometheus.annotations()[title]
        wait_until(lambda: self.gives_a_number(expression), f"{title}: there is something to mark")
        self.marked.add(title)

    def check_marks_of_changes(self):
        self.servo("tenant", "set", "acme", "--weight", "2", "--reason", "test")
        self.servo("pool", "hold", "warehouse", "--tenant", "acme", "--reason", "test")
        self.servo("pool", "release", "warehouse", "--tenant", "acme")
        self.apply(ASSETS.format() + "    code_version: \"2\"\n")
        for title in ("Limits changed", "Pools held or released", "Assets applied"):
            self.wait_marked(title)

    def check_dashboard(self):
        panels = [panel for panel in self.prometheus.panels() if panel["title"] != FIRING_PANEL]
        self.assertGreater(len(panels), 20)
        # Some count over a span that has to pass first.
        try:
            wait_until(lambda: not self.empty_panels(panels), "every panel has data", 30)
        except AssertionError:
            self.assertEqual([], self.empty_panels(panels))
        for label, value in (("tenant_id", "acme"), ("asset_name", "bulk"), ("namespace", "servo")):
            self.assertIn(value, self.prometheus.ask(f"label/{label}/values"))

    def test_executors_die_somebody_is_told_and_it_resolves(self):
        executors = self.start_executors()
        self.wait_for("sum(up) == 3", "server and executors are scraped")
        self.load()
        team, alert = self.wait_alert(FAILING, "firing")
        self.assertEqual(("data-engineering", "faulty"), (team, alert["labels"]["tenant_id"]))
        self.wait_for("servo:earned_slots:reference > 4", "a usual throughput is known")
        self.check_dashboard()
        self.check_marks_of_changes()
        self.assertIsNone(self.receiver.received(FALLEN, "firing"))
        self.assertIsNone(self.receiver.received(MISSING, "firing"))

        for executor in executors:
            executor.kill()
        for name, team in ((FALLEN, "oncall"), (MISSING, "platform")):
            told, alert = self.wait_alert(name, "firing")
            self.assertEqual(team, told)
            self.check_link(alert)
        self.assertEqual([], self.empty_panels(
            [panel for panel in self.prometheus.panels() if panel["title"] == FIRING_PANEL]))
        self.wait_marked("Alert")

        self.start_executors()
        self.wait_alert(FALLEN, "resolved")
        self.wait_alert(MISSING, "resolved")

        self.server.stop()
        self.server = self.start_watched_server()
        self.wait_marked("New leader")
        self.assertEqual(set(self.prometheus.annotations()), self.marked)

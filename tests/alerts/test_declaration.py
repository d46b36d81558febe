"""What src/metrics declares hangs together: series, thresholds, pages, rows, commands, files."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEPLOY = os.path.join(ROOT, "deploy")
sys.path.insert(0, DEPLOY)
import render_monitoring  # noqa: E402
from monitoring import chart, grafana  # noqa: E402
from monitoring.declaration import (  # noqa: E402
    LAST_COMMAND, PLACE, RUNBOOKS, SEVERITIES, TEAMS, Declaration, load_dashboard,
    registered_metrics)

BINARY = os.environ.get("SERVO_BIN", os.path.join(ROOT, "build", "servo"))
RENDER = os.path.join(DEPLOY, "render_monitoring.py")
UNREACHABLE = 6  # exit code: it was a command, and it found no server

SERIES = re.compile(r"\b(servo[_:][a-z_0-9:]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
BY = re.compile(r"\bby \(([^)]*)\)")
OF_SCRAPE = {"namespace", "instance", "job", "le"}
ROWS = ["Throughput Analysis", "Tenant View", "SLA Tracking", "Executors", "Dependencies",
        "Where the time goes"]


def base(name, registered):
    bare = re.sub(r"_(bucket|sum|count)$", "", name)
    return bare if registered.get(bare, ("",))[0] == "histogram" else name


def unknown_series(expression, registered, recorded):
    """What the expression asks for that nobody writes, and labels that its metrics do not have."""
    labels = set(OF_SCRAPE)
    for name, matchers in SERIES.findall(expression):
        if name in recorded:
            labels |= recorded[name]
            continue
        known = registered.get(base(name, registered))
        if known is None:
            yield name
            continue
        labels |= known[1]
        for label in MATCHER.findall(matchers):
            if label not in known[1] | OF_SCRAPE:
                yield f"{name} has no label {label}"
    for group in BY.findall(expression):
        for label in filter(None, re.split(r"[,\s]+", group)):
            if label not in labels and "ALERTS" not in expression:
                yield f"nothing has the label {label}"


class Registry(unittest.TestCase):
    def setUp(self):
        self.declaration = Declaration()
        self.dashboard = load_dashboard()
        self.registered = registered_metrics()
        self.recorded = {}
        for rule in self.declaration.rules():
            if "record" in rule:
                self.recorded.setdefault(rule["record"], set()).update(rule.get("labels", {}))

    def queries(self):
        for one in self.dashboard["annotations"]:
            yield one["title"], grafana.query(one["expr"])
        for row in self.dashboard["rows"]:
            for panel in row["panels"]:
                for one in panel["queries"]:
                    yield panel["title"], grafana.query(one["expr"])

    def test_every_series_of_a_rule_is_written(self):
        for rule in self.declaration.rules():
            with self.subTest(rule=rule.get("alert", rule.get("record"))):
                self.assertEqual(
                    [], list(unknown_series(rule["expr"], self.registered, self.recorded)))

    def test_every_series_of_a_panel_is_written(self):
        for title, query in self.queries():
            with self.subTest(panel=title):
                self.assertEqual([], list(unknown_series(query, self.registered, self.recorded)))

    def test_every_recording_is_read(self):
        read = " ".join(rule["expr"] for rule in self.declaration.rules())
        read += " ".join(query for _, query in self.queries())
        for name in self.recorded:
            self.assertRegex(read, rf"\b{name}\b(?!:)")

    def test_the_checks_see_what_they_are_for(self):
        for expression in ("servo_backfil_partitions > 0", 'servo_pool_open{tenant="a"} > 0',
                           "sum by (tenant) (servo_pool_open)", "servo:nothing"):
            with self.subTest(expression=expression):
                self.assertTrue(list(unknown_series(expression, self.registered, self.recorded)))


class Alerts(unittest.TestCase):
    def setUp(self):
        self.declaration = Declaration()

    def test_they_are_those_that_were_promised(self):
        self.assertEqual(sorted([
            "ServoBackfillThroughputDegraded", "ServoBackfillHighClaimLatency",
            "ServoBackfillTenantHighFailureRate", "ServoBackfillSLAAtRisk", "ServoBackfillSLABreach",
            "ServoBackfillJobStuck", "ServoBackfillQueueDepth", "ServoBackfillPoolOpen",
            "ServoBackfillExecutorsMissing", "ServoBackfillEscalate", "ServoBackfillNoLeader",
        ]), sorted(alert["alert"] for alert in self.declaration.alerts()))

    def test_each_has_team_severity_page_and_row(self):
        rows = [row["title"] for row in load_dashboard()["rows"]]
        for alert in self.declaration.alerts():
            with self.subTest(alert=alert["alert"]):
                self.assertIn(alert["team"], TEAMS)
                self.assertIn(alert["severity"], SEVERITIES)
                self.assertIn(alert["row"], rows)
                with open(os.path.join(RUNBOOKS, alert["runbook"]), encoding="utf-8") as page:
                    self.assertIn(f"`{alert['alert']}`", page.read())

    def test_thresholds_are_values_and_all_are_used(self):
        used = set()
        for rule in self.declaration.rules():
            used |= {name for name, argument in PLACE.findall(rule["expr"]) if not argument}
        self.assertEqual(set(self.declaration.thresholds), used)
        with open(os.path.join(chart.CHART, "values.yaml"), encoding="utf-8") as file:
            self.assertEqual(self.declaration.defaults(), yaml.safe_load(file)["thresholds"])

    def test_no_alert_has_a_number_of_its_own(self):
        for alert in self.declaration.alerts():
            numbers = re.findall(r"[<>]=?\s*(?:bool\s*)?([\d.]+)", alert["expr"])
            self.assertEqual([], [number for number in numbers if float(number) != 0],
                             alert["alert"])

    def test_descriptions_end_in_a_command_of_this_build(self):
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent",
                       "SERVO_SERVER": "http://127.0.0.1:1"}
        for alert in self.declaration.alerts():
            with self.subTest(alert=alert["alert"]):
                command = LAST_COMMAND.search(alert["description"])
                self.assertTrue(command, alert["description"])
                words = re.sub(r"\{\{[^}]*\}\}", "acme", command.group(1)).split()[1:]
                done = subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=60,
                                      check=False, env=environment, cwd=tempfile.gettempdir())
                expected = (UNREACHABLE, 1) if words[0] == "doctor" else (UNREACHABLE,)
                self.assertIn(done.returncode, expected, done.stderr)


class Dashboard(unittest.TestCase):
    def setUp(self):
        self.board = grafana.dashboard(load_dashboard(), "https://pages.example")
        self.panels = [panel for panel in self.board["panels"] if panel["type"] != "row"]

    def test_title_and_rows_are_those_of_the_runbooks(self):
        self.assertEqual("Servo Backfill Operations", self.board["title"])
        self.assertEqual(ROWS, [panel["title"] for panel in self.board["panels"]
                                if panel["type"] == "row"])

    def test_it_asks_for_source_namespace_tenant_and_asset(self):
        self.assertEqual(["datasource", "namespace", "tenant", "asset"],
                         [one["name"] for one in self.board["templating"]["list"]])
        for panel in self.panels:
            self.assertEqual("${datasource}", panel["datasource"]["uid"])
            for target in panel["targets"]:
                self.assertIn("$namespace", target["expr"])

    def test_missing_data_is_not_painted_over(self):
        for panel in self.panels:
            with self.subTest(panel=panel["title"]):
                defaults = panel["fieldConfig"]["defaults"]
                self.assertEqual("no data", defaults["noValue"])
                self.assertNotIn("green", str(panel))
                for target in panel["targets"]:
                    self.assertNotIn("vector(", target["expr"])
                    self.assertNotIn("absent", target["expr"])
                self.assertIs(False, defaults.get("custom", {}).get("spanNulls", False))

    def test_panels_have_their_own_titles_and_a_page(self):
        titles = [panel["title"] for panel in self.panels]
        self.assertEqual(len(titles), len(set(titles)))
        for panel in self.panels:
            page = panel["links"][0]["url"].removeprefix("https://pages.example/")
            self.assertTrue(os.path.exists(os.path.join(RUNBOOKS, page)), page)

    def test_panels_do_not_overlap(self):
        taken = set()
        for panel in self.board["panels"]:
            place = panel["gridPos"]
            cells = {(place["x"] + x, place["y"] + y)
                     for x in range(place["w"]) for y in range(place["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24)
            taken |= cells


class Files(unittest.TestCase):
    def render(self, *arguments):
        return subprocess.run([sys.executable, RENDER, *arguments], capture_output=True, text=True,
                              timeout=60, check=False)

    def test_they_are_what_is_declared(self):
        check = self.render("--check")
        self.assertEqual((0, ""), (check.returncode, check.stderr))

    def test_one_installation_gets_its_own(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.render("--output", folder, "--set", "claimLatencySeconds=120", "--runbooks",
                               "https://wiki.example", "--time-divisor", "60")
            self.assertEqual((0, ""), (done.returncode, done.stderr))
            with open(os.path.join(folder, render_monitoring.RULES), encoding="utf-8") as file:
                text = file.read()
        self.assertIn("> 120", text)
        self.assertIn("https://wiki.example/backfill-claim-latency.md", text)
        self.assertIn("[60000ms] offset 5000ms", text)

    def test_what_is_of_one_installation_is_not_written_into_the_tree(self):
        for own in ("--set=pendingJobs=8", "--config=/etc/servo/server.yaml", "--runbooks=https://wiki.example"):
            with self.subTest(own=own):
                done = self.render("--check", own)
                self.assertEqual(2, done.returncode)
                self.assertIn("need --output DIR", done.stderr)

    def test_thresholds_of_a_server_are_taken(self):
        with tempfile.TemporaryDirectory() as folder:
            config = os.path.join(folder, "server.yaml")
            with open(config, "w", encoding="utf-8") as file:
                file.write("data_dir: /x\nthresholds: { claimLatencySeconds: 130, pendingJobs: 7 }\n")
            done = self.render("--output", folder, "--config", config, "--set", "pendingJobs=8")
            self.assertEqual((0, ""), (done.returncode, done.stderr))
            with open(os.path.join(folder, render_monitoring.RULES), encoding="utf-8") as file:
                text = file.read()
            self.assertIn("> 130", text)
            self.assertIn("> 8", text)
            for wrong, said in (("thresholds: 3\n", "must be a mapping"), ("- a\n", "must be a mapping"),
                                ("thresholds: { pending: 3 }\n", "no threshold is called 'pending'")):
                with open(config, "w", encoding="utf-8") as file:
                    file.write(wrong)
                done = self.render("--output", folder, "--config", config)
                self.assertEqual(2, done.returncode, wrong)
                self.assertIn(said, done.stderr)

    def test_mistakes_are_named(self):
        for wrong, said in (("claimLatency=3", "no threshold is called 'claimLatency'"),
                            ("throughputFall=1.5", "at most 1"), ("pendingJobs=many", "many")):
            with self.subTest(wrong=wrong), tempfile.TemporaryDirectory() as folder:
                done = self.render("--output", folder, "--set", wrong)
                self.assertEqual(2, done.returncode)
                self.assertIn(said, done.stderr)

    def test_the_examples_are_accepted(self):
        folder = os.path.join(DEPLOY, "prometheus")
        for command in (["promtool", "check", "config", os.path.join(folder, "prometheus.yml")],
                        ["amtool", "check-config", os.path.join(folder, "alertmanager.yml")]):
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_teams_have_receivers(self):
        with open(os.path.join(DEPLOY, "prometheus", "alertmanager.yml"), encoding="utf-8") as file:
            receivers = {one["name"] for one in yaml.safe_load(file)["receivers"]}
        self.assertEqual(set(TEAMS), receivers)

if __name__ == "__main__":
    unittest.main()

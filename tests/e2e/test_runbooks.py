"""The runbook pages: each command in them is typed, each query and link is checked.

A page's commands are the lines of its ```bash blocks. They run in a shell, in the pages' folder, with
the placeholders filled in from a scene that has one of everything: an open backfill with partitions
that run, wait and failed, a pool, an executor, a database. `kubectl` is a stand-in, since there is no
cluster: it holds what it is told against the manifests that are shipped, prints a real executor's log,
and runs what it is told to exec.
"""
import os
import re
import subprocess
import sys

import yaml
from harness import BINARY, MARKER, OK, ROOT, ServoTest, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests", "postgres"))
from server import PASSWORD, PostgresServer  # noqa: E402

PAGES = os.path.join(ROOT, "docs", "runbooks")
MANIFESTS = os.path.join(ROOT, "deploy", "kubernetes")
COMMAND_DEADLINE_S = 120
FAILED_KEY, SLOW_KEY = "2024-01-03", "2024-01-05"

KUBECTL = """#!/bin/sh
# Stand-in for kubectl: a line for each call, and what a person would see.
printf '%s\\n' "$*" >> "$KUBECTL_CALLS"
case "$1" in
  logs) cat "$EXECUTOR_LOG" ;;
  exec) while [ "$1" != -- ]; do shift; done; shift; exec "$@" ;;
esac
"""


def pages():
    """Paths of the pages, relative to their folder."""
    found = []
    for folder, _, names in os.walk(PAGES):
        found += [os.path.relpath(os.path.join(folder, name), PAGES)
                  for name in names if name.endswith(".md")]
    return sorted(found)


def text_of(page):
    with open(os.path.join(PAGES, page), encoding="utf-8") as file:
        return file.read()


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL)


def commands(page):
    for block in blocks(page, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                yield line.strip()


def anchor(heading):
    """As the usual renderers make it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def manifests():
    for name in sorted(os.listdir(MANIFESTS)):
        if name.endswith(".yaml"):
            with open(os.path.join(MANIFESTS, name), encoding="utf-8") as file:
                yield from (one for one in yaml.safe_load_all(file) if one and "metadata" in one)


class Pages(ServoTest):
    def test_links_lead_somewhere(self):
        broken = []
        for page in pages():
            for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
                if target.startswith("https://"):
                    continue
                path, _, fragment = target.partition("#")
                there = os.path.normpath(os.path.join(PAGES, os.path.dirname(page), path)) if path \
                    else os.path.join(PAGES, page)
                if not os.path.exists(there):
                    broken.append(f"{page}: {target}")
                elif fragment:
                    with open(there, encoding="utf-8") as file:
                        headings = re.findall(r"^#+ (.*)$", file.read(), re.MULTILINE)
                    if fragment not in map(anchor, headings):
                        broken.append(f"{page}: {target} has no such heading")
        self.assertEqual([], broken)

    def test_kubectl_in_running_text_names_its_namespace(self):
        for page in pages():
            for said in re.findall(r"`(kubectl \w+ [^`]+)`", text_of(page)):
                self.assertIn(" -n servo", said, page)

    def test_queries_ask_for_metrics_that_exist(self):
        with open(os.path.join(ROOT, "docs", "reference", "metrics.md"), encoding="utf-8") as file:
            known = set(re.findall(r"^\| `(\w+)`", file.read(), re.MULTILINE))
        asked = 0
        for page in pages():
            for query in blocks(page, "promql"):
                for name in re.findall(r"\bservo_\w+", query):
                    asked += 1
                    bare = re.sub(r"_(bucket|sum|count)$", "", name)
                    self.assertTrue({name, bare} & known, f"{page}: {name}")
                rules = {"groups": [{"name": "page", "rules": [{"record": "x", "expr": query}]}]}
                checked = subprocess.run(
                    ["promtool", "check", "rules", self.write("rules.yaml", yaml.safe_dump(rules))],
                    capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual(0, checked.returncode, f"{page}: {checked.stderr}")
        self.assertGreater(asked, 0)


class Commands(ServoTest):
    @classmethod
    def setUpClass(cls):
        cls.database = PostgresServer()
        cls.addClassCleanup(cls.database.close)

    def setUp(self):
        super().setUp()
        self.gate = os.path.join(self.folder, "gate")
        self.start("--slots", "2")
        program = (f"echo made $SERVO_PARTITION_KEY; case $SERVO_PARTITION_KEY in {FAILED_KEY}) exit 65;; "
                   f"{SLOW_KEY}) while ! test -e {self.gate}; do sleep 0.05; done;; esac")
        self.apply(f"""version: 1
pools: {{ warehouse: {{ concurrency: 1, contact: dba@example.com }} }}
assets:
  orders:
    partitions: {{ every: day, start: 2024-01-01 }}
    run: {{ command: {{ argv: ["{program}"], shell: true }} }}
    env: {{ {MARKER}: "{self.folder}" }}
    pools: {{ warehouse: 1 }}
""")
        # A second revision, so that there is something to compare.
        self.servo("apply", "-f", self.write("two.yaml", self.read("servo.yaml") + "    timeout: 1h\n"))
        self.executor = wait_until(
            lambda: self.servo("executor", "list", "-o", "json").json()["items"], "it joined")[0]["name"]
        self.calls = os.path.join(self.folder, "kubectl-calls")
        bin_folder = os.path.join(self.folder, "bin")
        os.mkdir(bin_folder)
        os.symlink(BINARY, os.path.join(bin_folder, "servo"))
        self.write("bin/kubectl", KUBECTL)
        os.chmod(os.path.join(bin_folder, "kubectl"), 0o755)
        self.environment |= {
            "PATH": bin_folder + ":" + self.environment["PATH"],
            "SERVO_SERVER": self.url,
            "KUBECTL_CALLS": self.calls,
            "EXECUTOR_LOG": self.processes[0].log_path,
            "PGHOST": "127.0.0.1", "PGPORT": str(self.database.port), "PGUSER": "servo",
            "PGPASSWORD": PASSWORD, "PGDATABASE": "postgres",
        }

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def open_backfill(self):
        """A new backfill with partitions that ended, failed, run and wait; older ones are gone."""
        self.servo("executor", "undrain", self.executor)
        self.servo("pool", "release", "warehouse", code=None)
        self.servo("pool", "unset", "warehouse", code=None)
        for old in self.servo("backfill", "list", "--status", "open", "-o", "name").out.split():
            self.servo("backfill", "cancel", old, "--force", "--reason", "next command")
            self.wait_state(old, "cancelled", "failed", "completed")
        job_id = self.begin("orders", "--start", "2024-01-01", "--end", "2024-02-15", "--reprocess",
                            "all", "--max-failures", "none")
        wait_until(lambda: (job := self.job(job_id))["failed_partitions"] == 1
                   and job["running_partitions"] >= 1 and job["pending_partitions"] >= 1,
                   f"{job_id} has failed, running and waiting partitions")
        return job_id

    def filled_in(self, command, job_id):
        words = {
            "job": job_id, "tenant": "default", "asset": "orders", "pool": "warehouse",
            "key": FAILED_KEY, "executor": self.executor, "count": "4", "db-pod": "postgres-0",
            "api-health-endpoint": self.url + "/readyz", "database-url": self.url,
        }
        unknown = set(re.findall(r"<([a-z-]+)>", command)) - set(words)
        self.assertEqual(set(), unknown, f"a placeholder that nobody fills in: {command}")
        return re.sub(r"<([a-z-]+)>", lambda match: words[match[1]], command)

    def expected_codes(self, command):
        if "| grep" in command:
            return (0, 1)  # no line found is the good answer
        if command.startswith("servo partition run"):
            return (1,)  # the scene's failed partition fails again
        return (0,)

    def run_page(self, page):
        wrong = []
        for command in commands(page):
            job_id = self.open_backfill()
            if "backfill resume" in command:
                self.servo("backfill", "pause", job_id, "--reason", "scene")
            if "backfill wait" in command or "partition run" in command:
                self.write("gate", "")
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", self.filled_in(command, job_id)],
                capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=PAGES,
                timeout=COMMAND_DEADLINE_S, check=False, env=self.environment)
            if os.path.exists(self.gate):
                os.remove(self.gate)
            codes = self.expected_codes(command)
            if "backfill wait" in command:
                codes = (1,)  # it ends with its failed partition
            if done.returncode not in codes:
                wrong.append(f"{page}: {command}\n  exit {done.returncode}: {done.stdout[-500:]}"
                             f"{done.stderr[-1000:]}")
        self.assertEqual([], wrong, "\n".join(wrong))

    def check_kubectl(self):
        """What kubectl was told names what the manifests make."""
        objects = list(manifests())
        namespace = next(one["metadata"]["name"] for one in objects if one["kind"] == "Namespace")
        deployments = {one["metadata"]["name"] for one in objects if one["kind"] == "Deployment"}
        labels = {f"{name}={value}" for one in objects if one["kind"] == "Deployment"
                  for name, value in one["spec"]["template"]["metadata"]["labels"].items()}
        if not os.path.exists(self.calls):
            return
        for line in self.read("kubectl-calls").splitlines():
            words = line.split()
            self.assertIn(words[0], ("get", "logs", "top", "scale", "edit", "delete", "exec", "rollout"))
            if words[0] != "exec":  # in the database's pod, which may be anywhere
                self.assertIn("-n", words, f"kubectl {line}: of which namespace?")
            for option, allowed in (("-n", {namespace}), ("-l", labels)):
                if option in words and words[0] != "exec":
                    self.assertIn(words[words.index(option) + 1], allowed, line)
            if "deployment" in words:
                self.assertIn(words[words.index("deployment") + 1], deployments, line)


def page_test(page):
    def test(self):
        self.run_page(page)
        self.check_kubectl()
    return test


for one_page in pages():
    if any(commands(one_page)):
        word = re.sub(r"\W+", "_", one_page.removesuffix(".md"))
        setattr(Commands, f"test_{word}", page_test(one_page))

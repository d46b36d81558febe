"""Executors as machines: their probes, drains, restarts of the server, and crowds."""
import asyncio
import json
import os
import urllib.error
import urllib.request

from crowd import Crowd
from harness import (DIRECT, ServoTest, USAGE, free_port, ledger_asset, read_ledger, resident_kib,
                     wait_until)

HOURS = ("--start", "2024-01-01", "--end", "2024-01-01")


class Executors(ServoTest):
    def setUp(self):
        super().setUp()
        self.ledger = os.path.join(self.folder, "ledger")
        self.probes = {}

    def start_server(self):
        process = self.spawn("server", "--data-dir", self.data_dir,
                             "--listen", f"127.0.0.1:{self.port}", "--metrics-listen", "off")
        wait_until(lambda: self.ready() or not process.alive(), "the server answers")
        self.assertTrue(process.alive(), process.log())
        return process

    def start_executor(self, name, *arguments):
        self.probes[name] = f"http://127.0.0.1:{free_port()}"
        return self.spawn("executor", "--server", self.url, "--executor-name", name, "--slots", "1",
                          "--health-listen", self.probes[name].removeprefix("http://"), *arguments)

    def probe(self, name, path):
        """(status, word) of the executor's own listener; (0, "") when nobody answers."""
        try:
            with DIRECT.open(self.probes[name] + path, timeout=10) as reply:
                return reply.status, json.load(reply)["status"]
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["status"]
        except OSError:
            return 0, ""

    def wait_probe(self, name, *answer):
        wait_until(lambda: self.probe(name, "/readyz") == answer,
                   f"/readyz of {name} says {answer}")

    def executors(self):
        items = self.servo("executor", "list", "-o", "json").json()["items"]
        return {item["name"]: item for item in items}

    def apply_asset(self, before=""):
        self.apply("version: 1\nassets:" + ledger_asset(
            "orders", self.folder, self.ledger, every="hour", before=before))

    def test_probes_follow_drains_and_a_drained_executor_stays_up(self):
        self.start_server()
        executor = self.start_executor("ada")
        self.wait_probe("ada", 200, "ok")
        self.assertEqual((200, "ok"), self.probe("ada", "/livez"))
        self.assertEqual(404, self.probe("ada", "/v1/executors")[0])
        self.servo("executor", "drain", "ada")
        self.wait_probe("ada", 503, "drained")
        self.assertEqual((200, "ok"), self.probe("ada", "/livez"))
        self.assertTrue(executor.alive())
        self.servo("executor", "undrain", "ada")
        self.wait_probe("ada", 200, "ok")
        self.assertEqual(0, executor.stop())

    def test_executors_go_on_when_the_server_is_started_again(self):
        server = self.start_server()
        self.apply_asset(before="sleep 0.2; ")
        executor = self.start_executor("ada")
        job_id = self.begin("orders", *HOURS)
        wait_until(lambda: self.job(job_id)["completed_partitions"] > 0, "it works")
        server.kill()
        self.wait_probe("ada", 503, "the server does not answer")
        self.assertEqual((200, "ok"), self.probe("ada", "/livez"))
        self.start_server()
        self.wait_probe("ada", 200, "ok")
        self.assert_counts(self.wait_job(job_id), completed=24, failed=0)
        self.assertTrue(executor.alive())
        self.assertEqual({1}, {attempt for _, _, _, attempt in read_ledger(self.ledger)})
        self.assert_sound()

    def test_keep_drains_the_idlest(self):
        self.start_server()
        gate = os.path.join(self.folder, "gate")
        self.apply_asset(before=f"while ! test -e {gate}; do sleep 0.05; done; ")
        for name in ("ada", "bob", "cid"):
            self.start_executor(name)
            self.wait_probe(name, 200, "ok")
        job_id = self.begin("orders", "--start", "2024-01-01T00:00:00Z",
                            "--end", "2024-01-01T01:00:00Z")
        busy = wait_until(lambda: [name for name, item in self.executors().items() if item["busy"]],
                          "one works")
        self.servo("executor", "drain", "--keep", "1", "ada", code=USAGE)
        drained = self.servo("executor", "drain", "--keep", "1", "-o", "json").json()["items"]
        self.assertEqual({"ada", "bob", "cid"} - set(busy), {item["name"] for item in drained})
        for name in {"ada", "bob", "cid"} - set(busy):
            self.wait_probe(name, 503, "drained")
        again = self.servo("executor", "drain", "--keep", "1")
        self.assertIn("nothing to drain", again.err)
        self.write("gate", "")
        self.assert_counts(self.wait_job(job_id), completed=1)

    def test_sigterm_gives_back_what_does_not_end_and_spends_no_attempt(self):
        self.start_server()
        gate = os.path.join(self.folder, "gate")
        self.apply_asset(before=f"while ! test -e {gate}; do sleep 0.05; done; ")
        ada = self.start_executor("ada", "--drain-timeout", "300ms")
        job_id = self.begin("orders", *HOURS)
        wait_until(lambda: self.executors()["ada"]["busy"] == 1, "it works")
        self.assertEqual(0, ada.stop())
        wait_until(lambda: self.job(job_id)["running_partitions"] == 0, "it was given back")
        self.write("gate", "")
        self.start_executor("bob")
        self.assert_counts(self.wait_job(job_id), completed=24, failed=0)
        self.assertEqual({1}, {attempt for _, _, _, attempt in read_ledger(self.ledger)})


class Crowds(ServoTest):
    """Simulated executors (crowd.py); counts only, since the machine is shared."""

    SIZE = 1000
    RESIDENT_KIB_MAX = 512 * 1024

    def run_crowd(self, size, until):
        crowd = Crowd("127.0.0.1", self.port)
        names = [f"crowd-{number}" for number in range(size)]
        self.assertTrue(asyncio.run(crowd.run(names, until)),
                        f"{len(crowd.registered)} registered, {crowd.done} done, {crowd.answers}")
        return crowd

    def spawn_server(self):
        return self.spawn("server", "--data-dir", self.data_dir,
                          "--listen", f"127.0.0.1:{self.port}", "--metrics-listen", "off")

    def test_a_thousand_executors_share_the_work_of_one_leader(self):
        server = self.spawn_server()
        wait_until(self.ready, "the server answers")
        self.apply("version: 1\nassets:\n  many:\n    partitions: { every: 1m, start: 2024-01-01 }\n"
                   "    run: { command: [\"true\"] }\n")
        job_id = self.begin("many", "--start", "2024-01-01", "--end", "2024-01-14", "--yes")
        crowd = self.run_crowd(
            self.SIZE, lambda now: len(now.reports) == self.SIZE and now.done >= 14 * 1440)
        self.assertEqual(14 * 1440, crowd.done)
        for route in ("register", "report"):
            self.assertEqual({}, crowd.refused(route), route)
        self.assert_counts(self.wait_job(job_id), completed=14 * 1440, failed=0)
        self.assertEqual(self.SIZE, len(self.servo("executor", "list", "-o", "name").out.split()))
        self.assertLess(resident_kib(server.pid), self.RESIDENT_KIB_MAX)
        self.assert_sound()

    def test_a_herd_that_waits_for_a_cold_leader_gets_in(self):
        size = 200
        started = []

        def until(crowd):
            # The whole herd has knocked in vain before there is anybody to answer.
            if not started and sum(crowd.answers.values()) >= size:
                started.append(self.spawn_server())
            return len(crowd.reports) == size

        crowd = self.run_crowd(size, until)
        self.assertEqual({}, crowd.refused("report"))
        self.assertEqual({0}, set(crowd.refused("register")))  # only while nobody was there
        self.assertTrue(started[0].alive())
        self.assertEqual(size, len(self.servo("executor", "list", "-o", "name").out.split()))

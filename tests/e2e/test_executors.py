"""Executors as machines: what they tell, their probes, drains, restarts of the server, and crowds."""
import asyncio
import http.server
import json
import os
import threading
import urllib.error
import urllib.request

from crowd import Crowd
from harness import (CONFLICT, DIRECT, FAILED, LEASE_TTL_S, NOT_FOUND, OK, ServoTest, USAGE, free_port, ledger_asset,
                     read_ledger, resident_kib, wait_until)

HOURS = ("--start", "2024-01-01", "--end", "2024-01-01")


class Machines(ServoTest):
    """A server and executors with probes."""

    def setUp(self):
        super().setUp()
        self.ledger = os.path.join(self.folder, "ledger")
        self.probes = {}

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


class Executors(Machines):
    def test_list_and_show_tell_how_an_executor_and_its_machine_do(self):
        self.start_server()
        executor = self.start_executor("ada")
        health = wait_until(lambda: self.executors().get("ada", {}).get("health"), "it tells")
        self.assertEqual(executor.pid, health["pid"])
        self.assertEqual(0, health["stuck_slots"])
        for figure in ("cpus", "memory_bytes", "memory_limit_bytes", "disk_free_bytes"):
            self.assertGreater(health[figure], 0, figure)
        listed = self.servo("executor", "list").out
        for title in ("CPU", "MEMORY", "DISK FREE"):
            self.assertIn(title, listed)
        shown = self.servo("executor", "show", "ada").out
        for fact in ("memory", "disk free", "process", "slots ready"):
            self.assertRegex(shown, rf"(?m)^{fact} +\S")

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
        wait_until(lambda: self.executors().get("ada", {}).get("busy") == 1, "it works")
        self.assertEqual(0, ada.stop())
        wait_until(lambda: self.job(job_id)["running_partitions"] == 0, "it was given back")
        self.write("gate", "")
        self.start_executor("bob")
        self.assert_counts(self.wait_job(job_id), completed=24, failed=0)
        self.assertEqual({1}, {attempt for _, _, _, attempt in read_ledger(self.ledger)})


    def test_one_that_ends_in_order_has_left_and_one_that_is_killed_is_lost(self):
        self.start_server()
        ada, bob = self.start_executor("ada"), self.start_executor("bob")
        for name in ("ada", "bob"):
            self.wait_probe(name, 200, "ok")
        self.assertEqual(0, ada.stop())
        self.assertNotIn(" warning ", ada.log())  # what it had asked is not answered any more
        wait_until(lambda: self.servo("executor", "list", "-o", "name").out.split() == ["bob"],
                   "it is told as gone")
        left = self.servo("executor", "list", "--status", "left", "-o", "json").json()["items"]
        self.assertEqual([("ada", "left")], [(item["name"], item["state"]) for item in left])
        self.assertRegex(self.servo("executor", "show", "ada").out, r"(?m)^seen +\d\S* ago$")
        told = self.servo("events", "--since", "1h", "-o", "jsonl").jsonl()
        self.assertIn(("executor.left", "ada", "It ended in order."),
                      [(event["kind"], event["subject"], event["detail"]) for event in told])
        status = self.servo("status", "-o", "json").json()
        self.assertEqual((1, 0), (status["executors_up"], status["executors_lost"]))
        bob.kill()
        wait_until(lambda: self.executors()["bob"]["state"] == "lost", "it is lost",
                   deadline_s=10 * LEASE_TTL_S)
        seen = wait_until(lambda: self.executors()["bob"]["last_seen_at"], "it is known since when")
        self.assertGreaterEqual(seen, self.executors()["bob"]["registered_at"])
        self.assertNotIn("never", self.servo("executor", "list").out)


TOKEN = "canary-token"
KEY = "canary-key"


class Answers(http.server.BaseHTTPRequestHandler):
    """An outside system: answers with the status that its path names, and at /guarded those who know."""

    def do_GET(self):
        known = self.headers["Authorization"] == f"Bearer {TOKEN}" and self.headers["X-Key"] == KEY
        self.send_response(int(self.path.strip("/")) if self.path != "/guarded" else 200 if known else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class PoolChecks(Machines):
    def setUp(self):
        super().setUp()
        self.outside = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        thread = threading.Thread(target=self.outside.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.outside.server_close)
        self.addCleanup(self.outside.shutdown)
        self.start_server()
        self.apply("version: 1\npools: { warehouse: { concurrency: 8 } }\nassets:"
                   + ledger_asset("orders", self.folder, self.ledger))

    def check(self, path, code, *arguments):
        url = f"http://127.0.0.1:{self.outside.server_port}/{path}"
        outcome = self.servo("pool", "check", "warehouse", "--url", url, "-o", "json", *arguments,
                             code=code)
        return outcome.json()["items"][0]

    def test_an_executor_measures_an_endpoint(self):
        self.servo("pool", "check", "warehouse", "--url", "http://127.0.0.1:1/", code=CONFLICT)
        for name in ("ada", "bob"):
            self.start_executor(name)
            self.wait_probe(name, 200, "ok")
        fine = self.check("200", OK, "--from", "bob")
        self.assertEqual(("ok", 200, "127.0.0.1"), (fine["verdict"], fine["status"], fine["address"]))
        for phase in ("connect_ms", "first_byte_ms"):
            self.assertGreaterEqual(fine[phase], 0)
        self.assertGreater(fine["total_ms"], 0)
        self.assertEqual("credentials_refused", self.check("401", FAILED)["verdict"])
        self.assertEqual("bad_status", self.check("503", FAILED)["verdict"])
        said = self.servo("pool", "check", "warehouse", "--from", "bob", "--url",
                          f"http://127.0.0.1:{self.outside.server_port}/200")
        self.assertIn("from executor bob", said.err)
        self.assertIn("FIRST BYTE ms", said.out)

    def declare(self, *checks):
        self.apply("version: 1\npools: { warehouse: { concurrency: 8, check: [" + ", ".join(checks) + "] } }\n"
                   "assets:" + ledger_asset("orders", self.folder, self.ledger))

    def test_the_declared_endpoints_are_asked_with_the_pools_credentials(self):
        at = f"http://127.0.0.1:{self.outside.server_port}"
        key = self.write("key", KEY + "\n")
        os.chmod(key, 0o600)
        guarded = (f'{{ url: "{at}/guarded", bearer: {{ env: WAREHOUSE_TOKEN }}, '
                   f'headers: {{ X-Key: {{ file: {key} }} }} }}')
        self.declare(guarded, f'{{ url: "{at}/200" }}')
        self.start_executor("ada")  # which does not have the token
        self.environment["WAREHOUSE_TOKEN"] = TOKEN
        self.start_executor("bob")
        for name in ("ada", "bob"):
            self.wait_probe(name, 200, "ok")
        fine = self.servo("pool", "check", "warehouse", "--from", "bob", "-o", "json", code=OK).json()["items"]
        self.assertEqual([("ok", 200), ("ok", 200)], [(one["verdict"], one["status"]) for one in fine])
        poor = self.servo("pool", "check", "warehouse", "--from", "ada", "-o", "json", code=FAILED).json()["items"]
        self.assertEqual(["no_credentials", "ok"], [one["verdict"] for one in poor])
        self.assertIn("WAREHOUSE_TOKEN", poor[0]["message"])
        shown = self.servo("pool", "show", "warehouse").out
        self.assertIn("/guarded with Authorization, X-Key", shown)
        self.assertNotIn("canary", shown)

    def test_what_cannot_be_checked_is_said(self):
        self.start_executor("ada")
        self.wait_probe("ada", 200, "ok")
        self.servo("pool", "check", "warehouse", code=USAGE)  # it declares no endpoint
        self.servo("pool", "check", "warehouse", "--url", "file:///etc/passwd", code=USAGE)
        self.servo("pool", "check", "nothing", "--url", "http://127.0.0.1/", code=NOT_FOUND)
        self.servo("pool", "check", "warehouse", "--url", "http://127.0.0.1/", "--from", "zoe",
                   code=NOT_FOUND)
        blocked = self.servo("pool", "check", "warehouse", "--url", "http://169.254.169.254/latest",
                             "-o", "json", code=FAILED).json()["items"][0]
        self.assertEqual("blocked_address", blocked["verdict"])

    def test_show_since_lists_what_happened_to_a_pool(self):
        self.servo("pool", "hold", "warehouse", "--reason", "migration")
        self.servo("pool", "release", "warehouse")
        shown = self.servo("pool", "show", "warehouse", "--since", "1h")
        self.assertRegex(shown.out, r"held by .*migration")
        self.assertRegex(shown.out, r"released by ")
        events = self.servo("pool", "show", "warehouse", "--since", "1h", "-o", "json").json()["events"]
        self.assertEqual({"pool.held", "pool.released", "pool.applied"},
                         {event["kind"] for event in events})


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
        for route in ("register", "report", "health"):
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

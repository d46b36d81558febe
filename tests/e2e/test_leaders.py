"""Several servers on one PostgreSQL: they die, freeze and end while an executor works."""
import datetime
import importlib.util
import os
import signal
import unittest

import harness

SERVER = os.path.join(harness.ROOT, "tests", "postgres", "server.py")
spec = importlib.util.spec_from_file_location("postgres_server", SERVER)
postgres_server = importlib.util.module_from_spec(spec)
spec.loader.exec_module(postgres_server)

PARTITIONS = 600


@unittest.skipUnless(postgres_server.binary_folder(), "PostgreSQL is not installed")
class Leaders(harness.ServoTest):
    @classmethod
    def setUpClass(cls):
        cls.postgres = postgres_server.PostgresServer()
        cls.postgres.__enter__()
        cls.addClassCleanup(cls.postgres.__exit__, None, None, None)
        cls.databases = 0

    def setUp(self):
        super().setUp()
        Leaders.databases += 1
        self.environment["SERVO_DATABASE_URL"] = self.postgres.create_database(
            f"leaders_{Leaders.databases}")
        self.ports = [harness.free_port() for _ in range(2)]
        self.asked = self.ports  # by commands and executors
        self.servo("migrate")
        self.servers = [self.spawn_server(port) for port in self.ports]
        self.ledger = os.path.join(self.folder, "ledger")

    def spawn_server(self, port):
        return self.spawn("server", "--listen", f"127.0.0.1:{port}", "--metrics-listen", "off")

    def role(self, index):
        self.port = self.ports[index]
        status, body = self.http("/readyz")
        return harness.json.loads(body)["role"] if status == 200 else ""

    def leader(self):
        """Index of the server that leads, once the other stands by."""
        def found():
            roles = [self.role(index) for index in range(len(self.ports))]
            return sorted(roles) == ["leader", "standby"] and [roles.index("leader")]
        return harness.wait_until(found, "one leads and one stands by")[0]

    def next_leader(self, old):
        harness.wait_until(lambda: self.role(1 - old) == "leader", "the standby leads")

    @property
    def server_list(self):
        return ",".join(f"http://127.0.0.1:{port}" for port in self.asked)

    def begin_work(self):
        self.executor = self.spawn(
            "executor", "--server", self.server_list, "--executor-name", "one", "--slots", "4",
            "--scratch-root", os.path.join(self.folder, "scratch"))
        self.apply("version: 1\nassets:" + harness.ledger_asset(
            "minutes", self.folder, self.ledger, before="sleep 0.03; "))
        return self.begin("minutes", "--start", "2024-01-01T00:00:00Z",
                          "--end", "2024-01-01T10:00:00Z")

    def some_done(self, at_least):
        harness.wait_until(lambda: len(harness.read_ledger(self.ledger)) >= at_least,
                           f"{at_least} programs ran")

    def assert_all_recorded(self, job_id, once=True):
        job = self.wait_job(job_id)
        self.assert_counts(job, completed=PARTITIONS)
        rows = harness.read_ledger(self.ledger)
        self.assertEqual(PARTITIONS, len({key for _, _, key, _ in rows}))
        tokens = [token for token, _, _, _ in rows]
        self.assertEqual(len(tokens), len(set(tokens)), "a token was used twice")
        if once:
            self.assertEqual(PARTITIONS, len(rows), "a program was started again")

    def test_a_killed_leader_costs_no_partition(self):
        old = self.leader()
        job_id = self.begin_work()
        for round_number in range(3):
            self.some_done(60 * (round_number + 1))
            self.servers[old].kill()
            self.next_leader(old)
            self.servers[old] = self.spawn_server(self.ports[old])
            self.assertEqual(1 - old, self.leader())
            old = 1 - old
        self.assert_all_recorded(job_id)

    def test_a_frozen_leader_wakes_as_a_standby(self):
        old = self.leader()
        job_id = self.begin_work()
        self.some_done(60)
        self.servers[old].send(signal.SIGSTOP)
        try:
            harness.wait_until(lambda: self.role(1 - old) == "leader", "the standby leads")
        finally:
            self.servers[old].send(signal.SIGCONT)
        harness.wait_until(lambda: self.role(old) == "standby", "the old leader stands by")
        # Programs that ran when the executor's leases ended were stopped and run again.
        self.assert_all_recorded(job_id, once=False)

    def test_what_a_frozen_leader_has_is_given_up_and_repeated(self):
        old = self.leader()
        self.apply("version: 1\nassets:" + harness.ledger_asset("minutes", self.folder, self.ledger))
        self.asked = [self.ports[old], self.ports[1 - old]]  # the one that hangs first
        self.servers[old].send(signal.SIGSTOP)
        try:
            self.servo("status")
            job_id = self.begin("minutes", "--start", "2024-01-01T00:00:00Z",
                                "--end", "2024-01-01T00:10:00Z")
        finally:
            self.servers[old].send(signal.SIGCONT)
        harness.wait_until(lambda: self.role(old) == "standby", "the old leader stands by")
        self.assertEqual([job_id], self.servo("backfill", "list", "-o", "name").out.split())
        self.servers[1 - old].wait_log("given up")

    def test_a_leader_that_is_told_to_stop_hands_over(self):
        old = self.leader()
        job_id = self.begin_work()
        self.some_done(60)
        self.assertEqual(0, self.servers[old].stop())
        self.next_leader(old)
        self.some_done(180)
        events = self.servo("events", "--since", "1h", "-o", "jsonl").jsonl()
        self.assertIn("leader.changed", [event["kind"] for event in events])
        self.assert_all_recorded(job_id)

    def test_a_standby_tells_what_is_over_and_asks_the_leader_for_the_rest(self):
        self.port = self.ports[1 - self.leader()]
        self.executor = self.spawn(
            "executor", "--server", self.server_list, "--executor-name", "one", "--slots", "2",
            "--scratch-root", os.path.join(self.folder, "scratch"))
        self.apply("version: 1\nassets:" + harness.ledger_asset("minutes", self.folder, self.ledger))
        window = ("minutes", "--start", "2024-01-01T00:00:00Z", "--end", "2024-01-01T00:10:00Z")
        ended = self.begin(*window)
        self.assert_counts(self.wait_job(ended), completed=10)
        self.servo("executor", "drain", "one")
        waiting = self.begin(*window, "--reprocess", "all")

        def told(path):
            with harness.DIRECT.open(self.url + path, timeout=30) as reply:
                return reply.headers["Servo-As-Of"], harness.json.loads(reply.read())

        instant = datetime.datetime.fromisoformat
        as_of, job = told(f"/v1/backfills/{ended}")
        self.assertEqual("completed", job["state"])
        self.assertGreaterEqual(instant(job["as_of"]), instant(as_of))
        # It never promises more than there is, and catches up.
        harness.wait_until(
            lambda: instant(told(f"/v1/backfills/{ended}")[0]) >= instant(job["completed_at"]),
            "the record is as new as the end of the backfill")
        self.assertIsNotNone(told("/v1/events")[0])
        self.assertIsNone(told("/v1/assets/minutes/partitions")[0], "an open backfill owns some")
        live, job = told(f"/v1/backfills/{waiting}")
        self.assertIsNone(live)
        self.assertEqual(10, job["total_partitions"])
        self.servo("backfill", "cancel", waiting)
        self.wait_state(waiting, "cancelled")
        as_of, partitions = told("/v1/assets/minutes/partitions?limit=10")
        self.assertIsNotNone(as_of)
        self.assertEqual({"completed"}, {one["status"] for one in partitions["items"]})

    def test_any_server_answers_for_the_leader(self):
        old = self.leader()
        self.apply("version: 1\nassets:" + harness.ledger_asset("minutes", self.folder, self.ledger))
        self.ports = [self.ports[1 - old]]
        self.assertEqual("minutes", self.servo("asset", "list", "-o", "name").out.strip())


if __name__ == "__main__":
    unittest.main()

"""A server whose history is read from a streaming replica, which lags, dies, or is none."""
import json
import unittest

import harness
from harness import DIRECT, FAILED, NOT_ALLOWED, OK, wait_until
from test_leaders import postgres_server

DAYS = ("--start", "2024-01-01T00:00:00Z", "--end", "2024-01-01T00:06:00Z")  # 6 minutes


@unittest.skipUnless(postgres_server.binary_folder(), "PostgreSQL is not installed")
class Replica(harness.ServoTest):
    @classmethod
    def setUpClass(cls):
        cls.primary = postgres_server.PostgresServer()
        cls.addClassCleanup(cls.primary.close)
        cls.replica = postgres_server.PostgresServer(replica_of=cls.primary)
        cls.addClassCleanup(cls.replica.close)

    def setUp(self):
        super().setUp()
        self.name = self._testMethodName[:60]
        self.environment["SERVO_DATABASE_URL"] = self.primary.create_database(self.name)
        self.environment["SERVO_READ_DATABASE_URL"] = self.replica.url(self.name)
        self.servo("migrate")
        self.addCleanup(self.go_on)
        self.catch_up()

    def catch_up(self):
        """Everything that the primary has now is in the replica."""
        position = self.primary.psql("SELECT pg_current_wal_lsn()")
        wait_until(
            lambda: self.replica.psql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == "t",
            "the replica has caught up")

    def pause(self):
        """From here on the replica gets nothing more to see."""
        self.catch_up()
        self.replica.psql("SELECT pg_wal_replay_pause()")
        wait_until(lambda: self.replica.psql("SELECT pg_get_wal_replay_pause_state()") == "paused",
                   "the replay is paused")

    def go_on(self):
        if self.replica.process is None:
            self.replica.start()
        self.replica.psql("SELECT pg_wal_replay_resume()")

    def serve(self):
        return self.spawn("server", "--listen", f"127.0.0.1:{self.port}", "--metrics-listen", "off")

    def lead(self):
        process = self.serve()
        wait_until(lambda: self.ready() or not process.alive(), "the server answers")
        self.assertTrue(process.alive(), process.log())
        return process

    def work(self):
        """An executor, and an asset that it can run."""
        self.spawn("executor", "--server", self.url, "--executor-name", "one", "--slots", "1")
        self.apply("version: 1\nassets:" + harness.ledger_asset(
            "minutes", self.folder, self.folder + "/ledger"))

    def as_of(self, path):
        with DIRECT.open(self.url + path, timeout=10) as reply:
            return reply.headers.get("Servo-As-Of"), json.loads(reply.read())

    def test_what_decides_or_is_open_is_not_read_from_a_replica_that_lags(self):
        self.lead()
        self.work()
        self.pause()
        job_id = self.begin("minutes", *DAYS)
        self.assertIn(job_id, self.servo("backfill", "list", "--status", "open,completed").out)
        self.assert_counts(self.wait_job(job_id), completed=6)
        again = self.servo("backfill", "start", "minutes", *DAYS, code=None)
        self.assertIn("6 completed", again.err)
        key = ("backfill", "start", "minutes", *DAYS, "--reprocess", "all", "--idempotency-key", "k1")
        self.assertEqual(self.servo(*key).out, self.servo(*key).out)
        # What is over may lack the newest, and says so.
        told, body = self.as_of("/v1/backfills?status=completed")
        self.assertIsNotNone(told)
        self.assertEqual([], body["items"])
        told, body = self.as_of("/v1/backfills")
        self.assertIsNone(told)
        self.assertIn(job_id, [item["id"] for item in body["items"]])
        self.go_on()
        self.catch_up()
        self.assertIn(job_id, self.servo("backfill", "list", "--status", "completed").out)
        self.assert_sound()

    def test_a_token_is_made_and_ends_whatever_the_replica_knows(self):
        self.pause()
        first = self.servo("token", "create", "--role", "admin", "--offline").out.strip()
        self.lead()
        self.servo("asset", "list", code=NOT_ALLOWED)  # it is not open to all
        self.environment["SERVO_TOKEN"] = first
        made = self.servo("token", "create", "--role", "admin", "-o", "json").json()
        self.servo("token", "rotate", made["token"]["id"])
        self.environment["SERVO_TOKEN"] = made["text"]
        self.servo("asset", "list")
        self.servo("token", "revoke", made["token"]["id"])
        self.servo("asset", "list", code=NOT_ALLOWED)

    def test_without_its_replica_a_server_goes_on_with_the_primary(self):
        server = self.lead()
        self.work()
        self.replica.stop()
        job_id = self.begin("minutes", *DAYS)
        self.wait_job(job_id)
        self.assertIn(job_id, self.servo("backfill", "list", "--status", "completed").out)
        self.assertIn(job_id, self.servo("events").out)
        self.servo("report")
        server.wait_log("history is read from the primary")
        server.stop()
        # It starts without it, too, and `servo doctor` says so.
        self.lead()
        self.assertIn(job_id, self.servo("events").out)
        doctor = self.servo("doctor", code=(OK, FAILED))
        self.assertRegex(doctor.out, r"read database +warning +.*History is read from the primary")

    def test_doctor_says_how_the_replica_does(self):
        self.assertRegex(self.servo("doctor", code=FAILED).out, r"read database +ok")
        self.pause()
        self.primary.psql("CREATE TABLE something (x INT)", self.name)
        self.assertIn("pg_wal_replay_resume", self.servo("doctor", code=FAILED).out)

    def test_a_database_that_is_no_replica_is_refused(self):
        other = self.primary.create_database(self.name[:50] + "_other")
        mine = self.environment["SERVO_DATABASE_URL"]
        self.environment["SERVO_DATABASE_URL"] = other
        self.servo("migrate")
        self.environment["SERVO_DATABASE_URL"] = mine
        self.environment["SERVO_READ_DATABASE_URL"] = other
        server = self.serve()
        self.assertEqual(harness.CONFLICT, server.wait_exit())
        self.assertIn("is another installation of Servo", server.log())
        self.assertNotIn("read from the primary", server.log())
        self.assertIn("is another installation", self.servo("doctor", code=FAILED).out)

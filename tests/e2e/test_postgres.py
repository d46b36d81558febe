"""Servo on PostgreSQL: server and executor as processes of their own, a backfill to its end."""
import json
import os
import subprocess
import sys
import unittest

from harness import (CONFLICT, FAILED, NOT_ALLOWED, OK, SCHEMA_TOO_NEW, START_DEADLINE_S,
                     ServoTest, free_port, ledger_asset, read_ledger, wait_until)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "postgres"))
from pooler import Pooler, installed  # noqa: E402
from server import PASSWORD, USER, PostgresServer  # noqa: E402

DAYS = ("--start", "2024-01-01T00:00:00Z", "--end", "2024-01-01T01:00:00Z")  # 60 minutes


class OnPostgres(ServoTest):
    @classmethod
    def setUpClass(cls):
        cls.database = PostgresServer()
        cls.addClassCleanup(cls.database.close)
        cls.count = 0

    def setUp(self):
        super().setUp()
        type(self).count += 1
        self.name = f"e2e_{self.count}"
        self.environment["SERVO_DATABASE_URL"] = self.database_url()
        self.ledger = os.path.join(self.folder, "ledger")

    def database_url(self):
        return self.database.create_database(self.name)

    def psql(self, sql):
        return self.database.psql(sql, self.name)

    def leads(self):
        status, body = self.http("/readyz")
        return status == 200 and json.loads(body)["role"] == "leader"

    def start_server(self):
        """`servo server` on a free port, ready to answer."""
        for _ in range(5):
            process = self.spawn("server", "--listen", f"127.0.0.1:{self.port}", "--data-dir",
                                 self.data_dir)
            wait_until(lambda: self.leads() or not process.alive(), "the server leads",
                       START_DEADLINE_S)
            if process.alive():
                return process
            if "in use" not in process.log():
                break
            self.port = free_port()
        self.fail(process.log())
        return None

    def start_executor(self, name="worker"):
        self.environment["SERVO_SERVER"] = self.url
        return self.spawn("executor", "--executor-name", name, "--slots", "2")

    def apply_ledger(self):
        self.apply("version: 1\nassets:" + ledger_asset("minutes", self.folder, self.ledger))

    def assert_secret(self):
        """Nothing that Servo wrote holds the database's password."""
        for process in self.processes:
            self.assertNotIn(PASSWORD, process.log())

    def test_a_backfill_runs_to_its_end_and_survives_the_death_of_the_server(self):
        self.servo("migrate")
        server = self.start_server()
        self.start_executor()
        self.apply_ledger()
        job_id = self.begin("minutes", *DAYS)
        wait_until(lambda: len(read_ledger(self.ledger)) > 5, "some partitions ran")
        server.kill()
        self.start_server()
        job = self.wait_job(job_id)
        self.assert_counts(job, completed=60, failed=0, pending=0)
        self.assertEqual(60, len({key for _, _, key, _ in read_ledger(self.ledger)}))
        self.assert_sound()
        self.assertEqual("60", self.psql("SELECT sum(partitions) FROM done_ranges"))
        self.assertIn("servo-server-", self.psql(
            "SELECT string_agg(application_name, ' ') FROM pg_stat_activity"))
        self.assert_secret()

    def takeovers(self):
        events = self.servo("events", "--since", "1h", "-o", "jsonl").jsonl()
        return [event["detail"] for event in events if event["kind"] == "leader.changed"]

    def test_a_server_that_is_started_again_knows_that_the_one_before_has_ended(self):
        self.servo("migrate")
        self.start_server().kill()
        self.start_server()
        told, = wait_until(self.takeovers, "the takeover is an event")
        self.assertIn("which had ended", told)

    def test_a_standby_sees_that_the_leaders_process_is_gone(self):
        self.servo("migrate")
        leader = self.start_server()
        self.apply_ledger()
        self.port = free_port()
        self.spawn("server", "--listen", f"127.0.0.1:{self.port}", "--metrics-listen", "off")
        wait_until(lambda: self.http("/readyz")[0] == 200, "the other stands by")
        self.assertEqual("minutes\n", self.servo("asset", "list", "-o", "name").out)
        leader.kill()
        wait_until(self.leads, "the other leads")
        told, = self.takeovers()
        self.assertIn("which had ended", told)

    def test_a_server_goes_on_when_its_database_comes_back(self):
        self.servo("migrate")
        self.start_server()
        self.start_executor()
        self.apply_ledger()
        job_id = self.begin("minutes", *DAYS)
        wait_until(lambda: len(read_ledger(self.ledger)) > 5, "some partitions ran")
        self.database.kill()
        self.database.start()
        self.assert_counts(self.wait_job(job_id), completed=60, failed=0, pending=0)
        self.assert_sound()
        self.assert_secret()

    def test_a_server_asks_for_migrate_and_refuses_a_newer_schema(self):
        refused = self.servo("server", "--listen", f"127.0.0.1:{self.port}", code=CONFLICT)
        self.assertIn("servo migrate", refused.err)
        self.assertIn("initial", self.servo("migrate", "--dry-run", code=FAILED).out)
        self.servo("migrate")
        self.assertIn("up to date", self.servo("migrate", "--dry-run", code=OK).err)
        self.psql("INSERT INTO schema_migrations VALUES (3, 'next', 'breaking', 7, 3, 0)")
        for verb in (["server", "--listen", f"127.0.0.1:{self.port}"], ["migrate"]):
            self.assertIn("newer servo", self.servo(*verb, code=SCHEMA_TOO_NEW).err)

    def test_the_schema_can_be_applied_by_hand(self):
        """By psql, as the role of Servo; what is recorded is what `servo migrate` would record."""
        script = self.write("steps.sql", self.servo("migrate", "--show-sql").out)
        done = subprocess.run(
            [os.path.join(self.database.binaries, "psql"), "-X", "--set=ON_ERROR_STOP=1",
             f"--file={script}", f"--dbname={self.database.url(self.name)}"],
            check=False, capture_output=True, text=True, timeout=60)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn("up to date", self.servo("migrate", "--dry-run", code=OK).err)
        self.assertEqual("", self.servo("migrate", "--show-sql").out)
        recorded = "SELECT version, name, kind, checksum, oldest_allowed FROM schema_migrations"
        by_hand = self.psql(recorded)
        self.psql("DROP OWNED BY servo")
        self.servo("migrate")
        self.assertEqual(self.psql(recorded), by_hand)

    def test_a_job_is_found_by_the_id_that_people_write(self):
        """Through an index, also where row-level security holds."""
        self.servo("migrate")
        for tenant in ("all", "1"):
            for asked in (*(f"{view} WHERE job_id" for view in
                            ("work_ranges", "done_ranges", "partitions")), "jobs WHERE job_text"):
                plan = self.psql(f"SET ROLE {USER}; SET enable_seqscan = off;"
                                 f" SET servo.tenant = '{tenant}';"
                                 f" EXPLAIN SELECT * FROM {asked} = 'bf_7k2m4n8p1q3r5s6t'")
                with self.subTest(asked=asked, tenant=tenant):
                    self.assertIn("jobs_by_text", plan)

    def test_the_first_token_is_made_offline_while_nobody_leads(self):
        self.assertIn("servo migrate", self.servo(
            "token", "create", "--role", "admin", "--offline", code=CONFLICT).err)
        self.servo("migrate")
        server = self.start_server()
        refused = self.servo("token", "create", "--role", "admin", "--offline", code=CONFLICT)
        self.assertIn("A server leads on this store", refused.err)
        self.servo("asset", "list")  # it still does
        server.stop()
        token = self.servo("token", "create", "--role", "admin", "--offline").out.strip()
        self.start_server()
        self.servo("asset", "list", code=NOT_ALLOWED)
        self.environment["SERVO_TOKEN"] = token
        self.servo("asset", "list")
        self.assert_sound()

    def test_a_database_url_that_does_not_do_is_told_why_in_one_line(self):
        for url, words in (
                ("postgresql://servo@127.0.0.1:1/x", "Connection refused Is the server running"),
                ("postgresql://servo@127.0.0.1/x?foo=bar", 'it knows no "foo"'),
                (f"host=127.0.0.1 password=my {PASSWORD}=x", "cannot be read. It looks like")):
            self.environment["SERVO_DATABASE_URL"] = url
            refused = self.servo("migrate", code=None)
            self.assertNotEqual(OK, refused.code)
            self.assertIn(words, refused.err)
            self.assertNotIn(PASSWORD, refused.err)

    def test_dev_migrates_by_itself_and_the_offline_verbs_know_the_database(self):
        process = self.start("--slots", "1")
        process.wait_log("PostgreSQL")
        self.assertFalse(os.path.exists(os.path.join(self.data_dir, "servo.db")))
        self.assertIn("sound", self.servo("fsck").out)
        self.assertEqual(
            [{"number": 1, "text": "1", "none": None, "yes": True, "text_2": 2,
              "long": "1.2345678901234567899", "mean": 12}],
            self.servo("sql", "SELECT count(*) AS number, '1' AS text, NULL AS none, true AS yes,"
                       " 2 AS text, 1.2345678901234567899 AS long, avg(12) AS mean FROM leader", "-o", "jsonl").jsonl())
        self.assertIn("pg_dump", self.servo("backup", "x.db", code=CONFLICT).err)
        doctor = self.servo("doctor")
        self.assertIn("db durability", doctor.out)
        self.assertNotIn(PASSWORD, doctor.out + doctor.err)
        self.assertNotIn(PASSWORD, self.servo("config", "view").out)
        self.assert_secret()


@unittest.skipUnless(installed(), "PgBouncer is not installed")
class BehindPgBouncer(OnPostgres):
    """The same through a real pooler in transaction mode."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pooler = Pooler(cls.database)
        cls.addClassCleanup(cls.pooler.close)

    def database_url(self):
        super().database_url()
        return self.pooler.url(self.name)

    def test_doctor_sees_the_pooler(self):
        self.servo("migrate")
        self.assertIn("behind a pooler", self.servo("doctor", code=(OK, FAILED)).out)
        self.assertIn("transaction", "".join(self.pooler.show("POOLS")))
        self.assert_secret()

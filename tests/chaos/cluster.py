"""Several servers on one PostgreSQL, executors beside them, and an account of what really ran.

Every program of a partition writes down when it starts and when it ends, with its fencing token, in
a file that Servo knows nothing of: the effect ledger. After each scenario the database and that
ledger must tell the same story.
"""
import collections
import contextlib
import datetime
import http.client
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TESTS, "e2e"))
sys.path.insert(0, os.path.join(TESTS, "postgres"))

from harness import DIRECT, MARKER, ServoTest, free_port, wait_until  # noqa: E402
from proxy import Proxy  # noqa: E402
from server import PostgresServer  # noqa: E402

DATABASE = "servo"
# How much longer the scenarios go on: 1 in scripts/test, more by command.
SCALE = float(os.environ.get("SERVO_CHAOS_SCALE", "1"))
HEALED_DEADLINE_S = 240

Effect = collections.namedtuple("Effect", "what at token backfill key attempt")


def rounds(count):
    """`count` rounds of a fault in the short run, more in a long one."""
    return max(1, round(count * SCALE))


class Node:
    """A server or executor that is started again under the same name and address."""

    def __init__(self, test, name, arguments, environment):
        self.test = test
        self.name = name
        self.arguments = arguments
        self.environment = environment
        self.process = None

    def start(self):
        self.process = self.test.spawn_with(self.environment, *self.arguments)
        return self

    def kill(self):
        self.process.kill()

    def stop(self):
        return self.process.stop()

    def restart(self):
        if self.process.alive():
            self.kill()
        return self.start()


class Server(Node):
    def __init__(self, test, number):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            test, f"server-{number}",
            ["server", "--listen", f"127.0.0.1:{self.port}", "--advertise-url", self.url,
             "--metrics-listen", "off"],
            {"SERVO_DATABASE_URL": test.database_url()})

    def answers(self, path="/readyz"):
        try:
            with DIRECT.open(self.url + path, timeout=5) as reply:
                return reply.status == 200
        except (OSError, http.client.HTTPException):
            return False


class Cluster(ServoTest):
    """A scenario's base: `servers` servers and `executors` executors with `slots` slots each."""

    servers_count = 2
    executors_count = 2
    slots = 2

    def setUp(self):
        super().setUp()
        self.database = self.new_database()
        self.addCleanup(self.database.close)
        self.database.create_database(DATABASE)
        self.link = Proxy(("127.0.0.1", self.database.port))  # between servers and database
        self.addCleanup(self.link.close)
        self.addCleanup(self.end_processes)  # before the database goes
        self.make_schema()
        self.ledger = os.path.join(self.folder, "ledger")
        self.servers = [Server(self, i) for i in range(self.servers_count)]
        self.executors = [self.new_executor(i) for i in range(self.executors_count)]
        for node in self.servers:
            node.start()
        self.wait_led()
        self.apply_work()
        for node in self.executors:
            node.start()
        self.jobs = {}
        self.next_day = datetime.date(2024, 1, 1)  # that no backfill has

    def new_database(self):
        return PostgresServer()

    def make_schema(self):
        plain = self.environment
        self.environment = plain | {"SERVO_DATABASE_URL": self.database_url()}
        self.servo("migrate")
        self.environment = plain

    def database_url(self):
        return self.database.url(DATABASE).replace(
            f":{self.database.port}/", f":{self.link.port}/")

    def new_executor(self, number, urls=None):
        urls = urls or ",".join(server.url for server in self.servers)
        return Node(self, f"executor-{number}",
                    ["executor", "--server", urls, "--executor-name", f"executor-{number}",
                     "--slots", str(self.slots), "--health-listen", "off"], {})

    def spawn_with(self, environment, *arguments):
        plain = self.environment
        self.environment = plain | environment
        try:
            return self.spawn(*arguments)
        finally:
            self.environment = plain

    # --- who leads ---------------------------------------------------------------------------

    def led(self):
        """The server whose url the database names and that answers, or None."""
        with contextlib.suppress(RuntimeError):
            url = self.database.psql("SELECT url FROM leader", DATABASE)
            for server in self.servers:
                if server.url == url and server.process.alive() and server.answers():
                    return server
        return None

    def wait_led(self):
        leader = wait_until(self.led, "some server leads", HEALED_DEADLINE_S)
        self.port = leader.port  # where commands go
        return leader

    def epoch(self):
        return int(self.database.psql("SELECT epoch FROM leader", DATABASE))

    # --- work --------------------------------------------------------------------------------

    def apply_work(self):
        """`quick`: a moment each; `slow`: most of a second, so that faults meet running ones."""
        def asset(name, every, seconds):
            line = "$EPOCHREALTIME $SERVO_FENCING_TOKEN $SERVO_BACKFILL_ID " \
                   "$SERVO_PARTITION_KEY $SERVO_ATTEMPT"
            script = (f'echo "S {line}" >> {self.ledger}; sleep {seconds}; '
                      f'echo "E {line}" >> {self.ledger}')
            return f"""
  {name}:
    partitions: {{ every: {every}, start: 2024-01-01 }}
    run: {{ command: [bash, -c, {json.dumps(script)}] }}
    env: {{ {MARKER}: {json.dumps(self.folder)} }}
"""
        self.apply("version: 1\nassets:" + asset("quick", "1m", 0.01) + asset("slow", "hour", 0.7))

    def start_work(self, quick_hours=6, slow_days=1):
        """Two backfills; remembered with their sizes for the account at the end."""
        self.start_more(quick_hours, slow_days)
        self.wait_effects(1)

    def start_more(self, quick_hours=6, slow_days=1):
        first = self.next_day
        self.next_day += datetime.timedelta(days=slow_days)
        last = self.next_day - datetime.timedelta(days=1)
        for asset, end, count in (("quick", f"{first}T{quick_hours:02}:00", quick_hours * 60),
                                  ("slow", str(last), slow_days * 24)):
            outcome = self.servo("backfill", "start", asset, "--start", str(first), "--end", end)
            self.jobs[outcome.out.strip()] = count

    def effects(self):
        if not os.path.exists(self.ledger):
            return []
        rows = []
        with open(self.ledger, encoding="ascii") as file:
            for line in file:
                what, at, token, backfill, key, attempt = line.split()
                rows.append(Effect(what, float(at), int(token), backfill, key, int(attempt)))
        return rows

    def wait_effects(self, more, since=0):
        """Until `more` partitions have ended beyond `since`; how many have by then. Where all that
        there was has ended, more of it is started."""
        def ended():
            return sum(1 for effect in self.effects() if effect.what == "E")

        def enough():
            now = ended()
            if now < since + more and now >= sum(self.jobs.values()):
                self.start_more()
            return now >= since + more

        wait_until(enough, f"{more} more partitions end", HEALED_DEADLINE_S)
        return ended()

    # --- the account -------------------------------------------------------------------------

    def sql(self, statement):
        text = self.database.psql(f"SELECT coalesce(json_agg(t), '[]') FROM ({statement}) t",
                                  DATABASE)
        return json.loads(text)

    def finish(self):
        """Everything ends without a human hand (I18), then everything adds up."""
        self.link.heal()
        self.wait_led()
        for job_id, count in self.jobs.items():
            job = self.wait_job(job_id, deadline_s=HEALED_DEADLINE_S)
            self.assert_counts(job, completed=count, failed=0, skipped=0, cancelled=0)
        self.assert_sound()
        for node in [*self.executors, *self.servers]:
            if node.process is not None and node.process.alive():
                self.assertEqual(0, node.stop(), node.process.log()[-3000:])
        self.assert_no_process_left()
        self.check_database()
        self.check_effects()

    def check_database(self):
        total = sum(self.jobs.values())
        rows = self.sql("SELECT job_id, key, state FROM partitions")
        self.assertEqual({"completed"}, {row["state"] for row in rows})
        keys = [(row["job_id"], row["key"]) for row in rows]
        self.assertEqual(total, len(keys), "partitions of all jobs (I1)")
        self.assertEqual(total, len(set(keys)), "a partition is there twice (I2)")
        logged, = self.sql("SELECT sum(entries) AS entries FROM done_log")
        self.assertEqual(total, logged["entries"], "a partition was logged twice (I2)")
        self.assertEqual([], self.sql("SELECT lease_id FROM leases"), "leases are left (I8)")
        chain = self.sql("SELECT epoch, seq FROM batches ORDER BY seq")
        for before, after in zip(chain, chain[1:]):
            self.assertEqual(before["seq"] + 1, after["seq"], "the chain has a gap (I5)")
            self.assertLessEqual(before["epoch"], after["epoch"], "an old epoch wrote (I5)")

    def check_effects(self):
        starts = [effect for effect in self.effects() if effect.what == "S"]
        tokens = [effect.token for effect in starts]
        self.assertEqual(len(tokens), len(set(tokens)), "a token was given to two attempts (C3)")
        ends = {effect.token: effect.at for effect in self.effects() if effect.what == "E"}
        attempts = collections.defaultdict(list)
        for effect in starts:
            attempts[effect.backfill, effect.key].append(effect)
            self.assertEqual(1, effect.attempt, "a fault of ours spent an attempt (I12)")
        self.assertEqual(sum(self.jobs.values()), len(attempts))
        for place, runs in attempts.items():
            self.assertTrue(any(run.token in ends for run in runs),
                            f"{place} is recorded as done and never ran to its end")
            runs.sort(key=lambda run: run.at)
            for before, after in zip(runs, runs[1:]):
                self.assertLess(before.token, after.token, f"{place}: tokens fall")
                if before.token in ends:
                    self.assertLess(ends[before.token], after.at, f"{place} ran twice at once (I3)")

"""Partition programs that misbehave, and what Servo records and cleans up after them."""
import json
import os

from harness import (FAILED, LEASE_TTL_S, MARKER, NOT_FOUND, OK, ServoTest, ledger_asset, processes_with, runs_servo,
                     read_ledger, resident_kib, wait_until)

ONE_DAY = ("--start", "2024-01-01", "--end", "2024-01-01")
GIB = 1024 ** 3
LOG_TAIL_BYTES_MAX = 64 * 1024
RESIDENT_MAX_KIB = 512 * 1024


class Programs(ServoTest):
    def setUp(self):
        super().setUp()
        self.process = self.start("--slots", "2")

    def asset(self, name, script, retries="{ max_attempts: 1 }", extra=""):
        self.apply(f"""version: 1
assets:
  {name}:
    partitions: {{ every: day, start: 2024-01-01 }}
    run: {{ command: {{ argv: [{json.dumps(script)}], shell: true }} }}
    env: {{ {MARKER}: {json.dumps(self.folder)} }}
    retries: {retries}
{extra}""")

    def outcome(self, name, code=FAILED):
        """Runs the one day; the partition as recorded."""
        job_id = self.begin(name, *ONE_DAY)
        self.wait_job(job_id, code=code)
        return self.servo("partition", "status", name, "2024-01-01", "-o", "json").json()

    def children(self):
        """What runs on behalf of partitions: everything of this test but Servo's own processes."""
        return {pid for pid in processes_with(self.folder) if not runs_servo(pid)}

    def test_a_program_that_does_not_exist(self):
        self.apply("version: 1\nassets:\n  missing:\n"
                   "    partitions: { every: day, start: 2024-01-01 }\n"
                   "    run: { command: [no-such-program-here, \"{partition.key}\"] }\n")
        partition = self.outcome("missing")
        self.assertEqual("configuration", partition["failure_class"])
        self.assertIn("no-such-program-here", partition["message"])
        self.assertEqual(1, partition["attempt"])

    def test_exit_codes_become_classes(self):
        for code, failure_class in [(1, "error"), (3, "error"), (65, "data"), (75, "transient"),
                                    (77, "auth"), (78, "configuration"), (126, "configuration"),
                                    (127, "configuration"), (134, "crash"), (139, "crash")]:
            with self.subTest(code=code):
                name = f"exits-{code}"
                self.asset(name, f"echo why-{code} >&2; exit {code}")
                partition = self.outcome(name)
                self.assertEqual((failure_class, code),
                                 (partition["failure_class"], partition["exit_code"]))
                self.assertIn(f"why-{code}",
                              self.servo("partition", "logs", name, "2024-01-01").out)

    def test_a_program_killed_by_a_signal(self):
        self.asset("segfault", "kill -SEGV $$")
        partition = self.outcome("segfault")
        self.assertEqual(("crash", -11), (partition["failure_class"], partition["exit_code"]))

    def test_a_program_that_prints_a_gibibyte(self):
        self.asset("loud", f"head -c {GIB} /dev/zero | tr '\\0' 'x'; echo; echo the-end")
        self.outcome("loud", code=OK)
        log = self.servo("partition", "logs", "loud", "2024-01-01").out
        self.assertLessEqual(len(log), LOG_TAIL_BYTES_MAX + 1024)
        self.assertGreaterEqual(len(log), LOG_TAIL_BYTES_MAX)  # of a success as well
        self.assertIn("the-end", log)
        self.assertLess(resident_kib(self.process.pid), RESIDENT_MAX_KIB)

    def test_a_program_that_never_ends_is_killed_with_all_it_started(self):
        # A child in a session of its own, deaf to polite signals, and a parent deaf as well.
        script = ("trap '' TERM INT HUP; setsid sh -c 'trap \"\" TERM INT HUP; while :; do sleep 1; "
                  "done' & while :; do sleep 1; done")
        self.asset("endless", script, extra="    timeout: 2s\n")
        partition = self.outcome("endless")
        self.assertEqual("timeout", partition["failure_class"])
        wait_until(lambda: not self.children(), "the program's processes are gone", 30)
        self.assertTrue(self.process.alive())

    def test_a_program_that_leaves_children_behind(self):
        self.asset("parent", "(setsid sleep 600 >/dev/null 2>&1 &) ; exit 0")
        self.assertEqual("completed", self.outcome("parent", code=OK)["status"])
        wait_until(lambda: not self.children(), "what it left behind is gone", 30)

    def test_a_program_that_forks_until_it_is_killed(self):
        self.asset("forks", "while :; do setsid sleep 600 & sleep 0.02; done", extra="    timeout: 2s\n")
        self.assertEqual("timeout", self.outcome("forks")["failure_class"])
        wait_until(lambda: not self.children(), "all of them are gone", 30)

    def test_a_program_that_takes_too_much_memory(self):
        self.asset("hog", "head -c 4G /dev/zero | tail -n 1 > /dev/null", extra="    resources: { memory: 64Mi }\n")
        partition = self.outcome("hog")
        self.assertEqual("resource", partition["failure_class"])
        self.assertIn("its limit of 64Mi", partition["message"])

    def test_what_a_program_is_given(self):
        seen = os.path.join(self.folder, "seen")
        self.environment["AWS_SECRET_ACCESS_KEY"] = "canary"  # the executor's, not the program's
        self.process.stop()
        scratch = os.path.join(self.folder, "scratch")
        self.process = self.start("--slots", "1", "--scratch-root", scratch)
        os.chmod(self.write("key", "of-the-file\n"), 0o600)
        self.asset("look", f"env > {seen}; pwd >> {seen}; "
                           "echo '{\"rows\": 7, \"bytes\": 70}' > $SERVO_RESULT_FILE",
                   extra="    secrets: { KEY: { file: ./key } }\n")
        partition = self.outcome("look", code=OK)
        self.assertEqual((7, 70), (partition["rows"], partition["bytes"]))
        with open(seen, encoding="utf-8") as file:
            text = file.read()
        for line in ("SERVO_PARTITION_KEY=2024-01-01", "SERVO_ATTEMPT=1", "SERVO_GENERATION=1",
                     "SERVO_ASSET_NAME=look", "SERVO_PARTITION_START=2024-01-01T00:00:00", "SERVO_TENANT_ID=default",
                     "SERVO_PARTITION_END=2024-01-02T00:00:00", f"{MARKER}={self.folder}", "KEY=of-the-file",
                     f"SERVO_SCRATCH_DIR={os.path.realpath(scratch)}/"):
            self.assertIn(line, text)
        self.assertNotIn("canary", text)
        self.assertTrue(text.endswith(os.path.realpath(self.folder) + "\n"), text)

    def test_attempts_of_a_transient_failure_carry_new_tokens_and_one_key(self):
        seen = os.path.join(self.folder, "seen")
        self.asset("thrice", f"echo $SERVO_ATTEMPT $SERVO_FENCING_TOKEN $SERVO_IDEMPOTENCY_KEY >> {seen}"
                             "; test $SERVO_ATTEMPT -ge 3 || exit 75",
                   retries="{ max_attempts: 3, backoff: { initial: 100ms, max: 1s } }")
        self.assertEqual("completed", self.outcome("thrice", code=OK)["status"])
        with open(seen, encoding="ascii") as file:
            rows = [line.split() for line in file]
        self.assertEqual(["1", "2", "3"], [row[0] for row in rows])
        tokens = [int(row[1]) for row in rows]
        self.assertEqual(sorted(set(tokens)), tokens)
        self.assertEqual(1, len({row[2] for row in rows}))


class LiveLogs(ServoTest):
    """What a program prints is seen while it runs; `go` lets it end."""

    def setUp(self):
        super().setUp()
        self.start("--slots", "2")
        self.go = os.path.join(self.folder, "go")
        self.apply(f"""version: 1
assets:
  talk:
    partitions: {{ every: day, start: 2024-01-01 }}
    run: {{ command: {{ argv: ["echo early; while [ ! -e {self.go} ]; do sleep 0.05; done; echo late; exit $EXIT"],
                       shell: true }} }}
    env: {{ {MARKER}: {json.dumps(self.folder)}, EXIT: "0" }}
    retries: {{ max_attempts: 1 }}
  silent:
    partitions: {{ every: day, start: 2024-01-01 }}
    run: {{ command: {{ argv: ["while [ ! -e {self.go} ]; do sleep 0.05; done"], shell: true }} }}
""")

    def let_go(self):
        with open(self.go, "w", encoding="ascii"):
            pass

    def test_a_follower_sees_output_before_the_program_ends(self):
        job_id = self.begin("talk", *ONE_DAY)
        follower = self.spawn("partition", "logs", "talk", "2024-01-01", "-f", "--server", self.url)
        wait_until(lambda: "early" in follower.log(), "the follower prints while the program runs")
        self.assertNotIn("late", follower.log())
        self.assertEqual("running", self.job(job_id)["state"])
        # A look at what there is so far ends by itself.
        self.assertEqual("early\n", self.servo("partition", "logs", "talk", "2024-01-01").out)
        self.let_go()
        self.assertEqual(OK, follower.wait_exit())
        self.assertEqual(["early", "late"], follower.log().split())
        self.assertEqual("early\nlate\n", self.servo("partition", "logs", "talk", "2024-01-01").out)

    def test_run_streams_and_ends_with_the_partition(self):
        runner = self.spawn("partition", "run", "talk", "2024-01-02", "--server", self.url)
        wait_until(lambda: "early" in runner.log(), "run prints while the program runs")
        self.assertNotIn("late", runner.log())
        self.let_go()
        self.assertEqual(OK, runner.wait_exit())
        self.assertEqual(1, runner.log().count("early"))
        self.assertIn("late", runner.log())
        self.assertIn("2024-01-02 completed", runner.log())

    def test_a_program_that_printed_nothing_yet_has_no_log(self):
        job_id = self.begin("silent", *ONE_DAY)
        wait_until(lambda: self.job(job_id)["running_partitions"] == 1, "it runs")
        told = self.servo("partition", "logs", "silent", "2024-01-01", code=NOT_FOUND)
        self.assertIn("it runs now", told.err)
        self.let_go()
        self.wait_job(job_id)


class Frozen(ServoTest):
    """SIGSTOP of the whole process past the leases' time to live, then SIGCONT."""

    def test_a_frozen_installation_comes_back_and_records_once(self):
        ledger = os.path.join(self.folder, "ledger")
        process = self.start("--slots", "2")
        self.apply("version: 1\nassets:" + ledger_asset(
            "slow", self.folder, ledger, every="hour", before="sleep 0.2; "))
        job_id = self.begin("slow", "--start", "2024-01-01", "--end", "2024-01-03")
        wait_until(lambda: self.job(job_id)["completed_partitions"] > 2, "it works")
        process.freeze(LEASE_TTL_S + 2)
        job = self.wait_job(job_id)
        self.assert_counts(job, completed=72, failed=0)
        self.assert_sound()

    def test_a_frozen_executor_loses_its_work_and_its_late_reports_change_nothing(self):
        ledger = os.path.join(self.folder, "ledger")
        self.spawn("server", "--data-dir", self.data_dir, "--listen", f"127.0.0.1:{self.port}",
                   "--metrics-listen", "off")
        wait_until(self.ready, "the server answers")
        self.apply("version: 1\nassets:" + ledger_asset(
            "slow", self.folder, ledger, every="hour", before="sleep 2; "))
        executors = {name: self.spawn("executor", "--server", self.url, "--executor-name", name,
                                  "--slots", "1")
                     for name in ("ada", "bob")}
        job_id = self.begin("slow", "--start", "2024-01-01", "--end", "2024-01-01")
        wait_until(lambda: self.busy() == {"ada": 1, "bob": 1}, "both work")
        self.assert_counts(self.job(job_id), failed=0)
        executors["ada"].freeze(LEASE_TTL_S + 4)
        job = self.wait_job(job_id)
        self.assert_counts(job, completed=24, failed=0)
        rows = read_ledger(ledger)
        self.assertEqual({1}, {attempt for _, _, _, attempt in rows})  # none was spent
        self.assertEqual(24, len({key for _, _, key, _ in rows}))
        recorded = [partition["key"] for partition in
                    self.partitions("slow", "--status", "completed", "--limit", "100")]
        self.assertEqual(24, len(recorded))
        self.assertEqual(24, len(set(recorded)))
        wait_until(lambda: set(self.busy()) == {"ada", "bob"}, "it is back")

    def busy(self):
        """Slots at work, by name of the executors that are up."""
        items = self.servo("executor", "list", "-o", "json").json()["items"]
        return {item["name"]: item["busy"] for item in items if item["state"] == "up"}

"""kill -9 of the whole installation, again and again, while it works under load."""
import collections
import datetime
import os
import time

from harness import ServoTest, ledger_asset, processes_with, read_ledger, wait_until

KILLS = 50
FIRST_DAY = datetime.date(2024, 1, 1)
DAYS_OF_BATCH = 3       # 4,320 tiny partitions of one minute each
LITTLE_WORK = 3_000     # below this, more is asked for: every kill meets a backfill under load


class Kill(ServoTest):
    def setUp(self):
        super().setUp()
        self.ledger = os.path.join(self.folder, "ledger")
        self.jobs = {}  # id -> (asset, number of partitions)

    def definitions(self):
        tiny = ledger_asset("tiny", self.folder, self.ledger)
        slow = ledger_asset("slow", self.folder, self.ledger, every="hour", before="sleep 0.2; ")
        return f"version: 1\nassets:{tiny}{slow}"

    def more_work(self, number):
        """Asks for the next days. The key makes it safe to ask again after a kill: one job, ever."""
        first = FIRST_DAY + datetime.timedelta(days=number * DAYS_OF_BATCH)
        last = first + datetime.timedelta(days=DAYS_OF_BATCH - 1)
        return self.run_servo("backfill", "start", "tiny", "--start", str(first), "--end",
                              str(last), "--idempotency-key", f"batch-{number}")

    def pending(self):
        jobs = self.servo("backfill", "list", "--status", "open", "--limit", "1000", "-o", "json")
        return sum(job["pending_partitions"] + job["running_partitions"]
                   for job in jobs.json()["items"])

    def cycle(self, number, batches):
        """One life: start, go on by itself, be given more work when there is little, be killed."""
        if number % 7 == 3:  # killed while it starts
            process = self.spawn_dev()
            time.sleep(self.random.random() * 0.2)
            process.kill()
            self.assert_no_process_left()
            return
        process = self.start()
        if self.pending() < LITTLE_WORK:
            outcome = self.more_work(len(batches))
            self.assertEqual(0, outcome.code, outcome)
            batches.append(outcome.out.strip())
        before = len(read_ledger(self.ledger))
        if number % 5 != 0:
            # Mostly: after this life has done some work of its own. Else: at once, in its first moment.
            wait_until(lambda: len(read_ledger(self.ledger)) > before, "work goes on by itself")
        time.sleep(self.random.random() * 0.4)  # the random moment itself
        process.kill()
        self.assert_no_process_left()

    def test_fifty_kills_lose_nothing_and_record_nothing_twice(self):
        self.start()
        self.apply(self.definitions())
        slow = self.begin("slow", "--start", "2024-01-01", "--end", "2024-01-03",
                          "--max-concurrency", "1")
        self.processes[-1].kill()
        batches = []
        for number in range(KILLS):
            self.cycle(number, batches)
            self.processes.pop()

        self.start()
        for job_id in [slow, *batches]:
            self.assert_counts(self.wait_job(job_id), failed=0, skipped=0, cancelled=0, pending=0)
        self.assert_sound()
        self.assertEqual(0, self.processes[-1].stop())
        self.assert_no_process_left()
        self.assert_sound_at_rest()
        self.check({slow, *batches})

    def sql(self, statement):
        return self.servo("sql", "--data-dir", self.data_dir, statement, "-o", "jsonl").jsonl()

    def check(self, jobs):
        """The store's log against what the programs wrote down themselves."""
        rows = read_ledger(self.ledger)
        tokens = [token for token, _, _, _ in rows]
        self.assertEqual(len(tokens), len(set(tokens)), "a fencing token was given to two attempts")
        self.assertEqual({1}, {attempt for _, _, _, attempt in rows}, "a kill spent an attempt")
        ran = collections.defaultdict(set)
        for _, job, key, _ in rows:
            ran[job].add(key)
        self.assertEqual(jobs, set(ran))

        recorded = collections.defaultdict(list)
        for row in self.sql("SELECT job_id, key, state FROM partitions"):
            self.assertEqual("completed", row["state"], row)
            recorded[row["job_id"]].append(row["key"])
        self.assertEqual(jobs, set(recorded))
        for job, keys in recorded.items():
            self.assertEqual(len(keys), len(set(keys)), "a partition is there twice")
            self.assertEqual(set(), set(keys) - ran[job], "recorded as done, but it never ran")
        total = sum(len(keys) for keys in recorded.values())
        logged, = self.sql("SELECT sum(entries) AS entries FROM done_log")
        self.assertEqual(total, int(logged["entries"]), "a partition was logged twice")
        self.assertGreaterEqual(len(rows), total)

    def test_children_end_with_the_process_that_started_them(self):
        self.start("--slots", "4")
        deaf = "trap '' TERM HUP INT; setsid sh -c 'trap \"\" TERM HUP; sleep 600' & "
        self.apply("version: 1\nassets:" + ledger_asset(
            "deaf", self.folder, self.ledger, every="hour", before=deaf + "sleep 600; "))
        self.begin("deaf", "--start", "2024-01-01", "--end", "2024-01-01")
        # Per slot: the shell and its sleep, the session leader and its sleep.
        wait_until(lambda: len(processes_with(self.folder)) > 4 * 3, "the programs run")
        self.processes[-1].kill()
        self.assert_no_process_left()

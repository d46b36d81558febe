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
            self.wait_job(job_id)
        self.check(slow, batches)
        self.assert_sound()
        self.assertEqual(0, self.processes[-1].stop())
        self.assert_no_process_left()
        self.assert_sound_at_rest()

    def check(self, slow, batches):
        rows = read_ledger(self.ledger)
        tokens = [token for token, _, _, _ in rows]
        self.assertEqual(len(tokens), len(set(tokens)), "a fencing token was given to two attempts")
        ran = collections.defaultdict(set)
        for _, job, key, _ in rows:
            ran[job].add(key)
        self.assertEqual({slow, *batches}, set(ran))
        recorded = collections.Counter()
        for asset in ("tiny", "slow"):
            for partition in self.partitions(asset, "--status", "completed", "--limit", "1000000"):
                recorded[partition["backfill_id"], partition["key"]] += 1
        self.assertEqual(set(), {key for key, times in recorded.items() if times != 1})
        for job_id in [slow, *batches]:
            job = self.job(job_id)
            self.assertEqual("completed", job["state"])
            self.assert_counts(job, completed=job["total_partitions"], failed=0)
            keys = {key for owner, key in recorded if owner == job_id}
            self.assertEqual(job["total_partitions"], len(keys))
            self.assertEqual(set(), keys - ran[job_id], "recorded as done, but it never ran")

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

"""Start, pause, resume, cancel, retry, set, wait: what each does, and the exit code it answers with."""
import os
import signal
import subprocess

from harness import (BINARY, CONFLICT, FAILED, NOT_FOUND, OK, TIMED_OUT, UNAVAILABLE, USAGE,
                     WAITED_FOR_CANCELLED, ServoTest, ledger_asset, read_ledger, wait_until)

ONE_DAY = ("--start", "2024-01-01", "--end", "2024-01-01")  # 1,440 partitions of a minute


class Control(ServoTest):
    """Assets: `quick` ends at once, `gated` ends when the file `gate` is there, `flaky` fails."""

    def setUp(self):
        super().setUp()
        self.ledger = os.path.join(self.folder, "ledger")
        self.gate = os.path.join(self.folder, "gate")
        wait = f"while ! test -e {self.gate}; do sleep 0.02; done; "
        flaky = f"test -e {self.gate} || exit 65; "
        self.start("--slots", "2")
        self.apply("version: 1\nassets:"
                   + ledger_asset("quick", self.folder, self.ledger)
                   + ledger_asset("gated", self.folder, self.ledger, before=wait)
                   + ledger_asset("flaky", self.folder, self.ledger, every="hour", before=flaky))

    def open_gate(self):
        with open(self.gate, "w", encoding="ascii"):
            pass

    def begin_running(self, *arguments):
        job_id = self.begin("gated", *ONE_DAY, *arguments)
        wait_until(lambda: self.job(job_id)["running_partitions"] > 0, "a partition runs")
        return job_id

    def test_start_prints_the_id_alone_and_echoes_the_range(self):
        outcome = self.servo("backfill", "start", "quick", *ONE_DAY)
        self.assertRegex(outcome.out, r"^bf_[0-9a-z]{16}\n$")
        self.assertIn("1,440", outcome.err)
        self.assertIn("2024-01-02T00:00", outcome.err)  # the resolved end, exclusive
        job = self.wait_job(outcome.out.strip())
        self.assertEqual("completed", job["state"])
        self.assert_counts(job, completed=1440)
        self.assertEqual(1440, len(read_ledger(self.ledger)))
        self.assertEqual({1}, {attempt for _, _, _, attempt in read_ledger(self.ledger)})

    def test_the_latest_revision_is_taken_when_what_runs_has_ended(self):
        program = f"case $SERVO_PARTITION_KEY in *-01) ;; *) while ! test -e {self.gate}; do sleep 0.02; done;; esac"
        steps = ("version: 1\nassets:\n  steps:\n    partitions: { every: day, start: 2024-01-01 }\n"
                 f"    run: {{ command: {{ argv: ['{program}'], shell: true }} }}\n")
        self.apply(steps)
        job_id = self.begin("steps", "--start", "2024-01-01", "--end", "2024-01-04",
                            "--max-concurrency", "1")

        def revisions():
            return [one.get("asset_revision") for one in self.partitions("steps", "--end", "2024-01-04")
                    if one["status"] == "completed"]

        wait_until(lambda: (j := self.job(job_id))["completed_partitions"] == 1
                   and j["running_partitions"] == 1, "the second one runs")
        self.apply(steps + "    timeout: 5m\n")
        self.servo("backfill", "set", job_id, "--revision", "latest")
        self.assertIn("the latest once none runs", self.servo("backfill", "status", job_id).out)
        self.assertIn("revision 2", self.servo("backfill", "explain", job_id).out)
        self.assertEqual([1], revisions())
        self.open_gate()
        job = self.wait_job(job_id)
        self.assertEqual((2, False), (job["asset_revision"], job["wants_latest"]))
        self.assertEqual([1, 1, 2, 2], revisions())

    def test_pause_holds_and_resume_goes_on(self):
        job_id = self.begin_running()
        self.servo("backfill", "pause", job_id, "--reason", "maintenance")
        self.servo("backfill", "pause", job_id)  # as it already is
        job = self.job(job_id)
        self.assertEqual("paused", job["state"])
        self.open_gate()  # what was running finishes and is recorded, and nothing else starts
        job = wait_until(lambda: (j := self.job(job_id))["running_partitions"] == 0 and j, "held")
        self.assertGreater(job["pending_partitions"], 0)
        self.assertEqual(len(read_ledger(self.ledger)), job["completed_partitions"])
        self.assertIn("maintenance", self.servo("backfill", "explain", job_id).out)
        self.assertIn("paused", self.servo("backfill", "list", "--status", "paused").out)
        self.servo("backfill", "resume", job_id)
        self.assert_counts(self.wait_job(job_id), completed=1440)
        events = self.servo("events", "--since", "1h").out
        self.assertIn("maintenance", events)

    def test_pause_now_kills_and_spends_no_attempt(self):
        job_id = self.begin_running()
        self.servo("backfill", "pause", job_id, "--now", "--reason", "at once")
        wait_until(lambda: self.job(job_id)["running_partitions"] == 0, "killed")
        self.assertEqual([], read_ledger(self.ledger))
        self.open_gate()
        self.servo("backfill", "resume", job_id)
        self.assert_counts(self.wait_job(job_id), completed=1440, failed=0)
        self.assertEqual({1}, {attempt for _, _, _, attempt in read_ledger(self.ledger)})

    def test_a_pause_for_a_time_ends_by_itself(self):
        self.open_gate()
        job_id = self.begin("gated", "--start", "2024-01-01", "--end", "2024-01-05")
        self.servo("backfill", "pause", job_id, "--for", "1s")
        self.assert_counts(self.wait_job(job_id), completed=7200)

    def test_cancel_lets_what_runs_finish(self):
        job_id = self.begin_running()
        self.servo("backfill", "cancel", job_id, "--reason", "wrong range")
        self.assertEqual("cancelling", self.job(job_id)["state"])
        self.open_gate()
        job = self.wait_job(job_id, code=WAITED_FOR_CANCELLED)
        self.assertEqual("cancelled", job["state"])
        self.assertEqual(len(read_ledger(self.ledger)), job["completed_partitions"])
        self.assert_counts(job, running=0, pending=0, failed=0)
        self.servo("backfill", "cancel", job_id)  # as it already is
        self.servo("backfill", "resume", job_id, code=CONFLICT)
        self.servo("backfill", "retry", job_id, code=CONFLICT)

    def test_cancel_by_force_kills(self):
        job_id = self.begin_running()
        self.servo("backfill", "cancel", job_id, "--force", "--reason", "now")
        job = self.wait_job(job_id, code=WAITED_FOR_CANCELLED)
        self.assert_counts(job, cancelled=1440)
        self.assertEqual([], read_ledger(self.ledger))
        # The partitions are free again.
        self.open_gate()
        self.assert_counts(self.wait_job(self.begin("gated", *ONE_DAY)), completed=1440)

    def test_retry_runs_the_failed_ones_again_and_only_those(self):
        job_id = self.begin("flaky", *ONE_DAY)
        job = self.wait_job(job_id, code=FAILED)
        self.assert_counts(job, failed=24)
        listed = self.servo("partition", "list", "flaky", "--status", "failed", "--class", "data",
                            "-o", "name").out.split()
        self.assertEqual(24, len(listed))
        self.servo("backfill", "retry", job_id, "--class", "timeout", code=None)  # none of that class
        self.assertEqual("failed", self.job(job_id)["state"])
        self.open_gate()
        self.servo("backfill", "retry", job_id, "--class", "data,timeout")
        self.assert_counts(self.wait_job(job_id), completed=24, failed=0)
        self.assertEqual(24, len(read_ledger(self.ledger)))
        self.servo("backfill", "retry", job_id, code=CONFLICT)  # completed: nothing to retry

    def test_too_many_failures_pause_the_job(self):
        job_id = self.begin("flaky", *ONE_DAY, "--max-failures", "3", "--max-concurrency", "1")
        job = self.wait_state(job_id, "paused", "failed")
        self.assertEqual(("paused", "too_many_failures"), (job["state"], job["state_reason"]))
        self.assertGreater(job["pending_partitions"], 0)

    def test_set_changes_a_job_and_says_the_rank(self):
        first, second = self.begin_running(), self.begin("quick", *ONE_DAY)
        done = self.servo("backfill", "set", second, "--priority", "5", "--sla-deadline", "+72h",
                          "--max-concurrency", "1", "--reason", "urgent", "-o", "json").json()
        self.assertEqual([1], [item["rank"] for item in done["items"]])
        self.assertEqual(5, self.job(second)["priority"])
        self.assertIsNotNone(self.job(second)["sla_deadline_at"])
        self.assertEqual(0, self.job(first)["priority"])
        self.servo("backfill", "set", second, "--priority", "11", code=USAGE)
        self.servo("backfill", "set", second, code=USAGE)
        self.open_gate()
        self.wait_job(first)
        self.wait_job(second)

    def test_wait_times_out_and_is_interrupted_without_cancelling(self):
        job_id = self.begin_running()
        self.servo("backfill", "wait", job_id, "--timeout", "1s", code=TIMED_OUT)
        self.assertEqual("running", self.job(job_id)["state"])
        self.servo("backfill", "pause", job_id)
        waiting = subprocess.Popen(
            [BINARY, "backfill", "wait", job_id], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, cwd=self.folder,
            env=self.environment | {"SERVO_SERVER": self.url})
        # It says that it waits for a paused job: from then on Ctrl-C detaches.
        self.assertIn("paused", waiting.stderr.readline())
        waiting.send_signal(signal.SIGINT)
        self.assertEqual(130, waiting.wait(timeout=30))
        waiting.stderr.close()
        self.assertEqual("paused", self.job(job_id)["state"])

    def test_several_jobs_by_prefix_and_by_filter(self):
        first = self.begin("gated", *ONE_DAY)
        second = self.begin("quick", *ONE_DAY, "--priority", "-3")
        self.servo("backfill", "pause", first[:10], second)
        self.assertEqual("paused", self.job(first)["state"])
        self.servo("backfill", "resume", first, code=OK)
        self.servo("backfill", "pause", "--all", "--priority-below", "0", "--reason", "load")
        self.assertNotEqual("paused", self.job(first)["state"])
        self.assertEqual("paused", self.job(second)["state"])
        self.servo("backfill", "cancel", "--all", "--force", "--reason", "end")
        for job_id in (first, second):
            self.wait_state(job_id, "cancelled")

    def test_exit_codes(self):
        self.servo("backfill", "status", "bf_0000000000000000", code=(NOT_FOUND, USAGE))
        self.servo("backfill", "start", "quik", *ONE_DAY, code=NOT_FOUND)
        self.assertIn("quick", self.run_servo("backfill", "start", "quik", *ONE_DAY).err)
        self.servo("backfill", "strat", code=USAGE)
        self.servo("backfill", "start", "quick", "--strat", "2024-01-01", code=USAGE)
        self.servo("backfill", "start", "quick", "--start", "yesterday-ish", code=USAGE)
        self.servo("backfill", "start", "quick", *ONE_DAY, "--canary", "3", code=USAGE)
        self.servo("diagnose", code=USAGE)
        nowhere = subprocess.run(
            [BINARY, "backfill", "list", "--server", "http://127.0.0.1:1"], capture_output=True,
            text=True, check=False, env=self.environment, timeout=60)
        self.assertEqual(UNAVAILABLE, nowhere.returncode, nowhere.stderr)

    def test_more_than_ten_thousand_need_a_yes_without_a_terminal(self):
        many = ("--start", "2024-01-01", "--end", "2024-01-07")  # 10,080
        outcome = self.servo("backfill", "start", "quick", *many, code=USAGE)
        self.assertIn("--yes", outcome.err)
        self.assertEqual([], self.servo("backfill", "list", "-o", "json").json()["items"])
        preview = self.servo("backfill", "start", "quick", *many, "--dry-run").out
        self.assertIn("10,080", preview)
        job_id = self.begin("quick", *many, "--yes")
        self.servo("backfill", "cancel", job_id, "--force")


class Requests(ServoTest):
    """What two requests for the same thing do to each other."""

    def setUp(self):
        super().setUp()
        self.ledger = os.path.join(self.folder, "ledger")
        self.gate = os.path.join(self.folder, "gate")
        wait = f"while ! test -e {self.gate}; do sleep 0.02; done; "
        self.start("--slots", "2")
        self.apply("version: 1\nassets:" + ledger_asset(
            "daily", self.folder, self.ledger, every="day", before=wait))

    def open_gate(self):
        with open(self.gate, "w", encoding="ascii"):
            pass

    def test_the_same_idempotency_key_makes_one_job(self):
        request = ("daily", "--start", "2024-01-01", "--end", "2024-01-10")
        first = self.begin(*request, "--idempotency-key", "k1")
        self.assertEqual(first, self.begin(*request, "--idempotency-key", "k1"))
        other = ("daily", "--start", "2024-02-01", "--end", "2024-02-10")
        self.servo("backfill", "start", *other, "--idempotency-key", "k1", code=CONFLICT)
        second = self.begin(*other, "--idempotency-key", "k2")
        self.assertNotEqual(first, second)
        self.assertEqual(2, len(self.servo("backfill", "list", "-o", "json").json()["items"]))
        # The key is remembered by the store, not by the process.
        self.processes[-1].kill()
        self.start("--slots", "2")
        self.assertEqual(first, self.begin(*request, "--idempotency-key", "k1"))
        self.open_gate()
        for job_id in (first, second):
            self.assert_counts(self.wait_job(job_id), completed=10)
        self.assertEqual(20, len(read_ledger(self.ledger)))

    def test_overlap_reject_names_the_job_and_the_count(self):
        first = self.begin("daily", "--start", "2024-01-01", "--end", "2024-01-10")
        outcome = self.servo("backfill", "start", "daily", "--start", "2024-01-08", "--end",
                             "2024-01-20", code=CONFLICT)
        self.assertEqual("", outcome.out)
        self.assertIn(first, outcome.err)
        self.assertRegex(outcome.err, r"\b3\b")
        self.assertEqual(1, len(self.servo("backfill", "list", "-o", "json").json()["items"]))

    def test_overlap_wait_starts_after_the_other(self):
        first = self.begin("daily", "--start", "2024-01-01", "--end", "2024-01-10")
        second = self.begin("daily", "--start", "2024-01-08", "--end", "2024-01-12", "--overlap",
                            "wait", "--reprocess", "all")
        self.assertIn(first, self.servo("backfill", "explain", second).out)
        self.open_gate()
        self.assert_counts(self.wait_job(first), completed=10)
        self.assert_counts(self.wait_job(second), completed=5)
        rows = read_ledger(self.ledger)
        last_of_first = max(token for token, job, _, _ in rows if job == first)
        self.assertTrue(all(token > last_of_first for token, job, key, _ in rows
                            if job == second and key <= "2024-01-10"))

    def test_overlap_skip_takes_the_rest(self):
        first = self.begin("daily", "--start", "2024-01-01", "--end", "2024-01-10")
        second = self.begin("daily", "--start", "2024-01-08", "--end", "2024-01-12", "--overlap",
                            "skip")
        self.open_gate()
        self.assert_counts(self.wait_job(first), completed=10)
        job = self.wait_job(second)
        self.assertEqual(2, job["completed_partitions"])
        self.assertEqual(12, len(read_ledger(self.ledger)))

    def test_a_finished_range_is_not_done_again_unless_asked(self):
        self.open_gate()
        request = ("daily", "--start", "2024-01-01", "--end", "2024-01-03")
        self.wait_job(self.begin(*request))
        outcome = self.servo("backfill", "start", *request, code=FAILED)
        self.assertIn("--reprocess all", outcome.err)
        self.servo("backfill", "start", *request, "--allow-empty")
        self.wait_job(self.begin(*request, "--reprocess", "all"))
        self.assertEqual(6, len(read_ledger(self.ledger)))

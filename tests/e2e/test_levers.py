"""The levers of an operator: pools, tenants, assets, executors, and single partitions."""
import os
import time

from harness import CONFLICT, FAILED, NOT_FOUND, USAGE, ServoTest, ledger_asset, read_ledger, wait_until

ONE_DAY = ("--start", "2024-01-01", "--end", "2024-01-01")


class Levers(ServoTest):
    def setUp(self):
        super().setUp()
        self.ledger = os.path.join(self.folder, "ledger")
        self.gate = os.path.join(self.folder, "gate")
        wait = f"while ! test -e {self.gate}; do sleep 0.02; done; "
        self.start("--slots", "4")
        self.apply("version: 1\npools: { warehouse: { concurrency: 2 } }\nassets:"
                   + ledger_asset("pooled", self.folder, self.ledger, every="hour", before=wait,
                                  extra="    pools: { warehouse: 1 }\n")
                   + ledger_asset("free", self.folder, self.ledger, every="hour"))

    def open_gate(self):
        self.write("gate", "")

    def running(self, job_id):
        return self.job(job_id)["running_partitions"]

    def test_a_pool_limits_and_its_limit_can_be_overridden(self):
        job_id = self.begin("pooled", *ONE_DAY)
        wait_until(lambda: self.running(job_id) == 2, "two run")
        by_pool = self.servo("status", "--by", "pool", "-o", "json").json()["groups"]
        self.assertEqual([("warehouse", 1, 2, 22, 2)], [
            (group["name"], group["open_backfills"], group["running_partitions"],
             group["pending_partitions"], group["slots"]) for group in by_pool])
        self.assertIn("warehouse", self.servo("backfill", "explain", job_id).out)
        self.servo("pool", "set", "warehouse", "--concurrency", "3", "--reason", "quiet hour")
        wait_until(lambda: self.running(job_id) == 3, "three run")
        # Applying the file again keeps the override, and says so.
        self.assertIn("stays in force", self.apply_again())
        self.assertEqual(3, self.pool()["concurrency"])
        self.servo("pool", "unset", "warehouse")
        self.assertEqual(2, self.pool()["concurrency"])
        self.open_gate()
        self.assert_counts(self.wait_job(job_id), completed=24)

    def apply_again(self):
        outcome = self.servo("apply", "-f", os.path.join(self.folder, "servo.yaml"))
        return outcome.out + outcome.err

    def pool(self):
        return self.servo("pool", "show", "warehouse", "-o", "json").json()

    def test_a_held_pool_parks_only_what_needs_it(self):
        self.servo("pool", "hold", "warehouse", "--reason", "migration")
        held = self.begin("pooled", *ONE_DAY)
        self.assert_counts(self.wait_job(self.begin("free", *ONE_DAY)), completed=24)
        self.assert_counts(self.job(held), pending=24)
        explained = self.servo("backfill", "explain", held).out
        self.assertIn("warehouse", explained)
        self.assertIn("servo pool release warehouse", explained)
        self.open_gate()
        self.servo("pool", "release", "warehouse")
        self.assert_counts(self.wait_job(held), completed=24)

    def test_each_pool_that_is_held_is_told_by_itself(self):
        kept = {"pa": 20, "pb": 21, "pc": 25}
        pools = ", ".join(f"{pool}: {{ concurrency: 2 }}" for pool in kept)
        self.apply(f"version: 1\npools: {{ warehouse: {{ concurrency: 2 }}, {pools} }}\nassets:" + "".join(
            ledger_asset(f"of_{pool}", self.folder, self.ledger, every="hour",
                         extra=f"    pools: {{ {pool}: 1 }}\n") for pool in kept))
        for pool, hours in kept.items():
            self.servo("pool", "hold", pool, "--reason", "migration")
            self.begin(f"of_{pool}", "--start", "2024-01-01T00:00:00",
                       "--end", f"2024-01-0{1 + hours // 24}T{hours % 24:02}:00:00")

        def held():
            waiting = self.servo("status", "-o", "json").json()["waiting"]
            return [(one["subject"].rpartition("/")[2], one["partitions"]) for one in waiting
                    if one["gate"] == "pool_held"]

        wait_until(lambda: held() == [("pc", 25), ("pb", 21), ("pa", 20)], "each stands by itself")
        doctor = self.servo("doctor", code=None).out
        for pool in kept:
            self.assertIn(f"servo pool release {pool}", doctor)

    def test_how_long_something_holds_is_bounded(self):
        for length in ("400d", "0s"):
            outcome = self.servo("pool", "hold", "warehouse", "--for", length, code=USAGE)
            self.assertIn("1s to 366d", outcome.err)

    def test_a_dry_run_is_refused_as_the_start_is(self):
        self.servo("tenant", "set", "default", "--max-pending", "10", "--reason", "share")
        started = self.servo("backfill", "start", "pooled", *ONE_DAY, code=None)
        self.assertIn("--max-pending", started.err)
        asked = self.servo("backfill", "start", "pooled", *ONE_DAY, "--dry-run", code=started.code)
        self.assertIn("--max-pending", asked.err)
        self.assertNotEqual(0, started.code)

    def test_a_retry_does_not_bring_back_what_was_set_for_a_time(self):
        self.apply("version: 1\npools: { warehouse: { concurrency: 2 } }\nassets:\n  faulty:\n"
                   "    partitions: { keys: [x] }\n    run: { command: [\"false\"] }\n"
                   "    pools: { warehouse: 1 }\n")
        self.servo("pool", "hold", "warehouse", "--reason", "first the setting")
        job_id = self.begin("faulty", "--partition", "x")
        self.servo("backfill", "set", job_id, "--priority", "7", "--max-attempts", "1", "--for", "2s")
        over = time.monotonic() + 2
        self.servo("pool", "release", "warehouse")
        self.wait_job(job_id, code=FAILED)
        wait_until(lambda: time.monotonic() > over, "its time is over")
        self.servo("backfill", "retry", job_id)
        self.assertEqual(0, self.job(job_id)["priority"])
        self.servo("backfill", "pause", job_id, "--for", "", code=USAGE)

    def test_a_tenant_and_an_asset_have_limits(self):
        self.servo("tenant", "set", "default", "--max-concurrency", "1", "--reason", "share")
        job_id = self.begin("pooled", *ONE_DAY)
        wait_until(lambda: self.running(job_id) == 1, "one runs")
        self.assertIn("tenant", self.servo("backfill", "explain", job_id).out)
        self.servo("tenant", "unset", "default")
        wait_until(lambda: self.running(job_id) == 2, "the pool's limit is the next one")
        self.servo("asset", "set", "pooled", "--concurrency", "1", "--reason", "gently")
        self.open_gate()
        self.assert_counts(self.wait_job(job_id), completed=24)

    def test_a_change_is_echoed_as_of_the_tenant_that_it_is_about(self):
        wait = f"while ! test -e {self.gate}; do sleep 0.02; done; "
        self.apply("version: 1\ntenant: acme\nassets:" + ledger_asset(
            "theirs", self.folder, self.ledger, every="hour", before=wait))
        job_id = self.begin("theirs", *ONE_DAY, "--tenant", "acme")
        echo = f"server {self.url}, tenant acme\n"
        for change in (("set", job_id, "--priority", "1"), ("pause", job_id), ("resume", job_id),
                       ("cancel", job_id, "--force")):
            said = self.servo("backfill", *change).err
            self.assertIn(f"server {self.url}\n", said)
            self.assertIn("tenant acme\n", said)
        said = self.servo("tenant", "set", "acme", "--max-concurrency", "0").err
        self.assertIn(echo, said)
        self.assertIn("set: nothing that differs from the defaults; by ", said)
        self.assertIn(echo, self.servo("tenant", "unset", "acme").err)

    def test_a_setting_holds_for_a_time_and_through_a_crash(self):
        job_id = self.begin("pooled", *ONE_DAY)
        narrow = ("backfill", "set", job_id, "--max-concurrency", "1", "--reason", "night", "--for")
        self.servo(*narrow, "1h")
        self.processes[-1].kill()
        self.start("--slots", "4")
        job = self.job(job_id)
        self.assertEqual(1, job["max_concurrency"])
        self.assertEqual([("max_concurrency", "0", "night")],
                         [(one["setting"], one["lasting"], one["override"]["reason"])
                          for one in job["temporary_settings"]])
        self.assertIn("max_concurrency 1 instead of 0", self.servo("backfill", "status", job_id).out)
        self.servo(*narrow, "1s")
        wait_until(lambda: self.job(job_id)["max_concurrency"] == 0, "its time is over")
        wait_until(lambda: self.running(job_id) == 2, "the pool's limit is the next one")
        self.assertIn("backfill.unset", self.servo("events", "--subject", job_id).out)
        self.open_gate()
        self.assert_counts(self.wait_job(job_id), completed=24)

    def test_a_drained_executor_takes_nothing_and_comes_back(self):
        def listed():
            return self.servo("executor", "list", "-o", "json").json()["items"]
        name = wait_until(listed, "the executor has joined")[0]["name"]
        self.servo("executor", "drain", name)
        job_id = self.begin("free", *ONE_DAY)
        wait_until(lambda: self.servo("executor", "list", "-o", "json").json()["items"][0]["state"]
                   in ("drained", "draining"), "it drains")
        self.assert_counts(self.job(job_id), pending=24)
        self.assertIn("executor", self.servo("backfill", "explain", job_id).out)
        self.servo("executor", "undrain", name)
        self.assert_counts(self.wait_job(job_id), completed=24)
        self.servo("executor", "drain", "nobody", code=NOT_FOUND)

    def test_status_counts_the_slots_that_work_on_while_all_drain(self):
        job_id = self.begin("pooled", *ONE_DAY)
        wait_until(lambda: self.running(job_id) == 2, "as many run as the pool lets")
        name = self.servo("executor", "list", "-o", "name").out.strip()
        self.servo("executor", "drain", name)
        status = self.servo("status", "-o", "json").json()
        self.assertEqual((2, 0, 0, 2), tuple(status[number] for number in (
            "running_partitions", "slots", "slots_busy", "slots_draining")))
        self.assertIn("0 of 0 busy, 2 more", self.servo("status").out)
        self.servo("executor", "undrain", name)
        self.open_gate()
        self.assert_counts(self.wait_job(job_id), completed=24)

    def test_one_partition_is_run_shown_marked_and_explained(self):
        key = "2024-01-01T05"
        self.servo("partition", "run", "free", key)
        self.assertEqual([key], [row[2] for row in read_ledger(self.ledger)])
        status = self.servo("partition", "status", "free", key, "-o", "json").json()
        self.assertEqual("completed", status["status"])
        self.servo("partition", "mark", "free", "--start", "2024-01-02", "--end", "2024-01-02", "--as",
                   "skipped", "--reason", "no data that day")
        marked = self.partitions("free", "--status", "skipped")
        self.assertEqual(24, len(marked))
        explained = self.servo("partition", "explain", "free", "2024-01-03T00").out
        self.assertIn("2024-01-03", explained)
        # What is marked or done is not selected again.
        job_id = self.begin("free", "--start", "2024-01-01", "--end", "2024-01-02")
        self.assert_counts(self.wait_job(job_id), completed=23)

    def test_an_open_asset_is_not_archived(self):
        job_id = self.begin("pooled", *ONE_DAY)
        self.servo("asset", "archive", "pooled", code=CONFLICT)
        self.servo("backfill", "cancel", job_id, "--force")
        self.servo("backfill", "wait", job_id, code=9)
        self.servo("asset", "archive", "pooled")
        self.servo("backfill", "start", "pooled", *ONE_DAY, code=(CONFLICT, NOT_FOUND))

    def test_several_tenants_get_one_job_each_under_a_group(self):
        text = "version: 1\ntenants: [acme, bigco]\nassets:" + ledger_asset(
            "shared", self.folder, self.ledger, every="hour")
        self.servo("apply", "-f", self.write("tenants.yaml", text))
        outcome = self.servo("backfill", "start", "shared", *ONE_DAY, "--tenant", "acme,bigco")
        self.assertRegex(outcome.out, r"^grp_[0-9a-z]{16}\n$")
        group = outcome.out.strip()
        self.servo("backfill", "wait", group[:10])
        jobs = self.servo("backfill", "list", "--group", group, "-o", "json").json()["items"]
        self.assertEqual({"acme", "bigco"}, {job["tenant_id"] for job in jobs})
        self.assertEqual([24, 24], [job["completed_partitions"] for job in jobs])
        events = self.servo("events", "--subject", group, "-o", "jsonl").jsonl()
        self.assertEqual({job["id"] for job in jobs}, {event["subject"] for event in events})
        self.assertEqual(2, [event["kind"] for event in events].count("backfill.created"))

    def test_a_tenant_that_floods_does_not_keep_another_waiting(self):
        text = "version: 1\ntenants: [acme, bigco]\nassets:" + ledger_asset(
            "shared", self.folder, self.ledger, before="sleep 0.05; ")
        self.servo("apply", "-f", self.write("tenants.yaml", text))
        flood = self.servo("backfill", "start", "shared", *ONE_DAY, "--tenant", "acme").out.strip()
        wait_until(lambda: self.job(flood)["completed_partitions"] > 0, "the flood runs")
        small = self.servo("backfill", "start", "shared", "--start", "2024-01-01T00:00", "--end",
                           "2024-01-01T00:20", "--tenant", "bigco").out.strip()
        self.assert_counts(self.wait_job(small), completed=20)
        self.assertGreater(self.job(flood)["pending_partitions"], 0)
        self.servo("backfill", "cancel", flood, "--force")

    def test_status_and_events_tell_what_happened(self):
        self.wait_job(self.begin("free", *ONE_DAY))
        self.begin("pooled", *ONE_DAY)
        for by, name in (("tenant", "default"), ("asset", "pooled"), ("pool", "warehouse")):
            self.assertIn(name, self.servo("status", "--by", by).out)
        self.servo("status", "--by", "executor")
        kinds = {event["kind"] for event in
                 self.servo("events", "--since", "1h", "-o", "jsonl").jsonl()}
        self.assertTrue(any(kind.startswith("backfill.") for kind in kinds), kinds)
        self.assertTrue(any(kind.startswith("executor.") for kind in kinds), kinds)
        outcome = self.servo("apply", "-f", os.path.join(self.folder, "servo.yaml"), "--dry-run")
        self.assertNotIn("created", outcome.out)
        changed = self.write("changed.yaml", "version: 1\nassets:" + ledger_asset(
            "new", self.folder, self.ledger))
        self.servo("apply", "-f", changed, "--dry-run", code=FAILED)
        self.servo("asset", "show", "new", code=NOT_FOUND)

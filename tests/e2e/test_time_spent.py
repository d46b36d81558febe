"""Where the slots' time goes, as `servo status`, the metrics and the stored minutes tell it."""
import os

from harness import LEASE_TTL_S, ServoTest, ledger_asset, wait_until

TELLS = """printf '{"phases": {"sleep": 0.15}}' > $SERVO_RESULT_FILE; """


class TimeSpent(ServoTest):
    def setUp(self):
        super().setUp()
        self.ledger = os.path.join(self.folder, "ledger")
        self.server = self.spawn(
            "server", "--data-dir", self.data_dir, "--listen", f"127.0.0.1:{self.port}")
        wait_until(self.ready, "the server answers")
        self.apply(
            "version: 1\npools: { warehouse: { concurrency: 1 } }\nassets:"
            + ledger_asset("pooled", self.folder, self.ledger, before=TELLS + "sleep 0.2; ",
                           extra="    pools: { warehouse: 1 }\n")
            + ledger_asset("daily", self.folder, self.ledger, every="day"))

    def spawn_executor(self, *arguments):
        # A folder of its own: others of its name may run on this machine.
        return self.spawn("executor", "--server", self.url, "--scratch-root", self.folder, *arguments)

    def status(self, *arguments):
        return self.servo("status", *arguments, "-o", "json").json()

    def group(self, by, name):
        return next((group for group in self.status("--by", by).get("groups", [])
                     if group["name"] == name), {})

    def slots(self, state):
        return ((self.status().get("time") or {}).get("slots") or {}).get(state, 0)

    def test_each_second_of_a_slot_is_told(self):
        executor = self.spawn_executor("--slots", "4", "--executor-name", "x1")
        wait_until(lambda: self.slots("idle.no_work") > 0, "nothing to do is told")
        job = self.begin("pooled", "--start", "2024-01-01T00:00", "--end", "2024-01-01T12:00")
        gated = "idle.gated:pool_limit"
        wait_until(lambda: self.slots(gated) > 0, "slots that stand idle behind a pool are told")
        wait_until(lambda: self.slots("busy.useful") > 0, "useful time is told")
        tenant = self.group("tenant", "default")["time"]
        self.assertGreater(tenant["slots"][gated], 0)
        self.assertGreater(tenant["waiting"]["pool_limit"], 0)
        self.assertGreater(tenant["lost_slots"], 0)
        self.assertGreater(tenant["earned_slots"], 0)
        self.assertGreater(self.group("executor", "x1")["partitions_per_second"], 0)
        self.assertGreater(self.group("pool", "warehouse")["time"]["slots"]["busy.useful"], 0)
        self.assertGreater(self.group("asset", "default/pooled")["time"]["completed_per_second"], 0)
        for phase in ("sleep", "cpu", "opaque"):
            self.assertGreater(tenant["phases"][phase], 0)
        self.assertIn("sleep", self.group("asset", "default/pooled")["time"]["phases"])
        self.assertIn("% sleep", self.servo("status", "--by", "asset").out)
        self.assertIn(gated, self.servo("status", "--by", "asset").out)
        text = self.servo("backfill", "status", job).out
        self.assertIn("lost slots", text)
        self.assertIn("% sleep", text)
        self.assertIn(gated, text)
        executor.kill()
        wait_until(lambda: self.slots("down") > 0, "slots that died are missed",
                   deadline_s=10 * LEASE_TTL_S)
        wait_until(lambda: "executor.left" in {event["kind"] for event in self.servo(
            "events", "--since", "1h", "-o", "jsonl").jsonl()}, "its end is an event")
        self.servo("backfill", "cancel", job, "--force")
        self.assertIn('"sound": true', self.servo("fsck", "--live", "-o", "json").out)

    def test_a_minute_is_stored_and_readable(self):
        self.spawn_executor("--slots", "2")
        self.wait_job(self.begin("daily", "--start", "2024-01-01", "--end", "2024-01-20"))
        statement = ("SELECT sum(amount) AS ms FROM time_spent WHERE span = 'minute'"
                     " AND scope = 'asset' AND name = 'daily' AND word = 'slot.busy.useful'")
        wait_until(
            lambda: int(self.servo("sql", "--data-dir", self.data_dir, "-o", "jsonl", statement)
                        .jsonl()[0]["ms"] or 0) > 0,
            "the minute is stored")
        self.assertIn("phase.opaque", {row["word"] for row in self.servo(
            "sql", "--data-dir", self.data_dir, "-o", "jsonl",
            "SELECT word FROM time_spent WHERE scope = 'asset' AND name = 'daily'").jsonl()})
        self.assert_sound()

    def test_rates_are_one_account_for_all_and_each(self):
        self.spawn_executor("--slots", "2")
        self.wait_job(self.begin("daily", "--start", "2024-01-01", "--end", "2024-01-10"))
        # Its backfill is over, and what ended in it counts all the same.
        wait_until(lambda: self.status()["partitions_per_second"] > 0, "what ended is in the rate")
        for by in ("tenant", "asset", "executor"):
            status = self.status("--by", by)
            self.assertEqual({}, status.get("backfills", {}))
            self.assertAlmostEqual(
                status["partitions_per_second"],
                sum(group["partitions_per_second"] for group in status["groups"]), msg=by)
        self.assertAlmostEqual(
            status["partitions_per_second"],
            status["time"]["completed_per_second"] + status["time"]["failed_per_second"])

    def test_a_leader_that_stops_takes_no_time_along(self):
        self.spawn_executor("--slots", "2")
        self.wait_job(self.begin("daily", "--start", "2024-01-01", "--end", "2024-01-10"))
        self.assertEqual(0, self.server.stop())
        spans = self.servo(
            "sql", "--data-dir", self.data_dir, "-o", "jsonl",
            "SELECT span, sum(amount) AS amount FROM time_spent WHERE scope = 'all'"
            " AND word = 'partitions.completed' GROUP BY span ORDER BY span").jsonl()
        self.assertEqual([("hour", 10), ("minute", 10)],
                         [(row["span"], int(row["amount"])) for row in spans])
        self.assert_sound_at_rest()

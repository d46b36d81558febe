"""`servo loadtest`: it measures, and leaves everything as it was, however it ends."""
import glob
import os
import signal

from harness import CONFLICT, NOT_ALLOWED, OK, USAGE, ServoTest, wait_until

LOAD = ("--duration", "20ms", "--warmup", "100ms", "--partitions", "20000")
SHORT = (*LOAD, "--window", "1s", "--probes-per-second", "20")
ENDLESS = (*LOAD, "--window", "1h", "--probes-per-second", "1")


class Loadtest(ServoTest):
    def setUp(self):
        super().setUp()
        self.environment["TMPDIR"] = self.folder

    def of_load_test(self):
        """Pids of processes that have this test's folder on their command line."""
        found = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as file:
                    if f"{self.folder}/servo-loadtest-".encode() in file.read():
                        found.append(int(path.split("/")[2]))
            except OSError:
                continue  # it ended while we looked
        return found

    def assert_nothing_left(self):
        wait_until(lambda: not self.of_load_test(), "no process of the load test is left")
        self.assertEqual([], glob.glob(f"{self.folder}/servo-loadtest-*"))

    def test_a_temporary_server(self):
        page = os.path.join(self.folder, "load.html")
        result = self.servo("loadtest", "--executors", "1,2", "--slots", "2", *SHORT, "--weights", "1,3",
                            "--html", page, "-o", "json").json()
        self.assertTrue(result["temporary_server"])
        self.assertEqual([1, 2], [step["executors"] for step in result["steps"]])
        for step in result["steps"]:
            self.assertGreater(step["completed_partitions"], 0)
            self.assertGreater(step["claim_latency"]["backfills"], 0)
            self.assertAlmostEqual(1, sum(step["slot_time_shares"].values()), places=6)
            self.assertEqual([1, 3], [tenant["weight"] for tenant in step["tenants"]])
            self.assertTrue(step["limit"])
        self.assertGreater(result["fit"]["lambda"], 0)
        with open(page, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("<svg", text)
        self.assertNotIn("<script", text)
        self.assert_nothing_left()

    def test_a_scenario_file_and_work_that_runs_out(self):
        file = self.write("load.yaml", "executors: 1\ntenants: 1\njobs: 1\npartitions: 400\n"
                                       "duration: 20ms\nwarmup: 0s\nwindow: 1h\nx-note: few\n")
        result = self.servo("loadtest", "--scenario", file, "--probes-per-second", "0",
                            "-o", "json").json()
        self.assertTrue(result["steps"][0]["ran_out"])
        self.assertIsNone(result["fit"])
        self.assert_nothing_left()

    def test_ctrl_c_ends_and_cleans_up(self):
        test = self.spawn("loadtest", "--executors", "1", *ENDLESS)
        wait_until(lambda: len(self.of_load_test()) >= 2, "server and executor are there")
        test.send(signal.SIGINT)
        self.assertEqual(130, test.wait_exit())
        self.assert_nothing_left()

    def test_what_it_started_ends_when_it_is_killed(self):
        test = self.spawn("loadtest", "--executors", "1", *ENDLESS)
        wait_until(lambda: len(self.of_load_test()) >= 2, "server and executor are there")
        test.kill()
        wait_until(lambda: not self.of_load_test(), "no process of the load test is left")

    def test_executors_that_are_there(self):
        self.start("--slots", "2")
        refused = self.servo("loadtest", "--server", self.url, "--yes", *SHORT, code=CONFLICT)
        self.assertIn("--expect-executors", refused.err)
        self.servo("loadtest", "--expect-executors", "1", code=USAGE)  # nobody to ask
        self.assertNotIn("loadtest-", self.servo("tenant", "list", "-o", "name").out)
        result = self.servo("loadtest", "--expect-executors", "1", "--yes", *SHORT,
                            "-o", "json").json()
        self.assertFalse(result["temporary_server"])
        self.assertGreater(result["steps"][0]["completed_partitions"], 0)
        self.assertEqual(2, result["steps"][0]["slots"])
        self.assertEqual("", self.servo("backfill", "list", "--status", "open", "-o", "name").out)
        self.assertEqual([], self.servo("asset", "list", "-o", "jsonl").jsonl())
        for tenant in self.servo("tenant", "list", "-o", "jsonl").jsonl():
            self.assertIsNone(tenant["override"], tenant)
        self.assert_sound()
        self.assert_nothing_left()

    def test_a_server_that_does_not_let_it_in(self):
        self.environment["SERVO_ADMIN_TOKEN"] = "secret"
        self.start("--slots", "1")
        for arguments in (("--server", self.url), ("--expect-executors", "1")):
            refused = self.servo("loadtest", *arguments, "--yes", *SHORT, code=NOT_ALLOWED)
            self.assertIn("token", refused.err)
        self.environment["SERVO_TOKEN"] = "secret"
        self.assertEqual("", self.servo("backfill", "list", "-o", "name", code=OK).out)

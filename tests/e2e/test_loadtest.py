"""`servo loadtest`: it measures, and leaves everything as it was, however it ends."""
import glob
import os
import signal

from harness import CONFLICT, NOT_ALLOWED, OK, USAGE, ServoTest, wait_until

LOAD = ("--duration", "20ms", "--warmup", "100ms", "--partitions", "20000")
SHORT = (*LOAD, "--window", "1s", "--probes-per-second", "20")
ENDLESS = (*LOAD, "--window", "1h", "--probes-per-second", "1")


class Loadtest(ServoTest):
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

    def assert_nothing_left(self, test=None):
        wait_until(lambda: not self.of_load_test(), "no process of the load test is left")
        self.assertEqual([], glob.glob(f"{self.folder}/servo-loadtest-*"), test and test.log())

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

    def begin_test(self, *arguments, processes=2):
        """An endless one with one local executor, under way."""
        test = self.spawn("loadtest", "--executors", "1", *ENDLESS, *arguments)
        wait_until(lambda: len(self.of_load_test()) >= processes or not test.alive(), "its processes are there")
        self.assertTrue(test.alive(), test.log())
        return test

    def assert_nothing_left_on_server(self):
        self.assertEqual("", self.servo("backfill", "list", "--status", "open", "-o", "name").out)
        self.assertEqual([], self.servo("asset", "list", "-o", "jsonl").jsonl())
        for tenant in self.servo("tenant", "list", "-o", "jsonl").jsonl():
            self.assertIsNone(tenant["override"], tenant)

    def begin_on_server(self):
        """One on a server of ours that has no executor, with backfills under way."""
        wait_until(lambda: not self.servo("executor", "list", "--state", "up,stuck,draining,drained",
                                          "-o", "name").out, "executors of the one before are gone")
        test = self.begin_test("--server", self.url, "--yes", processes=1)
        wait_until(lambda: self.servo("backfill", "list", "--status", "running", "-o", "name").out,
                   "its backfills run")
        return test

    def test_signals_end_and_clean_up(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                test = self.begin_test()
                test.send(number)
                self.assertEqual(130, test.wait_exit(), test.log())
                self.assert_nothing_left()

    def test_signals_clean_a_running_server(self):
        self.start_server()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                test = self.begin_on_server()
                test.send(number)
                self.assertEqual(130, test.wait_exit(), test.log())
                self.assert_nothing_left_on_server()
                self.assert_nothing_left(test)
        self.assert_sound()

    def test_a_hang_up_that_is_ignored_stays_so(self):
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        try:
            test = self.spawn("loadtest", "--executors", "1", *SHORT)
        finally:
            signal.signal(signal.SIGHUP, before)
        wait_until(lambda: len(self.of_load_test()) >= 2, "server and executor are there")
        test.send(signal.SIGHUP)
        self.assertEqual(0, test.wait_exit(), test.log())

    def test_a_server_that_is_gone_is_cleaned_later(self):
        server = self.start_server()
        test = self.begin_on_server()
        server.kill()
        self.assertNotEqual(0, test.wait_exit())
        command = f"servo loadtest --clean --server {self.url}"
        self.assertIn(command, test.log())
        self.assert_nothing_left()
        self.start_server()
        refused = self.servo("loadtest", "--server", self.url, "--yes", *SHORT, code=CONFLICT)
        self.assertIn("seems to run there", refused.err)  # it was started a moment ago
        self.assertIn(command, refused.err)
        self.servo(*command.split()[1:], "--yes")
        self.assert_nothing_left_on_server()
        self.servo(*command.split()[1:])  # nothing open: nothing to ask

    def test_one_that_somebody_else_cleans_away_fails(self):
        self.start_server()
        test = self.begin_on_server()
        command = ("loadtest", "--clean", "--server", self.url)
        self.assertIn("A load test seems to run there", self.servo(*command, code=USAGE).err)
        self.assertTrue(test.alive(), test.log())
        # A probe that starts meanwhile keeps its asset from being archived; the other one cleans, too.
        self.servo(*command, "--yes", code=(OK, CONFLICT))
        self.assertEqual(CONFLICT, test.wait_exit(), test.log())
        self.assertIn("Somebody else cancelled", test.log())
        self.assert_nothing_left_on_server()
        self.assert_nothing_left(test)

    def test_what_it_started_ends_when_it_is_killed(self):
        test = self.begin_test()
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
        self.assert_nothing_left_on_server()
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

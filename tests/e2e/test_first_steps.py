"""What a new user types: init, dev with a file, the commands in the file's header, an edit, Ctrl-C."""
import os
import re
import signal

from harness import ROOT, ServoTest, ledger_asset, read_ledger, wait_until


class FirstSteps(ServoTest):
    def test_init_writes_files_that_run_as_they_say(self):
        self.servo("init", "hello")
        file = os.path.join(self.folder, "hello", "servo.yaml")
        with open(file, encoding="utf-8") as text:
            command = re.search(r"^#\s+servo (backfill start hello .*--wait)$", text.read(), re.M)
        self.start("-f", file)
        outcome = self.servo(*command.group(1).split())
        self.assertIn("31", outcome.err)
        out = os.path.join(self.folder, "hello", "out")
        self.assertEqual([f"2024-01-{day:02}.csv" for day in range(1, 32)], sorted(os.listdir(out)))
        self.servo("init", "hello", code=4)  # what is there is not touched

    def test_dev_applies_the_file_again_when_it_is_saved(self):
        ledger = os.path.join(self.folder, "ledger")
        path = self.write("servo.yaml", "version: 1\nassets:" + ledger_asset(
            "first", self.folder, ledger))
        process = self.start("-f", path)
        self.assertEqual(["first\n"], [self.servo("asset", "list", "-o", "name").out])
        # Saved as editors do: a new file is moved over the old one.
        self.write("servo.yaml.new", "version: 1\nassets:"
                   + ledger_asset("first", self.folder, ledger, every="15m")
                   .replace("every: 15m", "every: 1m")
                   + ledger_asset("second", self.folder, ledger))
        os.replace(path + ".new", path)
        wait_until(lambda: "second" in self.servo("asset", "list", "-o", "name").out, "applied again")
        # A broken save is said and changes nothing.
        self.write("servo.yaml", "version: 1\nassets: [\n")
        wait_until(lambda: re.search(r"servo\.yaml:\d", process.log()), "the error is in the log")
        self.assertIn("second", self.servo("asset", "list", "-o", "name").out)
        self.assertTrue(process.alive())

    def test_a_polite_stop_lets_what_runs_finish(self):
        ledger = os.path.join(self.folder, "ledger")
        gate = os.path.join(self.folder, "gate")
        process = self.start("--slots", "2")
        wait = f"echo > {self.folder}/up.$SERVO_PARTITION_KEY; while ! test -e {gate}; do sleep 0.02; done; "
        self.apply("version: 1\nassets:" + ledger_asset(
            "slow", self.folder, ledger, every="day", before=wait))
        job_id = self.begin("slow", "--start", "2024-01-01", "--end", "2024-01-10")
        wait_until(lambda: sum(name.startswith("up.") for name in os.listdir(self.folder)) == 2,
                   "two partitions run")
        process.send(signal.SIGTERM)
        wait_until(lambda: [one["state"] for one in self.servo(
            "executor", "list", "-o", "json").json()["items"]] == ["draining"], "it drains")
        self.write("gate", "")
        self.assertEqual(0, process.wait_exit())
        self.assert_no_process_left()
        ran = {key for _, _, key, _ in read_ledger(ledger)}
        self.assertEqual(2, len(ran))
        self.start("--slots", "2")
        job = self.wait_job(job_id)
        self.assert_counts(job, completed=10)
        self.assertEqual(10, len(read_ledger(ledger)))  # none of them ran twice

    def test_every_verb_has_help_with_an_example_or_flags(self):
        text = self.servo("--help").out
        self.assertIn("Exit codes", text)
        verbs = re.findall(r"^  ([a-z]+)  +\S", text.split("Commands:")[1].split("\n\n")[0], re.M)
        self.assertGreater(len(verbs), 15)
        for verb in verbs:
            with self.subTest(verb=verb):
                self.assertIn("Usage: servo " + verb, self.servo(verb, "--help").out)

    def test_the_exit_code_page_lists_what_the_help_lists(self):
        with open(os.path.join(ROOT, "docs", "reference", "exit_codes.md"), encoding="utf-8") as file:
            page = set(re.findall(r"^\| (\d+) \|", file.read(), re.M))
        help_text = self.servo("--help").out.split("Exit codes")[1]
        self.assertEqual(page, set(re.findall(r"(?<![\w.])(\d+)(?=\s+[a-z])", help_text)))

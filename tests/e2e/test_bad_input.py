"""What a user may type or hand over by mistake: refused with a reason, and nothing half-done."""
import json
import os
import urllib.error
import urllib.request

from harness import DIRECT, FAILED, NOT_FOUND, USAGE, ServoTest, ledger_asset, resident_kib

ONE_MIB = 1024 * 1024
RESIDENT_MAX_KIB = 1024 * 1024


class BadFiles(ServoTest):
    def setUp(self):
        super().setUp()
        self.start()

    def refused(self, text, *said):
        outcome = self.apply(text, code=USAGE)
        for words in said:
            self.assertIn(words, outcome.err)
        self.assertEqual([], self.servo("asset", "list", "-o", "json").json()["items"])

    def test_broken_yaml_is_named_by_file_and_line(self):
        self.refused("version: 1\nassets:\n  a: [unclosed\n", "servo.yaml")
        self.refused("version: 1\nassets:\n\ta: {}\n", "servo.yaml", "3")

    def test_unknown_and_repeated_keys(self):
        run = "partitions: { every: day, start: 2024-01-01 }\n    run: { command: [\"true\"] }"
        self.refused(f"version: 1\nassets:\n  a:\n    {run}\n    timout: 1h\n", "timout", "timeout")
        self.refused(f"version: 1\nassets:\n  a:\n    {run}\n    timeout: 1h\n    timeout: 2h\n",
                     "timeout")
        self.refused(f"version: 1\nassets:\n  a:\n    {run}\n    schedule: x\n",
                     "not in this version")

    def test_bad_values(self):
        for partitions, said in [
                ("{ every: 7m, start: 2024-01-01 }", "every"),
                ("{ every: day, start: 2024-02-30 }", "start"),
                ("{ every: day, start: 2024-01-01, timezone: Europe/Berlim }", "Europe/Berlin"),
                ("{ keys: [a, a] }", "keys"),
                ("{ every: day, keys: [a] }", "every")]:
            with self.subTest(partitions=partitions):
                self.refused(
                    f"version: 1\nassets:\n  a:\n    partitions: {partitions}\n"
                    "    run: { command: [\"true\"] }\n", said)

    def test_all_or_nothing(self):
        good = "  good:\n    partitions: { keys: [a] }\n    run: { command: [\"true\"] }\n"
        self.refused(f"version: 1\nassets:\n{good}  bad:\n    partitions: {{ keys: [a] }}\n")

    def test_yaml_bombs_are_refused(self):
        bomb = "version: 1\nx-0: &x0 [a, a, a, a, a, a, a, a, a]\n" + "".join(
            f"x-{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9)}]\n" for i in range(1, 12))
        self.refused(bomb + "assets: {}\n")
        self.refused("version: 1\nassets: " + "[" * 10_000 + "]" * 10_000 + "\n")

    def test_a_key_of_a_mebibyte(self):
        self.refused("version: 1\nassets:\n  a:\n    partitions: { keys: [" + "k" * (ONE_MIB // 2) + "] }\n"
                     "    run: { command: [\"true\"] }\n", "assets.a.partitions.keys[0]")
        self.refused("version: 1\nassets:\n  a:\n    partitions: { keys: [" + "k" * ONE_MIB + "] }\n"
                     "    run: { command: [\"true\"] }\n", "servo.yaml")

    def test_missing_file(self):
        outcome = self.servo("apply", "-f", "nowhere.yaml", code=(USAGE, NOT_FOUND, FAILED))
        self.assertIn("nowhere.yaml", outcome.err)


class BadRequests(ServoTest):
    def setUp(self):
        super().setUp()
        self.process = self.start()
        self.apply("version: 1\nassets:"
                   + ledger_asset("minutes", self.folder, os.path.join(self.folder, "ledger"))
                   + """
  ages:
    partitions: { every: 1m, start: 1800-01-01 }
    run: { synthetic: { duration: 1s } }
  regions:
    partitions: { keys: [eu, us] }
    run: { command: ["true"] }
""")

    def no_job(self):
        self.assertEqual([], self.servo("backfill", "list", "-o", "json").json()["items"])

    def test_a_key_of_a_mebibyte(self):
        keys = self.write("keys.txt", "k" * ONE_MIB + "\n")
        outcome = self.servo("backfill", "start", "regions", "--partitions-file", keys,
                             code=(USAGE, NOT_FOUND))
        self.assertLess(len(outcome.err), 10_000)
        self.no_job()
        self.servo("backfill", "start", "regions", "--partition", "k" * 100_000,
                   code=(USAGE, NOT_FOUND))
        self.no_job()
        self.assertTrue(self.ready())

    def test_keys_that_do_not_exist(self):
        outcome = self.servo("backfill", "start", "regions", "--partition", "eu", "--partition",
                             "uk", code=NOT_FOUND)
        self.assertIn("uk", outcome.err)
        self.no_job()

    def test_a_range_of_zero(self):
        for bounds in (("2024-01-01T00:00", "2024-01-01T00:00"), ("2024-01-02", "2024-01-01")):
            outcome = self.servo("backfill", "start", "minutes", "--start", bounds[0], "--end",
                                 bounds[1], code=(FAILED, USAGE))
            self.assertEqual("", outcome.out)
            self.assertNotEqual("", outcome.err)
        self.no_job()

    def test_a_range_of_a_hundred_million(self):
        job_id = self.begin("ages", "--start", "1820-01-01", "--end", "2010-02-19", "--yes")
        job = self.job(job_id)
        self.assertGreater(job["total_partitions"], 99_990_000)
        self.servo("backfill", "pause", job_id)
        self.servo("backfill", "explain", job_id)
        self.servo("partition", "list", "ages", "--limit", "10", "-o", "json")
        self.servo("backfill", "cancel", job_id, "--force")
        self.wait_state(job_id, "cancelled")
        self.assert_sound()
        self.assertLess(resident_kib(self.process.pid), RESIDENT_MAX_KIB)

    def test_more_partitions_than_a_job_may_have(self):
        self.apply("version: 1\nassets:\n  eons:\n    partitions: { every: 1m, start: 1000-01-01 }\n"
                   "    run: { synthetic: { duration: 1s } }\n")
        outcome = self.servo("backfill", "start", "eons", "--start", "1000-01-01", "--end",
                             "2010-01-01", "--yes", code=USAGE)
        self.assertIn("200,000,000", outcome.err)
        self.no_job()

    def post(self, body, content_type="application/json"):
        request = urllib.request.Request(
            self.url + "/v1/backfills", data=body, headers={"Content-Type": content_type})
        try:
            with DIRECT.open(request, timeout=30) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def test_bodies_that_are_not_requests(self):
        for body in (b"", b"{", b"[]", b"null", b'{"asset": 1}', b'{"asset": "minutes", "x": 1}',
                     b"[" * 100_000, b'{"asset": "\xff\xfe"}'):
            with self.subTest(body=body[:40]):
                status, answer = self.post(body)
                self.assertIn(status, range(400, 500))
                problem = json.loads(answer)
                self.assertIn("detail", problem)
        self.no_job()

    def test_a_body_that_is_too_large(self):
        try:
            status, _ = self.post(b" " * (64 * ONE_MIB))
            self.assertEqual(413, status)
        except OSError:
            pass  # closed while we were still sending: also a refusal
        self.assertTrue(self.ready())


class BadStart(ServoTest):
    def ends(self, *arguments):
        process = self.spawn("dev", "--metrics-listen", "off", *arguments)
        self.assertNotEqual(0, process.wait_exit())
        return process.log()

    def test_a_port_in_use(self):
        self.start()
        log = self.ends("--data-dir", os.path.join(self.folder, "other"), "--listen",
                        f"127.0.0.1:{self.port}")
        self.assertIn(str(self.port), log)
        self.assertIn("in use", log)
        self.assertTrue(self.ready())

    def test_a_listener_that_is_refused_leaves_everything_as_it_was(self):
        self.start()
        other = os.path.join(self.folder, "other")
        file = self.write("new.yaml", "version: 1\nassets:\n  late:\n    partitions: { keys: [x] }\n"
                                      "    run: { command: [\"true\"] }\n")
        taken = f"127.0.0.1:{self.port}"
        for arguments, said in [(("--listen", taken), "in use"),
                                (("--listen", "127.0.0.1:0", "--health-listen", taken), "in use"),
                                (("--listen", "0.0.0.0:0"), "--insecure")]:
            with self.subTest(arguments=arguments):
                self.assertIn(said, self.ends("-f", file, "--data-dir", other, *arguments))
                self.assertFalse(os.path.exists(other))

    def test_an_unwritable_data_folder(self):
        beneath_a_file = os.path.join(self.write("file", ""), "data")
        listen = ("--listen", f"127.0.0.1:{self.port}")
        self.assertIn(beneath_a_file, self.ends("--data-dir", beneath_a_file, *listen))
        if os.geteuid() != 0:  # root may write everywhere
            closed = os.path.join(self.folder, "closed")
            os.mkdir(closed, 0o500)
            self.assertIn(closed, self.ends("--data-dir", closed, *listen))

    def test_an_executor_that_cannot_start(self):
        beneath_a_file = os.path.join(self.write("file", ""), "scratch")
        taken = f"127.0.0.1:{self.port}"
        self.start()
        for arguments, said in [(("--scratch-root", beneath_a_file), os.path.dirname(beneath_a_file)),
                                (("--health-listen", taken), "--health-listen 127.0.0.1:PORT")]:
            process = self.spawn("executor", "--server", self.url, *arguments)
            self.assertNotEqual(0, process.wait_exit())
            self.assertIn(said, process.log())

    def test_a_listener_open_to_the_world_is_refused(self):
        self.assertIn("0.0.0.0", self.ends("--data-dir", self.data_dir, "--listen", "0.0.0.0:0"))

    def test_a_broken_file_given_to_dev(self):
        broken = self.write("broken.yaml", "version: 1\nassets: [\n")
        self.assertIn("broken.yaml", self.ends(
            "-f", broken, "--data-dir", self.data_dir, "--listen", f"127.0.0.1:{self.port}"))

"""Spans as a collector gets them, and the log as a machine reads it."""
import http.server
import json
import os
import threading

from harness import FAILED, ServoTest, wait_until

CALLER_TRACE, CALLER_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLER = f"00-{CALLER_TRACE}-{CALLER_SPAN}-01"
SECRET = "canary-collector-key"


class Collector:
    """Takes OTLP over HTTP in JSON on loopback."""

    def __init__(self):
        self.hangs = threading.Event()  # takes requests and answers none
        self.spans = []
        self.requests = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                collector.requests.append((self.path, dict(self.headers)))
                if collector.hangs.is_set():
                    self.rfile.read(1)  # until the other side gives up
                    return
                for resource in body["resourceSpans"]:
                    service = attributes(resource["resource"])["service.name"]
                    for scope in resource["scopeSpans"]:
                        collector.spans += [span | {"service": service} for span in scope["spans"]]
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        if not self.thread.is_alive():
            return
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def named(self, name):
        return [span for span in self.spans if span["name"] == name]


def attributes(of):
    return {one["key"]: next(iter(one["value"].values())) for one in of["attributes"]}


class Tracing(ServoTest):
    def setUp(self):
        super().setUp()
        self.collector = Collector()
        self.addCleanup(self.collector.close)

    def start_traced(self, *arguments):
        self.environment["OTEL_EXPORTER_OTLP_HEADERS"] = f"api-key={SECRET}"
        process = self.start("--otlp-endpoint", self.collector.url, *arguments)
        del self.environment["OTEL_EXPORTER_OTLP_HEADERS"]
        told = os.path.join(self.folder, "told")
        self.apply(f"""version: 1
assets:
  orders:
    partitions: {{ every: day, start: 2024-01-01 }}
    run:
      command:
        argv: ["echo $SERVO_PARTITION_KEY $TRACEPARENT >> {told}; test $SERVO_PARTITION_KEY != 2024-01-03 || exit 65"]
        shell: true
""")
        return process, told

    def test_a_backfill_is_one_tree_below_its_caller(self):
        process, told = self.start_traced()
        self.environment["TRACEPARENT"] = CALLER
        job_id = self.begin("orders", "--start", "2024-01-01", "--end", "2024-01-05")
        del self.environment["TRACEPARENT"]
        self.wait_job(job_id, code=FAILED)
        wait_until(lambda: self.collector.named("backfill") and
                   len(self.collector.named("attempt")) == 5, "all of it is sent")
        process.stop()
        backfills = self.collector.named("backfill")
        self.assertEqual(1, len(backfills), self.collector.spans)
        backfill = backfills[0]
        self.assertEqual(("servo-server", CALLER_SPAN), (backfill["service"], backfill["parentSpanId"]))
        self.assertEqual(job_id, attributes(backfill)["servo.backfill_id"])
        self.assertEqual(2, backfill["status"]["code"])
        leases = {span["spanId"]: span for span in self.collector.named("lease")}
        attempts = {attributes(span)["servo.partition_key"]: span
                    for span in self.collector.named("attempt")}
        self.assertEqual([f"2024-01-0{day}" for day in range(1, 6)], sorted(attempts))
        for span in [*leases.values(), *attempts.values(), backfill]:
            self.assertEqual(CALLER_TRACE, span["traceId"])
            self.assertLessEqual(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]))
        self.assertEqual({backfill["spanId"]}, {span["parentSpanId"] for span in leases.values()})
        self.assertEqual(set(leases), {span["parentSpanId"] for span in attempts.values()})
        failed = {key for key, span in attempts.items() if "status" in span}
        self.assertEqual({"2024-01-03"}, failed)
        self.assertEqual("data", attributes(attempts["2024-01-03"])["servo.failure_class"])
        # What the programs were told is their attempt.
        with open(told, encoding="ascii") as file:
            parents = dict(line.split() for line in file)
        for key, span in attempts.items():
            self.assertEqual(f"00-{CALLER_TRACE}-{span['spanId']}-01", parents[key])
        paths = {path for path, _ in self.collector.requests}
        self.assertEqual({"/v1/traces"}, paths)
        self.assertTrue(all(headers.get("api-key") == SECRET for _, headers in self.collector.requests))
        self.assertNotIn(SECRET, process.log())

    def test_what_a_caller_adds_to_its_trace_goes_nowhere(self):
        process, _ = self.start_traced()
        # A later version may go on after a dash; nobody promises that it is text.
        self.environment["TRACEPARENT"] = f"01-{CALLER_TRACE}-{CALLER_SPAN}-01-\udcff" + "x" * 4000
        job_id = self.begin("orders", "--start", "2024-01-01", "--end", "2024-01-01")
        del self.environment["TRACEPARENT"]
        self.wait_job(job_id)
        wait_until(lambda: self.collector.named("backfill"), "it is sent")
        process.stop()
        self.assertEqual({CALLER_TRACE}, {span["traceId"] for span in self.collector.spans})

    def test_without_a_caller_a_backfill_is_a_trace_of_its_own(self):
        process, _ = self.start_traced()
        for _ in range(2):
            self.wait_job(self.begin("orders", "--start", "2024-01-01", "--end", "2024-01-01",
                                     "--reprocess", "all"))
        wait_until(lambda: len(self.collector.named("backfill")) == 2, "both are sent")
        process.stop()
        backfills = self.collector.named("backfill")
        self.assertEqual(2, len({span["traceId"] for span in backfills}), backfills)
        self.assertTrue(all("parentSpanId" not in span for span in backfills))

    def test_a_collector_that_is_gone_costs_nothing_but_spans(self):
        process, _ = self.start_traced()
        self.collector.close()
        self.wait_job(self.begin("orders", "--start", "2024-01-01", "--end", "2024-01-02"))
        self.assertEqual(0, process.stop())
        self.assertIn("Spans are dropped", process.log())
        self.assertIn("--otlp-endpoint", process.log())
        self.assertNotIn("Start one with", process.log())

    def test_a_collector_that_hangs_does_not_keep_a_process_from_ending(self):
        process, _ = self.start_traced()
        self.collector.hangs.set()
        self.wait_job(self.begin("orders", "--start", "2024-01-01", "--end", "2024-01-02"))
        wait_until(lambda: self.collector.requests, "spans are on their way")
        self.assertEqual(0, process.stop())
        # Also when it ends between two tries.
        self.assertRegex(process.log(), "did not answer (before this process ended|POST)")

    def test_an_address_that_is_none_is_refused(self):
        outcome = self.servo("dev", "--data-dir", self.data_dir, "--listen", "127.0.0.1:0",
                             "--otlp-endpoint", "collector", code=2)
        self.assertIn("http://127.0.0.1:4318", outcome.err)

    def test_the_log_is_one_object_a_line(self):
        definitions = ("version: 1\nassets:\n  a:\n    partitions: { keys: [x] }\n"
                       "    run: { command: [\"true\"] }\n")
        file = self.write("servo.yaml", definitions)
        process = self.start("--log-format", "json", "-f", file)
        self.environment["TRACEPARENT"] = CALLER
        self.begin("a", "--partition", "x")

        def told(message):
            # All that is written is JSON, the banner and what is told of the file included.
            written = process.log().rpartition("\n")[0]
            return [line for line in map(json.loads, written.splitlines()) if message in line["message"]]

        lines = wait_until(lambda: told("start_backfill"), "the request is in the log")
        self.assertNotIn("dry_run", lines[0])
        self.servo("backfill", "start", "a", "--partition", "x", "--reprocess", "all", "--overlap",
                   "wait", "--dry-run")
        wait_until(lambda: [line.get("dry_run") for line in told("start_backfill")] == [None, True],
                   "what only asked is told apart")
        self.assertEqual(1, len(told("servo dev ")))
        self.write("servo.yaml", definitions + "    timeout: 5m\n")
        wait_until(lambda: told("was saved"), "the file is applied again")
        self.assertEqual(0, process.stop())
        self.assertTrue(told("stopping: running partitions finish first"))
        self.assertEqual((200, CALLER_TRACE), (lines[0]["status"], lines[0]["trace_id"]))
        self.assertRegex(lines[0]["request_id"], r"^\S+$")
        self.assertEqual("info", lines[0]["level"])

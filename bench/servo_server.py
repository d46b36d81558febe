"""What the measurements of the built product share: a `servo server` of their own, its callers and
its load. The programs come from the build folder, build/ unless SERVO_BUILD_DIR names another."""
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.environ.get("SERVO_BUILD_DIR", os.path.join(ROOT, "build")))
PROGRAMS = os.path.join(BUILD, "bench")
SERVO = os.path.join(BUILD, "servo")
CONNECTIONS = 64
START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 20
CALL_SECONDS_MAX = 60
ASSETS = """version: 1
assets:
  load:
    partitions: { every: 1m, start: 1700-01-01 }
    run: { synthetic: { duration: 1ms } }
  program:
    partitions: { every: 1m, start: 1700-01-01 }
    run: { command: [/bin/true] }
"""
# Of the assets above, in minutes: more than any run here gets through.
ALL = ("1700-01-01T00:00:00Z", "2024-12-31T00:00:00Z")
TEN_THOUSAND = ("2024-01-01T00:00:00Z", "2024-01-07T22:40:00Z")
TEN_MILLION = ("1990-01-01T00:00:00Z", "2009-01-05T10:40:00Z")


def load_command(port, mode, connections, k, seconds):
    return [os.path.join(PROGRAMS, "http_load"), *map(str, (port, mode, connections, k, seconds))]


def figures_of(line):
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", line)}


def load(port, mode, connections, k, seconds):
    """The figures of http_load after `seconds` of it; ends the program when the server went away."""
    line = subprocess.run(load_command(port, mode, connections, k, seconds), check=True,
                          stdout=subprocess.PIPE, text=True, timeout=seconds + 60).stdout
    figures = figures_of(line)
    if figures["gone"]:
        raise SystemExit("http_load: the server went away")
    return figures


# As Ctrl-C does: what was started ends with us.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


class Server:
    """A `servo server` on a free port with the assets above; on SQLite, or the database of a URL."""

    def __init__(self, database_url=None, metrics_listen="off"):
        self.metrics_listen = metrics_listen
        self.temporary = tempfile.TemporaryDirectory(prefix="servo-bench-")
        self.folder = self.temporary.name
        self.data = os.path.join(self.folder, "data")
        self.log = open(os.path.join(self.folder, "log"), "a+", encoding="utf-8")
        self.environment = dict(os.environ)
        if database_url:
            self.environment["SERVO_DATABASE_URL"] = database_url
            self.cli("migrate", "-q")
        self.process = None
        try:
            self.start()
            file = os.path.join(self.folder, "servo.yaml")
            with open(file, "w", encoding="utf-8") as out:
                out.write(ASSETS)
            self.cli("apply", "-q", "-f", file)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        """Starts (again) on the same store and waits until it leads."""
        begin = self.log.seek(0, os.SEEK_END)
        self.process = subprocess.Popen(
            [SERVO, "server", "--data-dir", self.data, "--listen", "127.0.0.1:0",
             "--metrics-listen", self.metrics_listen],
            stderr=self.log, stdout=self.log, stdin=subprocess.DEVNULL, env=self.environment)
        self.url = self.wait_ready(begin)
        self.port = int(self.url.rsplit(":", 1)[1])
        self.environment["SERVO_SERVER"] = self.url

    def command(self, *words):
        return [SERVO, *words]

    def cli(self, *words):
        subprocess.run(self.command(*words), env=self.environment, check=True, stdout=self.log)

    def start_backfill(self, start, end, asset="load"):
        self.cli("backfill", "start", "-q", asset, "--start", start, "--end", end, "--yes")

    def wait_ready(self, begin):
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            self.log.seek(begin)
            for url in re.findall(r"http://127\.0\.0\.1:\d+", self.log.read()):
                try:
                    urllib.request.urlopen(url + "/readyz", timeout=1)
                    return url
                except OSError:
                    pass
            time.sleep(0.02)
        self.log.seek(begin)
        raise SystemExit("the server did not start:\n" + self.log.read())

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.kill()

    def close(self):
        if self.process:
            self.stop()
        self.log.close()
        self.temporary.cleanup()


class Caller:
    """One keep-alive connection; once registered, an executor of one slot."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CALL_SECONDS_MAX)
        self.number = 0

    def post(self, path, body):
        """Milliseconds of the call, and its reply."""
        text = json.dumps(body)
        begin = time.perf_counter()
        self.connection.request("POST", path, text, {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        reply = response.read()
        took = (time.perf_counter() - begin) * 1e3
        if response.status >= 300:
            raise SystemExit(f"{path}: {response.status} {reply[:300]}")
        return took, json.loads(reply)

    def get(self, path):
        self.connection.request("GET", path)
        return json.load(self.connection.getresponse())

    def register(self):
        self.post("/v1/executor/register",
                  {"executor": "bench", "session": 7, "slots": 1, "previous_gone": True})

    def claim(self):
        self.number += 1
        took, reply = self.post("/v1/executor/report", {
            "session": 7, "call": self.number, "ack": 0, "free_slots": 1})
        if not reply["grants"]:
            raise SystemExit("nothing was granted")
        return took


def request_of(start, end):
    return {"asset": "load", "selection": {"start": start, "end": end}, "reprocess": "all"}

"""What the measurements of the built product share: a `servo server` of their own, and the load."""
import os
import re
import signal
import statistics
import subprocess
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
SERVO = os.path.join(HERE, "..", "servo")
ASSETS = """version: 1
assets:
  load:
    partitions: { every: 1m, start: 1990-01-01 }
    run: { synthetic: { duration: 1ms } }
"""
# Of the asset above: 18.4 million partitions of a minute.
ALL = ("1990-01-01", "2024-12-31")


def load(port, mode, connections, k, seconds):
    line = subprocess.run(
        [os.path.join(HERE, "http_load"), str(port), mode, str(connections), str(k), str(seconds)],
        check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", line)}


class Server:
    """A `servo server` on a free port with the asset `load`."""

    def __init__(self, folder):
        self.folder = folder
        self.log = open(os.path.join(folder, "log"), "w+")
        self.process = subprocess.Popen(
            [SERVO, "server", "--data-dir", os.path.join(folder, "data"), "--listen", "127.0.0.1:0",
             "--metrics-listen", "off"],
            stderr=self.log, stdout=self.log, stdin=subprocess.DEVNULL)
        self.url = self.wait_ready()
        self.port = int(self.url.rsplit(":", 1)[1])
        file = os.path.join(folder, "servo.yaml")
        with open(file, "w") as out:
            out.write(ASSETS)
        self.cli("apply", "-q", "-f", file)

    def cli(self, *words):
        subprocess.run([SERVO, *words], env=dict(os.environ, SERVO_SERVER=self.url), check=True,
                       stdout=self.log)

    def start_backfill(self, start, end):
        self.cli("backfill", "start", "-q", "load", "--start", start, "--end", end, "--yes")

    def wait_ready(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            self.log.flush()
            with open(self.log.name) as text:
                found = re.search(r"http://127\.0\.0\.1:\d+", text.read())
            if found:
                try:
                    urllib.request.urlopen(found.group() + "/readyz", timeout=1)
                    return found.group()
                except OSError:
                    pass
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        raise SystemExit("the server did not start")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def shown(values, digits=0):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} [{low:,.{digits}f}..{high:,.{digits}f}]"

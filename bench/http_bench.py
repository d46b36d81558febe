#!/usr/bin/env python3
"""P4 of the goals: the embedded store behind real HTTP, held against the bare HTTP listener.

Everything runs on this machine in one go: `servo server` on SQLite with synchronous=FULL in a fresh
folder, the echo server (our listener with nothing behind it), and the load generator. Rounds of each
alternate; medians with [min..max] are printed. Usage: http_bench [ROUNDS [SECONDS]]
"""
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
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


def load(port, mode, connections, k, seconds):
    line = subprocess.run(
        [os.path.join(HERE, "http_load"), str(port), mode, str(connections), str(k), str(seconds)],
        check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    return {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", line)}


class Server:
    """A `servo server` on a free port, with one open job of ten million partitions."""

    def __init__(self, folder):
        self.log = open(os.path.join(folder, "log"), "w+")
        self.process = subprocess.Popen(
            [SERVO, "server", "--data-dir", os.path.join(folder, "data"), "--listen", "127.0.0.1:0"],
            stderr=self.log, stdout=self.log, stdin=subprocess.DEVNULL)
        self.url = self.wait_ready()
        self.port = int(self.url.rsplit(":", 1)[1])
        env = dict(os.environ, SERVO_SERVER=self.url)
        file = os.path.join(folder, "servo.yaml")
        with open(file, "w") as out:
            out.write(ASSETS)
        subprocess.run([SERVO, "apply", "-q", "-f", file], env=env, check=True, stdout=self.log)
        subprocess.run(
            [SERVO, "backfill", "start", "-q", "load", "--start", "1990-01-01", "--end",
             "2024-12-31", "--yes"], env=env, check=True, stdout=self.log)

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
        raise SystemExit("http_bench: the server did not start; see its log")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def bare(seconds):
    echo = subprocess.Popen(
        [os.path.join(HERE, "echo_server"), str(seconds + 10)], stdout=subprocess.PIPE, text=True)
    try:
        return load(int(echo.stdout.readline()), "bare", 64, 0, seconds)
    finally:
        echo.terminate()
        echo.wait()


def shown(values):
    return f"{statistics.median(values):,.0f} [{min(values):,.0f}..{max(values):,.0f}]"


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    rates = {"bare": [], 1: [], 16: [], 100: []}
    latencies = {1: [], 16: [], 100: []}
    for _ in range(rounds):
        rates["bare"].append(bare(seconds)["calls_per_s"])
        for k in (1, 16, 100):
            with tempfile.TemporaryDirectory(prefix="servo-bench-") as folder:
                server = Server(folder)
                try:
                    row = load(server.port, "executor", 64, k, seconds)
                finally:
                    server.stop()
            rates[k].append(row["partitions_per_s"])
            latencies[k].append(row["p99_ms"])
    print("64 keep-alive connections, SQLite synchronous=FULL, partitions/s: median [min..max]")
    print(f"bare HTTP+JSON calls/s        {shown(rates['bare'])}")
    for k in (1, 16, 100):
        ratio = statistics.median(rates[k]) / statistics.median(rates["bare"])
        print(f"k={k:<4} partitions/s          {shown(rates[k])}   {ratio:.2f} x bare,"
              f" p99 {statistics.median(latencies[k]):.1f} ms")
    ratio = statistics.median(rates[1]) / statistics.median(rates["bare"])
    print(f"goal P4: k=1 against bare HTTP+JSON >= 0.4: {ratio:.2f}, {'met' if ratio >= 0.4 else 'MISSED'}")


if __name__ == "__main__":
    main()

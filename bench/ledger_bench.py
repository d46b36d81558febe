#!/usr/bin/env python3
"""What the ledger of time and the metrics cost a whole leader at full load: the share of its CPU
time, kernel included, that goes into their functions and what these call. The stacks of all its
threads are sampled while http_bench's load runs on it; /metrics is scraped once, as Prometheus does
in as long.

Needs perf (Debian: linux-perf). Usage: ledger_bench.py [ROUNDS [SECONDS]]
"""
import glob
import os
import shutil
import signal
import subprocess
import sys
import threading

from figures import Goals, below
from metrics_bench import free_port, scrape
from servo_server import ALL, BUILD, CONNECTIONS, Server, load

SAMPLES_A_SECOND = 997
GOAL_PERCENT = 2
PERF_SECONDS_MAX = 300
# All that keeps the ledger and the metrics; their callers hold nothing of it.
SOURCES = [
    "src/core/CMakeFiles/servo_core.dir/bookkeeping.cc.o",
    "src/core/CMakeFiles/servo_core.dir/ledger.cc.o",
    "src/core/CMakeFiles/servo_core.dir/meter.cc.o",
    "src/core/CMakeFiles/servo_core.dir/pace.cc.o",
    "src/core/CMakeFiles/servo_core.dir/tally.cc.o",
    "src/core/CMakeFiles/servo_core.dir/views_ledger.cc.o",
    "src/core/CMakeFiles/servo_core.dir/views_meters.cc.o",
    "src/metrics/CMakeFiles/servo_metrics.dir/page.cc.o",
    "src/model/CMakeFiles/servo_model.dir/ledger.cc.o",
    "src/server/CMakeFiles/servo_server.dir/metrics_listener.cc.o",
    "src/server/CMakeFiles/servo_server.dir/metrics_page.cc.o",
]


def functions_of(objects):
    text = subprocess.run(["nm", "--defined-only", *objects], check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    fields = (line.split() for line in text.splitlines())
    return {words[2] for words in fields if len(words) == 3 and words[1] in "tT"}


def own_functions():
    """Mangled names of the functions that are defined in SOURCES alone: not of templates that the
    linker may have taken from anywhere, nor of their copies that other objects have, too."""
    own = {os.path.join(BUILD, name) for name in SOURCES}
    others = set(glob.glob(os.path.join(BUILD, "src", "**", "*.o"), recursive=True)) - own
    return functions_of(own) - functions_of(others)


def stacks(recorded):
    """The names on each sample's stack."""
    perf = subprocess.Popen(
        ["perf", "script", "-i", recorded, "-F", "ip,sym", "--no-demangle", "--no-inline"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    stack = set()
    for line in perf.stdout:
        words = line.split()
        if words:
            stack.add(words[-1])
        elif stack:
            yield stack
            stack = set()
    if perf.wait(PERF_SECONDS_MAX) != 0:
        raise SystemExit("ledger_bench: perf script failed")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(k, seconds, own):
    """(percent of the leader's CPU, microseconds of it a call, calls a second)"""
    address = f"127.0.0.1:{free_port()}"
    with Server(metrics_listen=address) as server:
        server.start_backfill(*ALL)
        recorded = os.path.join(server.folder, "perf.data")
        perf = subprocess.Popen(
            ["perf", "record", "-q", "-e", "cpu-clock", "-F", str(SAMPLES_A_SECOND),
             "--call-graph", "dwarf", "-p", str(server.process.pid), "-o", recorded],
            stdout=server.log, stderr=server.log)
        try:
            before = cpu_seconds(server.process.pid)
            scraped = threading.Timer(seconds / 2, scrape, (address,))
            scraped.start()
            row = load(server.port, "executor", CONNECTIONS, k, seconds)
            scraped.join()
            used = cpu_seconds(server.process.pid) - before
        finally:
            perf.send_signal(signal.SIGINT)
            perf.wait(PERF_SECONDS_MAX)
        samples = [bool(stack & own) for stack in stacks(recorded)]
    if len(samples) < SAMPLES_A_SECOND:
        raise SystemExit(f"ledger_bench: perf took {len(samples)} samples only")
    # The load runs a second longer than it counts.
    calls = row["calls_per_s"] * (seconds + 1)
    return 100 * sum(samples) / len(samples), used / calls * 1e6, row["calls_per_s"]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    if shutil.which("perf") is None:
        raise SystemExit("ledger_bench: perf is missing: apt-get install linux-perf")
    own = own_functions()
    print(f"{CONNECTIONS} keep-alive connections, SQLite with synchronous FULL; stacks sampled "
          f"{SAMPLES_A_SECOND} times a second, /metrics scraped once in {seconds} s.\n")
    goals = Goals()
    for k in (1, 16):
        found = [measured(k, seconds, own) for _ in range(rounds)]
        goals.values(f"k = {k}: the leader's CPU a call, µs", [us for _, us, _ in found], digits=1)
        goals.values(f"k = {k}: of it ledger and metrics, %", [share for share, _, _ in found],
                     below(GOAL_PERCENT), 2)
    goals.print()


if __name__ == "__main__":
    main()

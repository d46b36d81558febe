#!/usr/bin/env python3
"""P4 of the goals: the embedded store behind real HTTP, held against the bare HTTP listener.

Everything runs on this machine in one go: `servo server` on SQLite with synchronous=FULL in a fresh
folder, the echo server (our listener with nothing behind it), and the load generator. Rounds of each
alternate; medians with [min..max] are printed. Usage: http_bench.py [ROUNDS [SECONDS]]
"""
import os
import statistics
import subprocess
import sys

from figures import Goals, Ratio, at_least
from servo_server import ALL, CONNECTIONS, PROGRAMS, Server, load


def bare(seconds):
    echo = subprocess.Popen(
        [os.path.join(PROGRAMS, "echo_server"), str(seconds + 10)],
        stdout=subprocess.PIPE, text=True)
    try:
        return load(int(echo.stdout.readline()), "bare", CONNECTIONS, 0, seconds)
    finally:
        echo.terminate()
        echo.wait()


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    floor = []
    rates = {1: [], 16: [], 100: []}
    latencies = {1: [], 16: [], 100: []}
    for _ in range(rounds):
        floor.append(bare(seconds)["calls_per_s"])
        for k in rates:
            with Server() as server:
                server.start_backfill(*ALL)
                row = load(server.port, "executor", CONNECTIONS, k, seconds)
            rates[k].append(row["partitions_per_s"])
            latencies[k].append(row["p99_ms"])
    print(f"{CONNECTIONS} keep-alive connections, SQLite with synchronous FULL.\n")
    goals = Goals()
    goals.values("bare HTTP and JSON, calls/s", floor)
    for k, values in rates.items():
        p99 = statistics.median(latencies[k])
        goals.values(f"k = {k}, partitions/s; p99 of a call {p99:.1f} ms", values)
    goals.ratio("P4: k = 1 against bare HTTP and JSON", Ratio(rates[1], floor), at_least(0.4))
    goals.print()


if __name__ == "__main__":
    main()

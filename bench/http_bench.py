#!/usr/bin/env python3
"""P4 of the goals: the embedded store behind real HTTP, held against the bare HTTP listener.

Everything runs on this machine in one go: `servo server` on SQLite with synchronous=FULL in a fresh
folder, the echo server (our listener with nothing behind it), and the load generator. Rounds of each
alternate; medians with [min..max] are printed. Usage: http_bench [ROUNDS [SECONDS]]
"""
import os
import statistics
import subprocess
import sys
import tempfile

from servo_server import ALL, HERE, Server, load, shown


def bare(seconds):
    echo = subprocess.Popen(
        [os.path.join(HERE, "echo_server"), str(seconds + 10)], stdout=subprocess.PIPE, text=True)
    try:
        return load(int(echo.stdout.readline()), "bare", 64, 0, seconds)
    finally:
        echo.terminate()
        echo.wait()


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
                    server.start_backfill(*ALL)
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

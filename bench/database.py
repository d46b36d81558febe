"""The throw-away PostgreSQL that everything is measured on, and what it can say of a piece of work:
log written, bytes kept, processor time."""
import contextlib
import os
import re
import subprocess
import sys
import time

from servo_server import ROOT

sys.path.insert(0, os.path.join(ROOT, "tests", "postgres"))
from server import USER, PostgresServer  # noqa: E402

# As docs/performance.md says; the same for everything that is compared.
SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "min_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "off",
    "autovacuum_naptime": "10s",
    "max_connections": "100",
}
SLOW_COMMIT_US = 2_000
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SETTLE_SECONDS_MAX = 10


class Usage:
    """What the database spent between begin and end of a `with`."""

    wal_bytes = 0
    cpu_s = 0.0


class Database(PostgresServer):
    def __init__(self):
        super().__init__(SETTINGS)
        self.made = 0

    @contextlib.contextmanager
    def fresh(self, name):
        """The name of a new database, dropped in the end."""
        self.made += 1
        name = f"{name}_{self.made}"
        self.create_database(name)
        try:
            yield name
        finally:
            self.psql(f'DROP DATABASE "{name}" WITH (FORCE)')

    @contextlib.contextmanager
    def usage(self):
        out = Usage()
        wal, cpu = self._wal_bytes(), self.cpu_seconds()
        yield out
        out.wal_bytes = self._wal_bytes() - wal
        out.cpu_s = self.cpu_seconds() - cpu

    def _wal_bytes(self):
        return int(self.psql("SELECT pg_current_wal_insert_lsn() - '0/0'").partition(".")[0])

    def cpu_seconds(self):
        """Of all its processes, also of those that ended."""
        ticks = 0
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            with contextlib.suppress(OSError):
                with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                    stat = re.sub(r"^.*\) ", "", file.read()).split()
                # From the state on: ppid 1, utime 11, stime 12, and of waited-for children 13, 14.
                if int(entry) == self.pid:
                    ticks += sum(map(int, stat[11:15]))
                elif int(stat[1]) == self.pid:
                    ticks += sum(map(int, stat[11:13]))
        return ticks / TICKS_PER_S

    def stored_bytes(self, name, schemas="'public'"):
        """Tables with their indexes and what lies beside them."""
        return int(self.psql(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            f" WHERE c.relkind IN ('r', 'm') AND n.nspname IN ({schemas})", name))

    @contextlib.contextmanager
    def held_snapshot(self, name):
        """A reader that keeps its snapshot open: nothing that dies meanwhile can be vacuumed."""
        reader = subprocess.Popen(
            [os.path.join(self.binaries, "psql"), "-X", "-q", "-A", "-t", "-h", self.folder,
             "-p", str(self.port), "-U", USER, "-d", name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            reader.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class;\n")
            reader.stdin.flush()
            reader.stdout.readline()
            yield
        finally:
            reader.stdin.close()
            reader.wait(SETTLE_SECONDS_MAX)

    @contextlib.contextmanager
    def slow_commits(self):
        """Each commit takes 2 ms more, as on a slower disk."""
        self._set_commit_delay(SLOW_COMMIT_US, 0)
        try:
            yield
        finally:
            self._set_commit_delay(0, 5)

    def _set_commit_delay(self, delay_us, siblings):
        self.psql(f"ALTER SYSTEM SET commit_delay = {delay_us}")
        self.psql(f"ALTER SYSTEM SET commit_siblings = {siblings}")
        self.psql("SELECT pg_reload_conf()")
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while self.psql("SHOW commit_delay") != str(delay_us):
            if time.monotonic() > deadline:
                raise SystemExit("PostgreSQL did not take up commit_delay")
            time.sleep(0.05)

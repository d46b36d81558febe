#!/usr/bin/env python3
"""A PostgreSQL server of its own for tests and measurements.

As a program it starts one in a new folder, prints its URL on one line once it accepts
connections, and stops it when standard input ends or its parent goes:

    python3 tests/postgres/server.py [--setting name=value]... [--memory] [--print-pid]

With --print-pid the second line is the pid of the postmaster. `--memory` puts the data on a
memory file system (only for measuring what a disk costs). From Python:

    with PostgresServer() as server:
        url = server.create_database("one")
        with PostgresServer(replica_of=server) as replica:
            read_url = replica.url("one")

The server listens on loopback and on a Unix socket in its folder. fsync is on, as Servo asks for.
As root it runs under the user `postgres`, or `nobody` where there is none.
"""
import argparse
import ctypes
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

USER = "servo"  # owns its databases and is no superuser, as in a sound installation
ADMIN = "postgres"
PASSWORD = "canary-password-5d81"  # tests look for it where it must not be
START_SECONDS_MAX = 180
STOP_SECONDS_MAX = 120
PORTS_TRIED_MAX = 5
PR_SET_PDEATHSIG = 1

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "password_encryption": "scram-sha-256",
}


def binary_folder():
    """Where initdb and postgres are; None when they are not installed."""
    found = sorted(
        glob.glob("/usr/lib/postgresql/*/bin/postgres"),
        key=lambda path: int(re.search(r"/(\d+)/", path).group(1)),
    )
    at_least_15 = [path for path in found if int(re.search(r"/(\d+)/", path).group(1)) >= 15]
    if at_least_15:
        return os.path.dirname(at_least_15[0])
    on_path = shutil.which("postgres")
    return os.path.dirname(on_path) if on_path else None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unprivileged_user():
    """PostgreSQL refuses to run as root: (uid, gid) to take then, else None."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
        except KeyError:
            continue
    raise RuntimeError("there is neither a user postgres nor nobody to run PostgreSQL under")


class PostgresServer:
    """One cluster in a folder of its own, gone with it. Use as a context manager.

    `replica_of`: a streaming replica of that server.
    """

    def __init__(self, settings=None, memory=False, replica_of=None):
        self.binaries = binary_folder()
        if self.binaries is None:
            raise RuntimeError("PostgreSQL 15 is not installed; run scripts/setup")
        base = "/dev/shm" if memory else None
        self.folder = tempfile.mkdtemp(prefix="servo-pg-", dir=base)
        self.data = os.path.join(self.folder, "data")
        self.log_path = os.path.join(self.folder, "log")
        self.settings = {**SETTINGS, **(settings or {})}
        self.port = 0
        self.user = unprivileged_user()
        self.process = None
        try:
            if self.user:
                os.chown(self.folder, *self.user)
            os.chmod(self.folder, 0o755)
            if replica_of:
                self._copy(replica_of)
                self._start_on_a_free_port()
            else:
                self._initialise()
                self._start_on_a_free_port()
                self.psql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
                self.psql(f"ALTER DATABASE postgres OWNER TO {USER}")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- life ------------------------------------------------------------------------------

    def drop_rights(self):
        os.setsid()
        libc = ctypes.CDLL(None)
        if self.user:
            os.setgroups([])
            os.setgid(self.user[1])
            os.setuid(self.user[0])
        # After setuid, which clears it. SIGINT is PostgreSQL's fast shutdown.
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)

    def _command(self, *argv, **more):
        return subprocess.run(
            argv, check=True, cwd="/", preexec_fn=self.drop_rights, capture_output=True, **more
        )

    def _initialise(self):
        password_file = os.path.join(self.folder, "password")
        with open(password_file, "w", encoding="utf-8") as file:
            file.write(PASSWORD + "\n")
        if self.user:
            os.chown(password_file, *self.user)
        self._command(
            os.path.join(self.binaries, "initdb"), "--pgdata", self.data, "--username", ADMIN,
            "--pwfile", password_file, "--auth-host=scram-sha-256", "--auth-local=trust",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", timeout=START_SECONDS_MAX,
        )
        os.unlink(password_file)

    def _copy(self, primary):
        self._command(
            os.path.join(self.binaries, "pg_basebackup"), "--pgdata", self.data, "--host",
            primary.folder, "--port", str(primary.port), "--username", ADMIN, "--write-recovery-conf",
            "--checkpoint=fast", "--no-sync", timeout=START_SECONDS_MAX,
        )

    def _start_on_a_free_port(self):
        for attempt in range(PORTS_TRIED_MAX):
            self.port = free_port()
            try:
                return self.start()
            except RuntimeError:
                taken = "could not bind" in self.log()
                if not taken or attempt == PORTS_TRIED_MAX - 1:
                    raise

    def start(self):
        """Starts (again) on the same data and port, and waits until it accepts connections."""
        argv = [
            os.path.join(self.binaries, "postgres"), "-D", self.data,
            "-c", f"port={self.port}", "-c", f"unix_socket_directories={self.folder}",
        ]
        for name, value in self.settings.items():
            argv += ["-c", f"{name}={value}"]
        said = self._launch(argv)
        ready = os.path.join(self.binaries, "pg_isready")
        waited = threading.Event()
        for _ in range(START_SECONDS_MAX * 20):
            if self.process.poll() is not None:
                # The backends of one that was killed have its memory until they have seen it end.
                if "pre-existing shared memory block" not in self.log()[said:]:
                    raise RuntimeError("PostgreSQL ended at its start:\n" + self.log())
                waited.wait(0.05)
                said = self._launch(argv)
            asked = subprocess.run(
                [ready, "-q", "-h", self.folder, "-p", str(self.port), "-U", ADMIN], check=False
            )
            if asked.returncode == 0:
                return
            waited.wait(0.05)
        raise RuntimeError("PostgreSQL does not become ready:\n" + self.log())

    def _launch(self, argv):
        """Starts the process, and says how long its log was before."""
        said = len(self.log()) if os.path.exists(self.log_path) else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                argv, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=self.drop_rights,
            )
        return said

    def stop(self, how=signal.SIGINT):
        """SIGINT ends sessions and checkpoints, SIGQUIT ends as after a crash, SIGTERM waits."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self):
        """kill -9 of the postmaster; its children end by themselves."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- use -------------------------------------------------------------------------------

    @property
    def pid(self):
        return self.process.pid

    def url(self, database="postgres"):
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database="postgres"):
        """Over the Unix socket, without a password."""
        folder = self.folder.replace("/", "%2F")
        return f"postgresql://{USER}@{folder}:{self.port}/{database}"

    def psql(self, sql, database="postgres"):
        """Runs statements as superuser over the Unix socket; what they print, unaligned, without titles."""
        done = subprocess.run(
            [os.path.join(self.binaries, "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
             "-h", self.folder, "-p", str(self.port), "-U", ADMIN, "-d", database, "-c", sql],
            check=False, capture_output=True, text=True, timeout=START_SECONDS_MAX,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def create_database(self, name):
        """A new, empty database; its URL."""
        self.psql(f'CREATE DATABASE "{name}" OWNER {USER}')
        return self.url(name)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()


def wait_for_end():
    """Until standard input ends, or SIGTERM or SIGINT comes."""
    ended = threading.Event()

    def read():
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        ended.set()

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: ended.set())
    threading.Thread(target=read, daemon=True).start()
    ended.wait()


def main():
    parser = argparse.ArgumentParser(description="Start a PostgreSQL server until stdin ends.")
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--memory", action="store_true", help="data on a memory file system")
    parser.add_argument("--print-pid", action="store_true", help="the postmaster's pid, 2nd line")
    arguments = parser.parse_args()
    settings = {}
    for setting in arguments.setting:
        name, sign, value = setting.partition("=")
        if not sign:
            parser.error(f"--setting {setting} must look like work_mem=8MB")
        settings[name] = value
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("server.py: the parent is gone")
    try:
        server = PostgresServer(settings, arguments.memory)
    except (RuntimeError, subprocess.CalledProcessError) as error:
        output = getattr(error, "stderr", b"") or b""
        sys.exit(f"server.py: {error}\n{output.decode(errors='replace')}")
    with server:
        print(server.url(), flush=True)
        if arguments.print_pid:
            print(server.pid, flush=True)
        wait_for_end()


if __name__ == "__main__":
    main()

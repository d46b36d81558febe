"""PgBouncer in transaction mode before a PostgreSQL server of the tests, on loopback.

    with PostgresServer() as server, Pooler(server) as pooler:
        url = pooler.url("one")
"""
import os
import shutil
import subprocess
import tempfile
import threading

from server import PASSWORD, USER, free_port

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 10
PROGRAM = "/usr/sbin/pgbouncer"


def installed():
    return os.path.exists(PROGRAM)


class Pooler:
    """One process of our own, gone with this object. Use as a context manager."""

    def __init__(self, server):
        self.server = server
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="servo-pooler-")
        os.chmod(self.folder, 0o755)
        self.process = None
        try:
            self._configure()
            self._start()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        if self.server.user:
            os.chown(path, *self.server.user)
        return path

    def _configure(self):
        users = self._write("users", f'"{USER}" "{PASSWORD}"\n')
        self.settings = self._write("pgbouncer.ini", f"""
[databases]
* = host=127.0.0.1 port={self.server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
pool_mode = transaction
auth_type = scram-sha-256
auth_file = {users}
stats_users = {USER}
default_pool_size = 4
min_pool_size = 0
max_client_conn = 100
server_login_retry = 1
""")

    def _start(self):
        self.log_path = os.path.join(self.folder, "log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, self.settings], cwd="/", stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, preexec_fn=self.server.drop_rights)
        ready = os.path.join(self.server.binaries, "pg_isready")
        waited = threading.Event()
        for _ in range(START_SECONDS_MAX * 20):
            if self.process.poll() is not None:
                raise RuntimeError("PgBouncer ended at its start:\n" + self.log())
            asked = subprocess.run(
                [ready, "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER], check=False)
            if asked.returncode == 0:
                return
            waited.wait(0.05)
        raise RuntimeError("PgBouncer does not become ready:\n" + self.log())

    def close(self):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database):
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def show(self, what):
        """Rows of PgBouncer's own SHOW command, unaligned."""
        done = subprocess.run(
            [os.path.join(self.server.binaries, "psql"), "-X", "-q", "-A", "-t",
             self.url("pgbouncer"), "-c", f"SHOW {what}"],
            check=True, capture_output=True, text=True, timeout=START_SECONDS_MAX)
        return done.stdout.strip().splitlines()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

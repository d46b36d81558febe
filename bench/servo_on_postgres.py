"""Servo on the database that the other systems are measured on, too: one run of `servo server` a
figure, each on a database of its own."""
import contextlib
import datetime
import json
import random
import socket
import subprocess
import threading
import time

from servo_server import (ALL, CONNECTIONS, STOP_SECONDS_MAX, TEN_MILLION, Caller, Server,
                          figures_of, load, load_command, request_of)

CREATORS = 8
JOB_MINUTES = 10_000
BEGIN_SECONDS = 2  # of load, in which ten thousand jobs begin
EPOCH = datetime.datetime(1970, 1, 1)
FIRST_MINUTE = -140_000_000  # in 1703
FSCK_SECONDS_MAX = 120
PROGRAMS_SECONDS_MAX = 120


@contextlib.contextmanager
def running(database):
    """A `servo server` on a fresh database, and the database's name."""
    with database.fresh("servo") as name:
        with Server(database.url(name)) as server:
            yield server, name


class Load:
    """One run of load: partitions/s, p50 and p99 of a call in ms; per partition the bytes of log, the
    bytes kept and the database's processor time in µs."""

    def __init__(self, database, server, name, k, connections, seconds):
        stored = database.stored_bytes(name)
        with database.usage() as usage:
            figures = load(server.port, "executor", connections, k, seconds)
        done = figures["acknowledged"]
        self.run_per_s = figures["partitions_per_s"]
        self.p50_ms = figures["p50_ms"]
        self.p99_ms = figures["p99_ms"]
        self.wal_bytes = usage.wal_bytes / done
        self.cpu_us = usage.cpu_s * 1e6 / done
        self.stored_bytes = (database.stored_bytes(name) - stored) / done


def one_job(database, k, connections, seconds):
    with running(database) as (server, name):
        server.start_backfill(*ALL)
        return Load(database, server, name, k, connections, seconds)


def under_snapshot(database, k, seconds, held):
    """The same, with a reader's snapshot held open from the start, or without."""
    with running(database) as (server, name):
        with database.held_snapshot(name) if held else contextlib.nullcontext():
            server.start_backfill(*ALL)
            return Load(database, server, name, k, CONNECTIONS, seconds)


def many_jobs(database, jobs, k, seconds):
    """Load on so many jobs that are active at once, each with thousands of partitions: all of them
    have begun before."""
    with running(database) as (server, name):
        create_jobs(server, jobs)
        load(server.port, "executor", CONNECTIONS, k, BEGIN_SECONDS)
        begun = int(database.psql("SELECT count(*) FROM jobs WHERE state = 'running'", name))
        if begun != jobs:
            raise SystemExit(f"of {jobs} jobs {begun} have begun")
        return Load(database, server, name, k, CONNECTIONS, seconds)


def create_jobs(server, jobs):
    """Disjoint pieces of the asset, JOB_MINUTES each."""
    numbers = iter(range(jobs))
    lock = threading.Lock()
    failed = []

    def create():
        caller = Caller(server.port)
        try:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                begin = FIRST_MINUTE + number * JOB_MINUTES
                caller.post("/v1/backfills",
                            request_of(timestamp(begin), timestamp(begin + JOB_MINUTES)))
        except BaseException as error:  # told by the thread that waits
            failed.append(error)

    threads = [threading.Thread(target=create) for _ in range(CREATORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def timestamp(minutes):
    """RFC 3339 of minutes since 1970, also before it."""
    return (EPOCH + datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:00Z")


def creation(database):
    """ms to create a backfill of ten million, HTTP included, and of the first claim after it."""
    with running(database) as (server, _):
        caller = Caller(server.port)
        caller.register()
        took, _ = caller.post("/v1/backfills", request_of(*TEN_MILLION))
        return took, caller.claim()


def programs_per_s(database, count, slots):
    """Partitions/s of a real executor whose partitions are /bin/true, from the first lease to the
    last result; both durable."""
    with running(database) as (server, _):
        server.start_backfill(timestamp(0), timestamp(count), "program")
        executor = subprocess.Popen(
            server.command("executor", "--slots", str(slots)), cwd=server.folder,
            stdout=server.log, stderr=server.log, stdin=subprocess.DEVNULL, env=server.environment)
        try:
            deadline = time.monotonic() + PROGRAMS_SECONDS_MAX
            while True:
                backfill = Caller(server.port).get("/v1/backfills")["items"][0]
                if backfill["state"] == "completed":
                    break
                if time.monotonic() > deadline or executor.poll() is not None:
                    raise SystemExit(f"the programs were not run: {backfill}")
                time.sleep(0.1)
        finally:
            executor.terminate()
            executor.wait(STOP_SECONDS_MAX)
        begin, end = (datetime.datetime.fromisoformat(backfill[at].replace("Z", "+00:00"))
                      for at in ("started_at", "completed_at"))
        return count / (end - begin).total_seconds()


class Raw:
    """One HTTP connection without a client library's own time: what is sent, what came back."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, path, body):
        text = json.dumps(body)
        self.socket.sendall(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\n\r\n{text}".encode())

    def receive(self):
        data = b""
        while True:
            data += self.socket.recv(65_536)
            head, found, body = data.partition(b"\r\n\r\n")
            if found:
                length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
                if len(body) >= length:
                    break
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            raise SystemExit(data[:400].decode(errors="replace"))
        return json.loads(body)

    def call(self, path, body):
        self.send(path, body)
        return self.receive()


def start_latencies(database, count, idle_seconds=0.02):
    """ms from asking for one partition to its grant at an idle executor whose call is parked."""
    out = []
    with running(database) as (server, _):
        person, executor = Raw(server.port), Raw(server.port)
        executor.call("/v1/executor/register",
                      {"executor": "bench", "session": 7, "slots": 1, "previous_gone": True})
        ack = 0
        for number in range(1, count + 1):
            call = {"session": 7, "call": number, "ack": ack, "free_slots": 1}
            executor.send("/v1/executor/acquire", call)
            time.sleep(idle_seconds)  # idle, and the call is parked
            request = request_of(timestamp(number), timestamp(number + 1))
            asked = time.perf_counter()
            person.send("/v1/backfills", request)
            reply = executor.receive()
            out.append((time.perf_counter() - asked) * 1e3)
            person.receive()
            grant = reply["grants"][0]
            ack = grant["number"]
            done = {"pos": [0], "start": [time.time_ns() // 1_000_000], "dur": [1_000]}
            executor.call("/v1/executor/report",
                          call | {"ack": ack, "free_slots": 0,
                                  "results": [{"lease": grant["lease"], "done": done}]})
    return out


class Kills:
    """kill -9 of the server at random moments under load, `count` times: what was acknowledged must
    be recorded, once, and the counters must be those of the log."""

    def __init__(self, database, count):
        self.acknowledged = 0
        self.recorded = 0
        self.contradictions = 0
        moments = random.Random(1)
        with running(database) as (server, name):
            server.start_backfill(*ALL)
            for _ in range(count):
                generator = subprocess.Popen(
                    load_command(server.port, "executor", CONNECTIONS, 16, 20),
                    stdout=subprocess.PIPE, text=True)
                time.sleep(moments.uniform(0.3, 3))
                server.kill()
                line = generator.communicate(timeout=60)[0]
                self.acknowledged += int(figures_of(line)["acknowledged"])
                checked = subprocess.run(
                    server.command("fsck"), env=server.environment, check=False,
                    stdout=subprocess.PIPE, text=True, timeout=FSCK_SECONDS_MAX)
                self.contradictions += checked.returncode != 0
                server.start()
            self.recorded = int(database.psql("SELECT sum(entries) FROM done_log", name))
            counted = Caller(server.port).get("/v1/backfills")["items"][0]["completed_partitions"]
            self.contradictions += counted != self.recorded

    def exact(self):
        return self.contradictions == 0 and self.recorded >= self.acknowledged

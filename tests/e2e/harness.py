"""Runs the built `servo` as its users do: starts it, types commands, kills it, looks at what is left.

Every wait polls a condition and has a deadline; nothing waits for a time to pass. Each test has a
folder of its own, and every process it causes carries the folder's name in its environment, so that
what is left over afterwards can be found.
"""
import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BINARY = os.environ.get("SERVO_BIN", os.path.join(ROOT, "build", "servo"))
PROGRAMS = os.path.join(HERE, "programs")

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy
MARKER = "E2E_MARKER"
# Generous: these bound a hang, they measure nothing.
START_DEADLINE_S = 60
COMMAND_DEADLINE_S = 120
JOB_DEADLINE_S = 300
LEASE_TTL_S = 10  # src/model/protocol.h

# Exit codes of the command line (docs/reference/exit_codes.md).
OK, FAILED, USAGE, NOT_FOUND, CONFLICT, NOT_ALLOWED = 0, 1, 2, 3, 4, 5
UNAVAILABLE, TIMED_OUT, CANNOT_TELL, WAITED_FOR_CANCELLED, SCHEMA_TOO_NEW = 6, 7, 8, 9, 10


def wait_until(condition, what, deadline_s=COMMAND_DEADLINE_S):
    """The first true value of `condition`; an AssertionError that says `what` after the deadline."""
    ends = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > ends:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(0.02)  # between two looks at the condition


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def runs_servo(pid):
    """Whether the process is the binary under test: server, executor or slot."""
    try:
        return os.path.samefile(f"/proc/{pid}/exe", BINARY)
    except OSError:
        return False


def processes_with(marker):
    """Pids of live processes (zombies not counted) that inherited the marker."""
    found = []
    wanted = f"{MARKER}={marker}".encode()
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if wanted not in file.read().split(b"\0"):
                    continue
            with open(f"/proc/{name}/stat", "rb") as file:
                if file.read().rpartition(b")")[2].split()[0] != b"Z":
                    found.append(int(name))
        except OSError:
            continue  # it ended while we looked, or it is not ours
    return found


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


class Outcome:
    """What a command did."""

    def __init__(self, arguments, code, out, err):
        self.arguments = arguments
        self.code = code
        self.out = out
        self.err = err

    def json(self):
        return json.loads(self.out)

    def jsonl(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def __str__(self):
        return (f"servo {' '.join(self.arguments)[:500]}\nexit {self.code}\n"
                f"stdout: {self.out[-3000:]}\nstderr: {self.err[-3000:]}")


class Process:
    """One `servo` process that stays: dev, server or executor."""

    def __init__(self, arguments, log_path, environment, cwd):
        self.arguments = arguments
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.popen = subprocess.Popen(
                [BINARY, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment, cwd=cwd, start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait_log(self, words):
        """Until it has said so; one that answers may still be about to."""
        wait_until(lambda: words in self.log() or not self.alive(), f"it says: {words}")
        if words not in self.log():
            raise AssertionError(f"it never said {words!r}:\n{self.log()}")

    def alive(self):
        return self.popen.poll() is None

    def send(self, number):
        os.kill(self.pid, number)

    def freeze(self, seconds):
        """Stops the process as a stalled machine would, and lets it go on: time passes for the others."""
        self.send(signal.SIGSTOP)
        time.sleep(seconds)
        self.send(signal.SIGCONT)

    def kill(self):
        if self.alive():
            self.send(signal.SIGKILL)
        self.popen.wait(timeout=30)

    def stop(self):
        """SIGTERM, as a service manager would; its exit code."""
        if self.alive():
            self.send(signal.SIGTERM)
        return self.popen.wait(timeout=60)

    def wait_exit(self, deadline_s=START_DEADLINE_S):
        return self.popen.wait(timeout=deadline_s)


class ServoTest(unittest.TestCase):
    """A test with a folder, a data folder, and any number of servo processes."""

    maxDiff = 4000

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="servo-e2e-")
        self.data_dir = os.path.join(self.folder, "data")
        self.processes = []
        self.port = free_port()
        self.random = random.Random(self.id())  # the same choices each time
        self.environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": self.folder,
            "TMPDIR": self.folder,  # where executors keep their state, by their name
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "SERVO_METRICS_LISTEN": "off",  # its usual port is one for the whole machine
            MARKER: self.folder,
        }
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.end_processes)

    def end_processes(self):
        for process in self.processes:
            process.kill()
        for pid in processes_with(self.folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    # --- processes ---------------------------------------------------------------------------

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def server_list(self):
        """What commands are told; more than one address where there are several servers."""
        return self.url

    def spawn(self, *arguments):
        log = os.path.join(self.folder, f"log-{len(self.processes)}.txt")
        process = Process(list(arguments), log, self.environment, self.folder)
        self.processes.append(process)
        return process

    def spawn_dev(self, *arguments):
        return self.spawn("dev", "--data-dir", self.data_dir, "--listen", f"127.0.0.1:{self.port}",
                          "--metrics-listen", "off", *arguments)

    def start(self, *arguments):
        """`servo dev` on a free port, ready to answer."""
        for _ in range(5):
            process = self.spawn_dev(*arguments)
            wait_until(lambda: self.ready() or not process.alive(), "servo dev answers",
                       START_DEADLINE_S)
            if process.alive():
                return process
            if "in use" not in process.log():
                break
            self.port = free_port()  # somebody else took it meanwhile
        self.fail(f"servo dev ended with {process.popen.returncode}:\n{process.log()}")
        return None

    def start_server(self):
        """`servo server` on the store of the data folder, without an executor, ready to answer."""
        process = self.spawn("server", "--data-dir", self.data_dir,
                             "--listen", f"127.0.0.1:{self.port}", "--metrics-listen", "off")
        wait_until(lambda: self.ready() or not process.alive(), "the server answers", START_DEADLINE_S)
        self.assertTrue(process.alive(), process.log())
        return process

    def http(self, path, deadline_s=10):
        """(status, body) of a GET; status 0 when nobody answers."""
        try:
            with DIRECT.open(self.url + path, timeout=deadline_s) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except (OSError, http.client.HTTPException):
            return 0, b""

    def ready(self):
        return self.http("/readyz")[0] == 200

    # --- commands ----------------------------------------------------------------------------

    def run_servo(self, *arguments, stdin=None, deadline_s=COMMAND_DEADLINE_S):
        done = subprocess.run(
            [BINARY, *arguments], input=stdin if stdin is not None else "",
            capture_output=True, text=True, timeout=deadline_s, cwd=self.folder, check=False,
            errors="replace", env=self.environment | {"SERVO_SERVER": self.server_list})
        return Outcome(arguments, done.returncode, done.stdout, done.stderr)

    def servo(self, *arguments, code=OK, stdin=None, deadline_s=COMMAND_DEADLINE_S):
        outcome = self.run_servo(*arguments, stdin=stdin, deadline_s=deadline_s)
        if code is not None:
            codes = code if isinstance(code, tuple) else (code,)
            self.assertIn(outcome.code, codes, outcome)
        return outcome

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def apply(self, text, code=OK):
        return self.servo("apply", "-f", self.write("servo.yaml", text), code=code)

    def begin(self, asset, *arguments):
        """Starts a backfill; its id, which is all that stdout has."""
        out = self.servo("backfill", "start", asset, *arguments).out
        self.assertRegex(out, r"^bf_[0-9a-z]{16}\n$")
        return out.strip()

    def job(self, job_id):
        return self.servo("backfill", "status", job_id, "-o", "json").json()

    def wait_state(self, job_id, *states, deadline_s=JOB_DEADLINE_S):
        return wait_until(
            lambda: (job := self.job(job_id))["state"] in states and job,
            f"{job_id} is {' or '.join(states)}", deadline_s)

    def wait_job(self, job_id, code=OK, deadline_s=JOB_DEADLINE_S):
        self.servo("backfill", "wait", job_id, "--timeout", f"{deadline_s}s", code=code,
                   deadline_s=deadline_s + 30)
        return self.job(job_id)

    def partitions(self, asset, *arguments):
        return self.servo("partition", "list", asset, *arguments, "-o", "jsonl").jsonl()

    def assert_sound(self):
        """The running leader's memory and its store agree, and each with itself."""
        self.servo("fsck", "--live")

    def assert_sound_at_rest(self):
        """The same of the store alone, when no server uses it."""
        self.servo("fsck", "--data-dir", self.data_dir)

    def assert_counts(self, job, **counts):
        for state, count in counts.items():
            self.assertEqual(count, job[f"{state}_partitions"], json.dumps(job, indent=1))
        parts = ("completed", "failed", "skipped", "cancelled", "running", "pending")
        self.assertEqual(job["total_partitions"],
                         sum(job[f"{state}_partitions"] for state in parts), job)

    def assert_no_process_left(self, besides=()):
        allowed = set(besides)
        wait_until(lambda: not set(processes_with(self.folder)) - allowed,
                   f"no process is left of {self.folder}", 30)


def ledger_asset(name, marker, ledger, *, every="1m", before="", extra=""):
    """An asset whose program writes down that it ran, in a file outside of Servo, then ends.

    One line an attempt: fencing token, backfill, key, attempt. A line is appended by one write, so
    lines of parallel programs do not mix.
    """
    script = (f"{before}printf '%s %s %s %s\\n' $SERVO_FENCING_TOKEN $SERVO_BACKFILL_ID "
              f"$SERVO_PARTITION_KEY $SERVO_ATTEMPT >> {ledger}")
    return f"""
  {name}:
    partitions: {{ every: {every}, start: 2024-01-01 }}
    run: {{ command: {{ argv: [{json.dumps(script)}], shell: true }} }}
    env: {{ {MARKER}: {json.dumps(marker)} }}
{extra}"""


def read_ledger(path):
    """Rows (token, backfill, key, attempt)."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="ascii") as file:
        rows = [line.split() for line in file]
    return [(int(token), backfill, key, int(attempt)) for token, backfill, key, attempt in rows]

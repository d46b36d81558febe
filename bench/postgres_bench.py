#!/usr/bin/env python3
"""The goals on PostgreSQL, with graphile-worker and pg-boss on the same database in the same run.

Rounds of Servo and of the others alternate. A ratio divides by the other's fastest round, and its
bracket holds our slowest and fastest. Prints the tables of docs/performance.md; says on standard
error what it is at.

    postgres_bench.py            some twenty minutes
    postgres_bench.py --quick    two minutes, one round: shows that it works, not how fast
"""
import argparse
import collections
import dataclasses
import os
import statistics
import subprocess
import sys
import time

import copy_rows
import servo_on_postgres as servo
from database import Database
from figures import Goals, Paired, Ratio, Table, at_least, at_most, below, number, shown
from servo_server import CONNECTIONS, PROGRAMS, figures_of

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers"))
import peers  # noqa: E402

SIZES = (1, 2, 4, 8, 16, 100, 1000)  # partitions a lease
MANY_CONNECTIONS = 256
PROGRAM_SLOTS = 2
PEERS = (("graphile", 2), ("graphile", 1), ("graphile-one", 1), ("pgboss", 1), ("pgboss", 2))
NAMES = {
    "graphile": "graphile-worker", "graphile-one": "graphile-worker, unbatched",
    "pgboss": "pg-boss", "pgboss-notify": "pg-boss",
}
LISTED_SECONDS_MAX = 300


@dataclasses.dataclass
class Scale:
    rounds: int = 3
    seconds: int = 4
    jobs: int = 1_000_000     # of graphile-worker with two processes; the headline's opponent
    other_jobs: int = 200_000
    unbatched_jobs: int = 40_000
    copied_rows: int = 1_000_000
    many_jobs: int = 10_000
    snapshot_seconds: int = 20
    programs: int = 10_000
    starts: int = 300
    kills: int = 20

    def of(self, peer, processes):
        if peer == "graphile-one":
            return self.unbatched_jobs
        return self.jobs if (peer, processes) == ("graphile", 2) else self.other_jobs


QUICK = Scale(rounds=1, seconds=2, jobs=100_000, other_jobs=20_000, unbatched_jobs=4_000,
              copied_rows=100_000, many_jobs=500, snapshot_seconds=3, programs=500, starts=30,
              kills=2)


class Run:
    """What all rounds measured: lists of figures by what was run."""

    def __init__(self, database, scale):
        self.database = database
        self.scale = scale
        self.loads = collections.defaultdict(list)  # (k, connections) → Load
        self.peers = collections.defaultdict(list)  # (name, processes) → peers.Round
        self.copies = []                            # rows/s
        self.crowds = []                            # Load over many jobs
        self.beside_crowds = []                     # and over one, right before
        self.created = []
        self.listed_s = []
        self.listed_bytes = []
        self.snapshots = collections.defaultdict(list)  # (k, held) → Load
        self.programs = []       # partitions/s
        self.peer_programs = []  # jobs/s
        self.slow_loads = []
        self.slow_peers = []
        self.starts = collections.defaultdict(list)  # name → ms
        self.kills = None

    def say(self, what):
        print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)

    def all(self):
        for number_of_round in range(1, self.scale.rounds + 1):
            self.say(f"round {number_of_round} of {self.scale.rounds}")
            self.speeds()
            self.real_programs()
            self.creations()
            self.conditions()
        self.say("starts")
        for _ in range(self.scale.rounds):
            self.latencies()
        self.say("kill -9")
        self.kills = servo.Kills(self.database, self.scale.kills)

    def speeds(self):
        database, scale = self.database, self.scale
        for name, processes in PEERS:
            self.say(f"  {NAMES[name]}, processes: {processes}")
            jobs = scale.of(name, processes)
            self.peers[name, processes].append(peers.Round(database, name, jobs, processes))
        self.copies.append(copy_rows.rows_per_s(database, scale.copied_rows))
        for k in SIZES:
            self.say(f"  Servo, k = {k}")
            self.loads[k, CONNECTIONS].append(
                servo.one_job(database, k, CONNECTIONS, scale.seconds))
        self.loads[1, MANY_CONNECTIONS].append(
            servo.one_job(database, 1, MANY_CONNECTIONS, scale.seconds))
        self.say(f"  Servo, one job and {scale.many_jobs}")
        self.beside_crowds.append(servo.one_job(database, 16, CONNECTIONS, scale.seconds))
        self.crowds.append(servo.many_jobs(database, scale.many_jobs, 16, scale.seconds))

    def real_programs(self):
        self.say("  programs")
        count = self.scale.programs
        self.programs.append(servo.programs_per_s(self.database, count, PROGRAM_SLOTS))
        peer = peers.Round(self.database, "graphile-program", count, 1)
        self.peer_programs.append(peer.run_per_s)

    def creations(self):
        self.say("  creation")
        self.created.append(servo.creation(self.database))
        with self.database.fresh("listed") as name:
            line = subprocess.run(
                [os.path.join(PROGRAMS, "store_bench"), "listed", self.database.socket_url(name)],
                check=True, stdout=subprocess.PIPE, text=True, timeout=LISTED_SECONDS_MAX).stdout
            self.listed_s.append(figures_of(line)["create_s"])
            stored = self.database.psql("SELECT pg_total_relation_size('job_ordinals')", name)
            self.listed_bytes.append(int(stored) / 1e7)

    def conditions(self):
        database, scale = self.database, self.scale
        for k in (1, 16):
            for held in (False, True):
                self.say(f"  Servo, k = {k}, snapshot {'held' if held else 'free'}")
                self.snapshots[k, held].append(
                    servo.under_snapshot(database, k, scale.snapshot_seconds, held))
        self.say("  slow commits")
        with database.slow_commits():
            self.slow_loads.append(servo.one_job(database, 16, CONNECTIONS, scale.seconds))
            self.slow_peers.append(
                peers.Round(database, "graphile", scale.of("graphile", 2), 2))

    def latencies(self):
        count = max(1, self.scale.starts // self.scale.rounds)
        self.starts["Servo"] += servo.start_latencies(self.database, count)
        for name in ("graphile", "graphile-one", "pgboss-notify"):
            self.starts[name] += peers.start_latencies(self.database, name, count)

    # --- what was measured ---------------------------------------------------------------------

    def rates(self, k, connections=CONNECTIONS):
        return [load.run_per_s for load in self.loads[k, connections]]

    def peer_rates(self, name):
        """Of the number of processes that did best."""
        return max(([each.run_per_s for each in rounds] for (peer, _), rounds in self.peers.items()
                    if peer == name), key=max)

    def percentile(self, name, per_cent):
        return sorted(self.starts[name])[len(self.starts[name]) * per_cent // 100]


def column(rounds, name):
    return [getattr(each, name) for each in rounds]


def print_goals(run):
    batched = run.peer_rates("graphile")
    unbatched = run.peer_rates("graphile-one")
    best = "graphile-worker at its best"
    goals = Goals()

    def against(what, ours, theirs, goal):
        goals.ratio(what, Ratio(ours, theirs), goal)

    against(f"P1: k = 16 against {best}", run.rates(16), batched, at_least(6))
    against(f"P2: k = 100 against {best}", run.rates(100), batched, at_least(30))
    against("P2: k = 100 against COPY of a keyed row per partition", run.rates(100), run.copies,
            at_least(2))
    against("P3: k = 1 against graphile-worker unbatched", run.rates(1), unbatched, at_least(9))
    against(f"P3: k = 1 against {best}", run.rates(1), batched, at_least(0.45))
    against(f"P3: k = 1 on {MANY_CONNECTIONS} connections against {best}",
            run.rates(1, MANY_CONNECTIONS), batched, at_least(0.65))
    goals.values("P5: create 10 M formula partitions, HTTP included, ms",
                 [create for create, _ in run.created], below(5), 2)
    goals.values("P5: first claim after it, ms", [claim for _, claim in run.created], below(10), 2)
    goals.values("P6: create a job of 10 M listed keys, in the store, s", run.listed_s, below(5), 2)
    goals.values("P6: bytes a key on disk", run.listed_bytes, at_most(8), 1)
    crowd = f"{run.scale.many_jobs:,} jobs, k = 16"
    goals.values(f"P7: {crowd}: p99 of a claim, ms", column(run.crowds, "p99_ms"), below(8), 2)
    goals.ratio("P7: the same, against one job",
                Paired(column(run.crowds, "p99_ms"), column(run.beside_crowds, "p99_ms")),
                at_most(1.5))
    goals.ratio(f"P7: {crowd}: partitions/s against one job",
                Paired(column(run.crowds, "run_per_s"), column(run.beside_crowds, "run_per_s")),
                at_least(0.8))
    for k, stored, wal in ((100, 6, 10), (16, 20, 30), (1, 150, 300)):
        loads = run.loads[k, CONNECTIONS]
        goals.values(f"P8: bytes stored a partition, k = {k}", column(loads, "stored_bytes"),
                     at_most(stored), 1)
        goals.values(f"P8: bytes of log a partition, k = {k}", column(loads, "wal_bytes"),
                     at_most(wal), 1)
    goals.ratio("P9: database CPU a partition, k = 16, against graphile-worker",
                Ratio(column(run.loads[16, CONNECTIONS], "cpu_us"),
                      [sum(each.cpu_us) for each in run.peers["graphile", 2]], min), at_most(0.05))
    against(f"P10: /bin/true a partition, {PROGRAM_SLOTS} slots, against graphile-worker that starts "
            "it", run.programs, run.peer_programs, at_least(2.2))
    for k in (1, 16):
        goals.ratio(f"P11: a snapshot held open for {run.scale.snapshot_seconds} s, k = {k}, against "
                    "none", Paired(column(run.snapshots[k, True], "run_per_s"),
                                   column(run.snapshots[k, False], "run_per_s")), at_least(0.9))
    against(f"P12: commits take 2 ms more, k = 16, against {best}",
            column(run.slow_loads, "run_per_s"), column(run.slow_peers, "run_per_s"),
            at_least(1.5))
    for per_cent in (50, 99):
        ours = run.percentile("Servo", per_cent)
        theirs = min(run.percentile(name, per_cent) for name in ("graphile", "graphile-one"))
        goals.add(f"P13: idle, from asking to the start, p{per_cent}, against graphile-worker",
                  f"{number(ours / theirs)} × ({ours:.2f} against {theirs:.2f} ms)",
                  ours / theirs, at_most(1))
    kills = run.kills
    goals.add(f"P14: kill -9 under load, {run.scale.kills} times: recorded, of acknowledged; "
              "contradictions found by fsck and recount",
              f"{kills.recorded:,} of {kills.acknowledged:,}; {kills.contradictions}",
              kills.exact(), ("none lost, none twice", bool))
    goals.print()


def print_speeds(run):
    table = Table("Servo", "partitions/s", "claim p50 / p99, ms", "log, B", "stored, B",
                  "database CPU, µs")
    rows = [(f"k = {k}, {connections} connections", loads)
            for (k, connections), loads in run.loads.items()]
    rows.append((f"k = 16, {run.scale.many_jobs:,} jobs", run.crowds))
    rows.append(("k = 16, commits of 2 ms more", run.slow_loads))
    for name, loads in rows:
        median = {each: statistics.median(column(loads, each)) for each in vars(loads[0])}
        table.add(name, shown(column(loads, "run_per_s")),
                  f"{median['p50_ms']:.2f} / {median['p99_ms']:.2f}",
                  number(median["wal_bytes"]), number(median["stored_bytes"]),
                  number(median["cpu_us"]))
    table.print()


def print_peers(run):
    table = Table("others", "processes", "enqueued/s", "run/s", "log, B: enqueue + run",
                  "stored, B: pending / after", "database CPU, µs: enqueue + run")

    def pair(values, sign, pick=statistics.median):
        return f" {sign} ".join(number(pick(each)) for each in zip(*values))

    for (name, processes), rounds in run.peers.items():
        table.add(NAMES[name], processes, shown(column(rounds, "enqueue_per_s")),
                  shown(column(rounds, "run_per_s")), pair(column(rounds, "wal_bytes"), "+"),
                  pair([(each.pending_bytes, each.after_bytes) for each in rounds], "/"),
                  pair(column(rounds, "cpu_us"), "+"))
    table.add("graphile-worker, commits of 2 ms more", 2,
              shown(column(run.slow_peers, "enqueue_per_s")),
              shown(column(run.slow_peers, "run_per_s")), "", "", "")
    table.add("COPY of a keyed row per partition", 2, "", shown(run.copies), "", "", "")
    table.print()
    starts = Table("from asking to the start, idle", "p50, ms", "p99, ms")
    for name in run.starts:
        starts.add(NAMES.get(name, name), number(run.percentile(name, 50), 2),
                   number(run.percentile(name, 99), 2))
    starts.print()


def main():
    parser = argparse.ArgumentParser(description="The goals on PostgreSQL, beside other systems.")
    parser.add_argument("--quick", action="store_true", help="one short round")
    scale = QUICK if parser.parse_args().quick else Scale()
    peers.install()
    with Database() as database:
        run = Run(database, scale)
        run.all()
    print(f"{CONNECTIONS} keep-alive connections unless said; rounds: {scale.rounds}, of "
          f"{scale.seconds} s; graphile-worker ran {scale.jobs:,} jobs a round.\n")
    print_goals(run)
    print_speeds(run)
    print_peers(run)


if __name__ == "__main__":
    main()

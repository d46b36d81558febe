#!/usr/bin/env python3
"""How long work stands still when a leader dies, stops, or its database restarts.

Three servers, two executors and a PostgreSQL on one machine, quick partitions under way. A fencing
token carries the leader's epoch in its upper bits, and each program writes down its token and the
time it starts at; so the pause is the time from the fault to the first start under a later epoch
(or, for the database, from the moment it accepts connections to the next start).

    failover_bench.py [ROUNDS]
"""
import importlib.util
import os
import signal
import sys
import time
import unittest

from figures import Goals, below, shown

ROOT = os.environ.get("SERVO_SOURCE_DIR", os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "chaos"))
spec = importlib.util.spec_from_file_location(
    "cluster", os.path.join(ROOT, "tests", "chaos", "cluster.py"))
cluster = importlib.util.module_from_spec(spec)
sys.modules["cluster"] = cluster
spec.loader.exec_module(cluster)

EPOCH_SHIFT = 40  # SERVO_FENCING_TOKEN: epoch·2^40 + n
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
WAIT_S = 60


class Failover(cluster.Cluster):
    servers_count = 3

    def runTest(self):
        self.start_work(quick_hours=23, slow_days=1)
        goals = Goals()
        for what, act, goal in (
                ("kill -9 of the leader → next start, s", self.kill, 2),
                ("SIGTERM to the leader → next start, s", self.term, 0.5),
                ("database accepts connections again → next start, s", self.restart_database, 3)):
            pauses = [act() for _ in range(ROUNDS)]
            goals.add(what, shown(pauses, 2), max(pauses), below(goal))
        print(f"Of {ROUNDS} rounds; the slowest is held against the goal.\n")
        goals.print()

    def first_start(self, after_s, epoch):
        """The time of the first start after `after_s` under an epoch beyond `epoch`."""
        def found():
            times = [effect.at for effect in self.effects()
                     if effect.what == "S" and effect.at >= after_s
                     and effect.token >> EPOCH_SHIFT > epoch]
            return min(times, default=None)
        return cluster.wait_until(found, "work goes on", WAIT_S)

    def more_work(self):
        if len(self.effects()) > 2 * sum(self.jobs.values()) - 1_000:
            self.start_work(quick_hours=23, slow_days=1)

    def kill(self):
        return self.fault(lambda leader: leader.process.send(signal.SIGKILL))

    def term(self):
        return self.fault(lambda leader: leader.process.send(signal.SIGTERM))

    def fault(self, act):
        self.more_work()
        leader = self.wait_led()
        epoch = self.epoch()
        at = time.time()
        act(leader)
        pause = self.first_start(at, epoch) - at
        leader.process.popen.wait(WAIT_S)
        leader.start()
        cluster.wait_until(leader.answers, "it is a standby again", WAIT_S)
        return pause

    def restart_database(self):
        self.more_work()
        self.wait_led()
        epoch = self.epoch()
        self.database.stop(signal.SIGINT)
        self.database.start()
        at = time.time()
        return self.first_start(at, epoch) - at


if __name__ == "__main__":
    result = unittest.TextTestRunner(verbosity=0).run(Failover())
    sys.exit(0 if result.wasSuccessful() else 1)

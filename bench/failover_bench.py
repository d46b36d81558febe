#!/usr/bin/env python3
"""How long work stands still when a leader dies, stops, or its database restarts.

Three servers, two executors and a PostgreSQL on one machine, quick partitions under way. A fencing
token carries the leader's epoch in its upper bits, and each program writes down its token and the
time it starts at. So it is known when the first program starts that a later leader granted (for the
database: after it accepts connections). Executors go on meanwhile with what they hold, about a
second of work, so that is not all of it a pause: the longest time without any start is told too.

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
        self.quick_work()
        goals = Goals()
        for what, act, goal in (
                ("kill -9 of the leader", self.kill, 2),
                ("SIGTERM to the leader", self.term, 0.5),
                ("database accepts connections again", self.restart_database, 3)):
            rounds = [act() for _ in range(ROUNDS)]
            for part, times in zip((" → next start that was granted after it, s",
                                    ", longest time without a start, s"), zip(*rounds)):
                goals.add(what + part, shown(times, 2), max(times), below(goal))
        print(f"Of {ROUNDS} rounds; the slowest is held against the goal.\n")
        goals.print()

    def pauses(self, after_s, epoch):
        """Seconds to the first start under an epoch beyond `epoch`, and the longest until then in
        which nothing was started."""
        def found():
            starts = sorted((effect.at, effect.token >> EPOCH_SHIFT) for effect in self.effects()
                            if effect.what == "S" and effect.at >= after_s)
            new = next((place for place, (_, of) in enumerate(starts) if of > epoch), None)
            return None if new is None else [at for at, _ in starts[:new + 1]]
        times = [after_s, *cluster.wait_until(found, "work goes on", WAIT_S)]
        return times[-1] - after_s, max(after - before for before, after in zip(times, times[1:]))

    def quick_work(self):
        """Quick partitions alone: a slot that runs a long one starts nothing, fault or not."""
        day = f"2024-01-{len(self.jobs) + 1:02}"
        outcome = self.servo("backfill", "start", "quick", "--start", day, "--end", f"{day}T23:00")
        self.jobs[outcome.out.strip()] = 23 * 60
        self.wait_effects(1)

    def more_work(self):
        if len(self.effects()) > 2 * sum(self.jobs.values()) - 1_000:
            self.quick_work()

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
        pauses = self.pauses(at, epoch)
        leader.process.popen.wait(WAIT_S)
        leader.start()
        cluster.wait_until(leader.answers, "it is a standby again", WAIT_S)
        return pauses

    def restart_database(self):
        self.more_work()
        self.wait_led()
        epoch = self.epoch()
        self.database.stop(signal.SIGINT)
        self.database.start()
        at = time.time()
        return self.pauses(at, epoch)


if __name__ == "__main__":
    result = unittest.TextTestRunner(verbosity=0).run(Failover())
    sys.exit(0 if result.wasSuccessful() else 1)

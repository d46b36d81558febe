"""Faults of the executors (L2, L4) and of the way between them and their server (L5)."""
import random
import signal

from cluster import Cluster, rounds
from harness import LEASE_TTL_S, processes_with, wait_until
from proxy import Proxy


class Executors(Cluster):
    servers_count = 1
    executors_count = 4

    def test_killed_executors_lose_nothing(self):
        """L2: kill -9 of a random one, again and again; its work runs elsewhere, once recorded."""
        self.start_work(quick_hours=8)
        chance = random.Random(self.id())
        ended = 0
        for _ in range(rounds(8)):
            node = chance.choice(self.executors)
            node.kill()
            ended = self.wait_effects(5, ended)
            node.start()
        self.finish()

    def test_a_frozen_executor_comes_back_as_a_zombie_and_counts_for_nothing(self):
        """L4: stopped past its leases' end; its children die without it, its report is stale."""
        self.start_work(quick_hours=2, slow_days=2)
        for _ in range(rounds(1)):
            node = self.executors[0]
            wait_until(lambda: self.children_of(node), "it runs something")
            node.process.send(signal.SIGSTOP)
            wait_until(lambda: not self.children_of(node), "its slots end what ran",
                       3 * LEASE_TTL_S)
            node.process.send(signal.SIGCONT)
            self.wait_effects(5, self.wait_effects(0))
        self.finish()

    @staticmethod
    def children_of(node):
        """Pids below the executor's slot processes."""
        below = {node.process.pid}
        parents = {}
        for pid in processes_with(node.test.folder):
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                    parents[pid] = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
        slots = {pid for pid, parent in parents.items() if parent in below}
        return {pid for pid, parent in parents.items() if parent in slots}


class Cut(Cluster):
    servers_count = 1
    executors_count = 2

    def new_executor(self, number, urls=None):
        if number == 0:
            self.way = Proxy(("127.0.0.1", self.servers[0].port))
            self.addCleanup(self.way.close)
            urls = f"http://127.0.0.1:{self.way.port}"
        return super().new_executor(number, urls)

    def test_an_executor_that_is_cut_off_stops_and_returns(self):
        """L5: silence both ways, then only of the answers, then only of the calls."""
        self.start_work(quick_hours=2, slow_days=8)
        node = self.executors[0]
        for ways in (("up", "down"), ("down",), ("up",)):
            wait_until(lambda: Executors.children_of(node), "it runs something")
            self.way.block(*ways)
            wait_until(lambda: not Executors.children_of(node), "it stops what it ran",
                       3 * LEASE_TTL_S)
            self.wait_effects(3, self.wait_effects(0))
            self.way.heal()
            self.way.reset()
        self.finish()

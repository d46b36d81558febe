"""Faults of the servers: killed, frozen, replaced, flooded (L1, L3, L12, L16 to L18)."""
import contextlib
import os
import shutil
import signal
import socket
import unittest
import urllib.error
import urllib.request

from cluster import DIRECT, Cluster, rounds
from harness import LEASE_TTL_S, wait_until


class Servers(Cluster):
    servers_count = 3

    def test_killed_leaders_are_replaced_again_and_again(self):
        """L1: kill -9 of whoever leads, while the others and the executors go on."""
        self.start_work(quick_hours=10)
        ended = 0
        for _ in range(rounds(4)):
            leader = self.wait_led()
            before = self.epoch()
            leader.kill()
            wait_until(lambda: self.led() not in (None, leader), "another server leads")
            self.assertGreater(self.epoch(), before)
            ended = self.wait_effects(10, ended)
            leader.start()
        self.finish()

    def test_a_leader_that_stops_hands_over_and_nothing_runs_twice(self):
        """SIGTERM: the next leader goes on with what runs; no attempt is started again."""
        self.start_work(quick_hours=4)
        for _ in range(rounds(3)):
            leader = self.wait_led()
            self.assertEqual(0, leader.stop(), leader.process.log()[-3000:])
            wait_until(lambda: self.led() not in (None, leader), "another server leads")
            leader.start()
        self.finish()
        starts = [effect for effect in self.effects() if effect.what == "S"]
        self.assertEqual(len(starts), len({(effect.backfill, effect.key) for effect in starts}),
                         "a healthy executor's partition was started twice")

    def test_a_frozen_leader_comes_back_and_changes_nothing(self):
        """L3: SIGSTOP for longer than a lease, then CONT: its first write is refused."""
        self.start_work(quick_hours=4)
        for _ in range(rounds(1)):
            leader = self.wait_led()
            leader.process.send(signal.SIGSTOP)
            try:
                wait_until(lambda: self.led() not in (None, leader), "another server leads",
                           20 * LEASE_TTL_S)
                self.wait_effects(5, self.wait_effects(0))
            finally:
                leader.process.send(signal.SIGCONT)
            wait_until(lambda: leader.answers() or not leader.process.alive(),
                       "the old leader steps back or ends")
            if not leader.process.alive():
                leader.start()
        self.finish()

    def test_all_servers_are_replaced_one_by_one_under_load(self):
        """L18, with one build: each server and each executor is stopped and started in turn."""
        self.start_work(quick_hours=4)
        for node in [*self.servers, *self.executors]:
            self.assertEqual(0, node.stop(), node.process.log()[-3000:])
            node.start()
            self.wait_led()
            self.wait_effects(5, self.wait_effects(0))
        self.finish()


class Crowds(Cluster):
    servers_count = 1
    executors_count = 1

    def test_a_herd_of_executors_meets_a_cold_leader(self):
        """L16: they start together, all of them work, the server never restarts or refuses for good."""
        self.start_work(quick_hours=2)
        herd = [self.new_executor(100 + i) for i in range(rounds(12))]
        server, = self.servers
        server.restart()
        for node in herd:
            node.start()
        self.executors += herd
        names = {node.name for node in self.executors}

        def joined():
            self.wait_led()
            listed = self.servo("executor", "list", "-o", "json").json()["items"]
            return names <= {item["name"] for item in listed}
        wait_until(joined, "all have joined")
        self.assertTrue(server.process.alive())
        self.finish()

    def test_bad_clients_do_not_keep_the_good_ones_waiting(self):
        """L17: slow headers, idle connections, a huge and a deep body, while work goes on."""
        self.start_work(quick_hours=3)
        server = self.wait_led()
        with contextlib.ExitStack() as stack:
            idle = []
            for i in range(rounds(300)):
                with contextlib.suppress(OSError):
                    one = socket.create_connection(("127.0.0.1", server.port), 5)
                    stack.callback(one.close)
                    if i % 2 == 0:
                        one.sendall(b"POST /v1/backfills HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
                    idle.append(one)
            self.assertGreater(len(idle), 0)
            ended = self.wait_effects(0)
            for body in (b"[" * 100_000, b"{" + b'"a":{' * 50_000, b"x" * (100 << 20)):
                self.assertIn(self.post(server, body), (400, 408, 413, 0))
            self.wait_effects(10, ended)
            self.assertTrue(server.process.alive())
        self.finish()

    @staticmethod
    def post(server, body):
        """The status; 0 when the server hung up on the body."""
        request = urllib.request.Request(server.url + "/v1/backfills", data=body,
                                         headers={"Content-Type": "application/json"})
        try:
            with DIRECT.open(request, timeout=60) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


LIBFAKETIME = next((path for path in (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1") if os.path.exists(path)), None)


@unittest.skipUnless(LIBFAKETIME, "libfaketime is not installed")
class Clocks(Cluster):
    servers_count = 1
    executors_count = 1

    def setUp(self):
        self.clock = None
        super().setUp()

    def spawn_with(self, environment, *arguments):
        """Servers read a wall clock that the test steps; monotonic and boot time stay true."""
        if arguments[0] == "server":
            self.clock = os.path.join(self.folder, "clock")
            if not os.path.exists(self.clock):
                self.step("+0")
            environment = environment | {
                "LD_PRELOAD": LIBFAKETIME,
                "FAKETIME_TIMESTAMP_FILE": self.clock,
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "FAKETIME_NO_CACHE": "1",
            }
        return super().spawn_with(environment, *arguments)

    def step(self, offset):
        with open(self.clock + ".new", "w", encoding="ascii") as file:
            file.write(offset)
        shutil.move(self.clock + ".new", self.clock)

    def test_a_wall_clock_that_steps_expires_nothing(self):
        """L12: an hour forward, an hour back: no lease is lost, every partition runs once."""
        self.start_work(quick_hours=3)
        for offset in ("+3600", "-3600", "+0"):
            self.step(offset)
            self.wait_effects(10, self.wait_effects(0))
        self.finish()
        starts = [effect for effect in self.effects() if effect.what == "S"]
        self.assertEqual(len(starts), len({(effect.backfill, effect.key) for effect in starts}),
                         "a step of the clock made a partition run twice")

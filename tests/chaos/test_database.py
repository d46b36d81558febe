"""Faults of the database and of the way to it (L5 to L9)."""
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from cluster import DATABASE, Cluster, rounds
from harness import LEASE_TTL_S, wait_until
from server import PostgresServer

SMALL_DISK = "160m"


class Link(Cluster):
    def test_a_cut_between_leader_and_database_heals_by_itself(self):
        """L5: silence in both directions, then in one, then a reset of every connection."""
        self.start_work(quick_hours=4)
        for ways in (("up", "down"), ("down",), ("up",)):
            ended = self.wait_effects(0)
            self.link.block(*ways)
            # Long enough for time-outs, and for leases to run out unheard.
            wait_until(lambda: self.led() is None or self.stalled(), "the cut is felt",
                       4 * LEASE_TTL_S)
            self.link.heal()
            self.wait_led()
            self.wait_effects(5, ended)
            self.link.reset()
            self.wait_led()
        self.finish()

    def stalled(self):
        """Whether the newest batch is older than a lease."""
        age, = self.sql("SELECT extract(epoch FROM now()) * 1000 - max(now_ms) AS ms FROM batches")
        return age["ms"] > 1_000 * LEASE_TTL_S

    def test_a_slow_database_expires_no_lease(self):
        """L6: answers come up to half a second late."""
        self.start_work(quick_hours=1, slow_days=1)
        before = self.epoch()
        for delay_s in (0.01, 0.1, 0.5):
            self.link.slow(delay_s)
            self.wait_effects(5, self.wait_effects(0))
        self.link.heal()
        self.wait_effects(5, self.wait_effects(0))
        after = self.epoch()
        self.finish()  # servers end one after the other, and lead meanwhile
        self.assertEqual(before, after, "a slow database cost the leader its place")
        starts = [effect for effect in self.effects() if effect.what == "S"]
        self.assertEqual(len(starts), len({(effect.backfill, effect.key) for effect in starts}),
                         "a lease expired though its executor was well")


class Restarts(Cluster):
    def test_the_database_is_restarted_in_every_way(self):
        """L7: fast, immediate, kill -9; commits of unknown outcome are looked up, never guessed."""
        self.start_work(quick_hours=6)
        for how in [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL] * rounds(1):
            ended = self.wait_effects(5, self.wait_effects(0))
            if how == signal.SIGKILL:
                self.database.kill()
            else:
                self.database.stop(how)
            self.database.start()
            self.wait_led()
            self.wait_effects(5, ended)
        self.finish()

    def test_an_older_database_is_noticed_and_refused(self):
        """L8: the database comes back without what it had acknowledged: Servo stops and says so."""
        self.start_work(quick_hours=4)
        self.wait_effects(5)
        self.database.stop()
        older = tempfile.mkdtemp(prefix="servo-chaos-")
        self.addCleanup(shutil.rmtree, older, ignore_errors=True)
        subprocess.run(["cp", "-a", self.database.data, os.path.join(older, "data")], check=True)
        self.database.start()
        self.wait_led()
        self.wait_effects(20, self.wait_effects(0))
        self.database.stop()
        shutil.rmtree(self.database.data)
        subprocess.run(["cp", "-a", os.path.join(older, "data"), self.database.data], check=True)
        self.database.start()
        wait_until(lambda: any("db_went_back" in node.process.log() for node in self.servers),
                   "a server says db_went_back", 12 * LEASE_TTL_S)
        self.assertFalse(any(node.answers() for node in self.servers if self.leads(node)),
                         "a server works on a database that went back")

    def leads(self, node):
        return self.database.psql("SELECT url FROM leader", DATABASE) == node.url


@unittest.skipUnless(os.getuid() == 0, "needs root to mount a small file system")
class FullDisk(Cluster):
    servers_count = 1

    def setUp(self):
        self.disk = tempfile.mkdtemp(prefix="servo-chaos-disk-")
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", self.disk],
            check=False, capture_output=True, text=True)
        if mounted.returncode != 0:
            os.rmdir(self.disk)
            self.skipTest(f"cannot mount: {mounted.stderr.strip()}")
        os.chmod(self.disk, 0o777)
        super().setUp()

    def new_database(self):
        usual, tempfile.tempdir = tempfile.tempdir, self.disk
        try:
            return PostgresServer({"max_wal_size": "32MB", "min_wal_size": "32MB"})
        finally:
            tempfile.tempdir = usual

    def doCleanups(self):
        done = super().doCleanups()
        subprocess.run(["umount", self.disk], check=False)
        os.rmdir(self.disk)
        return done

    def test_a_full_disk_stops_cleanly_and_work_resumes_when_it_is_freed(self):
        """L9: the volume of the database fills up under load."""
        self.start_work(quick_hours=5)
        filler = os.path.join(self.disk, "filler")
        with open(filler, "wb") as file:
            try:
                while file.write(b"\0" * 65536):
                    file.flush()
            except OSError:
                pass
        server, = self.servers
        wait_until(lambda: not server.answers() or not server.process.alive(),
                   "the server says that it cannot write")
        os.unlink(filler)
        if self.database.process.poll() is not None:
            self.database.start()  # PostgreSQL itself may end when its log cannot be written
        wait_until(lambda: server.answers() or not server.process.alive(), "it goes on")
        if not server.process.alive():
            server.start()
        self.finish()



"""The data folder: one process owns it, damage and newer schemas are refused, a full disk is survived."""
import contextlib
import datetime
import os
import sqlite3
import subprocess
import unittest

from harness import (SCHEMA_TOO_NEW, UNAVAILABLE, ServoTest, ledger_asset, read_ledger, wait_until)

ONE_DAY = ("--start", "2024-01-01", "--end", "2024-01-01")


class DataDir(ServoTest):
    @property
    def database(self):
        return os.path.join(self.data_dir, "servo.db")

    def work(self):
        """A store with something in it, closed in good order."""
        process = self.start()
        self.apply("version: 1\nassets:" + ledger_asset(
            "quick", self.folder, os.path.join(self.folder, "ledger")))
        self.wait_job(self.begin("quick", *ONE_DAY))
        self.assertEqual(0, process.stop())
        self.assert_sound_at_rest()

    def refused(self, *said, code=None):
        process = self.spawn_dev()
        ended = process.wait_exit()
        self.assertNotEqual(0, ended)
        if code is not None:
            self.assertEqual(code, ended, process.log())
        for words in said:
            self.assertIn(words, process.log())

    def test_state_survives_a_restart(self):
        self.work()
        self.start()
        self.assertEqual(1440, len(self.partitions("quick", "--status", "completed", "--limit",
                                                   "2000")))
        self.assert_sound()

    def test_a_second_process_on_the_same_folder_is_refused(self):
        self.start()
        own_port = self.port
        self.port = 0  # any: it is the folder that is taken
        self.refused(self.data_dir)
        self.port = own_port
        self.assertTrue(self.ready())

    def test_a_damaged_database_is_refused_and_not_replaced(self):
        self.work()
        with open(self.database, "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            file.write(b"this is not a database, " * 50)
        self.refused("servo.db")
        self.assertEqual(size, os.path.getsize(self.database))

    def test_a_truncated_database_is_refused(self):
        self.work()
        size = os.path.getsize(self.database)
        with open(self.database, "r+b") as file:
            file.truncate(size // 2)
        self.refused("servo.db")

    def test_an_empty_file_in_its_place_is_refused(self):
        self.work()
        for suffix in ("", "-wal", "-shm"):
            if os.path.exists(self.database + suffix):
                os.unlink(self.database + suffix)
        with open(self.database, "wb"):
            pass
        self.refused("servo.db")

    def test_a_database_that_is_gone_is_not_replaced_by_an_empty_one(self):
        self.work()
        os.rename(self.database, self.database + ".away")
        self.refused("servo.db")
        self.assertFalse(os.path.exists(self.database))
        os.rename(self.database + ".away", self.database)
        self.start()
        self.assertEqual(1, len(self.servo("backfill", "list", "-o", "json").json()["items"]))

    def add_schema_step(self, kind, oldest_allowed):
        """What a later Servo leaves behind."""
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            version, = database.execute("SELECT max(version) + 1 FROM schema_migrations").fetchone()
            database.execute(
                "INSERT INTO schema_migrations (version, name, kind, checksum, oldest_allowed,"
                " applied_at_ms) VALUES (?, 'later', ?, 1, ?, 0)",
                (version, kind, version if oldest_allowed is None else oldest_allowed))

    def test_a_newer_schema_is_refused_with_its_own_exit_code(self):
        self.work()
        self.add_schema_step("breaking", None)
        self.refused("schema", code=SCHEMA_TOO_NEW)

    def test_a_newer_compatible_schema_is_used_with_a_warning(self):
        self.work()
        self.add_schema_step("compatible", 1)
        process = self.start()
        process.wait_log("schema")
        self.assert_sound()


class DiskFull(ServoTest):
    """A small tmpfs as the disk of the data folder."""

    SIZE_MIB = 16

    def setUp(self):
        super().setUp()
        os.mkdir(self.data_dir)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={self.SIZE_MIB}m", "tmpfs", self.data_dir],
            capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            raise unittest.SkipTest(f"mounting a small tmpfs needs root: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.data_dir], check=False)
        self.addCleanup(self.end_processes)

    def fill(self):
        with open(os.path.join(self.data_dir, "ballast"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                pass

    def test_a_full_disk_stops_writing_and_goes_on_when_there_is_room(self):
        ledger = os.path.join(self.folder, "ledger")
        process = self.start("--slots", "2")
        self.apply("version: 1\nassets:" + ledger_asset("quick", self.folder, ledger))
        job_id = self.begin("quick", "--start", "2024-01-01", "--end", "2024-01-05")
        wait_until(lambda: self.job(job_id)["completed_partitions"] > 0, "it works")
        self.fill()
        days = (str(datetime.date(2024, 2, 1) + datetime.timedelta(days=n)) for n in range(300))
        wait_until(lambda: self.run_servo("backfill", "start", "quick", "--start", (day := next(days)),
                                          "--end", day).code == UNAVAILABLE,
                   "a change is refused for now")
        self.assertTrue(process.alive())
        os.unlink(os.path.join(self.data_dir, "ballast"))
        job = self.wait_job(job_id)
        self.assert_counts(job, completed=7200, failed=0)
        recorded = {key for _, owner, key, _ in read_ledger(ledger) if owner == job_id}
        self.assertEqual(7200, len(recorded))
        self.assert_sound()

"""`servo report`: the numbers are those of what ran, and each tenant sees its own."""
import os

from harness import USAGE, ServoTest, ledger_asset

FAILS = "case $SERVO_PARTITION_KEY in *-03) exit 65;; esac; "


class Report(ServoTest):
    def setUp(self):
        super().setUp()
        self.server = self.start("--slots", "2")

    def run_two_tenants(self):
        ledger = os.path.join(self.folder, "ledger")
        for tenant, days in (("acme", "2024-01-10"), ("bigco", "2024-01-02")):
            self.apply(f"version: 1\ntenant: {tenant}\nassets:" + ledger_asset(
                "daily", self.folder, ledger, every="day", before=FAILS))
            job = self.begin("daily", "--tenant", tenant, "--start", "2024-01-01", "--end", days,
                             "--max-failures", "none", "--sla-deadline", "+1h")
            self.wait_state(job, "completed", "failed")

    def test_nothing_ran(self):
        self.assertIn("Nothing ran in this period.", self.servo("report").out)
        self.assertEqual("", self.servo("report", "-o", "name", code=USAGE).out)

    def test_counts_are_those_of_the_record(self):
        self.run_two_tenants()
        report = self.servo("report", "--since", "1h", "-o", "json").json()
        self.assertEqual(11, report["now"]["completed_partitions"])
        self.assertEqual(1, report["now"]["failed_partitions"])
        self.assertEqual(2, report["now"]["backfills_started"])
        self.assertEqual(2, report["now"]["claims"])
        self.assertGreater(report["now"]["busy_ms"], 0)
        self.assertEqual(0, report["before"]["completed_partitions"])
        self.assertEqual({"acme/daily": 9, "bigco/daily": 2},
                         {row["name"]: row["completed_partitions"] for row in report["assets"]})
        self.assertEqual(["data"], [row["class"] for row in report["classes"]])
        self.assertEqual(2, len(report["deadlines"]))
        self.assertEqual(2, report["slots"])
        text = self.servo("report", "--since", "1h").out
        for part in ("# Servo report", "| acme/daily | 9 |", "| data | 1 |", "## Utilisation"):
            self.assertIn(part, text)

    def test_page_needs_nothing_from_elsewhere(self):
        self.run_two_tenants()
        page = os.path.join(self.folder, "review.html")
        self.assertEqual("", self.servo("report", "--html", page).out)
        with open(page, encoding="utf-8") as file:
            text = file.read()
        self.assertIn("<svg", text)
        for foreign in ("http://", "https://", "<script", "<link", "@import"):
            self.assertNotIn(foreign, text)

    def test_a_tenant_sees_its_own(self):
        self.run_two_tenants()
        of_acme = self.servo("report", "--tenant", "acme", "-o", "json").json()
        self.assertEqual("acme", of_acme["tenant_id"])
        self.assertEqual(["acme"], [row["name"] for row in of_acme["tenants"]])
        token = self.servo("token", "create", "--role", "tenant-read", "--tenant", "bigco")
        self.environment["SERVO_TOKEN"] = token.out.strip()
        of_bigco = self.servo("report", "-o", "json").json()
        self.assertEqual(["bigco"], [row["name"] for row in of_bigco["tenants"]])
        self.assertIsNone(of_bigco["slots"])
        self.assertNotIn("acme", self.servo("report").out)

    def test_periods_off_the_record_are_refused(self):
        for since in ("10m", "91d", "soon"):
            self.assertIn("since", self.servo("report", "--since", since, code=USAGE).err)

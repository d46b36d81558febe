"""The examples on their real data, checked against a computation that shares no code with them."""
import csv
import datetime
import json
import os
import shutil
import subprocess
import sys

from harness import FAILED, ROOT, ServoTest

BAD_DAY = "2013-06-14"


class Example(ServoTest):
    name = ""

    def setUp(self):
        super().setUp()
        examples = os.path.join(ROOT, "examples")
        subprocess.run([sys.executable, "fetch.py"], cwd=os.path.join(examples, self.name),
                       check=True, stdin=subprocess.DEVNULL)
        # A copy, so that the example's own folder stays as it is. The fetcher stands beside it.
        self.example = os.path.join(self.folder, "examples", self.name)
        shutil.copytree(os.path.join(examples, self.name), self.example,
                        ignore=shutil.ignore_patterns("out", "__pycache__"))
        shutil.copy(os.path.join(examples, "fetch_vega.py"), os.path.dirname(self.example))

    def fetch(self, *arguments):
        subprocess.run([sys.executable, "fetch.py", *arguments], cwd=self.example, check=True)

    def apply_example(self):
        self.servo("apply", "-f", os.path.join(self.example, "servo.yaml"))

    def result(self, *path):
        with open(os.path.join(self.example, "out", *path), encoding="utf-8") as file:
            return json.load(file)


class Weather(Example):
    name = "weather"

    def raw(self):
        with open(os.path.join(self.example, "data", "published", "seattle-weather.csv"),
                  encoding="utf-8", newline="") as file:
            return {row["date"]: row for row in csv.DictReader(file)}

    def test_a_bad_day_fails_is_fixed_and_retried_and_the_months_add_up(self):
        self.fetch("--corrupt", BAD_DAY)
        self.start()
        self.apply_example()
        raw = self.raw()

        daily = self.begin("daily_weather", "--start", "2012-01-01", "--end", "2015-12-31")
        job = self.wait_job(daily, code=FAILED)
        self.assertEqual("failed", job["state"])
        self.assertEqual(len(raw), job["total_partitions"])
        self.assert_counts(job, completed=len(raw) - 1, failed=1, pending=0)

        failed = self.partitions("daily_weather", "--status", "failed")
        self.assertEqual([BAD_DAY], [partition["key"] for partition in failed])
        self.assertEqual("data", failed[0]["failure_class"])
        self.assertEqual(65, failed[0]["exit_code"])
        self.assertIn("is below temp_min", failed[0]["message"])
        status = self.servo("backfill", "status", daily).out
        self.assertIn(BAD_DAY, status)
        self.assertIn("data", status)
        keys = self.servo("partition", "list", "daily_weather", "--status", "failed", "--class",
                          "data", "-o", "name").out
        self.assertEqual(BAD_DAY + "\n", keys)
        self.assertIn("temp_min", self.servo("partition", "logs", "daily_weather", BAD_DAY).out)

        self.fetch()  # repaired
        self.servo("backfill", "retry", daily)
        job = self.wait_job(daily)
        self.assertEqual("completed", job["state"])
        self.assert_counts(job, completed=len(raw), failed=0)

        monthly = self.begin("monthly_weather", "--start", "2012-01-01", "--end", "2015-12-31")
        self.assert_counts(self.wait_job(monthly), completed=48)
        self.check_days(raw)
        self.check_months(raw)
        self.check_report()
        self.assert_sound()

        # Nothing is left to do, and that is said rather than done again.
        again = self.servo("backfill", "start", "daily_weather", "--start", "2012-01-01", "--end",
                           "2015-12-31", code=FAILED)
        self.assertEqual("", again.out)
        self.assertIn("--reprocess all", again.err)

    def check_days(self, raw):
        names = sorted(os.listdir(os.path.join(self.example, "out", "daily")))
        self.assertEqual(sorted(day + ".json" for day in raw), names)
        for day, row in raw.items():
            self.assertEqual({
                "date": day,
                "precipitation_mm": float(row["precipitation"]),
                "temp_max_c": float(row["temp_max"]),
                "temp_min_c": float(row["temp_min"]),
                "wind_m_s": float(row["wind"]),
                "weather": row["weather"],
            }, self.result("daily", day + ".json"))

    def check_months(self, raw):
        months = {}
        for day, row in raw.items():
            months.setdefault(day[:7], []).append(row)
        self.assertEqual(48, len(months))
        for month, rows in months.items():
            result = self.result("monthly", month + ".json")
            tenths = sum(round(float(row["precipitation"]) * 10) for row in rows)
            self.assertEqual(len(rows), result["days"])
            self.assertAlmostEqual(tenths / 10, result["precipitation_mm"])
            self.assertEqual(max(float(row["temp_max"]) for row in rows), result["temp_max_c"])
            self.assertEqual(min(float(row["temp_min"]) for row in rows), result["temp_min_c"])
            self.assertEqual(len(rows), sum(result["days_by_weather"].values()))
            self.assertEqual(sum(row["weather"] == "snow" for row in rows),
                             result["days_by_weather"].get("snow", 0))

    def check_report(self):
        subprocess.run([sys.executable, "build_report.py"], cwd=self.example, check=True)
        out = os.path.join(self.example, "out")
        with open(os.path.join(out, "report.csv"), encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(48, len(rows))
        self.assertEqual("2012-01", rows[0]["month"])
        with open(os.path.join(out, "report.html"), encoding="utf-8") as file:
            self.assertEqual(48, file.read().count('<td class="bar">'))


class Flights(Example):
    name = "flights"

    def test_two_dimensions_with_the_worker_runner(self):
        self.start()
        self.apply_example()
        job_id = self.begin("flight_delays", "--start", "2001-01-01", "--end", "2001-03-31")
        self.assert_counts(self.wait_job(job_id), completed=90 * 6)

        expected = {}
        with open(os.path.join(self.example, "data", "flights-20k.json"), encoding="utf-8") as file:
            for flight in json.load(file):
                key = flight["date"][:10].replace("/", "-"), flight["origin"]
                count, total = expected.get(key, (0, 0))
                expected[key] = count + 1, total + flight["delay"]
        day = datetime.date(2001, 1, 1)
        while day < datetime.date(2001, 4, 1):
            for airport in ("ATL", "DFW", "LAX", "ORD", "PHX", "STL"):
                result = self.result(airport, f"{day}.json")
                count, total = expected.get((str(day), airport), (0, 0))
                self.assertEqual(count, result["departures"])
                if count:
                    self.assertLess(abs(total / count - result["mean_delay_minutes"]), 0.00501)
            day += datetime.timedelta(days=1)

        one = self.servo("partition", "status", "flight_delays", "2001-01-03|ORD", "-o", "json").json()
        self.assertEqual(expected["2001-01-03", "ORD"][0], one["rows"])

        # One airport again, then a second request for the same days while it is known to be done.
        again = self.begin("flight_delays", "--start", "2001-01-01", "--end", "2001-01-31",
                           "--dim", "airport=ORD", "--reprocess", "all")
        self.assert_counts(self.wait_job(again), completed=31)


del Example  # a base, not a test

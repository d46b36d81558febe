#!/usr/bin/env python3
"""One partition of `monthly_weather`: sums the days of a month into out/monthly/<month>.json."""
import calendar
import collections
import json
import sys

from weather import data_error, path_of, report, write_result


def days_of(month):
    year, number = map(int, month.split("-"))
    for day in range(1, calendar.monthrange(year, number)[1] + 1):
        key = f"{month}-{day:02}"
        try:
            with open(path_of("daily", key), encoding="utf-8") as file:
                yield json.load(file)
        except FileNotFoundError:
            data_error(f"{month}: the day {key} has not been loaded; run daily_weather first")


def main():
    month = sys.argv[1]
    days = list(days_of(month))
    kinds = collections.Counter(day["weather"] for day in days)
    size = write_result("monthly", month, {
        "month": month,
        "days": len(days),
        "precipitation_mm": round(sum(day["precipitation_mm"] for day in days), 1),
        "wet_days": sum(day["precipitation_mm"] > 0 for day in days),
        "temp_max_c": max(day["temp_max_c"] for day in days),
        "temp_min_c": min(day["temp_min_c"] for day in days),
        "days_by_weather": dict(sorted(kinds.items())),
    })
    report({"rows": len(days), "bytes": size})


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""One partition of `daily_weather`: checks one day's row and writes out/daily/<day>.json."""
import csv
import sys

from weather import KINDS, RAW, data_error, report, write_result

LIMITS = {"precipitation": (0, 500), "temp_max": (-60, 60), "temp_min": (-60, 60), "wind": (0, 120)}


def row_of(day):
    with open(RAW, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["date"] == day]
    if len(rows) != 1:
        data_error(f"{RAW} has {len(rows)} rows for {day}, expected one")
    return rows[0]


def number(row, name):
    low, high = LIMITS[name]
    try:
        value = float(row[name])
    except (TypeError, ValueError):
        data_error(f"{row['date']}: {name} is {row[name]!r}, not a number")
    if not low <= value <= high:
        data_error(f"{row['date']}: {name} is {value}, outside {low} to {high}")
    return value


def main():
    day = sys.argv[1]
    row = row_of(day)
    high, low = number(row, "temp_max"), number(row, "temp_min")
    if high < low:
        data_error(f"{day}: temp_max {high} is below temp_min {low}")
    if row["weather"] not in KINDS:
        data_error(f"{day}: weather is {row['weather']!r}, not one of {', '.join(sorted(KINDS))}")
    size = write_result("daily", day, {
        "date": day,
        "precipitation_mm": number(row, "precipitation"),
        "temp_max_c": high,
        "temp_min_c": low,
        "wind_m_s": number(row, "wind"),
        "weather": row["weather"],
    })
    report({"rows": 1, "bytes": size})


if __name__ == "__main__":
    main()

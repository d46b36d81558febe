#!/usr/bin/env python3
"""Gets the example's raw data: data/seattle-weather.csv, one row a day, 2012 to 2015.

    python3 fetch.py                         the file as published
    python3 fetch.py --corrupt 2013-06-14    the same with one impossible reading on that day

Run it again without --corrupt to repair the file.
"""
import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from fetch_vega import fetch  # noqa: E402  (the folder above is only known now)

NAME = "seattle-weather.csv"
SHA256 = "0845078a290b48e3149ab8639966824110a251db4e06fc144c06ebb534af23be"


def corrupt(text, day):
    """Swaps the day's highest and lowest temperature, as a mislabelled column would."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if line.startswith(day + ","):
            date, rain, high, low, wind, weather = line.split(",")
            lines[i] = ",".join([date, rain, low, high, wind, weather])
            return "\n".join(lines) + "\n"
    sys.exit(f"fetch: {NAME} has no row for {day}")


def main():
    parser = argparse.ArgumentParser(description="Gets the raw data of the weather example.")
    parser.add_argument("--corrupt", metavar="DAY", help="swap this day's temperatures")
    arguments = parser.parse_args()

    published = os.path.join(HERE, "data", "published")
    fetch(published, {NAME: SHA256})
    with open(os.path.join(published, NAME), encoding="utf-8") as file:
        text = file.read()
    if arguments.corrupt:
        text = corrupt(text, arguments.corrupt)
    working = os.path.join(HERE, "data", NAME)
    with open(working + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(working + ".part", working)


if __name__ == "__main__":
    main()

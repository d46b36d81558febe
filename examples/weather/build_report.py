#!/usr/bin/env python3
"""Puts the monthly results into one table: out/report.csv, and out/report.html to look at."""
import csv
import glob
import html
import json
import os
import sys

from weather import KINDS, OUT

COLUMNS = ["month", "days", "precipitation_mm", "wet_days", "temp_max_c", "temp_min_c"]


def load_months():
    months = []
    for path in sorted(glob.glob(os.path.join(OUT, "monthly", "*.json"))):
        with open(path, encoding="utf-8") as file:
            month = json.load(file)
        by_weather = month.pop("days_by_weather")
        months.append(month | {kind: by_weather.get(kind, 0) for kind in sorted(KINDS)})
    return months


def write_csv(months):
    with open(os.path.join(OUT, "report.csv"), "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS + sorted(KINDS))
        writer.writeheader()
        writer.writerows(months)


def write_html(months):
    names = COLUMNS + sorted(KINDS)
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    wettest = max(month["precipitation_mm"] for month in months) or 1
    body = ""
    for month in months:
        cells = "".join(f"<td>{html.escape(str(month[name]))}</td>" for name in names)
        width = round(100 * month["precipitation_mm"] / wettest)
        body += f'<tr>{cells}<td class="bar"><div style="width:{width}%"></div></td></tr>\n'
    with open(os.path.join(OUT, "report.html"), "w", encoding="utf-8") as file:
        file.write(f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Seattle weather by month</title>
<style>
body {{ font: 14px sans-serif; margin: 2em; }}
table {{ border-collapse: collapse; }}
th, td {{ padding: 2px 8px; text-align: right; border-bottom: 1px solid #ddd; }}
.bar {{ width: 200px; }} .bar div {{ height: 10px; background: #47a; }}
</style>
<h1>Seattle weather by month</h1>
<table><thead><tr>{head}<th>rain</th></tr></thead>
<tbody>
{body}</tbody></table>
</html>
""")


def main():
    months = load_months()
    if not months:
        sys.exit(f"build_report: {OUT}/monthly is empty; run the backfill of monthly_weather first")
    write_csv(months)
    write_html(months)
    print(f"{len(months)} months: {OUT}/report.csv {OUT}/report.html")


if __name__ == "__main__":
    main()

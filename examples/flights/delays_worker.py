#!/usr/bin/env python3
"""Worker for `flight_delays`: reads requests on stdin, answers on the file descriptor given.

The raw file is read once, then each partition is a look-up: that is what the worker runner is for.
"""
import collections
import json
import os
import sys

RAW = "data/flights-20k.json"
OUT = "out"


def load():
    delays = collections.defaultdict(list)
    with open(RAW, encoding="utf-8") as file:
        for flight in json.load(file):
            day = flight["date"][:10].replace("/", "-")
            delays[day, flight["origin"]].append(flight["delay"])
    return delays


def run(delays, key):
    day, airport = key.split("|")
    found = delays[day, airport]
    text = json.dumps({
        "date": day,
        "airport": airport,
        "departures": len(found),
        "mean_delay_minutes": round(sum(found) / len(found), 2) if found else None,
    }, sort_keys=True) + "\n"
    folder = os.path.join(OUT, airport)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{day}.json")
    temporary = f"{path}.{os.getpid()}.part"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
    return {"status": "completed", "rows": len(found), "bytes": len(text)}


def main():
    delays = load()
    answers = os.fdopen(int(os.environ.get("SERVO_ANSWER_FD", "3")), "w", encoding="utf-8")
    for line in sys.stdin:  # ends when Servo closes it
        request = json.loads(line)
        try:
            answer = run(delays, request["key"])
        except OSError as error:
            answer = {"status": "failed", "class": "error", "message": str(error)}
        answers.write(json.dumps({"id": request["id"]} | answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

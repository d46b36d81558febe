#!/usr/bin/env python3
"""Adds up test results: count_results.py FOLDER…; last line `N passed, N failed`, exit 1 on failures.

A folder holds CTest's own ctest.xml and, where a test program left them, the counts of its cases:
<program>.xml of GoogleTest, <name>.json of the end-to-end runner. A program that failed without
leaving counts, by a crash or a timeout, is one failure.
"""
import json
import os
import sys
import xml.etree.ElementTree as ElementTree


def cases_of(folder, name):
    """(passed, failed, skipped names) of one CTest test, or None when it left no counts."""
    path = os.path.join(folder, name + ".json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            counts = json.load(file)
        return counts["passed"], counts["failed"], [": ".join(row) for row in counts["skipped"]]
    path = os.path.join(folder, name + ".xml")
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return None
    skipped = [f"{case.get('classname')}.{case.get('name')}" for case in root.iter("testcase")
               if case.find("skipped") is not None]
    failed = int(root.get("failures", 0)) + int(root.get("errors", 0))
    return int(root.get("tests")) - failed - len(skipped), failed, skipped


def count(folder):
    passed, failed, skipped = 0, [], []
    try:
        suite = ElementTree.parse(os.path.join(folder, "ctest.xml")).getroot()
    except (OSError, ElementTree.ParseError):
        return 0, [f"{folder}: no results"], []
    for test in suite.iter("testcase"):
        name = test.get("name")
        if test.find("skipped") is not None:
            said = (test.findtext("system-out") or "").strip().split("\n")[0].removeprefix("skipped: ")
            skipped.append(f"{name}: {said}")
            continue
        good = test.get("status") == "run"
        cases = cases_of(folder, name)
        if cases is None:
            passed += good
            if not good:
                failed.append(name)
            continue
        passed += cases[0]
        skipped += cases[2]
        # A program may fail outside its cases: in its set-up, or at its very end.
        count_failed = max(cases[1], 0 if good else 1)
        failed += [name] * count_failed
    return passed, failed, skipped


def main():
    passed, failed, skipped = 0, [], []
    for folder in sys.argv[1:]:
        results = count(folder)
        passed += results[0]
        failed += results[1]
        skipped += results[2]
    for line in skipped:
        print(f"skipped: {line}")
    for name in sorted(set(failed)):
        print(f"failed: {name}")
    print(f"{passed} passed, {len(failed)} failed")
    if not passed:
        print("no test ran", file=sys.stderr)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Runs one module of end-to-end tests: run.py test_control [Class.test], or of another folder of
tests/: run.py chaos/test_servers [Class.test]. CTest calls it.

With SERVO_TEST_RESULTS set to a folder, it leaves a file of counts there for scripts/test.
"""
import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: run.py MODULE [Class[.test]]")
    folder, _, module = sys.argv[1].rpartition("/")
    folder = folder or "e2e"
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), folder))
    name = ".".join([module, *sys.argv[2:]])
    suite = unittest.defaultTestLoader.loadTestsFromName(name)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    counts = {
        "passed": result.testsRun - failed - len(result.skipped),
        "failed": failed,
        "skipped": [[test.id(), reason] for test, reason in result.skipped],
    }
    results = os.environ.get("SERVO_TEST_RESULTS")
    if results:
        path = os.path.join(results, f"{folder}_{module.removeprefix('test_')}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(counts, file)
    if result.testsRun == 0:
        sys.exit(f"run.py: {name} has no tests")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

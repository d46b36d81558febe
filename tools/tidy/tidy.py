#!/usr/bin/env python3
"""Checks the house rules that a compiler does not: `tools/tidy/tidy.py`, run by CTest as `tidy`.

Each finding is one line, `path:line: what is wrong; what to do instead`. Exit 1 if there is any.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bans  # noqa: E402
import boundaries  # noqa: E402
import reference  # noqa: E402
import shape  # noqa: E402
from source import read_tree  # noqa: E402

CHECKS = boundaries.CHECKS + bans.CHECKS + shape.CHECKS + reference.CHECKS


def findings(files):
    for check in CHECKS:
        for path, line, message in check(files):
            yield f"{path}:{line}: {message}"


def main():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    files = read_tree(sys.argv[1] if len(sys.argv) > 1 else root)
    found = sorted(set(findings(files)))
    for line in found:
        print(line)
    print(f"tidy: {len(files)} files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Puts what the measurements printed into the page, each between its markers:

    <!-- measured: NAME -->
    …
    <!-- end -->

The page holds `NAME` for Markdown and `NAME text` for output that is shown as it is. Each gets a line
with the day and the latency of the disk; the machine goes between the markers `machine text`.
Usage: publish.py PAGE RESULTS NAME…
"""
import datetime
import os
import re
import sys

BETWEEN = r"(<!-- measured: {}( text)? -->\n).*?(<!-- end -->)"


def published(page, name, output, caption=""):
    def put(found):
        lines = output.strip()
        if found.group(2):
            lines = f"```text\n{lines}\n```"
        if caption:
            lines = f"{caption}\n\n{lines}"
        return f"{found.group(1)}{lines}\n{found.group(3)}"

    page, count = re.subn(BETWEEN.format(re.escape(name)), put, page, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"publish: the page has {count} places for {name}, not one")
    return page


def main():
    path, results, *names = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        page = file.read()
    with open(os.path.join(results, "machine.txt"), encoding="utf-8") as file:
        machine = file.read()
    disk = re.search(r"^fdatasync: +(.*)$", machine, re.MULTILINE)
    caption = f"Of {datetime.date.today().isoformat()}; fdatasync {disk.group(1)}."
    for name in names:
        result = os.path.join(results, f"{name}.txt")
        with open(result, encoding="utf-8") as file:
            page = published(page, name, file.read(), caption)
    page = published(page, "machine", machine)
    with open(path, "w", encoding="utf-8") as file:
        file.write(page)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Waits until a server answers: wait_ready.py URL PID. Exit 1 when PID ends first or a minute passes."""
import os
import sys
import time
import urllib.error
import urllib.request


def main():
    url, pid = sys.argv[1], int(sys.argv[2])
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(url + "/readyz", timeout=5) as reply:
                if reply.status == 200:
                    return 0
        except urllib.error.HTTPError:
            pass  # it is there, and not ready yet
        except OSError:
            pass  # nobody listens yet
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return 1
        except OSError:
            return 1
        time.sleep(0.05)
    return 1


if __name__ == "__main__":
    sys.exit(main())

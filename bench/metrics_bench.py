#!/usr/bin/env python3
"""What a scrape of /metrics takes of a server with very many tenants and assets, and how large it is:
labels are capped, so neither grows with them. Usage: metrics_bench.py [SCRAPES]
"""
import os
import socket
import sys
import time
import urllib.request

from figures import Goals, below
from servo_server import Server

TENANTS, ASSETS_EACH = 10_000, 10
TENANTS_A_FILE = 500
GOAL_MS, GOAL_MB = 200, 10
SCRAPE_SECONDS_MAX = 60


def file_of(first):
    tenants = ", ".join(f"tenant-{number:05}" for number in range(first, first + TENANTS_A_FILE))
    assets = "".join(f"  asset-{number}: {{ partitions: {{ every: day, start: 2024-01-01 }}, "
                     "run: { synthetic: { duration: 1ms } } }\n" for number in range(ASSETS_EACH))
    return f"version: 1\ntenants: [{tenants}]\nassets:\n{assets}"


def fill(server, tenants):
    path = os.path.join(server.folder, "many.yaml")
    for first in range(0, tenants, TENANTS_A_FILE):
        with open(path, "w", encoding="utf-8") as file:
            file.write(file_of(first))
        server.cli("apply", "-q", "-f", path)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def scrape(address):
    """(ms, MB)"""
    begin = time.perf_counter()
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=SCRAPE_SECONDS_MAX) as reply:
        size = len(reply.read())
    return (time.perf_counter() - begin) * 1e3, size / 1e6


def measured(tenants, scrapes):
    address = f"127.0.0.1:{free_port()}"
    with Server(metrics_listen=address) as server:
        fill(server, tenants)
        server.start_backfill("2020-01-01", "2020-12-31")
        scrape(address)
        return [scrape(address) for _ in range(scrapes)]


def main():
    scrapes = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print("One scrape of /metrics.\n")
    goals = Goals()
    for tenants in (TENANTS_A_FILE, TENANTS):
        found = measured(tenants, scrapes)
        what = f"{tenants:,} tenants, {tenants * ASSETS_EACH:,} assets"
        goals.values(f"{what}, ms", [ms for ms, _ in found], below(GOAL_MS), 1)
        goals.values(f"{what}, MB", [size for _, size in found], below(GOAL_MB), 2)
    goals.print()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""P5 and P8 of the goals, and memory, on the built product over real HTTP with the embedded store.

Creates a backfill of ten million formula partitions in a running server and claims from it (P5);
runs partitions at k = 100, 16 and 1 and weighs what they leave on disk (P8); holds the memory of a
server with a backfill of ten million against one of ten thousand. Usage: product_bench.py [ROUNDS]
"""
import os
import sys

from figures import Goals, Ratio, at_most, below
from servo_server import (ALL, CONNECTIONS, TEN_MILLION, TEN_THOUSAND, Caller, Server, load,
                          request_of)

SECONDS = 3
OTHER = ("1700-01-01T00:00:00Z", "1989-12-31T00:00:00Z")


def creation():
    """Milliseconds to create a backfill of ten million, and of the first claim after it."""
    with Server() as server:
        caller = Caller(server.port)
        caller.register()
        took, reply = caller.post("/v1/backfills", request_of(*TEN_MILLION))
        if reply["total_partitions"] != 10_000_000:
            raise SystemExit(f"product_bench: {reply['total_partitions']} partitions")
        return took, caller.claim()


def stored(k):
    """Bytes on disk per succeeded partition: after the run, all of it in the one file."""
    with Server() as server:
        server.start_backfill(*ALL)
        load(server.port, "executor", CONNECTIONS, k, SECONDS)
        done = Caller(server.port).get("/v1/backfills")["items"][0]["completed_partitions"]
        server.stop()
        return sum(entry.stat().st_size for entry in os.scandir(server.data) if entry.is_file()) / done


def memory(selection):
    """MiB of a server after a second of load on a backfill. Other work went before, the same for
    every backfill, so that caches are as full as they get."""
    with Server() as server:
        caller = Caller(server.port)
        _, other = caller.post("/v1/backfills", request_of(*OTHER))
        load(server.port, "executor", CONNECTIONS, 16, SECONDS)
        caller.post(f"/v1/backfills/{other['id']}/pause", {})
        caller.post("/v1/backfills", request_of(*selection))
        load(server.port, "executor", CONNECTIONS, 16, 1)
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print("SQLite with synchronous FULL, HTTP included.\n")
    goals = Goals()
    created = [creation() for _ in range(rounds)]
    goals.values("P5: create 10 M formula partitions, ms", [create for create, _ in created],
                 below(5), 2)
    goals.values("P5: first claim after it, ms", [claim for _, claim in created], below(10), 2)
    for k, limit in ((100, 6), (16, 20), (1, 150)):
        goals.values(f"P8: bytes stored a partition, k = {k}", [stored(k) for _ in range(rounds)],
                     at_most(limit), 1)
    small, large = [], []
    for _ in range(rounds):
        small.append(memory(TEN_THOUSAND))
        large.append(memory(TEN_MILLION))
    goals.values("memory of the server, backfill of 10 k, MiB", small, digits=1)
    goals.values("memory of the server, backfill of 10 M, MiB", large, digits=1)
    goals.ratio("10 M against 10 k", Ratio(large, small, min), at_most(1.1))
    goals.print()


if __name__ == "__main__":
    main()

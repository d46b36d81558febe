#!/usr/bin/env python3
"""P5 and P8 of the goals, and memory, on the built product over real HTTP with the embedded store.

Creates a backfill of ten million formula partitions in a running server and claims from it (P5);
runs partitions at k = 100, 16 and 1 and weighs what they leave on disk (P8); holds the memory of a
server with a backfill of ten million against one of ten thousand. Usage: product_bench [ROUNDS]
"""
import http.client
import json
import os
import sys
import tempfile
import time

from servo_server import ALL, Server, load, shown

TEN_THOUSAND = ("2024-01-01T00:00:00Z", "2024-01-07T22:40:00Z")
TEN_MILLION = ("1990-01-01T00:00:00Z", "2009-01-05T10:40:00Z")
SECONDS = 3


class Caller:
    """One keep-alive connection; an executor of one slot."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.number = 0

    def post(self, path, body):
        """Milliseconds of the call, and its reply."""
        text = json.dumps(body)
        begin = time.perf_counter()
        self.connection.request("POST", path, text, {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        reply = response.read()
        took = (time.perf_counter() - begin) * 1e3
        if response.status >= 300:
            raise SystemExit(f"product_bench: {path}: {response.status} {reply[:300]}")
        return took, json.loads(reply)

    def register(self):
        self.post("/v1/executor/register",
                  {"executor": "bench", "session": 7, "slots": 1, "previous_gone": True})

    def claim(self):
        self.number += 1
        took, reply = self.post("/v1/executor/report", {
            "session": 7, "call": self.number, "ack": 0, "free_slots": 1})
        if not reply["grants"]:
            raise SystemExit("product_bench: nothing was granted")
        return took


def request_of(start, end):
    selection = {"start": start, "end": end}
    return {"asset": "load", "selection": selection, "reprocess": "all"}


def rss_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def with_server(work):
    with tempfile.TemporaryDirectory(prefix="servo-bench-") as folder:
        server = Server(folder)
        try:
            return work(server)
        finally:
            server.stop()


def creation(rounds):
    create_ms, claim_ms, counts = [], [], set()

    def once(server):
        caller = Caller(server.port)
        caller.register()
        took, reply = caller.post("/v1/backfills", request_of(*TEN_MILLION))
        create_ms.append(took)
        claim_ms.append(caller.claim())
        counts.add(reply["total_partitions"])

    for _ in range(rounds):
        with_server(once)
    print(f"create {counts.pop():,} formula partitions   {shown(create_ms, 2)} ms   goal < 5")
    print(f"first claim after it                 {shown(claim_ms, 2)} ms   goal < 10")


def stored(k):
    """Bytes on disk per succeeded partition: after the run, all of it in the one file."""
    with tempfile.TemporaryDirectory(prefix="servo-bench-") as folder:
        server = Server(folder)
        try:
            server.start_backfill(*ALL)
            caller = Caller(server.port)
            data = os.path.join(folder, "data")
            load(server.port, "executor", 64, k, SECONDS)
            caller.connection.request("GET", "/v1/backfills")
            done = json.load(caller.connection.getresponse())["items"][0]["completed_partitions"]
        finally:
            server.stop()
        return sum(entry.stat().st_size for entry in os.scandir(data) if entry.is_file()) / done


def memory(rounds):
    def once(selection):
        def work(server):
            Caller(server.port).post("/v1/backfills", request_of(*selection))
            load(server.port, "executor", 64, 16, 1)
            return rss_kib(server.process.pid)
        return with_server(work)

    small, large = [], []
    for _ in range(rounds):
        small.append(once(TEN_THOUSAND) / 1024)
        large.append(once(TEN_MILLION) / 1024)
    print(f"memory, backfill of 10 k             {shown(small, 1)} MiB")
    print(f"memory, backfill of 10 M             {shown(large, 1)} MiB")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print("SQLite synchronous=FULL, HTTP included: median [min..max]")
    creation(rounds)
    for k, goal in ((100, 6), (16, 20), (1, 150)):
        sizes = [stored(k) for _ in range(rounds)]
        print(f"stored per partition, k={k:<4}         {shown(sizes, 1)} bytes   goal <= {goal}")
    memory(rounds)


if __name__ == "__main__":
    main()

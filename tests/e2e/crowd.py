"""Many simulated executors in one process: each registers, reports, acquires and tells its health as
a real one does, on two kept connections, and says of every partition it is given that it is done.

As a program it prints what a crowd costs: crowd.py --server URL --executors 1000 --seconds 30
"""
import argparse
import asyncio
import collections
import json
import random
import time

HEARTBEAT_S = 4.0  # half of what a lease allows, so that a slow machine loses none
BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.1, 5.0
CALL_DEADLINE_S = 60
REPLY_BYTES_MAX = 16 << 20


class Line:
    """A kept HTTP connection; one call at a time."""

    def __init__(self, host, port, crowd):
        self.host, self.port, self.crowd = host, port, crowd
        self.streams = None

    async def post(self, route, body):
        """(status, JSON); status 0 when nobody answered."""
        began = time.monotonic()
        try:
            status, reply = await asyncio.wait_for(self.exchange(route, body), CALL_DEADLINE_S)
        except (OSError, EOFError, asyncio.TimeoutError):
            self.close()
            status, reply = 0, {}
        self.crowd.answers[route, status] += 1
        self.crowd.times[route].append(time.monotonic() - began)
        return status, reply

    async def exchange(self, route, body):
        if self.streams is None:
            self.streams = await asyncio.open_connection(self.host, self.port,
                                                         limit=REPLY_BYTES_MAX)
        reader, writer = self.streams
        text = json.dumps(body).encode()
        writer.write((f"POST /v1/executor/{route} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
                      f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
                      ).encode() + text)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        answer = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.close()
        return int(head[0].split()[1]), json.loads(answer or b"{}")

    def close(self):
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


class Member:
    """One executor with one slot."""

    def __init__(self, name, crowd):
        self.name, self.crowd = name, crowd
        self.session = random.getrandbits(62) | 1
        self.reports = Line(crowd.host, crowd.port, crowd)
        self.acquires = Line(crowd.host, crowd.port, crowd)
        self.registrations = self.report_number = self.acquire_number = self.ack = 0
        self.results = []
        self.news = asyncio.Event()
        self.acquiring = None
        self.registered = False

    async def run(self):
        try:
            while True:
                if not self.registered:
                    await self.register()
                await self.report()
                if not self.results:
                    await self.rest()
        finally:
            if self.acquiring is not None:
                self.acquiring.cancel()
            self.reports.close()
            self.acquires.close()

    async def register(self):
        failures = 0
        while True:
            self.registrations += 1
            status, _ = await self.reports.post("register", {
                "executor": self.name, "session": self.session, "number": self.registrations,
                "slots": 1, "build": "crowd", "host": "crowd", "pid": 1, "ack": self.ack})
            if status == 200:
                break
            most = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** failures)
            failures += 1
            await asyncio.sleep(random.uniform(most / 2, most))
        self.registered = True
        self.crowd.registered.add(self.name)
        await self.reports.post("health", {
            "session": self.session, "health": {"pid": 1, "cpus": 1, "slots_ready": 1}})

    async def report(self):
        self.report_number += 1
        sent, self.results = self.results, []
        body = self.call(self.report_number) | {"results": sent}
        body["free_slots"] = 0 if self.acquiring else 1
        while True:
            status, reply = await self.reports.post("report", body)
            if status != 0 and status < 500:
                break
            await asyncio.sleep(random.uniform(0.5, 1))  # the same call again
        if status == 200:
            self.crowd.reports[self.name] += 1
            self.crowd.done += sum(len(result["done"]["pos"]) for result in sent)
            self.take(reply)
        else:
            self.registered = False  # a new leader: what was sent is granted again

    async def acquire(self):
        self.acquire_number += 1
        status, reply = await self.acquires.post(
            "acquire", self.call(self.acquire_number) | {"free_slots": 1})
        self.acquiring = None
        if status == 200:
            self.take(reply)
        if self.results:
            self.news.set()

    def call(self, number):
        return {"session": self.session, "call": number, "ack": self.ack}

    def take(self, reply):
        for grant in reply["grants"]:
            if grant["number"] <= self.ack:
                continue
            self.ack = grant["number"]
            count = sum(end - first for first, end in grant["runs"])
            positions = list(range(grant["first_position"], grant["first_position"] + count))
            self.results.append({"lease": grant["lease"], "done": {
                "pos": positions, "start": [1_700_000_000_000] + [0] * (count - 1),
                "dur": [1_000] * count}})

    async def rest(self):
        """Until there is work, or the next heartbeat is due."""
        self.news.clear()
        if self.acquiring is None:
            self.acquiring = asyncio.create_task(self.acquire())
        try:
            await asyncio.wait_for(self.news.wait(), random.uniform(0.8, 1) * HEARTBEAT_S)
        except asyncio.TimeoutError:
            pass


class Crowd:
    def __init__(self, host, port):
        self.host, self.port = host, port
        self.answers = collections.Counter()  # by (route, status)
        self.times = collections.defaultdict(list)  # seconds, by route
        self.reports = collections.Counter()  # answered ones, by name
        self.registered = set()
        self.done = 0  # partitions reported and recorded

    async def run(self, names, until):
        """Runs the executors together until `until(self)`; False when it never came true."""
        members = [asyncio.create_task(Member(name, self).run()) for name in names]
        ends = time.monotonic() + 240
        try:
            while not until(self):
                if time.monotonic() > ends:
                    return False
                for member in members:
                    if member.done():
                        member.result()  # raises what ended it
                await asyncio.sleep(0.05)
            return True
        finally:
            for member in members:
                member.cancel()
            await asyncio.gather(*members, return_exceptions=True)

    def refused(self, route):
        """Answers other than 200, by status."""
        return {status: count for (one, status), count in self.answers.items()
                if one == route and status != 200}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--server", default="http://127.0.0.1:7420")
    parser.add_argument("--executors", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30)
    arguments = parser.parse_args()
    host, port = arguments.server.removeprefix("http://").rsplit(":", 1)
    crowd = Crowd(host, int(port))
    began = time.monotonic()
    complete = []

    def until(now):
        if len(now.registered) == arguments.executors and not complete:
            complete.append(time.monotonic() - began)
        return time.monotonic() - began > arguments.seconds

    names = [f"crowd-{number}" for number in range(arguments.executors)]
    asyncio.run(crowd.run(names, until))
    took = f"after {complete[0]:.2f} s" if complete else "not all"
    print(f"{len(crowd.registered)} of {arguments.executors} registered, {took}; "
          f"{crowd.done} partitions")
    for route, times in sorted(crowd.times.items()):
        times.sort()
        p50, p99 = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
        print(f"{route:9} {len(times):7} calls  p50 {p50 * 1000:8.1f} ms  p99 {p99 * 1000:8.1f} ms"
              f"  not 200: {crowd.refused(route)}")


if __name__ == "__main__":
    main()

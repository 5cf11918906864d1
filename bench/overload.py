"""A server under ten times the load that it can serve: what the load is answered, and what the server looks like.

The scenario calls `measure` and `obey`; `python -m bench.overload URL` puts a load on any running server for as long as
is wanted, and tells its memory meanwhile.
"""

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bench.http_client import Answer, Connection, ConnectionFailure, HttpError, Target, connected
from bench.load import new_flow_run
from bench.load import run as run_load
from bench.machine import ProcessTree, pin
from bench.open_load import Latencies, OpenLoad, allow_files
from bench.work import Mixed, Reads, Work, Writes

TIMES = 10
WORKS = ("writes", "reads", "mixed")
CAPACITY_SECONDS = 5.0
CAPACITY_CONNECTIONS = 50
PROBE_SECONDS = 0.1
PROBES = ("/health", "/ready")
ATTEMPTS = 6  # as often as the 2.20.25 client asks
JITTER = 0.2  # as much longer than it is told does it wait, at most


async def make_work(target: Target, kind: str) -> Work:
    """writes, reads or mixed; there is a flow run of its own for the writes."""
    if kind == "reads":
        return Reads(target)
    async with connected(target) as connection:
        writes = Writes(target, await new_flow_run(connection, target))
    return writes if kind == "writes" else Mixed(writes, Reads(target))


async def capacity(target: Target, kind: str, seconds: float) -> float:
    """Answers a second over 50 connections, each of which waits for its answers."""
    load = OpenLoad(target, await make_work(target, kind), CAPACITY_CONNECTIONS)
    await load.run(seconds)
    return float(load.report(seconds)["served_per_second"])


async def measure(
    target: Target, kind: str, rate: float, connections: int, seconds: float, server: ProcessTree | None
) -> dict[str, Any]:
    """The load's report, latencies of the probes, and the server's memory in MiB, second by second."""
    load = OpenLoad(target, await make_work(target, kind), connections, rate)
    async with _watching(target, server) as watched:
        await load.run(seconds)
    return {"connections": connections, "wanted_per_second": rate, **load.report(seconds), **watched}


@asynccontextmanager
async def _watching(target: Target, server: ProcessTree | None) -> AsyncIterator[dict[str, Any]]:
    """Asks after the server's health and looks at its memory; the figures are there at the end."""
    watched: dict[str, Any] = {"memory_mib": []}
    latencies, failed = {path: Latencies() for path in PROBES}, Counter[str]()
    tasks = [asyncio.create_task(_probe(target, path, latencies[path], failed)) for path in PROBES]
    if server is not None:
        tasks.append(asyncio.create_task(_weigh(server, watched["memory_mib"])))
    yield watched
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    watched["probes_ms"] = {path: latencies[path].summary() for path in PROBES}
    watched["probes_failed"] = dict(failed)


async def _probe(target: Target, path: str, latencies: Latencies, failed: Counter[str]) -> None:
    """Asks again and again; an answer other than that all is well, or none, is a failure."""
    while True:
        try:
            async with connected(target) as connection:
                await _probe_on(connection, target.get(path), latencies)
        except (ConnectionFailure, HttpError):
            failed[path] += 1
            await asyncio.sleep(PROBE_SECONDS)


async def _probe_on(connection: Connection, request: bytes, latencies: Latencies) -> None:
    while True:
        sent = time.perf_counter()
        answer = await connection.request(request)
        if not answer.ok:
            raise HttpError(f"HTTP {answer.status}")
        latencies.add(time.perf_counter() - sent)
        await asyncio.sleep(PROBE_SECONDS)


async def _weigh(server: ProcessTree, sizes: list[float]) -> None:
    while True:
        sizes.append(round(server.resident_mib()[1], 1))
        await asyncio.sleep(1)


async def obey(target: Target, kind: str, clients: int, requests: int) -> dict[str, Any]:
    """So many clients at once, each with some requests to make, who come again when they are told to, 6 times at most.

    How many got all their answers, how often they were refused, and how long it took.
    """
    work = await make_work(target, kind)
    allow_files(clients)
    crowd = [_Client(target, work) for _ in range(clients)]
    started = time.perf_counter()
    through = await asyncio.gather(*(client.run(requests) for client in crowd))
    seconds = time.perf_counter() - started
    for client in crowd:
        await client.close()
    return {
        "clients": clients,
        "through": sum(through),
        "refusals": sum(client.refusals for client in crowd),
        "seconds": seconds,
    }


class _Client:
    """One that does as it is told."""

    def __init__(self, target: Target, work: Work) -> None:
        self._target = target
        self._work = work
        self._connection: Connection | None = None
        self.refusals = 0

    async def run(self, requests: int) -> bool:
        """Whether all its requests were served."""
        for _ in range(requests):
            request, settle = self._work.take()
            answer = await self._insist(request)
            if answer is None:
                return False
            settle(answer)
        return True

    async def _insist(self, request: bytes) -> Answer | None:
        for attempt in range(ATTEMPTS):
            answer = await self._ask(request)
            if answer is not None and answer.ok:
                return answer
            self.refusals += 1
            told = answer.retry_after if answer is not None else None
            seconds = 2**attempt if told is None else told
            await asyncio.sleep(seconds * (1 + JITTER * random.random()))
        return None

    async def _ask(self, request: bytes) -> Answer | None:
        """The answer; None where there was none, and then the next request has another connection."""
        try:
            if self._connection is None:
                self._connection = await Connection.open(self._target.host, self._target.port)
            return await self._connection.request(request)
        except (ConnectionFailure, HttpError):
            await self.close()
            return None

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("url", help="base URL of the API, such as http://127.0.0.1:4200/api")
    parser.add_argument("--work", choices=WORKS, default="mixed")
    parser.add_argument("--rate", type=float, help="requests a second (default: ten times what it is found to serve)")
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pid", type=int, help="the server's process, for its memory")
    parser.add_argument("--core", type=int, help="core to pin this process to")
    options = parser.parse_args()
    target = Target.parse(options.url)
    pin(None if options.core is None else frozenset({options.core}))
    server = ProcessTree(options.pid) if options.pid else None
    rate = options.rate or TIMES * run_load(capacity(target, options.work, CAPACITY_SECONDS))
    print(json.dumps(run_load(measure(target, options.work, rate, options.connections, options.seconds, server))))


if __name__ == "__main__":
    main()

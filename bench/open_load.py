"""Load that does not wait for the server: so many requests a second, whatever becomes of those before them.

Each client is a connection with one request under way at most. What does not live here: the requests (work.py), and
what is made of the figures (overload.py).
"""

import asyncio
import math
import resource
import time
from collections import Counter, deque
from functools import partial
from typing import Any

from bench.http_client import Answer, Connection, ConnectionFailure, HttpError, Target
from bench.work import Settle, Work

TICK_SECONDS = 0.004
CONNECTING_AT_ONCE = 100
OTHER_FILES = 200
REQUEST_SECONDS = 60.0  # the 2.20.25 client's own default
RESOLUTION = 1.01  # of latencies: each counts with the others within one per cent


def allow_files(connections: int) -> None:
    """Ask the system for as many open files as the connections take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < connections + OTHER_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (connections + OTHER_FILES, hard))


class Latencies:
    """Times in seconds, any number of them in little memory."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._longest = 0.0

    def add(self, seconds: float) -> None:
        self._counts[math.ceil(math.log(max(seconds, 1e-6), RESOLUTION))] += 1
        self._longest = max(self._longest, seconds)

    def summary(self) -> dict[str, float] | None:
        """p50, p99 and max in milliseconds, and the number of values; None without any."""
        total = self._counts.total()
        if not total:
            return None
        return {
            "p50": self._percentile(0.50 * total) * 1000,
            "p99": self._percentile(0.99 * total) * 1000,
            "max": self._longest * 1000,
            "n": total,
        }

    def _percentile(self, rank: float) -> float:
        seen = 0
        for bucket, count in sorted(self._counts.items()):
            seen += count
            if seen >= rank:
                return min(self._longest, RESOLUTION**bucket)
        return self._longest


class OpenLoad:
    """`rate` requests a second over a number of connections, or as many as these can carry where it is None.

    A request for which no connection is free is left out. `served`, `refused` and `failed` say what the others came to.
    """

    def __init__(self, target: Target, work: Work, connections: int, rate: float | None = None) -> None:
        self._target = target
        self._work = work
        self._count = connections
        self._rate = rate
        self._free: deque[Connection] = deque()
        self._connections: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._end = 0.0
        self.sent = 0
        self.left_out = 0
        self.served = Latencies()
        self.refused = Latencies()
        self.failed: Counter[str] = Counter()

    async def run(self, seconds: float) -> None:
        """Returns when each request sent has its answer, has failed, or has had a minute."""
        await self._open_all()
        started = time.perf_counter()
        self._end = started + seconds
        while (now := time.perf_counter()) < self._end:
            due = self._count if self._rate is None else int((now - started) * self._rate) - self.sent - self.left_out
            self._send_due(due)
            await asyncio.sleep(TICK_SECONDS)
        await self._finish()

    def _send_due(self, due: int) -> None:
        for _ in range(due):
            if not self._free:
                break
            self._send(self._free.popleft())
            due -= 1
        if self._rate is not None:
            self.left_out += due

    async def _open_all(self) -> None:
        allow_files(self._count)
        share, rest = divmod(self._count, CONNECTING_AT_ONCE)
        await asyncio.gather(*(self._open(share + (n < rest)) for n in range(CONNECTING_AT_ONCE)))

    async def _open(self, count: int) -> None:
        for _ in range(count):
            try:
                connection = await Connection.open(self._target.host, self._target.port)
            except ConnectionFailure:
                self.failed["no connection"] += 1
                continue
            self._connections.add(connection)
            self._free.append(connection)

    def _send(self, connection: Connection) -> None:
        request, settle = self._work.take()
        self.sent += 1
        answer = connection.request(request)
        answer.add_done_callback(partial(self._answered, connection, settle, time.perf_counter()))

    def _answered(self, connection: Connection, settle: Settle, sent: float, future: asyncio.Future[Answer]) -> None:
        seconds = time.perf_counter() - sent
        try:
            answer = future.result()
        except (ConnectionFailure, HttpError) as failure:
            self.failed[type(failure).__name__] += 1
            self._replace(connection)
            return
        self._count_answer(answer, seconds)
        settle(answer)
        if self._rate is None and time.perf_counter() < self._end:
            self._send(connection)
        else:
            self._free.append(connection)

    def _count_answer(self, answer: Answer, seconds: float) -> None:
        if answer.ok:
            self.served.add(seconds)
        elif answer.status == 503:
            self.refused.add(seconds)
        else:
            self.failed[f"HTTP {answer.status}"] += 1

    def _replace(self, connection: Connection) -> None:
        self._connections.discard(connection)
        connection.abort()
        if time.perf_counter() < self._end:
            opening = asyncio.ensure_future(self._open(1))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    async def _finish(self) -> None:
        """Wait for the answers that are due, a minute at most, and close everything."""
        deadline = time.perf_counter() + REQUEST_SECONDS
        while self._opening or len(self._free) < len(self._connections):
            if time.perf_counter() > deadline:
                break
            await asyncio.sleep(TICK_SECONDS)
        for connection in tuple(self._connections):
            await connection.close()

    def report(self, seconds: float) -> dict[str, Any]:
        """Rates a second over the time of the load, and latencies in milliseconds."""
        served, refused = self.served.summary(), self.refused.summary()
        return {
            "sent_per_second": self.sent / seconds,
            "served_per_second": served["n"] / seconds if served else 0.0,
            "refused_per_second": refused["n"] / seconds if refused else 0.0,
            "served_ms": served,
            "refused_ms": refused,
            "failed": dict(self.failed),
        }

"""Load on the queue of background task runs: who posts them, and workers that take what they are sent and do nothing.

What does not live here: a queue that was filled before (fill_queue.py), and the tables (scenarios/queue.py).
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from bench.bodies import BackgroundTaskRunRequests, encode, id_of
from bench.http_client import Answer, Target
from bench.load import Load
from bench.machine import ProcessTree
from bench.open_load import OpenLoad
from bench.report import latency_summary
from bench.work import Settle

PATH = "/task_runs/subscriptions/scheduled"
SUBMITTING_CONNECTIONS = 50  # so that one is free when a run is due, also while an answer takes long
OPEN_SECONDS = 60.0  # the peer is busy with itself for a while after its first start
SILENT_SECONDS = 30.0
"""When it is given up that the next run is delivered."""

NOT_COUNTED = 0.1
"""The share of the deliveries, the first ones, that the rate leaves out."""

_AUTH = encode({"type": "auth", "token": None}).decode()
_ACK = encode({"type": "ack"}).decode()


class Deliveries:
    """What the workers were sent: when, and which run. Times are those of `time.perf_counter`, in seconds."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.first: dict[bytes, float] = {}
        self.lost_sockets = 0

    def note(self, message: bytes) -> None:
        """A run was delivered and is about to be acknowledged."""
        now = time.perf_counter()
        self.times.append(now)
        self.first.setdefault(id_of(message), now)

    async def until(self, count: int, seconds: float) -> None:
        """Wait for so many, but no longer than so, and not where nothing comes any more."""
        end = time.perf_counter() + seconds
        seen, silent_since = len(self.times), time.perf_counter()
        while len(self.times) < count and (now := time.perf_counter()) < end:
            if len(self.times) > seen:
                seen, silent_since = len(self.times), now
            if now - silent_since > SILENT_SECONDS:
                break
            await asyncio.sleep(0.001)

    def rate(self) -> float:
        """Deliveries a second, after the first of them."""
        counted = self.times[int(NOT_COUNTED * len(self.times)) :]
        return (len(counted) - 1) / (counted[-1] - counted[0]) if len(counted) > 1 else 0.0


@asynccontextmanager
async def workers(target: Target, task_key: str, count: int, deliveries: Deliveries) -> AsyncIterator[None]:
    """So many workers of the task. All are connected before the first of them subscribes."""
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(_connected(target)) for _ in range(count)]
        serving = [asyncio.create_task(_take(socket, task_key, deliveries)) for socket in sockets]
        try:
            yield
        finally:
            for task in serving:
                task.cancel()
            await asyncio.wait(serving)


@asynccontextmanager
async def _connected(target: Target) -> AsyncIterator[ClientConnection]:
    """An authenticated socket, opened as the 2.20.25 client does."""
    url = target.url.replace("http", "ws", 1) + PATH
    async with connect(url, subprotocols=[Subprotocol("prefect")], open_timeout=OPEN_SECONDS) as socket:
        await socket.send(_AUTH)
        await socket.recv()
        yield socket


async def _take(socket: ClientConnection, task_key: str, deliveries: Deliveries) -> None:
    try:
        await socket.send(encode({"type": "subscribe", "keys": [task_key]}).decode())
        while True:
            deliveries.note(await socket.recv(decode=False))
            await socket.send(_ACK)
    except ConnectionClosed:
        deliveries.lost_sockets += 1


async def post(target: Target, task_key: str, count: int, connections: int = 1) -> None:
    """Submit so many runs, for whoever comes. Raises RuntimeError if a request failed."""
    load = Load([target], BackgroundTaskRunRequests(target, task_key), connections, count)
    await load.run()
    if load.failures:
        raise RuntimeError(f"posting failed: {dict(load.failures)}")


async def measure_rate(
    target: Target, task_key: str, count: int, waiting: int, seconds: float, watched: Mapping[str, ProcessTree]
) -> dict[str, Any]:
    """Deliveries a second to so many workers, of which each acknowledges at once, for as long as all of them find one
    of the `waiting` runs, and no longer than `seconds`. CPU times are those of the processes watched, by their names.
    """
    deliveries = Deliveries()
    async with workers(target, task_key, count, deliveries):
        before = {name: processes.cpu_seconds() for name, processes in watched.items()}
        own, started = time.process_time(), time.perf_counter()
        await deliveries.until(waiting - count, seconds)
        own, elapsed = time.process_time() - own, time.perf_counter() - started
        cpu = {name: processes.cpu_seconds() - before[name] for name, processes in watched.items()}
        done = len(deliveries.times)
    return {
        "per_second": deliveries.rate(),
        "delivered": done,
        "twice": len(deliveries.times) - len(deliveries.first),
        "lost_sockets": deliveries.lost_sockets,
        "cpu_ms": {name: used * 1000 / max(1, done) for name, used in cpu.items()},
        "load_cpu_share": own / elapsed,
    }


class Submissions:
    """Background runs as work for an OpenLoad; of those from a time on it is known when each was sent and answered."""

    def __init__(self, target: Target, task_key: str, since: float) -> None:
        self._requests = BackgroundTaskRunRequests(target, task_key)
        self._numbers = itertools.count()
        self._since = since
        self.posted: dict[bytes, tuple[float, float]] = {}

    def take(self) -> tuple[bytes, Settle]:
        request = self._requests.create(next(self._numbers))
        return request, partial(self._answered, time.perf_counter())

    def _answered(self, sent: float, answer: Answer) -> None:
        if answer.ok and sent >= self._since:
            self.posted[id_of(answer.body)] = sent, time.perf_counter()


async def measure_latency(
    target: Target, task_key: str, count: int, rate: float, seconds: float, warm_up: float
) -> dict[str, Any]:
    """How soon a run is with one of so many workers that wait, `rate` of them being posted a second.

    `from_post_ms` is from sending the request, so the write is part of it. `from_answer_ms` is from its answer, which
    comes after the commit by the way to here: as the delivery has the same way, the difference is what the queue takes
    after the commit. A delivery that overtakes the answer counts as 0.
    """
    deliveries = Deliveries()
    submissions = Submissions(target, task_key, time.perf_counter() + warm_up)
    load = OpenLoad(target, submissions, SUBMITTING_CONNECTIONS, rate)
    async with workers(target, task_key, count, deliveries):
        await load.run(warm_up + seconds)
        await deliveries.until(load.sent - load.failed.total(), SILENT_SECONDS)
    return _latencies(submissions.posted, deliveries.first) | {
        "left_out": load.left_out,
        "failed": dict(load.failed),
        "lost_sockets": deliveries.lost_sockets,
    }


def _latencies(posted: Mapping[bytes, tuple[float, float]], received: Mapping[bytes, float]) -> dict[str, Any]:
    times = [(sent, answered, received[run_id]) for run_id, (sent, answered) in posted.items() if run_id in received]
    return {
        "undelivered": len(posted) - len(times),
        "from_post_ms": latency_summary(got - sent for sent, _, got in times),
        "from_answer_ms": latency_summary(max(0.0, got - answered) for _, answered, got in times),
    }

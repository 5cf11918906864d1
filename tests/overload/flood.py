"""Clients that do not wait: they ask again at once, whatever they are answered."""

import asyncio
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.bodies import encode
from bench.http_client import Target, connected
from tests.overload.http import SECONDS

CONNECTIONS = 20

Requests = Callable[[Target, int], bytes]
"""The request number n to a server."""


def background_run(target: Target, number: int) -> bytes:
    """Creates a task run: a decision."""
    return target.post("/task_runs/", encode({"task_key": "t", "dynamic_key": str(number)}))


def flow(target: Target, number: int) -> bytes:
    """Creates a flow: a plain write."""
    return target.post("/flows/", encode({"name": str(number)}))


def page(target: Target, _number: int) -> bytes:
    """Reads a page."""
    return target.post("/flows/filter", b"{}")


@contextmanager
def flood(url: str, request: Requests) -> Iterator[Counter[int]]:
    """Many clients that ask as long as the context lasts; counts the answers by their status."""
    answers: Counter[int] = Counter()
    stop = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_flood(Target.parse(url), request, answers, stop)))
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join(SECONDS)


async def _flood(target: Target, request: Requests, answers: Counter[int], stop: threading.Event) -> None:
    numbers = itertools.count()

    async def ask_on() -> None:
        async with connected(target) as connection:
            while not stop.is_set():
                answer = await connection.request(request(target, next(numbers)))
                answers[answer.status] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(ask_on())

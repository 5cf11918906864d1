"""Clients that run tasks under shared concurrency limits, and what they and the database tell about the holders.

What lives here: the walks of the clients, and two independent views of who held slots when. What does not: what must
hold of them (test_limits.py, test_killed_server.py).
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from uuid import uuid4

import psycopg

from tests.crash.wire import Answer
from tests.fleet.fleet import Fleet, set_state

SAMPLE_SECONDS = 0.002
HOLDERS = (
    b"SELECT substr(name, 5), count(*) FROM concurrency_slots JOIN concurrency_limits_v2 ON id = concurrency_limit_id"
    b" GROUP BY name"
)

Ask = Callable[[str, str, Any], Awaitable[Answer]]
"""Sends a request until it is answered: method, path, body."""

ENDINGS = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED", "deletion")


class Holdings:
    """For each tag the times at which runs held its slots for certain: from the acknowledgement of RUNNING until the
    request was sent that gives the slot back. `count` is how many there were."""

    def __init__(self) -> None:
        self._changes: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self.count = 0

    def note(self, tags: Iterable[str], begin: float, end: float) -> None:
        self.count += 1
        for tag in tags:
            self._changes[tag] += [(begin, +1), (end, -1)]

    def most(self, tag: str) -> int:
        """How many held the tag's slots at one time, at the most."""
        most = held = 0
        for _, change in sorted(self._changes[tag]):
            held += change
            most = max(most, held)
        return most


class Walker:
    """Takes one task run after another through RUNNING to an end, by whatever way to one there is.

    `accepted` are the types of the states that each run was given, `deleted` the runs that are no more.
    """

    def __init__(self, ask: Ask, holdings: Holdings, random: Random) -> None:
        self._ask = ask
        self._holdings = holdings
        self._random = random
        self.waits = 0
        self.accepted: dict[str, list[str]] = defaultdict(lambda: ["PENDING"])
        self.deleted: set[str] = set()

    async def run(self, task_run_id: str, tags: tuple[str, ...]) -> None:
        """From PENDING to the end. The tags are those of the run that are limited."""
        while not await self._set(task_run_id, "RUNNING"):
            self.waits += 1
        begin = time.monotonic()
        if self._random.random() < 0.3:
            # Who holds a slot need not wait for one.
            assert await self._set(task_run_id, "RUNNING")
        ending = self._random.choice(ENDINGS)
        if ending == "CANCELLED":
            assert await self._set(task_run_id, "CANCELLING")
        self._holdings.note(tags, begin, time.monotonic())
        if ending == "deletion":
            await self._ask("DELETE", f"/task_runs/{task_run_id}", None)
            self.deleted.add(task_run_id)
        else:
            assert await self._set(task_run_id, ending, force=self._random.random() < 0.3)

    async def _set(self, task_run_id: str, kind: str, *, force: bool = False) -> bool:
        """Whether the run is in such a state now; if not, it has to wait. To a request that was sent again, since its
        answer got lost, the state that it made is the answer."""
        path, body = set_state(task_run_id, kind, force=force, state_details={"transition_id": str(uuid4())})
        answer = await self._ask("POST", path, body)
        assert answer.status in (200, 201), f"{kind}: {answer.status} {answer.body}"
        if answer.body["status"] == "WAIT":
            return False
        assert answer.body["state"]["type"] == kind, f"{kind}: {answer.body}"
        self.accepted[task_run_id].append(kind)
        return True


async def assert_as_acknowledged(fleet: Fleet, walkers: Iterable[Walker]) -> None:
    """Every run went through the states that were acknowledged, each once; what was deleted is gone."""
    for walker in walkers:
        for task_run_id, accepted in walker.accepted.items():
            found = [x["type"] for x in await fleet.states(task_run_id)]
            assert found == ([] if task_run_id in walker.deleted else accepted)


class Sampler:
    """Counts the holders of each tag's slots in the database, again and again."""

    def __init__(self) -> None:
        self.most: Counter[str] = Counter()
        self.samples = 0

    async def sample(self, conn: psycopg.AsyncConnection[Any]) -> None:
        while True:
            rows = await (await conn.execute(HOLDERS)).fetchall()
            self.samples += 1
            self.most |= Counter(dict(rows))
            await asyncio.sleep(SAMPLE_SECONDS)


@asynccontextmanager
async def sampled(database_url: str) -> AsyncIterator[Sampler]:
    """A sampler at work."""
    sampler = Sampler()
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as conn:
        sampling = asyncio.create_task(sampler.sample(conn))
        yield sampler
        sampling.cancel()
        # What it failed of is told; that it was cancelled is as it should be.
        await asyncio.gather(sampling, return_exceptions=True)
        assert sampling.cancelled(), sampling.exception()

"""Servers that share a queue: who waits at one of them is given what comes in at another."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from interlock.engine.batcher import Batcher
from interlock.engine.task_queue import TaskQueue
from interlock.orchestration.commands import CreateTaskRun
from interlock.orchestration.facts import Chance
from interlock.orchestration.states import Proposal, StateDetails, StateType
from interlock.server import create_store
from interlock.settings import Settings
from tests.builders import task_run_draft
from tests.conftest import FakeClock
from tests.databases import PostgresDatabases

SECONDS = 30
NEVER = 3600
LISTENERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"
RUNS = [f"00000000-0000-7000-a000-{number:012d}" for number in range(2)]


class Server(NamedTuple):
    """What of a server has to do with the queue."""

    batcher: Batcher
    queue: TaskQueue
    clock: FakeClock

    async def schedule(self, run_id: str, task_key: str) -> None:
        details = StateDetails(scheduled_time=self.clock())
        proposal = Proposal(type=StateType.SCHEDULED, details=details)
        await self.batcher.decide(CreateTaskRun(run=task_run_draft(run_id, None, task_key=task_key), proposal=proposal))


@asynccontextmanager
async def server(url: str, clock: FakeClock, chance: Chance) -> AsyncIterator[Server]:
    """One that never looks for what nobody tells it of."""
    store = create_store(Settings(database_url=url), clock, chance)
    await store.start()
    batcher = Batcher(store)
    queue = TaskQueue(store, batcher, clock, chance.new_id, look_seconds=NEVER)
    running = asyncio.create_task(queue.run())
    try:
        yield Server(batcher, queue, clock)
    finally:
        running.cancel()
        await asyncio.wait([running])
        await queue.close()
        await batcher.drain()
        await store.close()


@pytest.fixture
def shared_url(postgres_databases: PostgresDatabases) -> Iterator[str]:
    """A database that servers can share."""
    url = postgres_databases.create()
    yield url
    postgres_databases.drop(url)


async def test_a_run_that_comes_in_at_one_server_is_given_to_a_worker_of_another_at_once(
    shared_url: str, postgres_databases: PostgresDatabases, clock: FakeClock, chance: Chance
) -> None:
    """It is told of it: here nobody looks by himself."""
    async with (
        asyncio.timeout(SECONDS),
        server(shared_url, clock, chance) as here,
        server(shared_url, clock, chance) as there,
        here.queue.subscription(["first"], None) as first,
        here.queue.subscription(["told of"], None) as second,
    ):
        while len(postgres_databases.rows(shared_url, LISTENERS)) < 2:
            await asyncio.sleep(0.01)
        runs = [asyncio.create_task(x.next()) for x in (first, second)]
        # Who is given this one has looked for both.
        await here.schedule(RUNS[0], "first")
        assert (await runs[0]).id == RUNS[0]
        await there.schedule(RUNS[1], "told of")
        assert (await runs[1]).id == RUNS[1]

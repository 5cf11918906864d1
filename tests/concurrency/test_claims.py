"""Servers that look into one queue at the same time: no run is given to two workers, and none is passed over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import CreateTaskRun
from interlock.orchestration.facts import Chance
from interlock.orchestration.states import Proposal, StateType
from interlock.orchestration.task_queue import Waiting
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage.invariants import violations
from interlock.storage.queries import task_queue
from interlock.storage.queries.task_workers import TaskWorker, join
from tests.builders import task_run_draft
from tests.concurrency.conftest import SERVERS
from tests.conftest import FakeClock

RUNS, WORKERS = 200, 7
TASKS = ("often", "seldom")


@pytest.fixture
async def batchers(database: str, database_url: str, clock: FakeClock, chance: Chance) -> AsyncIterator[list[Batcher]]:
    """Of servers on one database."""
    stores = [create_store(Settings(database_url=database_url), clock, chance) for _ in range(SERVERS[database])]
    for store in stores:
        await store.start()
    yield [Batcher(store) for store in stores]
    assert await stores[0].read(violations) == []
    for store in stores:
        await store.close()


async def test_each_run_is_given_to_one_worker(batchers: list[Batcher], clock: FakeClock) -> None:
    """However often they look at once, until there is nothing left."""
    ids = [str(UUID(int=number)) for number in range(RUNS)]
    scheduled = Proposal(type=StateType.SCHEDULED)
    drafts = [task_run_draft(x, None, task_key=TASKS[n % 10 == 0], dynamic_key=x) for n, x in enumerate(ids)]
    await asyncio.gather(*(batchers[0].decide(CreateTaskRun(run=x, proposal=scheduled)) for x in drafts))
    clock.advance(seconds=1)
    given = await asyncio.gather(*(_take_all(x, 100 * n, clock) for n, x in enumerate(batchers)))
    assert sorted(x for of_server in given for x in of_server) == ids


async def _take_all(batcher: Batcher, first: int, clock: FakeClock) -> list[str]:
    """The runs that a server's workers are given, each of which wants another as soon as it has one."""
    ids = [str(UUID(int=first + number)) for number in range(WORKERS)]
    workers = [TaskWorker(x, None, list(TASKS), clock()) for x in ids]
    await batcher.write(join, str(UUID(int=first)), workers)
    waiting = [Waiting(x, TASKS) for x in ids]
    taken: list[str] = []
    while True:
        found = await batcher.write(task_queue.claim, waiting, clock() + timedelta(seconds=1))
        taken += [run.id for run in found.given.values()]
        if not found.given and not found.missed:
            return taken

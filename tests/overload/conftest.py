"""A store of the kind whose work a test can hold up, and what handlers work with on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from interlock.api.context import Context
from interlock.engine.batcher import Batcher
from interlock.engine.overload import Overload
from interlock.engine.reader import Reader
from interlock.engine.task_queue import TaskQueue
from interlock.orchestration.facts import Chance
from interlock.settings import Settings
from interlock.storage.sqlite import SqliteStore
from tests.conftest import FakeClock


@pytest.fixture
async def sqlite_store(tmp_path: Path, clock: FakeClock, chance: Chance) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "ledger.db", clock=clock, chance=chance)
    await store.start()
    yield store
    await store.close()


@pytest.fixture
async def context(sqlite_store: SqliteStore, clock: FakeClock, chance: Chance) -> Context:
    """With one place each in the lines for reads and for writes."""
    batcher = Batcher(sqlite_store, max_waiting=1)
    return Context(
        batcher=batcher,
        task_queue=TaskQueue(sqlite_store, batcher, clock, chance.new_id),
        store=Reader(sqlite_store, max_waiting=1),
        overload=Overload(),
        clock=clock,
        chance=chance,
        settings=Settings(max_wait_seconds=0.01),
    )

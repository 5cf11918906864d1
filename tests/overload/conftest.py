"""A store of the kind whose work a test can hold up, and what handlers work with on it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from interlock.api.context import Context
from interlock.orchestration.facts import Chance
from interlock.server import create_context
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
    """With one place each in the lines for reads and for writes, which are asked for no longer than a moment."""
    made = create_context(sqlite_store, Settings(max_waiting_writes=1, max_waiting_reads=1), clock, chance)
    return replace(made, settings=Settings(max_wait_seconds=0.01))

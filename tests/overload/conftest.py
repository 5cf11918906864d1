"""A store of the kind whose work a test can hold up."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from interlock.orchestration.facts import Chance
from interlock.storage.sqlite import SqliteStore
from tests.conftest import FakeClock


@pytest.fixture
async def sqlite_store(tmp_path: Path, clock: FakeClock, chance: Chance) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "ledger.db", clock=clock, chance=chance)
    await store.start()
    yield store
    await store.close()

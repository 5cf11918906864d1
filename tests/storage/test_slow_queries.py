"""Queries that would take for ever: they are ended, on either database, and disturb nobody."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, text

from interlock.engine.batcher import Batcher
from interlock.engine.reader import Reader
from interlock.orchestration.facts import Chance
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage.queries import concurrency_limits
from interlock.storage.store import SlowQueryError, Store
from tests.conftest import FakeClock

ENDLESS = (
    "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000000000) SELECT max(x) FROM n"
)
LIMIT_ID = "00000000-0000-7000-9000-000000000001"


def endless(conn: Connection) -> int:
    return int(conn.execute(text(ENDLESS)).scalar_one())


def one(conn: Connection) -> int:
    return int(conn.execute(text("SELECT 1")).scalar_one())


@pytest.fixture
async def impatient(database_url: str, clock: FakeClock, chance: Chance) -> AsyncIterator[Store]:
    opened = create_store(Settings(database_url=database_url, statement_seconds=0.3), clock, chance)
    await opened.start()
    yield opened
    await opened.close()


async def test_a_query_that_takes_too_long_is_ended(impatient: Store) -> None:
    """Whoever reads next has all the time again."""
    reader = Reader(impatient)
    with pytest.raises(SlowQueryError):
        await reader.read(endless)
    assert await reader.read(one) == 1


async def test_as_many_as_can_be_under_way_end_as_well(impatient: Store) -> None:
    """And then it is others' turn."""
    reader = Reader(impatient)
    outcomes = await asyncio.gather(*(reader.read(endless) for _ in range(impatient.readers)), return_exceptions=True)
    assert {type(x) for x in outcomes} == {SlowQueryError}
    assert await reader.read(one) == 1


async def test_writes_go_on_beside_one(impatient: Store, clock: FakeClock) -> None:
    """They wait for no read, nor does it for them."""
    slow = asyncio.create_task(impatient.read(endless))
    await Batcher(impatient).write(concurrency_limits.create_or_change, LIMIT_ID, "tag", 1, clock())
    with pytest.raises(SlowQueryError):
        await slow

"""New log lines are told once, by their ids, however long they waited to be stored."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from interlock.engine.batcher import Batcher
from interlock.engine.log_source import LogSource
from interlock.engine.reader import Reader
from interlock.storage.queries import logs
from interlock.storage.store import Store, StoreUnavailableError
from interlock.storage.tables import logs as table
from tests.conftest import FakeClock
from tests.databases import Databases

PATIENCE = 10.0


@pytest.fixture
def source(store: Store, clock: FakeClock) -> LogSource:
    return LogSource(Reader(store), clock, PATIENCE)


def id_of(time: datetime, number: int) -> str:
    """An id that was given at this time."""
    milliseconds = int(time.timestamp() * 1000)
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{number:03x}-8000-000000000000"


async def log(store: Store, time: datetime, *numbers: int) -> list[str]:
    """Lines that were given their ids at this time and are stored now."""
    ids = [id_of(time, x) for x in numbers]
    values = {
        "created": time,
        "updated": time,
        "name": "x",
        "level": 20,
        "message": "x",
        "timestamp": time,
        "flow_run_id": None,
        "task_run_id": None,
    }
    await Batcher(store).write(logs.insert_many, [{"id": x, **values} for x in ids])
    return ids


async def test_what_is_stored_after_the_beginning_is_new_once(
    store: Store, source: LogSource, clock: FakeClock
) -> None:
    """By the order of the ids; not what was there before."""
    await log(store, clock(), 1)
    await source.begin()
    assert await source.following() == []
    first = await log(store, clock(), 2, 3)
    assert await source.following() == first
    clock.advance(seconds=1)
    second = await log(store, clock(), 1)
    assert await source.following() == second
    clock.advance(seconds=PATIENCE + 1)
    assert await source.following() == []


async def test_lines_that_waited_are_new_when_they_are_stored(
    store: Store, source: LogSource, clock: FakeClock
) -> None:
    """Though younger ones have been told before; also those that waited as the listener began."""
    begin = clock()
    clock.advance(seconds=1)
    await source.begin()
    clock.advance(seconds=PATIENCE - 2)
    younger = await log(store, clock(), 1)
    assert await source.following() == younger
    older = await log(store, begin + timedelta(milliseconds=1), 1)
    assert await source.following() == older
    assert await source.following() == []


async def test_what_was_stored_while_the_store_was_away_is_told_afterwards(
    store: Store, source: LogSource, clock: FakeClock, databases: Databases, database_url: str
) -> None:
    """However long that took, and however long lines had waited before."""
    waiting = clock()
    await source.begin()
    clock.advance(seconds=1)
    expected = await log(store, clock(), 1)
    with databases.without_reads(database_url), pytest.raises(StoreUnavailableError):
        await source.following()
    for _ in range(5):
        clock.advance(seconds=PATIENCE)
        expected += await log(store, clock(), 1)
    expected += await log(store, waiting, 1)
    assert await source.following() == sorted(expected)
    assert await source.following() == []


async def test_a_clock_that_is_set_back_has_nothing_told_again(
    store: Store, source: LogSource, clock: FakeClock
) -> None:
    """And what is stored by then is told, as soon as it is near enough to the time that was."""
    await source.begin()
    first = await log(store, clock(), 1)
    assert await source.following() == first
    clock.advance(seconds=PATIENCE + 5)
    second = await log(store, clock(), 1)
    assert await source.following() == second
    clock.advance(seconds=-PATIENCE - 5)
    assert await source.following() == []
    clock.advance(seconds=PATIENCE)
    third = await log(store, clock(), 2)
    assert await source.following() == third


async def test_only_as_many_ids_are_remembered_as_may_come_again(
    store: Store, source: LogSource, clock: FakeClock
) -> None:
    """A listener may stay for weeks."""
    await source.begin()
    for _ in range(3):
        await log(store, clock(), *range(20))
        await source.following()
        clock.advance(seconds=PATIENCE + 1)
    await source.following()
    assert len(source._known) <= 20
    assert await store.read(lambda conn: conn.execute(select(func.count()).select_from(table)).scalar_one()) == 60

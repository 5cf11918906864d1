"""Reads in their turn, on a real database."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from interlock.engine.overload import OverloadedError
from interlock.engine.reader import CallerGoneError, Reader, caller_gone
from interlock.orchestration.facts import Chance
from interlock.storage.sqlite import SqliteStore
from interlock.storage.store import StoreUnavailableError
from tests.conftest import FakeClock
from tests.overload.http import SECONDS
from tests.overload.slow import Slow, one


@asynccontextmanager
async def all_turns_taken(reader: Reader, store: SqliteStore) -> AsyncIterator[None]:
    """As many slow reads under way as there may be; they end with the context."""
    slow = Slow()
    reads = [asyncio.create_task(reader.read(slow)) for _ in range(store.readers)]
    try:
        for _ in reads:
            assert await asyncio.to_thread(slow.begun.acquire, timeout=SECONDS)
        yield
    finally:
        slow.may_end.set()
    assert await asyncio.gather(*reads) == [1] * store.readers


@contextmanager
def caller_who_is_gone(gone: bool) -> Iterator[None]:
    async def ask() -> bool:
        return gone

    token = caller_gone.set(ask)
    yield
    caller_gone.reset(token)


async def test_a_read_answers_what_its_query_returned(sqlite_store: SqliteStore) -> None:
    """With its arguments, and with what it raises."""
    reader = Reader(sqlite_store)
    assert await reader.read(lambda conn, a, b: one(conn) + a + b, 2, b=3) == 6
    with pytest.raises(ZeroDivisionError):
        await reader.read(lambda conn: one(conn) // 0)


async def test_reads_beyond_the_bound_are_refused_and_those_within_it_answered(sqlite_store: SqliteStore) -> None:
    """Nobody waits in a queue without an end."""
    reader = Reader(sqlite_store, max_waiting=2)
    async with all_turns_taken(reader, sqlite_store):
        waiting = [asyncio.create_task(reader.read(one)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError) as refused:
            await reader.read(one)
        assert refused.value.retry_after >= 1
    assert await asyncio.gather(*waiting) == [1, 1]


async def test_a_read_that_would_wait_too_long_is_refused(sqlite_store: SqliteStore) -> None:
    """However long those under way take."""
    reader = Reader(sqlite_store, max_wait_seconds=0.01)
    async with all_turns_taken(reader, sqlite_store):
        with pytest.raises(OverloadedError):
            await reader.read(one)
    assert await reader.read(one) == 1


async def test_whether_the_database_is_there_is_told_however_many_reads_wait(sqlite_store: SqliteStore) -> None:
    """Such a read has a connection of its own."""
    reader = Reader(sqlite_store)
    async with all_turns_taken(reader, sqlite_store):
        waiting = [asyncio.create_task(reader.read(one)) for _ in range(100)]
        assert await asyncio.wait_for(reader.read_at_once(one), SECONDS) == 1
        assert not any(x.done() for x in waiting)
    assert sum(await asyncio.gather(*waiting)) == 100


async def test_a_read_that_waited_for_longer_than_its_caller_is_not_begun(sqlite_store: SqliteStore) -> None:
    """The one whose caller is there is done, and so is one that need not wait, for which nobody is asked."""
    reader = Reader(sqlite_store)
    begun: list[str] = []

    def note(_conn: Connection, name: str) -> None:
        begun.append(name)

    with caller_who_is_gone(True):
        await reader.read(note, "at once")
    async with all_turns_taken(reader, sqlite_store):
        with caller_who_is_gone(True):
            dropped = asyncio.create_task(reader.read(note, "dropped"))
        with caller_who_is_gone(False):
            kept = asyncio.create_task(reader.read(note, "kept"))
        await asyncio.sleep(0)
    with pytest.raises(CallerGoneError):
        await dropped
    await kept
    assert begun == ["at once", "kept"]


async def test_a_read_that_is_called_off_while_it_waits_is_not_begun(sqlite_store: SqliteStore) -> None:
    """And the next one has its turn."""
    reader = Reader(sqlite_store)
    begun: list[str] = []
    async with all_turns_taken(reader, sqlite_store):
        called_off, kept = (asyncio.create_task(reader.read(lambda _, n=n: begun.append(n))) for n in ("off", "kept"))  # type: ignore[misc]
        await asyncio.sleep(0)
        called_off.cancel()
    await kept
    assert called_off.cancelled()
    assert begun == ["kept"]


async def test_a_database_that_is_gone_is_told_and_takes_no_turn(tmp_path: Path, chance: Chance) -> None:
    """However often it is asked; the log has a line when it is found gone, and one when it is found there again."""
    folder = tmp_path / "gone"
    store = SqliteStore(folder / "ledger.db", clock=FakeClock(), chance=chance)
    reader = Reader(store, max_waiting=1)
    with capture_logs() as lines:
        for _ in range(store.readers + 2):
            with pytest.raises(StoreUnavailableError):
                await reader.read(one)
        folder.mkdir()
        for _ in range(2):
            assert await reader.read(one) == 1
    assert lines == [
        {
            "log_level": "error",
            "event": "database unavailable",
            "use": "reads",
            "reason": "unable to open database file",
        },
        {"log_level": "warning", "event": "database available again", "use": "reads"},
    ]
    await store.close()

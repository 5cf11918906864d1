"""Connections, threads and transactions of the embedded database."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import OperationalError

from interlock.engine.batcher import Batcher
from interlock.orchestration.facts import Chance
from interlock.storage.sqlite import Durability, SqliteStore
from interlock.storage.store import StoreUnavailableError
from interlock.storage.tables import configuration
from tests.conftest import FakeClock
from tests.crash.disks import read_only


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock, chance: Chance) -> AsyncIterator[SqliteStore]:
    """An open store on a fresh file."""
    opened = SqliteStore(tmp_path / "ledger.db", clock=clock, chance=chance)
    await opened.start()
    yield opened
    await opened.close()


def put(conn: Connection, key: str) -> None:
    conn.execute(insert(configuration), {"key": key, "value": 1})


def keys(conn: Connection) -> list[str]:
    return list(conn.execute(select(configuration.c.key)).scalars())


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("normal", 1)])
async def test_durability_decides_how_a_commit_is_synced(
    tmp_path: Path, clock: FakeClock, chance: Chance, durability: Durability, synchronous: int
) -> None:
    """Every connection has a write-ahead log, foreign keys, and the sync that was asked for."""
    store = SqliteStore(tmp_path / "ledger.db", clock=clock, chance=chance, durability=durability)
    await store.start()

    def pragmas(conn: Connection) -> tuple[object, ...]:
        return tuple(
            conn.execute(text(f"PRAGMA {x}")).scalar() for x in ("journal_mode", "foreign_keys", "synchronous")
        )

    assert await store.read(pragmas) == ("wal", 1, synchronous)
    assert await Batcher(store).write(pragmas) == ("wal", 1, synchronous)
    await store.close()


async def test_a_new_file_that_another_is_setting_up_is_waited_for(
    tmp_path: Path, clock: FakeClock, chance: Chance
) -> None:
    """Of those who open it at once, one is to write its first page, and SQLite refuses the others without a wait."""
    path = tmp_path / "ledger.db"
    store = SqliteStore(path, clock=clock, chance=chance)
    with closing(sqlite3.connect(path, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        opening = asyncio.ensure_future(store.start())
        refused, _ = await asyncio.wait((opening,), timeout=0.5)
        another.execute("COMMIT")
    await opening
    assert not refused
    await Batcher(store).write(put, "written")
    await store.close()


async def test_a_reader_under_way_holds_up_no_writer(store: SqliteStore) -> None:
    """A write commits while a read is in the middle of its transaction, which sees the ledger as it was."""
    begun, may_end = threading.Event(), threading.Event()

    def slow(conn: Connection) -> tuple[list[str], list[str]]:
        before = keys(conn)
        begun.set()
        assert may_end.wait(30)
        return before, keys(conn)

    reading = asyncio.ensure_future(store.read(slow))
    await asyncio.to_thread(begun.wait, 30)
    await Batcher(store).write(put, "new")
    assert await store.read(keys) == ["new"]
    may_end.set()
    assert await reading == ([], [])


async def test_a_wrong_statement_is_no_unavailable_database(store: SqliteStore) -> None:
    """A fault of the program is not told to clients as a thing to try again."""
    with pytest.raises(OperationalError):
        await store.read(lambda conn: conn.execute(text("SELECT * FROM nothing")))
    with pytest.raises(OperationalError):
        await Batcher(store).write(lambda conn: conn.execute(text("SELECT * FROM nothing")))


async def test_a_full_database_is_an_unavailable_one(store: SqliteStore) -> None:
    """Nothing of the batch is written, and the next one goes through once there is room again."""
    batcher = Batcher(store)

    def allow(conn: Connection, pages: int) -> None:
        conn.execute(text(f"PRAGMA max_page_count={pages}"))

    await batcher.write(allow, 1)
    outcomes = await asyncio.gather(
        batcher.write(put, "small"), batcher.write(put, "x" * 1_000_000), return_exceptions=True
    )
    assert [type(x) for x in outcomes] == [StoreUnavailableError, StoreUnavailableError]
    await batcher.write(allow, 1_000_000)
    assert await store.read(keys) == []
    await batcher.write(put, "taken")
    assert await store.read(keys) == ["taken"]


async def test_what_was_committed_is_there_when_it_is_opened_again(
    tmp_path: Path, clock: FakeClock, chance: Chance
) -> None:
    """Closing leaves one whole file behind."""
    for expected in ([], ["0"], ["0", "1"]):
        store = SqliteStore(tmp_path / "ledger.db", clock=clock, chance=chance)
        await store.start()
        assert await store.read(keys) == expected
        await Batcher(store).write(put, str(len(expected)))
        await store.close()
    with sqlite3.connect(tmp_path / "ledger.db") as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    conn.close()


async def test_a_file_that_could_only_be_read_is_written_as_soon_as_it_can_be(
    tmp_path: Path, clock: FakeClock, chance: Chance
) -> None:
    """Reads go on meanwhile, and nobody has to start the server again."""
    path = tmp_path / "ledger.db"
    store = SqliteStore(path, clock=clock, chance=chance)
    await store.start()
    await Batcher(store).write(put, "before")
    await store.close()
    store = SqliteStore(path, clock=clock, chance=chance)
    batcher = Batcher(store)
    with read_only(path):
        with pytest.raises(StoreUnavailableError):
            await batcher.write(put, "meanwhile")
        assert await store.read(keys) == ["before"]
    await batcher.write(put, "after")
    assert await store.read(keys) == ["after", "before"]
    await store.close()

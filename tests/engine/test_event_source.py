"""New events are told once and in the order in which they were stored, whoever stores them and however late."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest

from interlock.engine import event_source
from interlock.engine.batcher import Batcher
from interlock.engine.event_source import EventSource
from interlock.engine.reader import Reader
from interlock.engine.tail import Tail
from interlock.orchestration.commands import RecordEvent
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage.queries import events
from interlock.storage.store import Store, StoreUnavailableError
from tests.builders import THEN
from tests.databases import Databases, PostgresDatabases
from tests.happenings import happened

PATIENCE = 30.0
SECONDS = 30


class Seconds:
    """A clock of seconds that stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def source(store: Store, seconds: Seconds) -> EventSource:
    return EventSource(Reader(store), PATIENCE, seconds)


async def keep(store: Store, *numbers: int) -> None:
    batcher = Batcher(store)
    for number in numbers:
        await batcher.decide(RecordEvent(event=happened(number)))


async def new(source: EventSource) -> list[int]:
    """The numbers, of the tests' own, of the events that are new."""
    return [UUID(x.id).int for x in await source.following()]


async def test_what_is_stored_after_the_beginning_is_new_once(store: Store, source: EventSource) -> None:
    """In the order in which it was stored; not what was there before."""
    await keep(store, 9, 1)
    await source.begin()
    assert await new(source) == []
    await keep(store, 5, 3)
    await keep(store, 5, 4)
    assert await new(source) == [5, 3, 4]
    assert await new(source) == []
    await keep(store, 2)
    assert await new(source) == [2]


async def test_of_many_events_all_are_told(store: Store, source: EventSource, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are read at once."""
    monkeypatch.setattr(event_source, "MOST_AT_ONCE", 4)
    await source.begin()
    await keep(store, *range(1, 11))
    assert [await new(source) for _ in range(4)] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10], []]


async def test_events_after_a_huge_gap_are_told_and_the_gap_costs_little(store: Store, source: EventSource) -> None:
    """All events were removed for their age, say, and numbers go on from where they were."""
    await source.begin()
    await keep(store, 1)
    numbers = await store.read(events.newest_numbers, 1)
    await Batcher(store).write(lambda conn: conn.exec_driver_sql(f"UPDATE events SET seq = {10**12} + {numbers[0]}"))
    assert await new(source) == [1]
    assert await new(source) == []


async def test_what_was_stored_while_the_store_was_away_is_told_afterwards(
    store: Store, source: EventSource, seconds: Seconds, databases: Databases, database_url: str
) -> None:
    """However long that took."""
    await source.begin()
    await keep(store, 1)
    with databases.without_reads(database_url), pytest.raises(StoreUnavailableError):
        await source.following()
    seconds.now += 1000
    await keep(store, 2)
    assert await new(source) == [1, 2]


@pytest.fixture
async def two_stores(postgres_databases: PostgresDatabases) -> AsyncIterator[tuple[str, Store, Store]]:
    """Of two servers on one database."""
    url = postgres_databases.create()
    stores = [create_store(Settings(database_url=url)) for _ in range(2)]
    for store in stores:
        await store.start()
    yield url, stores[0], stores[1]
    for store in stores:
        await store.close()
    postgres_databases.drop(url)


INSERT = (
    "INSERT INTO events (id, occurred, received, event, resource, related, payload)"
    " VALUES (%s, %s, %s, 'late', '{\"prefect.resource.id\": \"x\"}', '[]', '{}')"
)


async def insert(conn: "psycopg.AsyncConnection[tuple[object, ...]]", number: int) -> None:
    await conn.execute(INSERT, [str(UUID(int=number)), THEN, THEN])


async def test_a_lower_number_that_is_committed_later_is_told_later(two_stores: tuple[str, Store, Store]) -> None:
    """Once; also where the transaction was under way as the listener began."""
    url, writing, reading = two_stores
    seconds = Seconds()
    source = EventSource(Reader(reading), PATIENCE, seconds)
    async with await psycopg.AsyncConnection.connect(url) as early, await psycopg.AsyncConnection.connect(url) as late:
        await insert(early, 1)
        await keep(writing, 2)
        await source.begin()
        await insert(late, 3)
        await keep(writing, 4)
        assert await new(source) == [4]
        await late.commit()
        assert await new(source) == [3]
        await early.commit()
        await keep(writing, 5)
        seconds.now += PATIENCE - 1
        assert await new(source) == [1, 5]
        assert await new(source) == []


async def test_numbers_of_transactions_that_failed_are_looked_for_no_longer_than_one_takes(
    two_stores: tuple[str, Store, Store],
) -> None:
    """And what else is new is told meanwhile."""
    url, writing, reading = two_stores
    seconds = Seconds()
    source = EventSource(Reader(reading), PATIENCE, seconds)
    await source.begin()
    async with await psycopg.AsyncConnection.connect(url) as conn:
        await insert(conn, 1)
        await conn.rollback()
    await keep(writing, 2)
    assert await new(source) == [2]
    assert len(source._missing) == 1
    seconds.now += PATIENCE + 1
    await keep(writing, 3)
    assert await new(source) == [3]
    assert not source._missing


async def test_a_listener_hears_all_that_two_servers_store_at_once(two_stores: tuple[str, Store, Store]) -> None:
    """Each event once, whatever the order in which they are committed."""
    _, first, second = two_stores
    batchers = [Batcher(x) for x in (first, second)]
    found: list[int] = []
    async with Tail(EventSource(Reader(first), PATIENCE), 0.001).listener() as listener, asyncio.timeout(SECONDS):
        writing = asyncio.gather(
            *(batchers[x % 2].decide(RecordEvent(event=happened(x))) for x in range(1, 601)),
        )
        while len(found) < 600:
            found += [UUID(x.id).int for x in await listener.next()]
        await writing
    assert sorted(found) == list(range(1, 601))

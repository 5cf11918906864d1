"""The PostgreSQL store: what becomes of statements, connections and transactions when something is in their way."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, text

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import CreateTaskRun
from interlock.orchestration.facts import Chance
from interlock.orchestration.refusals import ConflictError, UnstorableError
from interlock.orchestration.states import Proposal, StateType
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage import migrations
from interlock.storage.postgres import PostgresStore
from interlock.storage.queries import flows, variables
from interlock.storage.store import StoreUnavailableError, Write
from tests.builders import task_run_draft
from tests.conftest import FakeClock
from tests.databases import PostgresDatabases
from tests.postgres import PostgresServer, create_database


@pytest.fixture
def url(postgres_databases: PostgresDatabases) -> Iterator[str]:
    """The URL of a database of this test's own."""
    made = postgres_databases.create()
    yield made
    postgres_databases.drop(made)


@pytest.fixture
async def patient(url: str, clock: FakeClock, chance: Chance) -> AsyncIterator[PostgresStore]:
    """A store whose statements may take long enough for a deadlock to be found."""
    store = PostgresStore(url, clock=clock, chance=chance)
    yield store
    await store.close()


@pytest.fixture
async def opened(url: str, clock: FakeClock, chance: Chance) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(url, clock=clock, chance=chance, connections=2, statement_seconds=0.5)
    await store.start()
    yield store
    await store.close()


async def written(store: PostgresStore, *functions: Any) -> list[Any]:
    """The outcomes of writes that go at the same time."""
    outcomes = await asyncio.gather(*(store.commit([Write(function)]) for function in functions))
    return [outcome for (outcome,) in outcomes]


def a_task_run(number: int) -> CreateTaskRun:
    draft = task_run_draft(f"00000000-0000-7000-a000-{number:012d}", None, task_key=f"key {number}")
    return CreateTaskRun(run=draft, proposal=Proposal(type=StateType.PENDING))


def new_id() -> str:
    return str(uuid.uuid4())


def run(statement: str) -> Any:
    return lambda conn: conn.execute(text(statement)).rowcount


def connections_of(url: str) -> int:
    with psycopg.connect(url) as conn:
        found = conn.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'interlock'"
        ).fetchone()
        assert found is not None
        return int(found[0])


async def test_a_statement_that_takes_too_long_is_ended_and_its_connection_goes_on(opened: PostgresStore) -> None:
    """The caller learns that the database is not available for this, and the next statement runs."""
    (outcome,) = await written(opened, run("SELECT pg_sleep(30)"))
    assert isinstance(outcome, StoreUnavailableError)
    assert (await written(opened, lambda conn: conn.execute(text("SELECT 1")).scalar())) == [1]


async def test_there_are_never_more_connections_than_allowed(opened: PostgresStore, url: str) -> None:
    """Fifty writes at once share the two connections of the pool."""

    def count(conn: Connection) -> int:
        conn.execute(text("SELECT pg_sleep(0.01)"))
        return conn.execute(text("SELECT pg_backend_pid()")).scalar_one()

    assert len(set(await written(opened, *[count] * 50))) <= 2
    assert connections_of(url) <= 2


async def test_of_two_writes_that_wait_for_each_other_both_are_done(patient: PostgresStore, clock: FakeClock) -> None:
    """A deadlock ends one of two transactions: that one is run once more."""
    ids = {name: f"00000000-0000-7000-8000-00000000000{name}" for name in "ab"}
    await written(patient, *[_making(flow_id, clock) for flow_id in ids.values()])
    holding: set[str] = set()
    runs: list[str] = []

    def crosswise(first: str, second: str) -> Any:
        def touch_both(conn: Connection) -> None:
            runs.append(first)
            flows.change(conn, ids[first], {}, clock())
            holding.add(first)
            while len(holding) < 2:
                conn.execute(text("SELECT pg_sleep(0.01)"))
            flows.change(conn, ids[second], {}, clock())

        return touch_both

    assert await written(patient, crosswise("a", "b"), crosswise("b", "a")) == [None, None]
    assert len(runs) == 3


def _making(flow_id: str, clock: FakeClock) -> Any:
    return lambda conn: flows.get_or_create(conn, flow_id, flow_id, [], {}, clock())[1]


async def test_who_comes_second_finds_what_the_first_has_made(patient: PostgresStore, clock: FakeClock) -> None:
    """Ten ask for the same flow at once: one makes it, and none fails on the others."""

    def get_or_create(conn: Connection) -> bool:
        return flows.get_or_create(conn, new_id(), "wanted by all", [], {}, clock())[1]

    made = await written(patient, *[get_or_create] * 10)
    assert sorted(made) == [False] * 9 + [True]


async def test_a_conflict_that_stays_is_told(opened: PostgresStore, clock: FakeClock) -> None:
    """What another try can't mend is refused as a conflict, and nothing of it is there."""

    def twice(conn: Connection) -> None:
        for _ in range(2):
            variables.create(conn, new_id(), {"name": "taken", "value": "1", "tags": []}, clock())

    (outcome,) = await written(opened, twice)
    assert isinstance(outcome, ConflictError)
    assert await opened.read(variables.values_by_name) == {}


@pytest.mark.parametrize(
    "values",
    [{"value": "a\0b"}, {"tags": ["a\0b"]}],
    ids=["text", "tags"],
)
async def test_what_can_not_be_kept_is_refused_as_the_callers_mistake(
    opened: PostgresStore, clock: FakeClock, values: dict[str, Any]
) -> None:
    """PostgreSQL has no zero characters in texts."""
    variable = {"name": "odd", "value": "1", "tags": [], **values}
    (outcome,) = await written(opened, lambda conn: variables.create(conn, new_id(), variable, clock()))
    assert isinstance(outcome, UnstorableError)


async def test_ten_servers_that_start_at_once_migrate_once(postgres_url: str, clock: FakeClock, chance: Chance) -> None:
    """All of them find the schema of today."""
    url = create_database(postgres_url)
    stores = [PostgresStore(url, clock=clock, chance=chance) for _ in range(10)]
    await asyncio.gather(*(store.start() for store in stores))
    revisions = await asyncio.gather(*(store.read(migrations.current_revision) for store in stores))
    assert set(revisions) == {migrations.known_revisions()[-1]}
    await asyncio.gather(*(store.close() for store in stores))


async def test_there_is_one_leader_and_its_place_is_taken_when_it_goes(
    url: str, clock: FakeClock, chance: Chance
) -> None:
    """The work of the leader is done by one server, and by the other after that one has lost its connection."""
    working: list[str] = []
    stores = {name: PostgresStore(url, clock=clock, chance=chance) for name in ("first", "second")}

    async def work(name: str) -> None:
        working.append(name)
        await asyncio.Event().wait()

    def lead(name: str) -> asyncio.Task[None]:
        return asyncio.ensure_future(stores[name].lead(lambda: work(name)))

    first = lead("first")
    await until(lambda: working == ["first"])
    second = lead("second")
    await until(lambda: connections_of(url) >= 2)
    assert working == ["first"]
    first.cancel()
    await until(lambda: working == ["first", "second"])
    second.cancel()
    await asyncio.wait((first, second))


async def test_a_leader_whose_connection_breaks_stops_its_work(url: str, clock: FakeClock, chance: Chance) -> None:
    """It may not be the leader any more; it takes the work up again when it is."""
    store = PostgresStore(url, clock=clock, chance=chance)
    events: list[str] = []

    async def work() -> None:
        events.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            events.append("stopped")

    leading = asyncio.ensure_future(store.lead(work))
    await until(lambda: events == ["begun"])
    end_connections(url)
    await until(lambda: events == ["begun", "stopped", "begun"])
    leading.cancel()
    await asyncio.wait((leading,))


def end_connections(url: str) -> None:
    """What a database's administrator can do to those who use it."""
    users = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(url) as conn:
        conn.execute(f"SELECT pg_terminate_backend(pid) {users}".encode())


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what other tasks of this loop bring about."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_after_a_restart_of_the_database_the_store_goes_on_by_itself(clock: FakeClock, chance: Chance) -> None:
    """While the database is gone everything is refused as unavailable; the first request after that is served."""
    with PostgresServer() as server:
        store = PostgresStore(server.url, clock=clock, chance=chance)
        await store.start()
        batcher = Batcher(store)
        await batcher.decide(a_task_run(1))
        await asyncio.to_thread(server.kill)
        for attempt in (batcher.decide(a_task_run(2)), batcher.write(lambda conn: None), store.read(lambda conn: None)):
            with pytest.raises(StoreUnavailableError):
                await attempt
        await asyncio.to_thread(server.start)
        assert (await batcher.decide(a_task_run(2))).created
        assert not (await batcher.decide(a_task_run(1))).created
        assert await batcher.write(lambda conn: 1) == 1
        assert await store.read(lambda conn: 2) == 2
        await store.close()


async def test_a_database_that_is_not_there_is_told_in_words(clock: FakeClock, chance: Chance) -> None:
    """The message is that of the database or the machine."""
    store = PostgresStore("postgresql://127.0.0.1:1/none", clock=clock, chance=chance)
    with pytest.raises(StoreUnavailableError, match="Errno"):
        await store.start()
    await store.close()


async def test_a_connection_string_of_the_peers_kind_is_taken(url: str) -> None:
    """With its driver in the scheme, and SQLAlchemy's word for encryption."""
    settings = Settings(database_url=url.replace("postgresql://", "postgresql+asyncpg://") + "?ssl=prefer")
    store = create_store(settings)
    await store.start()
    await store.close()

"""Events in the tables: found, paged, counted and removed as the plain meaning of a filter has it."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Connection, func, insert, select

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import RecordEvent
from interlock.orchestration.events import RESOURCE_ID, RESOURCE_NAME, Event, EventsAsked, ResourceAsked, includes
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage import tables
from interlock.storage.invariants import violations
from interlock.storage.queries import events, flow_runs, task_runs
from interlock.storage.queries.events import Counted, Place
from interlock.storage.store import Store
from tests.builders import THEN
from tests.conftest import FreshDatabase
from tests.databases import PostgresDatabases
from tests.happenings import IDS, LONG, NAMES, ROLES, filters, happened, happenings, related
from tests.storage import told
from tests.storage.conftest import PlainStore

ALL = EventsAsked(since=THEN - timedelta(days=1), until=THEN + timedelta(days=1), descending=False)
SECOND = timedelta(seconds=1)
AT_ONCE = 7
"""Events whose insides are looked at are read so many at a time here, so that it takes several goes."""


def some_events() -> list[Event]:
    """Whole events in any order of their times, the same ones each time."""
    drawn: list[list[Event]] = []

    @settings(max_examples=1, derandomize=True, database=None, phases=[Phase.generate])
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        drawn.append([data.draw(happenings([number]))[0] for number in range(1, 40)])

    draw()
    special = (
        happened(100, 3, resource={RESOURCE_ID: LONG + "1"}, related=(related(LONG + "2", "owner"),)),
        happened(101, 4, resource={RESOURCE_ID: told.RESOURCES[0]}, related=(related(told.RESOURCES[6], "flow-run"),)),
        happened(102, 5, related=(related("prefect.tag." + told.LONG_TAG, "tag"), related("shop.1", "owner"))),
    )
    return [*drawn[0], *special]


class Told:
    """The world and all its events, in the order of their times and numbers."""

    def __init__(self, store: PlainStore) -> None:
        self.store = store
        self.all = store.read(events.page, ALL, 1000, 0)

    def expected(self, asked: EventsAsked) -> list[Event]:
        """Those that meet the filter by its plain meaning."""
        found = [x for x in self.all if includes(asked, x)]
        ordered = found[::-1] if asked.descending else found
        if not asked.distinct:
            return ordered
        firsts = {x.resource[RESOURCE_ID]: x for x in reversed(ordered)}
        return [x for x in ordered if firsts[x.resource[RESOURCE_ID]] is x]


@pytest.fixture(scope="module")
def world(fresh_database: FreshDatabase) -> Iterator[Told]:
    with fresh_database() as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "LOOKED_AT_ONCE", AT_ONCE)
        asyncio.run(told.fill(url, some_events()))
        store = PlainStore(url)
        yield Told(store)
        store.close()


asked_of_world = filters(
    (*NAMES, *told.NAMES), (*IDS, *told.RESOURCES), (*ROLES, *told.ROLES), [str(UUID(int=x)) for x in (1, 2, 100)]
)
anything = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def ids(found: list[Event]) -> list[str]:
    return [x.id for x in found]


def test_the_world_has_events_of_both_kinds(world: Told) -> None:
    """As many of runs as they have states; and all is in order."""
    states = sum(world.store.read(count, x) for x in ("flow_run_states", "task_run_states"))
    assert len(world.all) == states + len(some_events())
    assert world.store.read(violations) == []


def count(conn: Connection, table: str) -> int:
    return int(conn.execute(select(func.count()).select_from(tables.metadata.tables[table])).scalar_one())


@anything
@given(asked=asked_of_world, limit=st.integers(0, 12), offset=st.integers(0, 30))
def test_pages_and_totals_are_those_of_the_events_that_meet_the_filter(
    asked: EventsAsked, limit: int, offset: int, world: Told
) -> None:
    """Whatever is asked, in either order; also of those that are alike in time."""
    expected = world.expected(asked)
    assert ids(world.store.read(events.page, asked, limit, offset)) == ids(expected[offset : offset + limit])
    assert world.store.read(events.total, asked) == len(expected)


@anything
@given(asked=asked_of_world, limit=st.integers(1, 12))
def test_legs_lead_through_all_events_that_meet_the_filter(asked: EventsAsked, limit: int, world: Told) -> None:
    """Each once, however many are looked at in one."""
    found: list[Event] = []
    place: Place | None = None
    while True:
        leg, place = world.store.read(events.next_leg, asked, limit, place)
        found += leg
        if place is None:
            break
    assert ids(found) == ids(world.expected(replace(asked, distinct=False)))


@anything
@given(asked=asked_of_world)
def test_counts_are_those_of_the_events_that_meet_the_filter(asked: EventsAsked, world: Told) -> None:
    """By name, by what they are about, and by spans of time."""
    expected = world.expected(asked)
    check_counts(world.store.read(events.counts_by_name, asked), {x.id: x.event for x in expected}, expected)
    about = {x.id: x.resource[RESOURCE_ID] for x in expected}
    check_counts(world.store.read(events.counts_by_resource, asked), about, expected)
    for width in (SECOND, 3.5 * SECOND):
        start = THEN - 7 * SECOND
        spans = Counter((x.occurred - start) // width for x in expected)
        assert world.store.read(events.counts_by_span, asked, start, width) == spans


def check_counts(counted: list[Counted], values: dict[str, str], found: list[Event]) -> None:
    """Each value has the count and the times of its events; the most frequent come first."""
    assert {x.value: x.count for x in counted} == Counter(values.values())
    for group in counted:
        own = [x for x in found if values[x.id] == group.value]
        assert (group.first, group.last) == (min(x.occurred for x in own), max(x.occurred for x in own))
        last = [x for x in own if x.occurred == group.last]
        names = {x.resource.get(RESOURCE_NAME) or x.resource[RESOURCE_ID] for x in last}
        assert group.label in {*names, group.value}
    assert counted == sorted(counted, key=lambda x: (-x.count, x.label))


@pytest.mark.parametrize("resource_id", [*IDS, *told.RESOURCES])
def test_no_event_of_a_resource_is_missed(resource_id: str, world: Told) -> None:
    """Runs, what is around them, tags, what an automation made, and resources of others; as what the event is about or
    as what is related."""
    one = ResourceAsked(ids=(resource_id,))
    for asked in (replace(ALL, resource=one), replace(ALL, related=(one,)), replace(ALL, any_resource=(one,))):
        assert ids(world.store.read(events.page, asked, 1000, 0)) == ids(world.expected(asked))


def test_most_resources_have_events(world: Told) -> None:
    """So that the test before this one tests something: all but those that are only like another."""
    involved = {x[RESOURCE_ID] for event in world.all for x in event.resources}
    assert set(told.RESOURCES) - involved == {
        f"prefect.flow-run.{told.GONE}",
        f"flow-run.{told.PLAIN_RUN}",
        "prefect.flow-run.none",
        "prefect.tag.",
        f"prefect.tag.{told.LONG_TAG}t",
    }


def test_of_the_long_ids_that_begin_alike_only_the_one_that_is_asked_for_is_found(world: Told) -> None:
    """The index tells no more than how they begin."""
    asked = replace(ALL, resource=ResourceAsked(ids=(LONG + "1",)))
    found = world.store.read(events.page, asked, 100, 0)
    assert found
    assert {x.resource[RESOURCE_ID] for x in found} == {LONG + "1"}


async def kept(store: Store) -> list[Event]:
    return await store.read(events.page, ALL, 1000, 0)


async def test_an_event_is_read_back_as_it_was_sent(store: Store) -> None:
    """Every field; times to the microsecond, texts of any letters."""
    sent = happened(
        1,
        0.000001,
        event="shop.Ünï😀",
        resource={RESOURCE_ID: "shop 😀" * 200, "b": "2", "a": ""},
        related=(related("x", "owner", z="1", y="2"), related("x", "owner")),
        payload={"z": [1, 2.5, None, {"a": "\n"}], "a": 10**18},
        follows=str(UUID(int=9)),
        received=THEN + timedelta(microseconds=7),
    )
    await Batcher(store).decide(RecordEvent(event=sent))
    assert await kept(store) == [sent]


async def test_an_event_that_is_sent_again_is_kept_as_it_came_first(store: Store) -> None:
    """In the same batch or later, whatever else it says by then; so is what it is found by."""
    batcher = Batcher(store)
    first = happened(1, resource={RESOURCE_ID: "first"})
    others = [happened(1, 5, event="other", resource={RESOURCE_ID: x}) for x in ("second", "third")]
    await asyncio.gather(*(batcher.decide(RecordEvent(event=x)) for x in (first, *others)))
    await batcher.decide(RecordEvent(event=others[0]))
    assert await kept(store) == [first]
    assert await store.read(violations) == []


async def test_an_event_that_two_servers_are_told_of_is_kept_once(postgres_databases: PostgresDatabases) -> None:
    """At the same time, among others, in any order."""
    url = postgres_databases.create()
    stores = [create_store(Settings(database_url=url)) for _ in range(2)]
    sent = [happened(number, related=(related("door.1", "owner"),)) for number in range(1, 300)]
    for store in stores:
        await store.start()
    batchers = [Batcher(x) for x in stores]
    orders = zip(batchers, (sent, sent[::-1]), strict=True)
    await asyncio.gather(*(batcher.decide(RecordEvent(event=x)) for batcher, order in orders for x in order))
    assert sorted(ids(await kept(stores[0]))) == ids(sent)
    assert await stores[0].read(violations) == []
    for store in stores:
        await store.close()
    postgres_databases.drop(url)


async def test_old_events_go_with_what_they_are_found_by(store: Store) -> None:
    """By the time at which they came, the oldest first, so many at a time."""
    batcher = Batcher(store)
    for number in range(1, 11):
        received = THEN + timedelta(days=number)
        fields: dict[str, Any] = {"resource": {RESOURCE_ID: f"shop.{number}"}, "related": (related("door", "owner"),)}
        await batcher.decide(RecordEvent(event=happened(number, 100 - number, received=received, **fields)))
    assert await batcher.write(events.remove_old, THEN + timedelta(days=7), 4) == 4
    assert sorted(ids(await kept(store))) == [happened(x).id for x in range(5, 11)]
    assert await batcher.write(events.remove_old, THEN + timedelta(days=7), 4) == 2
    assert await batcher.write(events.remove_old, THEN + timedelta(days=7), 4) == 0
    assert sorted(ids(await kept(store))) == [happened(x).id for x in range(7, 11)]
    assert await store.read(count, "event_resources") == 8
    assert await store.read(violations) == []


async def test_events_of_runs_go_too_when_they_are_old_and_their_states_stay(database_url: str, store: Store) -> None:
    """The ledger is not the poorer for it."""
    await told.fill(database_url)
    states = await store.read(count, "task_run_states")
    removed = await Batcher(store).write(events.remove_old, THEN + timedelta(days=1), 1000)
    assert removed >= states > 0
    assert await kept(store) == []
    assert await store.read(count, "task_run_states") == states


async def test_the_events_of_a_run_go_with_it_and_no_others(database_url: str, store: Store) -> None:
    """Those of a flow run's task runs too."""
    await told.fill(database_url, [happened(1)])
    batcher = Batcher(store)
    before = await kept(store)
    assert await batcher.write(task_runs.delete_one, told.BACKGROUND_TASK)
    assert await batcher.write(flow_runs.delete_one, told.DEPLOYED_RUN)
    gone = {
        f"prefect.task-run.{told.BACKGROUND_TASK}",
        f"prefect.task-run.{told.DEPLOYED_TASK}",
        f"prefect.flow-run.{told.DEPLOYED_RUN}",
    }
    assert ids(await kept(store)) == [x.id for x in before if x.resource[RESOURCE_ID] not in gone]
    assert await store.read(count, "events") == len(await kept(store))
    assert await store.read(violations) == []


async def test_what_was_stored_after_a_number_is_told_in_order(store: Store) -> None:
    """Those that were missing first; one whose run is gone is told as nothing."""
    batcher = Batcher(store)
    for number in (3, 1, 2):
        await batcher.decide(RecordEvent(event=happened(number)))
    lost = {"id": told.GONE, "occurred": THEN, "received": THEN, "event": "x", "noun": "task_runs"}
    await batcher.write(lambda conn: conn.execute(insert(tables.events), lost))
    numbers = sorted(await store.read(events.newest_numbers, 10))
    assert await store.read(events.newest_numbers, 2) == numbers[:1:-1]

    async def after(seq: int, missing: list[int], limit: int = 10) -> list[tuple[int, str | None]]:
        found = await store.read(events.stored_after, seq, missing, limit)
        return [(number, event and event.id) for number, event in found]

    known = [*zip(numbers, (happened(x).id for x in (3, 1, 2)), strict=False), (numbers[3], None)]
    assert await after(numbers[0] - 1, []) == known
    assert await after(numbers[2], [numbers[0], numbers[3] + 5]) == [known[0], known[3]]
    assert await after(0, [], 2) == known[:2]

"""Walks in legs: what they find is what one long page finds, and every leg costs what the first one does."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, update

from interlock.storage.filters import EVERYTHING, Criterion, Order
from interlock.storage.queries import logs as log_queries
from interlock.storage.queries import runs_filter
from interlock.storage.tables import flow_runs, logs, task_runs
from interlock.storage.walks import Leg, Place
from tests.conftest import FreshDatabase
from tests.storage.conftest import PlainStore, World, crowded
from tests.storage.meaning import criteria
from tests.storage.plans import Plan, explained
from tests.storage.world import NOON

TIMES = ("expected_start_time", "next_scheduled_start_time", "end_time")
ORDERS = {"task_runs": ("id", "name", *TIMES), "flow_runs": ("id", "name", *TIMES, "start_or_expected_time")}
LEGS = {"task_runs": runs_filter.task_run_leg, "flow_runs": runs_filter.flow_run_leg}
PAGES = {"task_runs": runs_filter.task_run_page, "flow_runs": runs_filter.flow_run_page}
CROWD = 4000
HALF = CROWD // 2


def walk(next_leg: Callable[[Place | None], Leg[Any]]) -> list[Any]:
    """All items, leg after leg."""
    found = next_leg(None)
    items = list(found.items)
    while found.end is not None:
        found = next_leg(found.end)
        assert found.items
        items += found.items
    return items


about_runs = st.sampled_from(("task_runs", "flow_runs")).flatmap(lambda x: st.tuples(st.just(x), criteria(x, depth=1)))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=about_runs, limit=st.integers(1, 30), data=st.data())
def test_a_walk_finds_what_one_page_finds(
    world: World, asked: tuple[str, Criterion], limit: int, data: st.DataObject
) -> None:
    """In every order, in either direction, whatever is asked and however long the legs are."""
    noun, criterion = asked
    order = Order(data.draw(st.sampled_from(ORDERS[noun])), data.draw(st.booleans()))
    found = walk(lambda after: world.read(LEGS[noun], criterion, order, limit, after))
    assert found == world.read(PAGES[noun], criterion, order, -1, 0)


@pytest.mark.parametrize("descending", [False, True])
def test_a_walk_through_logs_finds_what_one_page_finds(plain_store: PlainStore, descending: bool) -> None:
    """Lines of the same moment too, which go by their ids."""
    order = Order("timestamp", descending)
    plain_store.write(add_lines)
    found = walk(lambda after: plain_store.read(log_queries.next_leg, {}, order, 7, after))
    assert found == plain_store.read(log_queries.page, {}, order, 100, 0)
    assert len(found) == 50
    plain_store.write(lambda conn: conn.execute(delete(logs)).rowcount)


def add_lines(conn: Connection) -> None:
    line = {"created": NOON, "updated": NOON, "name": "x", "level": 20, "message": "m", "flow_run_id": None}
    log_queries.insert_many(
        conn,
        [
            line | {"id": str(UUID(int=x)), "timestamp": NOON + timedelta(seconds=x % 3), "task_run_id": None}
            for x in range(50)
        ],
    )


@pytest.fixture(scope="module")
def crowd(fresh_database: FreshDatabase) -> Iterator[PlainStore]:
    """A store with the small world and many runs beside it, half of them without any time."""
    with crowded(fresh_database, add_crowd) as store:
        yield store


def add_crowd(conn: Connection) -> None:
    for table in (flow_runs, task_runs):
        example = conn.execute(select(table).where(table.c.state_type == "COMPLETED")).mappings().first()
        assert example is not None
        kept = {x.name: example[x.name] for x in table.c if x.computed is None} | {"start_time": None}
        changes = (
            dict.fromkeys(("id", "dynamic_key", "idempotency_key", "name"), str(UUID(int=x))) for x in range(CROWD)
        )
        times = (NOON + timedelta(seconds=x) if x < HALF else None for x in range(CROWD))
        rows = (row | dict.fromkeys(TIMES, time) for row, time in zip(changes, times, strict=True))
        conn.execute(insert(table), [kept | {x: y for x, y in row.items() if x in kept} for row in rows])


def test_what_comes_and_goes_meanwhile_moves_nothing_else(world: World) -> None:
    """Runs that are changed and deleted between two legs: all others are seen, and seen once."""
    order = Order("end_time", descending=True)
    first = world.read(runs_filter.task_run_leg, EVERYTHING, order, 20, None)
    everyone = [x.id for x in world.read(runs_filter.task_run_page, EVERYTHING, order, -1, 0)]
    gone, moved = {*everyone[:5], *everyone[30:35]}, {*everyone[10:15], *everyone[40:45]}
    world.write(lambda conn: conn.execute(delete(task_runs).where(task_runs.c.id.in_(gone))).rowcount)
    now_last = update(task_runs).where(task_runs.c.id.in_(moved)).values(end_time=None)
    world.write(lambda conn: conn.execute(now_last).rowcount)
    rest = walk(lambda after: world.read(runs_filter.task_run_leg, EVERYTHING, order, 20, after or first.end))
    assert [x.id for x in first.items] == everyone[:20]
    assert [x.id for x in rest if x.id not in moved] == [x for x in everyone[20:] if x not in gone | moved]


def places(column: str) -> list[Place]:
    """Places in the middle of an order, and among its NULLs."""
    middle, later = str(UUID(int=HALF // 2)), NOON + timedelta(seconds=HALF // 2)
    if column not in TIMES:
        return [Place(middle if column in ("id", "name") else later, middle)]
    return [Place(later, middle), Place(None, str(UUID(int=HALF + 10)))]


def entered(plan: Plan) -> bool:
    """Whether indexes are entered at a place, and no record is read to be left out."""
    in_ranges = plan.text.count(" Scan ") == plan.text.count("Index Cond")
    return in_ranges and "SCAN" not in plan.text and "Filter" not in plan.text


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(("noun", "column"), [(noun, column) for noun, columns in ORDERS.items() for column in columns])
def test_every_leg_begins_where_the_last_one_ended(crowd: PlainStore, noun: str, column: str, descending: bool) -> None:
    """The order's index is entered there, among its NULLs too."""
    for place in places(column):
        (plan,) = legs(crowd.read(explained(LEGS[noun]), EVERYTHING, Order(column, descending), 10, place))
        assert (f"pk_{noun}" if column == "id" else f"ix_{noun}__{column}") in plan.indexes
        assert plan.sorts <= 1
        assert entered(plan), plan.text


def legs(plans: list[Plan]) -> list[Plan]:
    return [x for x in plans if "ORDER BY" in x.statement]


@pytest.mark.parametrize(
    "last", [Place(None, str(UUID(int=2**128 - 1))), Place(NOON - timedelta(days=400), str(UUID(int=0)))]
)
@pytest.mark.parametrize("noun", LEGS)
def test_what_lies_beyond_the_edge_of_the_nulls_is_entered_there(crowd: PlainStore, noun: str, last: Place) -> None:
    """By a statement of its own, which passes none of those on this side."""
    order = Order("end_time", descending=last.value is not None)
    _, beyond = legs(crowd.read(explained(LEGS[noun]), EVERYTHING, order, 10, last))
    assert f"ix_{noun}__end_time" in beyond.indexes
    assert entered(beyond), beyond.text


@pytest.mark.parametrize("descending", [False, True])
def test_every_leg_of_a_walk_through_logs_begins_where_the_last_one_ended(
    plain_store: PlainStore, descending: bool
) -> None:
    """By the index on the time."""
    place = Place(NOON, str(UUID(int=1)))
    (plan,) = plain_store.read(explained(log_queries.next_leg), {}, Order("timestamp", descending), 10, place)
    assert "ix_logs__timestamp" in plan.indexes
    assert entered(plan), plan.text

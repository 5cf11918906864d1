"""Pages and counts of runs: the same whichever way the rows are found, and each way a quick one."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select

from interlock.orchestration.states import StateType
from interlock.storage.filters import EVERYTHING, AnyOf, Criterion, HasAllTags, IsNull, Like, Order, Related, all_of
from interlock.storage.queries import flow_runs as flow_run_queries
from interlock.storage.queries import runs_filter
from interlock.storage.tables import flow_runs, task_run_tags, task_runs
from tests.conftest import FreshDatabase
from tests.storage.conftest import PlainStore, World, crowded
from tests.storage.meaning import criteria
from tests.storage.plans import Plan, explained
from tests.storage.world import IDS, NOON

ORDERS = {
    "task_runs": ("id", "name", "expected_start_time", "next_scheduled_start_time", "end_time"),
    "flow_runs": (
        "id",
        "name",
        "expected_start_time",
        "next_scheduled_start_time",
        "end_time",
        "start_or_expected_time",
    ),
}
PAGES = {"task_runs": runs_filter.task_run_page, "flow_runs": runs_filter.flow_run_page}


def plan(store: PlainStore, noun: str, criterion: Criterion, order: Order) -> Plan:
    """How the database at hand finds a page."""
    plans = store.read(explained(PAGES[noun]), criterion, order, 10, 0)
    return next(x for x in plans if "ORDER BY" in x.statement)


@pytest.fixture(scope="module")
def crowd(fresh_database: FreshDatabase) -> Iterator[PlainStore]:
    """A store with the small world and many runs that are COMPLETED beside it: with few, any way is a quick one."""
    with crowded(fresh_database, add_crowd) as store:
        yield store


def add_crowd(conn: Connection) -> None:
    for table in (flow_runs, task_runs):
        (example, *_) = conn.execute(select(table).where(table.c.state_type == "COMPLETED")).mappings()
        kept = {x.name: example[x.name] for x in table.c if x.computed is None}
        changes = (
            {
                "id": str(UUID(int=number)),
                "dynamic_key": str(number),
                "idempotency_key": str(number),
                "name": str(number),
                "tags": ["common"],
                "expected_start_time": NOON + timedelta(seconds=number),
                "end_time": NOON + timedelta(seconds=number),
            }
            for number in range(2000)
        )
        conn.execute(insert(table), [kept | {x: y for x, y in row.items() if x in kept} for row in changes])
    conn.execute(insert(task_run_tags), [{"tag": "common", "task_run_id": str(UUID(int=x))} for x in range(2000)])


about_runs = st.sampled_from(("task_runs", "flow_runs")).flatmap(lambda x: st.tuples(st.just(x), criteria(x, depth=1)))
often = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@often
@given(asked=about_runs, few=st.integers(0, 30), data=st.data())
def test_pages_follow_each_other(world: World, asked: tuple[str, Criterion], few: int, data: st.DataObject) -> None:
    """Page after page in any order gives every run that is asked for once, however many are taken for few."""
    noun, criterion = asked
    order = Order(data.draw(st.sampled_from(ORDERS[noun])), data.draw(st.booleans()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_filter, "FEW_OWNERS", few)
        patch.setattr(runs_filter, "FEW_RUNS", few)
        patch.setattr(runs_filter, "FEW_TAGGED", few)
        patch.setattr(runs_filter, "FEW_NAMED", few)
        patch.setattr(runs_filter, "SAMPLE", few * 100)
        pages = [world.read(PAGES[noun], criterion, order, 20, offset) for offset in range(0, 80, 20)]
    found = [getattr(x, "run", x).id for page in pages for x in page]  # type: ignore[attr-defined]
    assert sorted(found) == [x["id"] for x in world.meant(noun, criterion)]
    assert len(set(found)) == len(found)


@often
@given(asked=about_runs)
def test_counts_are_those_of_the_pages(world: World, asked: tuple[str, Criterion]) -> None:
    """As many are counted as are found, and as many by their states as in each state."""
    noun, criterion = asked
    table = {"task_runs": task_runs, "flow_runs": flow_runs}[noun]
    wanted = world.meant(noun, criterion)
    assert world.read(runs_filter.count, table, criterion) == len(wanted)
    states = [x["state_type"] for x in wanted]
    counts = world.read(runs_filter.count_by_state, table, criterion)
    assert counts == {x: states.count(x.value) for x in StateType}


def test_all_runs_are_counted_by_state(world: World) -> None:
    """Also where nothing is asked, which is counted in another way."""
    states = [row["state_type"] for row in world.rows["task_runs"].values()]
    assert world.read(runs_filter.count_by_state, task_runs, EVERYTHING) == {
        x: states.count(x.value) for x in StateType
    }


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(("noun", "column"), [(noun, column) for noun, columns in ORDERS.items() for column in columns])
def test_every_order_has_its_index(crowd: PlainStore, noun: str, column: str, descending: bool) -> None:
    """The runs of a page are passed in their order: only those of the page itself are sorted, after they are found."""
    found = plan(crowd, noun, EVERYTHING, Order(column, descending))
    assert (f"pk_{noun}" if column == "id" else f"ix_{noun}__{column}") in found.indexes
    assert found.sorts <= 1


def test_a_common_state_is_looked_for_on_the_way(crowd: PlainStore) -> None:
    """Finding all runs that are COMPLETED and sorting them would take long where most are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_filter, "FEW_RUNS", 0)
        found = plan(crowd, "task_runs", AnyOf("state_type", ("COMPLETED",)), Order("id", descending=True))
    assert "pk_task_runs" in found.indexes
    assert "ix_task_runs__state" not in found.indexes


def test_a_rare_tag_is_found_by_its_index(crowd: PlainStore) -> None:
    """The rarest, whatever else is asked of them."""
    asked = all_of(AnyOf("state_type", ("COMPLETED",)), HasAllTags(("x", "x y")), IsNull("start_time"))
    found = plan(crowd, "task_runs", asked, Order("expected_start_time", descending=True))
    assert "pk_task_run_tags" in found.indexes
    assert "task_run_tags" not in found.scans
    assert not {"ix_task_runs__state", "ix_task_runs__expected_start_time"} & found.indexes


def test_a_rare_part_of_a_name_is_found_by_the_index_on_names(crowd: PlainStore) -> None:
    """It is gone through instead of the rows, and these are read by their ids."""
    plans = crowd.read(explained(runs_filter.task_run_page), Like("name", "%1234%"), Order("end_time"), 10, 0)
    (_, names, page) = plans
    assert "ix_task_runs__name" in names.indexes or names.scans == {"task_runs"}
    assert "pk_task_runs" in page.indexes
    assert "ix_task_runs__end_time" not in page.indexes


def test_a_common_part_of_a_name_is_looked_for_on_the_way(crowd: PlainStore) -> None:
    """The index on names may have all of them at its end."""
    plans = crowd.read(explained(runs_filter.task_run_page), Like("name", "%1%"), Order("end_time"), 10, 0)
    (_, page) = plans
    assert "ix_task_runs__end_time" in page.indexes


def test_a_count_by_tag_reads_the_index(crowd: PlainStore) -> None:
    """However many have the tag, the others are not looked at."""
    (found,) = crowd.read(explained(runs_filter.count), task_runs, HasAllTags(("x",)))
    assert "pk_task_run_tags" in found.indexes
    assert found.scans == set()


def test_a_common_tag_is_looked_for_on_the_way(crowd: PlainStore) -> None:
    """Finding all runs that have it and sorting them would take long where many do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_filter, "FEW_TAGGED", 0)
        found = plan(crowd, "task_runs", HasAllTags(("common",)), Order("expected_start_time", descending=True))
    assert "ix_task_runs__expected_start_time" in found.indexes
    assert "pk_task_run_tags" not in found.indexes


def test_a_rare_state_is_found_by_its_index(crowd: PlainStore) -> None:
    """Passing all runs would take long where hardly any is RUNNING."""
    asked = all_of(AnyOf("state_type", ("RUNNING",)), IsNull("start_time"))
    assert "ix_task_runs__state" in plan(crowd, "task_runs", asked, Order("id", descending=True)).indexes


def test_runs_of_a_flow_run_are_found_by_it(crowd: PlainStore) -> None:
    """Whatever else is asked of them."""
    asked = all_of(AnyOf("state_type", ("COMPLETED",)), Related("flow_run", AnyOf("id", IDS["flow_runs"][:2])))
    found = plan(crowd, "task_runs", asked, Order("expected_start_time", descending=True))
    assert "uq_task_runs__flow_run_id_task_key_dynamic_key" in found.indexes


def test_flow_runs_come_with_their_pools(world: World) -> None:
    """A run is in the pool of its work queue, and in none without one."""
    queues, runs = world.rows["work_queues"], world.rows["flow_runs"].items()
    page = world.read(runs_filter.flow_run_page, EVERYTHING, Order("id"), 200, 0)
    pools = {x.run.id: x.pool.id if x.pool else None for x in page}
    expected = {i: queues[row["work_queue_id"]]["work_pool_id"] if row["work_queue_id"] else None for i, row in runs}
    assert pools == expected
    assert {x.pool.name for x in page if x.pool} == {f"pool {i[-1]}" for i in pools.values() if i}
    assert world.read(flow_run_queries.in_pool, page[0].run.id) == page[0]

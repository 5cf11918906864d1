"""Pages and counts of runs: the same whichever way the rows are found, and each way a quick one."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from interlock.orchestration.states import StateType
from interlock.storage.filters import EVERYTHING, AnyOf, Criterion, HasAllTags, Order, Related, all_of
from interlock.storage.queries import flow_runs as flow_run_queries
from interlock.storage.queries import runs_filter
from interlock.storage.tables import flow_runs, task_runs
from tests.storage.conftest import World
from tests.storage.meaning import criteria
from tests.storage.world import IDS

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


def plan(world: World, noun: str, criterion: Criterion, order: Order) -> str:
    """How SQLite finds the rows of a page."""
    statements: list[tuple[str, tuple[object, ...]]] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: tuple[object, ...], *_: object) -> None:
        statements.append((statement, parameters))

    event.listen(world.conn.engine, "before_cursor_execute", note)
    try:
        PAGES[noun](world.conn, criterion, order, 10, 0)
    finally:
        event.remove(world.conn.engine, "before_cursor_execute", note)
    statement, parameters = next(x for x in statements if "ORDER BY" in x[0])
    steps = world.conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    return "\n".join(x.detail for x in steps)


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
        pages = [PAGES[noun](world.conn, criterion, order, 20, offset) for offset in range(0, 80, 20)]
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
    assert runs_filter.count(world.conn, table, criterion) == len(wanted)
    states = [x["state_type"] for x in wanted]
    counts = runs_filter.count_by_state(world.conn, table, criterion)
    assert counts == {x: states.count(x.value) for x in StateType}


def test_all_runs_are_counted_by_state(world: World) -> None:
    """Also where nothing is asked, which is counted in another way."""
    states = [row["state_type"] for row in world.rows["task_runs"].values()]
    assert runs_filter.count_by_state(world.conn, task_runs, EVERYTHING) == {
        x: states.count(x.value) for x in StateType
    }


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(("noun", "column"), [(noun, column) for noun, columns in ORDERS.items() for column in columns])
def test_every_order_has_its_index(world: World, noun: str, column: str, descending: bool) -> None:
    """The runs of a page are passed in their order: only those of the page itself are sorted, after they are found."""
    steps = plan(world, noun, EVERYTHING, Order(column, descending))
    index = f"sqlite_autoindex_{noun}_1" if column == "id" else f"ix_{noun}__{column}"
    assert f"INDEX {index}" in steps
    assert steps.count("USE TEMP B-TREE FOR ORDER BY") <= 1


def test_a_common_state_is_looked_for_on_the_way(world: World) -> None:
    """Finding all runs that are COMPLETED and sorting them would take long where most are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_filter, "FEW_RUNS", 0)
        steps = plan(world, "task_runs", AnyOf("state_type", ("COMPLETED",)), Order("id", descending=True))
    assert "SCAN task_runs USING INDEX sqlite_autoindex_task_runs_1" in steps
    assert "ix_task_runs__state" not in steps


def test_a_rare_state_is_found_by_its_index(world: World) -> None:
    """Passing all runs would take long where hardly any is RUNNING."""
    asked = all_of(AnyOf("state_type", ("RUNNING",)), HasAllTags(("x",)))
    steps = plan(world, "task_runs", asked, Order("id", descending=True))
    assert "SEARCH task_runs USING INDEX ix_task_runs__state (state_type=?)" in steps


def test_runs_of_a_flow_run_are_found_by_it(world: World) -> None:
    """Whatever else is asked of them."""
    asked = all_of(AnyOf("state_type", ("COMPLETED",)), Related("flow_run", AnyOf("id", IDS["flow_runs"][:2])))
    steps = plan(world, "task_runs", asked, Order("expected_start_time", descending=True))
    assert "SEARCH task_runs USING INDEX sqlite_autoindex_task_runs_2 (flow_run_id=?)" in steps


def test_flow_runs_come_with_their_pools(world: World) -> None:
    """A run is in the pool of its work queue, and in none without one."""
    queues, runs = world.rows["work_queues"], world.rows["flow_runs"].items()
    page = runs_filter.flow_run_page(world.conn, EVERYTHING, Order("id"), 200, 0)
    pools = {x.run.id: x.pool.id if x.pool else None for x in page}
    expected = {i: queues[row["work_queue_id"]]["work_pool_id"] if row["work_queue_id"] else None for i, row in runs}
    assert pools == expected
    assert {x.pool.name for x in page if x.pool} == {f"pool {i[-1]}" for i in pools.values() if i}
    assert flow_run_queries.in_pool(world.conn, page[0].run.id) == page[0]

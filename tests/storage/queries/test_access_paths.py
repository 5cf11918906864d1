"""By which way the databases find what clients and a user interface ask for, in a ledger of many runs.

What lives here: requests that name something, or that ask for all in an order or by state. What does not: pages by
tags and names (test_runs_filter.py), walks by cursor (test_walks.py) and the queue (test_plans.py).

Some are a pass over all flow runs, and are not promised here: the lateness of all, and flow runs by their tags or by
what is asked of their task runs.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import Connection, Table, insert, select

from interlock.orchestration.states import TERMINAL_TYPES
from interlock.storage import sums, tag_sums
from interlock.storage.filters import (
    EVERYTHING,
    AnyOf,
    Between,
    Criteria,
    Criterion,
    HasAllTags,
    IsNull,
    Order,
    Related,
    all_of,
)
from interlock.storage.queries import artifacts as artifact_queries
from interlock.storage.queries import (
    cancellation,
    deployment_polls,
    graph,
    history,
    overdue,
    run_states,
    runs_filter,
    scheduling,
    work_polls,
    work_pools,
)
from interlock.storage.queries import flow_runs as flow_run_queries
from interlock.storage.queries import logs as log_queries
from interlock.storage.queries import task_runs as task_run_queries
from interlock.storage.queries.artifacts import Wanted
from interlock.storage.queries.cancellation import Place as Cancelled
from interlock.storage.queries.exports import FLOW_RUN_ROWS, TASK_RUN_ROWS, next_rows
from interlock.storage.queries.history import Grid
from interlock.storage.queries.work_polls import Window
from interlock.storage.tables import artifacts, deployment_schedules, deployments, flow_runs, flows, logs, task_runs
from interlock.storage.tables import flow_run_states as flow_states
from interlock.storage.tables import task_run_states as task_states
from interlock.storage.walks import Place
from tests.conftest import FreshDatabase
from tests.storage.conftest import PlainStore, crowded
from tests.storage.plans import Plan, explained
from tests.storage.world import IDS, NOON

FLOW_RUNS, OWNERS = 20_000, 200
"""So many flow runs, of so many flows and deployments, with two task runs each."""

MORE_TASK_RUNS = 100
"""One flow run has so many more."""

LARGE = {
    "deployment_schedules",
    "task_runs",
    "task_run_states",
    "flow_runs",
    "flow_run_states",
    "subflow",
    "logs",
    "artifacts",
}


def record(table: Table, number: int) -> str:
    """The id of a record of the crowd."""
    return str(UUID(int=(sum(table.name.encode()) << 64) + number))


FLOW, DEPLOYMENT, FLOW_RUN = record(flows, 7), record(deployments, 7), record(flow_runs, 500)
TASK_RUN, STATE = record(task_runs, 1000), record(task_states, 1000)


@pytest.fixture(scope="module")
def crowd(fresh_database: FreshDatabase) -> Iterator[PlainStore]:
    """A store with the small world and many runs beside it, one a minute back from noon."""
    with crowded(fresh_database, add_crowd) as store:
        yield store


def add_crowd(conn: Connection) -> None:
    for owners in (flows, deployments):
        add(conn, owners, ({"name": f"{x} of many", "flow_id": record(flows, x)} for x in range(OWNERS)))
    conn.execute(insert(deployment_schedules), list(map(schedule, range(10 * OWNERS))))
    add(conn, flow_runs, map(flow_run, range(FLOW_RUNS)))
    add(conn, task_runs, map(task_run, range(2 * FLOW_RUNS + MORE_TASK_RUNS)))
    add(conn, flow_states, ({"flow_run_id": record(flow_runs, x)} for x in range(FLOW_RUNS)))
    add(conn, task_states, ({"task_run_id": record(task_runs, x)} for x in range(2 * FLOW_RUNS)))
    sums.rebuild(conn)
    tag_sums.rebuild(conn)
    line = {"name": "x", "level": 20, "message": "m", "created": NOON, "updated": NOON}
    lines = (
        line
        | {"timestamp": NOON - timedelta(minutes=x), "id": record(logs, x)}
        | {"flow_run_id": record(flow_runs, x // 2), "task_run_id": record(task_runs, x)}
        for x in range(2 * FLOW_RUNS)
    )
    conn.execute(insert(logs), list(lines))
    result = {"created": NOON, "updated": NOON, "key": None, "type": "result"}
    made = (result | {"id": record(artifacts, x), "flow_run_id": record(flow_runs, x)} for x in range(FLOW_RUNS))
    conn.execute(insert(artifacts), list(made))


def add(conn: Connection, table: Table, changes: Iterator[dict[str, Any]]) -> None:
    """Copies of a record that is there, each with an id and changes of its own."""
    example = conn.execute(select(table)).mappings().first()
    assert example is not None
    kept = {x.name: example[x.name] for x in table.c if x.computed is None}
    rows = (kept | {"id": record(table, number)} | row for number, row in enumerate(changes))
    conn.execute(insert(table), list(rows))


def run(table: Table, states: Table, number: int, minutes: int) -> dict[str, Any]:
    """What both kinds of run have. Few are RUNNING or have FAILED."""
    state = "RUNNING" if minutes % 1000 == 0 else "FAILED" if minutes % 100 == 1 else "COMPLETED"
    expected = NOON - timedelta(minutes=minutes)
    return {
        "name": f"{table.name} {number}",
        "state_id": record(states, number),
        "state_type": state,
        "state_name": state.capitalize(),
        "expected_start_time": expected,
        "start_time": expected + timedelta(seconds=1),
        "end_time": None if state == "RUNNING" else expected + timedelta(seconds=9),
        "next_scheduled_start_time": None,
    }


def schedule(number: int) -> dict[str, Any]:
    """One of ten that a deployment has, due a minute after the one before it."""
    owner = {"id": record(deployment_schedules, number), "deployment_id": record(deployments, number % OWNERS)}
    values = {"schedule": {"cron": "* * * * *"}, "active": True, "catchup": False, "parameters": {}}
    return owner | values | {"created": NOON, "updated": NOON, "due": NOON + timedelta(minutes=number)}


def flow_run(number: int) -> dict[str, Any]:
    """One in twenty is a subflow of the one before it."""
    return run(flow_runs, flow_states, number, number) | {
        "flow_id": record(flows, number % OWNERS),
        "deployment_id": record(deployments, number % OWNERS),
        "work_queue_id": IDS["work_queues"][0] if number % OWNERS == 5 else None,
        "idempotency_key": str(number),
        "parent_task_run_id": record(task_runs, 2 * (number - 1)) if number % 20 == 1 else None,
    }


def task_run(number: int) -> dict[str, Any]:
    flow_run_id = FLOW_RUN if number >= 2 * FLOW_RUNS else record(flow_runs, number // 2)
    own = {"flow_run_id": flow_run_id, "dynamic_key": str(number)}
    return run(task_runs, task_states, number, number // 2) | own


class Way(NamedTuple):
    """A request, and an index by which what it asks for is found where nothing is known of how many there are."""

    index: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


def way(index: str, function: Callable[..., Any], *arguments: Any) -> Way:
    return Way(index, function, arguments)


def plans(store: PlainStore, asked: Way) -> list[Plan]:
    return store.read(explained(asked.function), *asked.arguments)


def used(found: list[Plan]) -> set[str]:
    return set().union(*(x.indexes for x in found))


def of_a_state(*types: str) -> Criterion:
    return AnyOf("state_type", types)


BY_FLOW = Criteria(flows=AnyOf("id", (FLOW,)))
BY_FLOW_RUN = Criteria(flow_runs=AnyOf("id", (FLOW_RUN,)))
BY_DEPLOYMENT = Criteria(deployments=AnyOf("id", (DEPLOYMENT,)))
BY_POOL = Criteria(work_pools=AnyOf("name", ("pool 1",)))
LAST_HOUR = Between("expected_start_time", NOON - timedelta(hours=1))
TASK_RUNS_OF_FLOW_RUN = "uq_task_runs__flow_run_id_task_key_dynamic_key"
FLOW_RUNS_OF_FLOW = "uq_flow_runs__flow_id_idempotency_key"

DAY = Grid(NOON - timedelta(days=1), timedelta(minutes=15), 96)
HOUR = Grid(NOON - timedelta(hours=1), timedelta(minutes=1), 60)
HISTORIES = {
    f"{noun} by {grid.width.seconds // 60} min {name}": way(index, history.history, table, criterion, grid, NOON)
    for noun, table in (("task runs", task_runs), ("flow runs", flow_runs))
    for grid in (DAY, HOUR)
    for name, criterion, index in (
        ("in all", EVERYTHING, f"ix_{table.name}__state"),
        ("of a rare state", of_a_state("FAILED"), f"ix_{table.name}__state"),
        ("of a common state", of_a_state("COMPLETED", "RUNNING"), f"ix_{table.name}__state"),
        (
            "of a flow",
            BY_FLOW.of_task_runs() if table is task_runs else BY_FLOW.of_flow_runs(),
            TASK_RUNS_OF_FLOW_RUN if table is task_runs else FLOW_RUNS_OF_FLOW,
        ),
        (
            "of a flow run",
            BY_FLOW_RUN.of_task_runs() if table is task_runs else BY_FLOW_RUN.of_flow_runs(),
            TASK_RUNS_OF_FLOW_RUN if table is task_runs else "pk_flow_runs",
        ),
    )
}

START = NOON - timedelta(hours=1)
ENDED = all_of(of_a_state(*sorted(TERMINAL_TYPES)), Between("start_time", START))
SUMS = {
    "task runs by state": way("pk_run_counts", runs_filter.count_by_state, task_runs, EVERYTHING),
    "task runs of a flow run by state": way(
        TASK_RUNS_OF_FLOW_RUN, runs_filter.count_by_state, task_runs, BY_FLOW_RUN.of_task_runs()
    ),
    "the dashboard's bars": way(
        "ix_task_runs__start_time",
        history.outcomes,
        Criteria(task_runs=ENDED).of_task_runs(),
        NOON - timedelta(minutes=5),
        NOON,
        20,
    ),
    "the dashboard's bars of a flow": way(
        TASK_RUNS_OF_FLOW_RUN,
        history.outcomes,
        Criteria(flows=BY_FLOW.flows, task_runs=ENDED).of_task_runs(),
        START,
        NOON,
        20,
    ),
    "the dashboard's bars of a flow run": way(
        TASK_RUNS_OF_FLOW_RUN,
        history.outcomes,
        Criteria(flow_runs=BY_FLOW_RUN.flow_runs, task_runs=ENDED).of_task_runs(),
        START,
        NOON,
        20,
    ),
    "lateness in a flow": way(FLOW_RUNS_OF_FLOW, history.average_lateness, BY_FLOW.of_flow_runs(), NOON),
    "lateness in a deployment": way(
        "ix_flow_runs__deployment_id", history.average_lateness, BY_DEPLOYMENT.of_flow_runs(), NOON
    ),
    "lateness in a work pool": way(
        "ix_flow_runs__work_queue_id", history.average_lateness, BY_POOL.of_flow_runs(), NOON
    ),
    "lateness of what runs": way("ix_flow_runs__state", history.average_lateness, of_a_state("RUNNING"), NOON),
    "lateness in the last hour": way("ix_flow_runs__expected_start_time", history.average_lateness, LAST_HOUR, NOON),
}

SORTS = {
    "id": "pk_flow_runs",
    "start_or_expected_time": "ix_flow_runs__start_or_expected_time",
    "expected_start_time": "ix_flow_runs__expected_start_time",
    "name": "ix_flow_runs__name",
    "next_scheduled_start_time": "ix_flow_runs__next_scheduled_start_time",
    "end_time": "ix_flow_runs__end_time",
}
NARROW = {
    "of a flow": (FLOW_RUNS_OF_FLOW, BY_FLOW.of_flow_runs()),
    "of a flow by its name": (FLOW_RUNS_OF_FLOW, Criteria(flows=AnyOf("name", ("7 of many",))).of_flow_runs()),
    "of a deployment": ("ix_flow_runs__deployment_id", BY_DEPLOYMENT.of_flow_runs()),
    "of a work pool": ("ix_flow_runs__work_queue_id", BY_POOL.of_flow_runs()),
    "in a rare state": ("ix_flow_runs__state", of_a_state("RUNNING")),
    "of a parent task run": ("ix_flow_runs__parent_task_run_id", AnyOf("parent_task_run_id", (TASK_RUN,))),
    "of a parent flow run": (
        "ix_flow_runs__parent_task_run_id",
        Related("parent_task_run", AnyOf("flow_run_id", (FLOW_RUN,))),
    ),
}
BROAD = {
    "of all": EVERYTHING,
    "in a common state": of_a_state("COMPLETED"),
    "without a parent": IsNull("parent_task_run_id"),
}


def page(index: str, criterion: Criterion, column: str) -> Way:
    return way(index, runs_filter.flow_run_page, criterion, Order(column, descending=True), 10, 0)


NARROW_PAGES = {
    f"flow runs {name} by {column}": page(index, criterion, column)
    for name, (index, criterion) in NARROW.items()
    for column in SORTS
}
BROAD_PAGES = {
    f"flow runs {name} by {column}": page(index, criterion, column)
    for name, criterion in BROAD.items()
    for column, index in SORTS.items()
}


def lines(index: str, **wanted: Any) -> Way:
    return way(index, log_queries.page, wanted, Order("timestamp"), 200, 0)


def found_artifacts(function: Callable[..., Any], runs: Criteria, *page: Any, **wanted: Any) -> Way:
    return way("ix_artifacts__flow_run_id", function, Wanted(wanted, runs), *page)


WINDOW = Window(10, NOON)


def offer_of_pool(conn: Connection) -> Any:
    """What the pool offers that a queue with runs is in."""
    pool = work_pools.of_queue(conn, IDS["work_queues"][0])
    assert pool is not None
    return work_polls.of_pool(conn, pool["name"], None, WINDOW)


PLACE = Place(FLOW_RUN, FLOW_RUN)
OF_FLOW_RUN = {"flow_run_id": {"any_": [FLOW_RUN]}}
RECORDS = {
    "the graph of a flow run": way(TASK_RUNS_OF_FLOW_RUN, graph.graph, FLOW_RUN, None),
    "the graph of a flow run since": way(TASK_RUNS_OF_FLOW_RUN, graph.graph, FLOW_RUN, NOON),
    "the dependencies in a flow run": way(TASK_RUNS_OF_FLOW_RUN, graph.task_runs_of, FLOW_RUN),
    "lines of a flow run": lines("ix_logs__flow_run_id", **OF_FLOW_RUN),
    "lines of a level of a flow run": lines("ix_logs__flow_run_id", level={"ge_": 20}, **OF_FLOW_RUN),
    "lines of a task run": lines("ix_logs__task_run_id", task_run_id={"any_": [TASK_RUN]}),
    "a leg of lines of a flow run": way(
        "ix_logs__flow_run_id", log_queries.next_leg, OF_FLOW_RUN, Order("timestamp"), 200, None
    ),
    "artifacts of a flow run": found_artifacts(artifact_queries.page, Criteria(), "ID_DESC", 10, 0, **OF_FLOW_RUN),
    "artifacts around a flow run": found_artifacts(artifact_queries.page, BY_FLOW_RUN, "ID_DESC", 10, 0),
    "how many artifacts a flow run has": found_artifacts(artifact_queries.count, Criteria(), **OF_FLOW_RUN),
    "what a work pool offers": way("ix_flow_runs__work_queue_id", offer_of_pool),
    "what a work queue offers": way("ix_flow_runs__work_queue_id", work_polls.of_queue, IDS["work_queues"][0], WINDOW),
    "how many runs of a pool are busy": way("ix_flow_runs__work_queue_id", work_polls.busy_by_pool, IDS["work_pools"]),
    "which runs of a queue are busy": way(
        "ix_flow_runs__work_queue_id", work_polls.busy_runs, IDS["work_queues"][0], work_polls.BUSY_TYPES, 10
    ),
    "how many runs of a queue are late": way(
        "ix_flow_runs__work_queue_id", work_polls.late_runs, IDS["work_queues"][0]
    ),
    "a flow run": way("pk_flow_runs", flow_run_queries.in_pool, FLOW_RUN),
    "a task run": way("pk_task_runs", task_run_queries.by_id, TASK_RUN),
    "a state": way("pk_task_run_states", run_states.task_run_state, STATE),
    "the states of a flow run": way("ix_flow_run_states__flow_run_id", run_states.of_flow_run, FLOW_RUN),
    "the states of a task run": way("ix_task_run_states__task_run_id", run_states.of_task_run, TASK_RUN),
    "a page of an export of task runs": way("pk_task_runs", next_rows, TASK_RUN_ROWS, EVERYTHING, 10, PLACE),
    "a page of an export of flow runs": way("pk_flow_runs", next_rows, FLOW_RUN_ROWS, EVERYTHING, 10, PLACE),
    "task runs without a flow run, which are few": way(
        TASK_RUNS_OF_FLOW_RUN, runs_filter.task_run_page, IsNull("flow_run_id"), Order("end_time"), 10, 0
    ),
}

ENDED_AT = Cancelled(NOON - timedelta(days=1), FLOW_RUN)
SERVICES = {
    "schedules that are due": way("ix_deployment_schedules__due", scheduling.due, NOON, 100),
    "runs that wait for who serves a deployment": way(
        "ix_flow_runs__deployment_id_next_scheduled_start_time", deployment_polls.waiting, [DEPLOYMENT], NOON, 10
    ),
    "all runs that wait for who serves deployments": way(
        "ix_flow_runs__deployment_id_next_scheduled_start_time",
        deployment_polls.waiting,
        [DEPLOYMENT, record(deployments, 8)],
        None,
        10,
    ),
    "late runs": way("ix_flow_runs__not_late", overdue.late, NOON, 100),
    "pauses that end": way("ix_flow_runs__paused", overdue.expired_pauses, FLOW_RUN, NOON, 100),
    "cancelled runs": way("ix_flow_runs__cancelled", cancellation.cancelled, ENDED_AT, 50),
    "what goes on in cancelled runs": way(
        TASK_RUNS_OF_FLOW_RUN, cancellation.unfinished_task_runs, [FLOW_RUN, record(flow_runs, 501)], 50
    ),
    "subflows that go on": way("ix_flow_runs__open_subflows", cancellation.orphaned_subflows, ENDED_AT, 50),
}

FOUND = HISTORIES | SUMS | NARROW_PAGES | RECORDS | SERVICES


@pytest.mark.parametrize("name", FOUND)
def test_what_is_asked_for_is_found_by_an_index(crowd: PlainStore, name: str, database: str) -> None:
    """No table of runs, states, lines or artifacts is gone through.

    On SQLite an index is entered at what was named, or at the stretch of time. PostgreSQL, which knows how many there
    are, may pass an index of an order or of a join as well, until it has enough.
    """
    found = plans(crowd, FOUND[name])
    assert found
    assert [x.text for x in found if x.scans & LARGE] == []
    if database == "sqlite":
        assert [x.text for x in found if x.passes & LARGE] == []
        assert FOUND[name].index in used(found)


def test_a_history_of_a_common_tag_is_told_by_its_sums(crowd: PlainStore, database: str) -> None:
    """And by the few runs in minutes that are part of two intervals, or that have not ended."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "FEW_TAGGED", 0)
        patch.setattr(history, "FEW_STATES", 100)
        found = plans(crowd, way("pk_tag_sums", history.history, task_runs, HasAllTags(("x",)), DAY, NOON))
    (of_sums,) = (x for x in found if "FROM tag_sums" in x.statement)
    assert [x.text for x in found if (x.scans | x.passes) & LARGE] == []
    if database == "sqlite":
        assert "pk_tag_sums" in of_sums.indexes
        assert {x for x in used(found) if "task_runs" in x} == {"ix_task_runs__state"}


@pytest.mark.parametrize("name", BROAD_PAGES)
def test_a_page_of_many_is_passed_in_its_order(crowd: PlainStore, name: str) -> None:
    """The index of the order is passed until there are enough; nothing is sorted but the page itself."""
    asked = BROAD_PAGES[name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_filter, "FEW_RUNS", 100)
        found = plans(crowd, asked)
    (of_page,) = (x for x in found if "ORDER BY" in x.statement)
    assert asked.index in of_page.indexes
    assert of_page.passes <= {"flow_runs"}
    assert of_page.sorts <= 1
    assert "LIMIT" in of_page.statement

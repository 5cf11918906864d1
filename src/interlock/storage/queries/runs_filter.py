"""Pages and counts of what criteria ask for.

What lives here: the statements behind filters and counts of runs and flows. What does not: the criteria themselves
(filters.py) and sums over time (history.py).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, Select, Table, func, select

from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import StateType
from interlock.storage import rows
from interlock.storage.filters import (
    RELATIONS,
    And,
    AnyOf,
    Criterion,
    Order,
    Related,
    all_of,
    condition,
    ordering,
)
from interlock.storage.tables import flow_runs, flows, task_runs, work_pools, work_queues

FEW = 100
"""Up to this many owners, finding the runs of each by its index is quicker than testing all runs."""


def task_run_page(conn: Connection, criterion: Criterion, order: Order, limit: int, offset: int) -> list[TaskRun]:
    """Task runs with their current states."""
    statement = _page(conn, rows.select_task_runs(), task_runs, criterion, order, limit, offset)
    return [rows.task_run(row) for row in conn.execute(statement)]


def flow_run_page(conn: Connection, criterion: Criterion, order: Order, limit: int, offset: int) -> list[FlowRun]:
    """Flow runs with their current states."""
    statement = _page(conn, rows.select_flow_runs(), flow_runs, criterion, order, limit, offset)
    return [rows.flow_run(row) for row in conn.execute(statement)]


def flow_page(conn: Connection, criterion: Criterion, order: Order, limit: int, offset: int) -> Sequence[RowMapping]:
    """Flows."""
    statement = _page(conn, select(flows), flows, criterion, order, limit, offset)
    return conn.execute(statement).mappings().all()


def _page(
    conn: Connection, whole: Select[Any], table: Table, criterion: Criterion, order: Order, limit: int, offset: int
) -> Select[Any]:
    """The rows of a page. Their ids are found first: so only ids are skipped and sorted, not whole rows."""
    wanted = condition(table, _with_few_owners(conn, table, criterion), walked=True)
    by = ordering(table, order)
    ids = select(table.c.id).where(wanted).order_by(*by).limit(limit).offset(offset)
    return whole.where(table.c.id.in_(ids)).order_by(*by)


def _with_few_owners(conn: Connection, table: Table, criterion: Criterion) -> Criterion:
    """The criterion, with the ids of owners in place of what is asked of them, where these are few."""
    parts = criterion.criteria if isinstance(criterion, And) else (criterion,)
    return all_of(*(_named(conn, table, x) if isinstance(x, Related) else x for x in parts))


def _named(conn: Connection, table: Table, asked: Related) -> Criterion:
    relation = RELATIONS[table.name, asked.relation]
    if not (relation.is_to_one and asked.exists):
        return asked
    statement = select(relation.table.c.id).where(condition(relation.table, asked.criterion)).limit(FEW + 1)
    owners = conn.execute(statement).scalars().all()
    return asked if len(owners) > FEW else AnyOf(relation.local, tuple(owners))


def count(conn: Connection, table: Table, criterion: Criterion) -> int:
    """How many there are."""
    statement = select(func.count()).select_from(table).where(condition(table, criterion))
    return conn.execute(statement).scalar_one()


def count_by_state(conn: Connection, table: Table, criterion: Criterion) -> dict[StateType, int]:
    """How many runs are in a state of each type.

    One count a type: each passes over its own stretch of an index, where a grouped count would compare every row's type
    with the one before it.
    """
    return {x: count(conn, table, all_of(AnyOf("state_type", (x.value,)), criterion)) for x in StateType}


class WorkPool(msgspec.Struct, frozen=True):
    """The work pool of a queue."""

    id: str
    name: str


def work_pools_of(conn: Connection, runs: Iterable[FlowRun]) -> dict[str, WorkPool]:
    """The pool of each work queue that the runs are in."""
    queues = {run.work_queue_id for run in runs if run.work_queue_id is not None}
    if not queues:
        return {}
    pools = select(work_queues.c.id, work_pools.c.id, work_pools.c.name).join(
        work_pools, work_pools.c.id == work_queues.c.work_pool_id
    )
    found = conn.execute(pools.where(work_queues.c.id.in_(queues)))
    return {queue_id: WorkPool(pool_id, name) for queue_id, pool_id, name in found}

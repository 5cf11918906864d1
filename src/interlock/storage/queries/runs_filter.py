"""Pages and counts of what criteria ask for.

What lives here: the statements behind filters and counts of runs and flows. What does not: the criteria themselves
(filters.py) and sums over time (history.py).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, RowMapping, Select, Table, func, select

from interlock.orchestration.runs import TaskRun
from interlock.orchestration.states import StateType
from interlock.storage import rows, sums
from interlock.storage.expressions import matches, unindexed
from interlock.storage.filters import (
    EVERYTHING,
    RELATIONS,
    AnyOf,
    ByTag,
    Criterion,
    HasAllTags,
    IsNull,
    Like,
    Order,
    Related,
    all_of,
    by_tag,
    condition,
    condition_on_the_way,
    names_owners,
    ordering,
    parts,
)
from interlock.storage.queries.work_pools import FlowRunInPool, with_pools
from interlock.storage.store import one_statement
from interlock.storage.tables import flow_runs, flows, task_runs
from interlock.storage.tags import is_told_whole, runs_with
from interlock.storage.walks import Leg, Place, leg

FEW_OWNERS = 20
"""Up to this many flow runs, say, finding the runs of each by its index is quicker than passing all runs."""

FEW_RUNS = 3_000
"""Up to this many runs in a state, finding and sorting them all is quicker than passing all runs: 2 µs each, where
passing one takes 0.3 µs. Up to three times as many, where more is asked, so that more have to be passed for a page."""

FEW_TAGGED = 5_000
"""The same for task runs with a tag."""

FEW_NAMED = 1_000
"""The same for runs with a part of a name. Their ids are parameters of the statement."""

SAMPLE = 2_000
"""So many of the newest runs tell whether a part of a name is common."""


def task_run_page(conn: Connection, criterion: Criterion, order: Order, limit: int, offset: int) -> list[TaskRun]:
    """Task runs with their current states."""
    statement = _page(conn, rows.select_task_runs(), task_runs, criterion, order, limit, offset)
    return [rows.task_run(row) for row in conn.execute(statement)]


def flow_run_page(conn: Connection, criterion: Criterion, order: Order, limit: int, offset: int) -> list[FlowRunInPool]:
    """Flow runs with their current states and their work pools."""
    statement = _page(conn, rows.select_flow_runs(), flow_runs, criterion, order, limit, offset)
    return with_pools(conn, [rows.flow_run(row) for row in conn.execute(statement)])


def flow_page(conn: Connection, criterion: Criterion, order: Order, limit: int, offset: int) -> Sequence[RowMapping]:
    """Flows."""
    statement = _page(conn, select(flows), flows, criterion, order, limit, offset)
    return conn.execute(statement).mappings().all()


def task_run_leg(conn: Connection, criterion: Criterion, order: Order, limit: int, after: Place | None) -> Leg[TaskRun]:
    """Task runs with their current states, after a place in the order."""
    found = _leg(conn, rows.select_task_runs(), task_runs, criterion, order, limit, after)
    return Leg([rows.task_run(row[:-1]) for row in found.items], found.end)


def flow_run_leg(
    conn: Connection, criterion: Criterion, order: Order, limit: int, after: Place | None
) -> Leg[FlowRunInPool]:
    """Flow runs with their current states and their work pools, after a place in the order."""
    found = _leg(conn, rows.select_flow_runs(), flow_runs, criterion, order, limit, after)
    return Leg(with_pools(conn, [rows.flow_run(row[:-1]) for row in found.items]), found.end)


def _leg(
    conn: Connection,
    whole: Select[Any],
    table: Table,
    criterion: Criterion,
    order: Order,
    limit: int,
    after: Place | None,
) -> Leg[Row[Any]]:
    """Whole rows after a place, each with its value in the order's column behind."""
    wanted = on_the_way(conn, table, criterion)
    by = ordering(table, order)
    placed = whole.add_columns(table.c[order.column].label("place")).order_by(*by)

    def statement(stretch: ColumnElement[bool], most: int) -> Select[Any]:
        ids = select(table.c.id).where(wanted, stretch).order_by(*by).limit(most)
        return placed.where(table.c.id.in_(ids))

    return leg(conn, table, order, limit, after, statement)


def _page(
    conn: Connection, whole: Select[Any], table: Table, criterion: Criterion, order: Order, limit: int, offset: int
) -> Select[Any]:
    """The rows of a page. Their ids are found first: so only ids are skipped and sorted, not whole rows.

    A negative limit is none, and a negative offset nothing, as clients of the embedded database know it.
    """
    wanted = on_the_way(conn, table, criterion)
    by = ordering(table, order)
    ids = select(table.c.id).where(wanted).order_by(*by).limit(limit if limit >= 0 else None).offset(max(offset, 0))
    return whole.where(table.c.id.in_(ids)).order_by(*by)


def on_the_way(conn: Connection, table: Table, criterion: Criterion) -> ColumnElement[bool]:
    """What is asked of the rows that are passed for a page."""
    named = all_of(*(_with_owners_named(conn, table, x) for x in parts(criterion)))
    named = _with_few_named(conn, table, _with_rare_tag(conn, table, named))
    return condition_on_the_way(table, named, _sparse_types(conn, table, named), _sparse_nulls(conn, table, named))


def _with_rare_tag(conn: Connection, table: Table, asked: Criterion) -> Criterion:
    """The rarest of the tags as what the runs are found by, where few have it and nothing else finds them."""
    counts = {tag: count_to(conn, runs_with(tag), FEW_TAGGED) for tag in finding_tags(table, asked)}
    rarest = min(counts, key=lambda x: counts[x], default=None)
    return asked if rarest is None or counts[rarest] > FEW_TAGGED else by_tag(asked, rarest)


def finding_tags(table: Table, asked: Criterion) -> list[str]:
    """The tags that all runs that are asked for have, unless something else is there to find these by."""
    if table is not task_runs or names_owners(table, asked):
        return []
    return [tag for x in parts(asked) if isinstance(x, HasAllTags) for tag in x.tags]


def _with_few_named(conn: Connection, table: Table, asked: Criterion) -> Criterion:
    """The ids in place of a part of the name, where few have it and nothing else finds them.

    They are found by going through the index on names, which costs a tenth of passing the rows themselves. Where it
    seems from the newest runs that many have it, it is better looked for on the way.
    """
    likes = [x for x in parts(asked) if isinstance(x, Like) and x.column == "name"]
    if not likes or names_owners(table, asked) or _is_common(conn, table, likes[0]):
        return asked
    found = select(table.c.id).where(condition(table, likes[0])).limit(FEW_NAMED + 1)
    ids = conn.execute(found).scalars().all()
    return asked if len(ids) > FEW_NAMED else all_of(AnyOf("id", tuple(ids)), asked)


def _is_common(conn: Connection, table: Table, asked: Like) -> bool:
    newest = select(table.c.name).order_by(table.c.id.desc()).limit(SAMPLE).subquery()
    found = select(func.count()).select_from(newest).where(matches(newest.c.name, asked.pattern))
    return conn.execute(found).scalar_one() > SAMPLE / 100


def count_to(conn: Connection, statement: Select[Any], most: int) -> int:
    """How many rows there are, or one more than `most` where there are more."""
    return conn.execute(select(func.count()).select_from(statement.limit(most + 1).subquery())).scalar_one()


def _with_owners_named(conn: Connection, table: Table, asked: Criterion) -> Criterion:
    """The ids of the owners in place of what is asked of them, where these are few."""
    if not (isinstance(asked, Related) and asked.exists):
        return asked
    relation = RELATIONS[table.name, asked.relation]
    if not relation.owns:
        return asked
    found = select(relation.table.c.id).where(condition(relation.table, asked.criterion)).limit(FEW_OWNERS + 1)
    owners = conn.execute(found).scalars().all()
    return asked if len(owners) > FEW_OWNERS else AnyOf(relation.local, tuple(owners))


def _sparse_types(conn: Connection, table: Table, criterion: Criterion) -> frozenset[str]:
    """The types of state that are asked for, where few runs are in one of them."""
    types = next((x.values for x in parts(criterion) if isinstance(x, AnyOf) and x.column == "state_type"), ())
    if not types or names_owners(table, criterion):
        return frozenset()
    few = FEW_RUNS if isinstance(criterion, AnyOf) else 3 * FEW_RUNS
    found = count_to(conn, select(table.c.state_type).where(table.c.state_type.in_(types)), few)
    return frozenset() if found > few else frozenset(types)


def _sparse_nulls(conn: Connection, table: Table, criterion: Criterion) -> frozenset[str]:
    """The owners that runs must not have, where few runs are without one."""
    if names_owners(table, criterion):
        return frozenset()
    without = {x.column for x in parts(criterion) if isinstance(x, IsNull) and x.null and x.column.endswith("_id")}
    found = {x: count_to(conn, select(table.c[x]).where(table.c[x].is_(None)), FEW_RUNS) for x in without}
    return frozenset(x for x, runs in found.items() if runs <= FEW_RUNS)


@one_statement
def count(conn: Connection, table: Table, criterion: Criterion) -> int:
    """How many there are."""
    if isinstance(criterion, AnyOf) and criterion.column == "state_type":
        counts = _all_by_state(conn, table)
        return sum(counts[StateType(x)] for x in set(criterion.values))
    if criterion == EVERYTHING and table in sums.RUNS:
        return sum(_all(conn, table).values())
    if tags := finding_tags(table, criterion):
        criterion = by_tag(criterion, tags[0])
    if isinstance(criterion, ByTag) and is_told_whole(criterion.tag):
        return conn.execute(select(func.count()).select_from(runs_with(criterion.tag).subquery())).scalar_one()
    statement = select(func.count()).select_from(table)
    # SQLite knows the size of a table, but not that of one with a condition that always holds.
    narrowed = statement if criterion == EVERYTHING else statement.where(condition(table, criterion))
    return conn.execute(narrowed).scalar_one()


@one_statement
def count_by_state(conn: Connection, table: Table, criterion: Criterion) -> dict[StateType, int]:
    """How many runs are in a state of each type."""
    if criterion == EVERYTHING:
        return _all_by_state(conn, table)
    types = unindexed(table.c.state_type)
    statement = select(types, func.count()).where(condition(table, criterion)).group_by(types)
    found: dict[Any, int] = dict(conn.execute(statement).all())
    return {x: found.get(x.value, 0) for x in StateType}


def _all_by_state(conn: Connection, table: Table) -> dict[StateType, int]:
    """As count_by_state, of all runs."""
    found = _all(conn, table)
    return {x: found.get(x.value, 0) for x in StateType}


def _all(conn: Connection, table: Table) -> dict[str, int]:
    """How many runs there are by the type of their state, "" for those without one."""
    return {state_type: int(runs) for state_type, runs in conn.execute(sums.counted(table))}

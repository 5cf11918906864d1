"""Sums over all runs, kept up to date by each change of a run: how many are in a state of each type, and what a history
tells of those that have ended.

What lives here: what a change means for the sums, the sums of rows, and folding. What does not: sums over the task runs
of a tag (tag_sums.py), and what is made of them (queries/history.py, queries/runs_filter.py).

A transaction only adds rows to `run_sum_changes`, so that none waits for another; who asks adds them to what is folded
already. Times are sums of seconds (`run_time`) and of microseconds (`lateness`), both as floating-point numbers: their
sums have no bound, and whole numbers stay exact in them.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    FromClause,
    Select,
    Table,
    case,
    delete,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.sql.elements import ColumnElement, Label

from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import TERMINAL_TYPES
from interlock.storage.expressions import at_least_zero, microseconds_between, minute_of
from interlock.storage.prepared import BulkAdd, BulkDelete, BulkInsert, Rows, Writes
from interlock.storage.tables import flow_runs, run_counts, run_sum_changes, run_sums, task_runs
from interlock.storage.types import MICROSECOND

Run = TaskRun | FlowRun
Move = tuple[Run | None, Run]
"""A run as it was, None where it is new, and as it is now."""

Key = tuple[str, str, datetime]
"""The type and name of a state, and the minute in which a run was expected to start."""

Values = tuple[int, float, float]
"""What is added up of runs: how many they are, their seconds of running, their microseconds of lateness."""

RUNS = (task_runs, flow_runs)
NO_STATE = ""
"""The type of state of runs that have none."""

_ENDED = tuple(x.value for x in TERMINAL_TYPES)
VALUES = ("runs", "run_time", "lateness")
_INSERT = BulkInsert(run_sum_changes, run_sum_changes.c.keys())
_ADD_COUNTS = BulkAdd(run_counts, run_counts.c.keys())
_ADD_SUMS = BulkAdd(run_sums, run_sums.c.keys())
_DELETE_EMPTY = BulkDelete(run_sums, (*(x.name for x in run_sums.primary_key), "runs"))


def add_changes(writes: Writes, table: Table, moves: Iterable[Move]) -> None:
    """Note how the sums change as runs of the table do."""
    sums: dict[tuple[Any, ...], list[float]] = {}
    for before, after in moves:
        if before is not None:
            _add(sums, before, -1)
        _add(sums, after, 1)
    rows = [_row(table, *key, *values) for key, values in sums.items() if any(values)]
    writes.add(_INSERT, rows)


def _add(sums: dict[tuple[Any, ...], list[float]], run: Run, sign: int) -> None:
    ended = of_ended(run)
    if ended is None:
        key: tuple[Any, ...] = (NO_STATE if run.state is None else run.state.type.value, None, None)
        sums.setdefault(key, [0, 0.0, 0.0])[0] += sign
        return
    key, own = ended
    add_values(sums.setdefault(key, [0, 0.0, 0.0]), own, sign)


def of_ended(run: Run) -> tuple[Key, Values] | None:
    """Under which key a run is summed up that has ended, and with which values; None where it has not ended."""
    state, expected = run.state, run.expected_start_time
    if state is None or state.type not in TERMINAL_TYPES or expected is None:
        return None
    late = 0 if run.start_time is None else max((run.start_time - expected) // MICROSECOND, 0)
    return (state.type.value, state.name, expected.replace(second=0, microsecond=0)), (1, run.total_run_time, late)


def add_values(sums: list[float], values: Values, sign: int) -> None:
    """Add the values of runs to sums, or take them away."""
    for place, value in enumerate(values):
        sums[place] += sign * value


def _row(table: Table, state_type: str, state_name: str | None, minute: Any, *values: float) -> dict[str, Any]:
    keys = {"noun": table.name, "state_type": state_type, "state_name": state_name, "minute": minute}
    return keys | dict(zip(VALUES, values, strict=True))


def forget(conn: Connection, table: Table, doomed: ColumnElement[bool]) -> None:
    """Note that runs of the table are about to be deleted, which nobody else changes until then."""
    found = sums_of(table).where(doomed).subquery()
    values = (-found.c[x] for x in VALUES)
    columns = run_sum_changes.c.keys()
    gone = select(found.c.noun, found.c.state_type, found.c.state_name, found.c.minute, *values)
    conn.execute(insert(run_sum_changes).from_select(columns, gone))


def rebuild(conn: Connection) -> None:
    """Sum up all runs anew; for rows that were not written by transitions."""
    for kept in (run_counts, run_sums, run_sum_changes):
        conn.execute(delete(kept))
    for table in RUNS:
        found = sums_of(table).cte("found")
        counts = select(found.c.noun, found.c.state_type, func.sum(found.c.runs)).group_by(*found.c[:2])
        minutes = select(*(found.c[x.name] for x in run_sums.c)).where(found.c.minute.is_not(None))
        for kept, summed in ((run_counts, counts), (run_sums, minutes)):
            conn.execute(insert(kept).from_select(kept.c.keys(), summed))


def sums_of(table: Table) -> Select[Any]:
    """The sums of the rows of a table of runs, with the columns of `run_sum_changes`."""
    is_summed = is_summed_up(table)
    keys = (
        literal(table.name).label("noun"),
        func.coalesce(table.c.state_type, NO_STATE).label("state_type"),
        *(case((is_summed, x)).label(x.name) for x in name_and_minute(table)),
    )
    return select(*keys, *values_of(table, is_summed)).group_by(*keys[1:])


def is_summed_up(table: Table) -> ColumnElement[bool]:
    """Whether a run has ended, and is summed up by state and minute."""
    return table.c.state_type.in_(_ENDED) & table.c.expected_start_time.is_not(None)


def name_and_minute(table: Table) -> tuple[Label[Any], Label[Any]]:
    """By which runs that have ended are summed up, beside the type of their state."""
    name = func.coalesce(table.c.state_name, "").label("state_name")
    return name, minute_of(table.c.expected_start_time).label("minute")


def values_of(table: Table, is_summed: ColumnElement[bool]) -> Iterator[Label[Any]]:
    """The sums of a group of runs; those that are not summed up are only counted."""
    run = table.c
    run_time = case((is_summed, run.total_run_time), else_=0.0)
    late = case((is_summed, at_least_zero(microseconds_between(run.expected_start_time, run.start_time))))
    sums = (func.count(), func.sum(run_time), func.coalesce(func.sum(late), 0) * 1.0)
    return (x.label(name) for x, name in zip(sums, VALUES, strict=True))


def fold(conn: Connection) -> None:
    """Add the changes of late to what is folded already."""
    changes = conn.execute(delete(run_sum_changes).returning(run_sum_changes)).mappings().all()
    counts = summed(changes, run_counts)
    sums = summed((x for x in changes if x["minute"] is not None), run_sums)
    _ADD_COUNTS.write(conn, counts)
    _ADD_SUMS.write(conn, sums)
    _DELETE_EMPTY.write(conn, [x | {"runs": 0} for x in sums if x["runs"] <= 0])


def summed(changes: Iterable[Any], table: Table) -> Rows:
    """The changes added up by the key of a table, in the order of the keys."""
    keys = [x.name for x in table.primary_key]
    values = [x.name for x in table.c if not x.primary_key]
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for change in changes:
        key = tuple(change[x] for x in keys)
        row = found.setdefault(key, dict(zip(keys, key, strict=True)) | dict.fromkeys(values, 0))
        for x in values:
            row[x] += change[x]
    return [found[key] for key in sorted(found)]


def counted(table: Table) -> Select[Any]:
    """How many runs of the table are in a state of each type, or in none: the type, and the number."""
    parts = (select(x.c.state_type, x.c.runs).where(x.c.noun == table.name) for x in (run_counts, run_sum_changes))
    every = together(*parts)
    return select(every.c.state_type, func.sum(every.c.runs)).group_by(every.c.state_type)


def ended(table: Table, start: datetime, end: datetime) -> FromClause:
    """The sums of runs that have ended, of the minutes that begin from `start` on and before `end`: a row a minute and
    state, or several, with the columns of `run_sums`."""
    columns = run_sums.c.keys()
    return together(
        *(
            select(*(x.c[name] for name in columns)).where(
                x.c.noun == table.name, x.c.minute >= start, x.c.minute < end
            )
            for x in (run_sums, run_sum_changes)
        )
    )


def together(first: Select[Any], second: Select[Any]) -> FromClause:
    """What is folded and what is not, as one."""
    every: CompoundSelect[Any] = first.union_all(second)
    return every.subquery()

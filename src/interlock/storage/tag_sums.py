"""Sums over the task runs of a tag that have ended, by minute and state: what a history of the runs with a tag tells of
them. Kept up to date as the sums over all runs are (sums.py), in tables of their own.

What lives here: what a change of a run means for the sums of its tags, the sums of rows, and folding. What does not:
what is added up of a run (sums.py), and the history (queries/history.py).

A tag is told by its key in the index of tags (tags.py). Several runs of a transaction that have a tag, minute and state
in common are a row together.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, FromClause, Select, delete, insert, select
from sqlalchemy.sql.elements import ColumnElement

from interlock.orchestration.runs import TaskRun
from interlock.storage.prepared import BulkAdd, BulkDelete, BulkInsert, Rows, Writes
from interlock.storage.sums import (
    VALUES,
    Key,
    Values,
    add_values,
    is_summed_up,
    name_and_minute,
    of_ended,
    summed,
    together,
    values_of,
)
from interlock.storage.tables import tag_sum_changes, tag_sums, task_run_tags, task_runs
from interlock.storage.tags import key_of, keys_of

_Sums = dict[tuple[Any, ...], list[float]]
"""The changes of sums, by tag, type and name of the state, and minute."""

_INSERT = BulkInsert(tag_sum_changes, tag_sum_changes.c.keys())
_ADD = BulkAdd(tag_sums, tag_sums.c.keys())
_DELETE_EMPTY = BulkDelete(tag_sums, (*(x.name for x in tag_sums.primary_key), "runs"))


def add_changes(writes: Writes, moves: Iterable[tuple[TaskRun | None, TaskRun]]) -> None:
    """Note how the sums change as task runs, or their tags, do: each run as it was, None where it is new, and as it is
    now."""
    changes: _Sums = {}
    for before, after in moves:
        if before is not None and before.tags:
            _add_run(changes, before, -1)
        if after.tags:
            _add_run(changes, after, 1)
    writes.add(_INSERT, _rows(changes))


def _add_run(changes: _Sums, run: TaskRun, sign: int) -> None:
    ended = of_ended(run)
    if ended is not None:
        _add(changes, run.tags, *ended, sign)


def _add(changes: _Sums, tags: Iterable[str], key: Key, values: Values, sign: int) -> None:
    for tag in keys_of(tags):
        add_values(changes.setdefault((tag, *key), [0, 0.0, 0.0]), values, sign)


def _rows(changes: _Sums) -> Rows:
    names = ("tag", "state_type", "state_name", "minute", *VALUES)
    return [dict(zip(names, (*key, *values), strict=True)) for key, values in changes.items() if any(values)]


def forget(conn: Connection, doomed: ColumnElement[bool]) -> None:
    """Note that task runs are about to be deleted, which nobody else changes until then."""
    is_summed = is_summed_up(task_runs)
    keys = (task_runs.c.tags, task_runs.c.state_type, *name_and_minute(task_runs))
    gone = select(*keys, *values_of(task_runs, is_summed)).where(doomed, is_summed, task_runs.c.tags != [])
    changes: _Sums = {}
    for tags, state_type, name, minute, runs, run_time, lateness in conn.execute(gone.group_by(*keys)):
        # PostgreSQL sums integers up to a decimal.
        _add(changes, tags, (state_type, name, minute), (runs, run_time, float(lateness)), -1)
    _INSERT.write(conn, _rows(changes))


def rebuild(conn: Connection) -> None:
    """Sum up all task runs anew; for rows that were not written by transitions."""
    for kept in (tag_sums, tag_sum_changes):
        conn.execute(delete(kept))
    found = sums_of_rows().subquery()
    conn.execute(insert(tag_sums).from_select(tag_sums.c.keys(), select(*(found.c[x.name] for x in tag_sums.c))))


def sums_of_rows() -> Select[Any]:
    """The sums of the task runs by what the index of tags has them by, with the columns of `tag_sums`."""
    is_summed = is_summed_up(task_runs)
    keys = (task_run_tags.c.tag, task_runs.c.state_type, *name_and_minute(task_runs))
    tagged = task_run_tags.join(task_runs, task_runs.c.id == task_run_tags.c.task_run_id)
    return select(*keys, *values_of(task_runs, is_summed)).select_from(tagged).where(is_summed).group_by(*keys)


def fold(conn: Connection) -> None:
    """Add the changes of late to what is folded already."""
    found = summed(conn.execute(delete(tag_sum_changes).returning(tag_sum_changes)).mappings(), tag_sums)
    _ADD.write(conn, found)
    _DELETE_EMPTY.write(conn, [x | {"runs": 0} for x in found if x["runs"] <= 0])


def ended(tag: str, start: datetime, end: datetime) -> FromClause:
    """The sums of the task runs with a tag of the same key that have ended, of the minutes that begin from `start` on
    and before `end`: a row a minute and state, or several, with the columns of `tag_sums`."""
    within = (
        select(*x.c).where(x.c.tag == key_of(tag), x.c.minute >= start, x.c.minute < end)
        for x in (tag_sums, tag_sum_changes)
    )
    return together(*within)

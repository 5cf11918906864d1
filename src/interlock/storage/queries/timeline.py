"""The task runs of one flow run as bars on a timeline, page after page.

What lives here: what a bar needs of a task run, in the order of an index, however many there are. What does not: the
graph that clients know, which is whole or not at all (graph.py).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, select, tuple_

from interlock.storage.tables import flow_runs, task_runs

TaskKeys = tuple[str, str]
"""Task key and dynamic key, which tell the task runs of one flow run apart."""


class Bar(msgspec.Struct, frozen=True):
    """A task run: when it was expected, started and ended, and the task runs whose results it was given.
    `subflow_run_id` is the flow run that it stands for, if any."""

    id: str
    name: str
    state_type: str | None
    state_name: str | None
    expected_start_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    parents: Sequence[str]
    subflow_run_id: str | None


class Bars(msgspec.Struct, frozen=True):
    """A page of bars, and the keys of the last one where there are more after it."""

    items: Sequence[Bar]
    end: TaskKeys | None


_COLUMNS = ("name", "state_type", "state_name", "expected_start_time", "start_time", "end_time")
_KEYS = tuple_(task_runs.c.task_key, task_runs.c.dynamic_key)
_BARS = (
    select(task_runs.c.id, *(task_runs.c[x] for x in _COLUMNS), task_runs.c.task_inputs, flow_runs.c.id)
    .add_columns(task_runs.c.task_key, task_runs.c.dynamic_key)
    .outerjoin_from(task_runs, flow_runs, flow_runs.c.parent_task_run_id == task_runs.c.id)
    .order_by(task_runs.c.task_key, task_runs.c.dynamic_key)
)


def bars(
    conn: Connection, flow_run_id: str, limit: int, after: TaskKeys | None, changed_since: datetime | None
) -> Bars | None:
    """So many of a flow run's task runs after those of a page, by their keys; with `changed_since` only those that were
    created or changed by then or later. None where there is no such flow run."""
    if conn.execute(select(flow_runs.c.id).where(flow_runs.c.id == flow_run_id)).first() is None:
        return None
    wanted = _BARS.where(task_runs.c.flow_run_id == flow_run_id)
    if after is not None:
        wanted = wanted.where(tuple_(*(bindparam(None, x, task_runs.c.task_key.type) for x in after)) < _KEYS)
    if changed_since is not None:
        wanted = wanted.where(task_runs.c.updated >= changed_since)
    # One more than wanted tells whether there are more.
    found = conn.execute(wanted.limit(limit + 1)).all()
    end = (found[limit - 1][-2], found[limit - 1][-1]) if len(found) > limit else None
    return Bars([_bar(row) for row in found[:limit]], end)


def _bar(row: Sequence[Any]) -> Bar:
    run_id, name, state_type, state_name, expected, started, ended, inputs, subflow_run_id, *_ = row
    return Bar(run_id, name, state_type, state_name, expected, started, ended, _parents(inputs), subflow_run_id)


class _Input(msgspec.Struct):
    id: str | None = None


_inputs = msgspec.json.Decoder(dict[str, list[_Input]])


def _parents(task_inputs: str) -> list[str]:
    if task_inputs == "{}":
        return []
    given = (x.id for inputs in _inputs.decode(task_inputs).values() for x in inputs)
    return list(dict.fromkeys(x for x in given if x is not None))

"""Task runs: reading, renaming, deleting.

What lives here: statements on task runs other than transitions (ledger.py). What does not: how a filter becomes a
condition (filters.py).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select, update

from interlock.orchestration.runs import TaskRun
from interlock.storage import rows, state_events, sums, tag_sums, tags
from interlock.storage.queries.concurrency_limits import free_slots
from interlock.storage.queries.locks import lock_with_referring
from interlock.storage.store import one_statement
from interlock.storage.tables import concurrency_slots, flow_runs, task_runs


@one_statement
def by_id(conn: Connection, task_run_id: str) -> TaskRun | None:
    """One task run with its current state."""
    row = conn.execute(rows.select_task_runs().where(task_runs.c.id == task_run_id)).first()
    return None if row is None else rows.task_run(row)


def change(conn: Connection, task_run_id: str, values: dict[str, Any], now: datetime) -> bool:
    """Set the given columns; whether the task run exists."""
    statement = update(task_runs).where(task_runs.c.id == task_run_id).values(**values, updated=now)
    return conn.execute(statement).rowcount > 0


def delete_one(conn: Connection, task_run_id: str) -> bool:
    """Delete a task run with its states; its slots are free again, and a subflow of it no longer has a parent."""
    detach(conn, task_runs.c.id == task_run_id)
    return conn.execute(delete(task_runs).where(task_runs.c.id == task_run_id)).rowcount > 0


def detach(conn: Connection, doomed: ColumnElement[bool]) -> None:
    """Free task runs that are about to be deleted of what stays: their slots, the subflows that they are parents of,
    the index of tags, the sums over runs, and their events. They are locked until the end of the transaction."""
    ids = select(task_runs.c.id).where(doomed)
    are_subflows = flow_runs.c.parent_task_run_id.in_(ids)
    lock_with_referring(conn, flow_runs, are_subflows, task_runs, doomed)
    free_slots(conn, concurrency_slots.c.task_run_id.in_(ids))
    conn.execute(update(flow_runs).where(are_subflows).values(parent_task_run_id=None))
    sums.forget(conn, task_runs, doomed)
    tag_sums.forget(conn, doomed)
    state_events.remove(conn, task_runs, doomed)
    tagged = select(task_runs.c.id, task_runs.c.tags).where(doomed, task_runs.c.tags != [])
    tags.remove(conn, [(run_id, own) for run_id, own in conn.execute(tagged)])

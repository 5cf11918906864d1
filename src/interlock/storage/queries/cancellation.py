"""What goes on though the flow run that it belongs to was cancelled.

What lives here: finding such task runs and subflows. What does not: their cancellation (engine/services/
cancellation_cleanup.py).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, or_, select, text

from interlock.orchestration.states import TERMINAL_TYPES, StateType
from interlock.storage.expressions import among, unindexed
from interlock.storage.tables import flow_runs, task_runs
from interlock.storage.types import Keys

UNFINISHED = tuple(sorted(x.value for x in StateType if x not in TERMINAL_TYPES))
CANCELLED = text("coalesce(flow_runs.state_type, '') = 'CANCELLED'")
OPEN_SUBFLOW = and_(
    text("flow_runs.parent_task_run_id IS NOT NULL"),
    text("coalesce(flow_runs.state_type, '') NOT IN ('COMPLETED', 'CANCELLED', 'FAILED', 'CRASHED')"),
)
"""As partial indexes have it, word by word."""


class Place(NamedTuple):
    """A place among flow runs in the order of a time: when one was cancelled, or came to its state, and its id."""

    time: datetime
    id: str


class Unfinished(NamedTuple):
    """A run that goes on, the id of its state, and for a subflow its deployment, if it has one."""

    id: str
    state_id: str
    deployment_id: str | None = None


class Subflows(NamedTuple):
    """Of so many subflows that go on, those whose parent's flow run was cancelled; and the place of the last of all
    that were looked at, None where these were the last there are."""

    orphaned: list[Unfinished]
    last: Place | None


def cancelled(conn: Connection, after: Place, limit: int) -> list[Place]:
    """So many cancelled flow runs, those that ended next after this place."""
    end, run_id = flow_runs.c.end_time, flow_runs.c.id
    statement = select(end, run_id).where(CANCELLED, _comes_after(end, after)).order_by(end, run_id)
    return [Place(*row) for row in conn.execute(statement.limit(limit))]


def _comes_after(time: ColumnElement[Any], place: Place) -> ColumnElement[bool]:
    is_later = or_(time > place.time, and_(time == place.time, flow_runs.c.id > place.id))
    return and_(time >= place.time, is_later)


def unfinished_task_runs(conn: Connection, flow_run_ids: Collection[str], limit: int) -> list[Unfinished]:
    """So many task runs of these flow runs that go on."""
    mine = among(task_runs.c.flow_run_id, bindparam(None, list(flow_run_ids), Keys(task_runs.c.id.type)))
    goes_on = unindexed(task_runs.c.state_type).in_(UNFINISHED)
    return [
        Unfinished(*row)
        for row in conn.execute(select(task_runs.c.id, task_runs.c.state_id).where(mine, goes_on).limit(limit))
    ]


def orphaned_subflows(conn: Connection, after: Place, limit: int) -> Subflows:
    """Look at so many subflows that go on, those that came to their states next after this place. One that is being
    cancelled by its worker is left to it."""
    owner, since = flow_runs.alias("owner"), flow_runs.c.state_timestamp
    looked_at = (
        select(since, flow_runs.c.id, flow_runs.c.state_id, flow_runs.c.state_type, flow_runs.c.deployment_id)
        .add_columns(owner.c.state_type)
        .join(task_runs, task_runs.c.id == flow_runs.c.parent_task_run_id)
        .join(owner, owner.c.id == task_runs.c.flow_run_id)
        .where(OPEN_SUBFLOW, _comes_after(since, after))
        .order_by(since, flow_runs.c.id)
        .limit(limit)
    )
    found = conn.execute(looked_at).all()
    orphaned = [
        Unfinished(run_id, state_id, deployment_id)
        for _, run_id, state_id, state, deployment_id, of_owner in found
        if of_owner == StateType.CANCELLED and not (state == StateType.CANCELLING and deployment_id)
    ]
    return Subflows(orphaned, Place(*found[-1][:2]) if len(found) == limit else None)

"""The schedules of deployments.

What lives here: statements on single schedules and on all those of a deployment. What does not: the deployments
(deployments.py), and the runs that schedules make (scheduling.py): whoever changes something that these come of has the
scheduler begin anew.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, insert, select, update

from interlock.storage.queries import flow_runs
from interlock.storage.queries.locks import lock, locked_ids
from interlock.storage.tables import deployment_schedules as schedules
from interlock.storage.tables import deployments


def of_deployments(conn: Connection, deployment_ids: Iterable[str]) -> Sequence[RowMapping]:
    """The schedules of deployments, the last changed first."""
    mine = schedules.c.deployment_id.in_(deployment_ids)
    statement = select(schedules).where(mine).order_by(schedules.c.updated.desc(), schedules.c.id.desc())
    return conn.execute(statement).mappings().all()


def create(
    conn: Connection, deployment_id: str, rows: list[dict[str, Any]], now: datetime
) -> list[dict[str, Any]] | None:
    """Add schedules, given by their columns without deployment and times; the whole rows, in the same order.

    None where there is no such deployment.
    """
    if not locked_ids(conn, deployments, deployments.c.id == deployment_id):
        return None
    return _insert(conn, deployment_id, rows, now)


def replace(conn: Connection, deployment_id: str, rows: list[dict[str, Any]], now: datetime) -> None:
    """Give a deployment, which the caller has locked, these schedules instead of those it has.

    Those that stay come with their times.
    """
    conn.execute(delete(schedules).where(schedules.c.deployment_id == deployment_id))
    _insert(conn, deployment_id, rows, now)


def change(conn: Connection, deployment_id: str, schedule_id: str, values: dict[str, Any], now: datetime) -> bool:
    """Set the given columns of a schedule; whether it exists. The runs it made go, since they may be wrong now."""
    lock(conn, deployments, deployments.c.id == deployment_id)
    statement = update(schedules).where(_named(deployment_id, schedule_id)).values(**values, updated=now)
    if conn.execute(statement).rowcount == 0:
        return False
    flow_runs.delete_auto_scheduled(conn, deployment_id)
    begin_anew(conn, deployment_id, now)
    return True


def begin_anew(conn: Connection, deployment_id: str, now: datetime) -> None:
    """Have the scheduler look at all schedules of a deployment, which the caller has locked, as if they had made no
    run. That changes none of them."""
    mine = schedules.c.deployment_id == deployment_id
    conn.execute(update(schedules).where(mine).values(due=now, made=None))


def set_active(conn: Connection, deployment_id: str, active: bool, now: datetime) -> None:
    """Switch all schedules of a deployment, which the caller has locked, on or off; those that are so already count as
    unchanged."""
    others = and_(schedules.c.deployment_id == deployment_id, schedules.c.active != active)
    conn.execute(update(schedules).where(others).values(active=active, updated=now))


def delete_one(conn: Connection, deployment_id: str, schedule_id: str, now: datetime) -> bool:
    """Delete a schedule and the runs that schedules of its deployment made; whether it existed."""
    lock(conn, deployments, deployments.c.id == deployment_id)
    if conn.execute(delete(schedules).where(_named(deployment_id, schedule_id))).rowcount == 0:
        return False
    flow_runs.delete_auto_scheduled(conn, deployment_id)
    begin_anew(conn, deployment_id, now)
    return True


def _insert(conn: Connection, deployment_id: str, rows: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    begun = {"deployment_id": deployment_id, "due": now, "made": None}
    whole = [{"created": now, "updated": now} | row | begun for row in rows]
    if whole:
        conn.execute(insert(schedules), whole)
    return whole


def _named(deployment_id: str, schedule_id: str) -> ColumnElement[bool]:
    return and_(schedules.c.deployment_id == deployment_id, schedules.c.id == schedule_id)

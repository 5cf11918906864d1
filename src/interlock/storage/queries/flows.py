"""Flows: created once by name, read, changed, deleted.

What lives here: statements on flows. What does not: how a filter becomes a condition (filters.py).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from interlock.storage.filters import Criterion, Order, condition, ordering
from interlock.storage.queries import deployment_limits, flow_runs
from interlock.storage.queries.locks import locked_ids
from interlock.storage.tables import deployments, flows


def get_or_create(
    conn: Connection, flow_id: str, name: str, tags: list[str], labels: dict[str, Any], now: datetime
) -> tuple[RowMapping, bool]:
    """The flow of this name, made under `flow_id` if there is none; and whether it was made."""
    existing = by_name(conn, name)
    if existing is not None:
        return existing, False
    values = {"id": flow_id, "created": now, "updated": now, "name": name, "tags": tags, "labels": labels}
    conn.execute(insert(flows), values)
    made = by_id(conn, flow_id)
    assert made is not None
    return made, True


def by_id(conn: Connection, flow_id: str) -> RowMapping | None:
    """One flow."""
    return conn.execute(select(flows).where(flows.c.id == flow_id)).mappings().first()


def by_name(conn: Connection, name: str) -> RowMapping | None:
    """The flow of this name."""
    return conn.execute(select(flows).where(flows.c.name == name)).mappings().first()


def change(conn: Connection, flow_id: str, values: dict[str, Any], now: datetime) -> bool:
    """Set the given columns; whether the flow exists."""
    statement = update(flows).where(flows.c.id == flow_id).values(**values, updated=now)
    return conn.execute(statement).rowcount > 0


def delete_one(conn: Connection, flow_id: str) -> bool:
    """Delete a flow with its deployments and flow runs, and all that goes with those; whether it existed."""
    return bool(_delete(conn, [flow_id]))


def delete_found(conn: Connection, criterion: Criterion, limit: int) -> list[str]:
    """Delete so many flows that meet a criterion, the first by name, each as `delete_one` does; their ids."""
    wanted = select(flows.c.id).where(condition(flows, criterion)).order_by(*ordering(flows, Order("name")))
    return _delete(conn, conn.execute(wanted.limit(limit)).scalars().all())


def _delete(conn: Connection, ids: Sequence[str]) -> list[str]:
    """Delete flows; the ids of those that existed, in the same order."""
    there = set(locked_ids(conn, flows, flows.c.id.in_(ids)))
    doomed = [x for x in ids if x in there]
    if doomed:
        deployed = locked_ids(conn, deployments, deployments.c.flow_id.in_(doomed))
        flow_runs.delete_of_flows(conn, doomed)
        deployment_limits.delete_of(conn, deployed)
        conn.execute(delete(flows).where(flows.c.id.in_(doomed)))
    return doomed

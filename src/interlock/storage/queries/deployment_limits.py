"""The concurrency limits of deployments: global limits that the runs of one share.

What lives here: the limit that is a deployment's own, made, changed and deleted with it. What does not: how slots are
taken (concurrency_limits_v2.py).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, delete, select, update

from interlock.storage.queries import concurrency_limits_v2 as global_limits
from interlock.storage.tables import concurrency_limits_v2 as limits
from interlock.storage.tables import deployments


class OwnLimit(NamedTuple):
    """How many slots the limit of a deployment's own is to have, None for no limit; and its id where it is made."""

    slots: int | None
    new_id: str


def name_of(deployment_id: str) -> str:
    """What a deployment's own limit is called."""
    return f"deployment:{deployment_id}"


def by_ids(conn: Connection, ids: Collection[str]) -> dict[str, RowMapping]:
    """Limits by their ids."""
    if not ids:
        return {}
    found = conn.execute(select(limits).where(limits.c.id.in_(ids))).mappings()
    return {row["id"]: row for row in found}


def exists(conn: Connection, limit_id: str) -> bool:
    """Whether there is such a limit."""
    return conn.execute(select(limits.c.id).where(limits.c.id == limit_id)).first() is not None


def settle(conn: Connection, deployment_id: str, wanted: OwnLimit, now: datetime) -> None:
    """Give a deployment, which the caller has locked, a limit of so many slots, or take its limit from it.

    One that it shares with others is changed for all of them, but not deleted.
    """
    if wanted.slots is None:
        delete_of(conn, [deployment_id])
        _point(conn, deployment_id, None)
        return
    current = _current(conn, deployment_id)
    if current is not None:
        changed = (limits.c.id == current, limits.c.limit != wanted.slots)
        conn.execute(update(limits).where(*changed).values(limit=wanted.slots, updated=now))
        return
    delete_of(conn, [deployment_id])
    global_limits.create(conn, wanted.new_id, {"name": name_of(deployment_id), "limit": wanted.slots}, now)
    _point(conn, deployment_id, wanted.new_id)


def _current(conn: Connection, deployment_id: str) -> str | None:
    """The id of the limit that a deployment has; a limit that has been deleted is none."""
    pointed_at = select(deployments.c.concurrency_limit_id).where(deployments.c.id == deployment_id)
    return conn.execute(select(limits.c.id).where(limits.c.id == pointed_at.scalar_subquery())).scalar()


def delete_of(conn: Connection, deployment_ids: Sequence[str]) -> None:
    """Delete the limits that are these deployments' own."""
    if deployment_ids:
        conn.execute(delete(limits).where(limits.c.name.in_([name_of(x) for x in deployment_ids])))


def _point(conn: Connection, deployment_id: str, limit_id: str | None) -> None:
    conn.execute(update(deployments).where(deployments.c.id == deployment_id).values(concurrency_limit_id=limit_id))

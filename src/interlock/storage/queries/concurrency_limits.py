"""Concurrency limits of tags, and who holds their slots.

What lives here: what operators do to limits. What does not: how transitions take and free slots (ledger.py).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from interlock.storage.queries.locks import lock
from interlock.storage.tables import concurrency_limits, concurrency_slots

LimitWithHolders = dict[str, Any]
"""The columns of a limit, and `active_slots`: the ids of the task runs that hold its slots."""


def create_or_change(conn: Connection, limit_id: str, tag: str, slots: int, now: datetime) -> LimitWithHolders:
    """Give a tag this many slots; whoever holds one keeps it. A tag without a limit gets one under `limit_id`."""
    change = update(concurrency_limits).where(concurrency_limits.c.tag == tag)
    if conn.execute(change.values(concurrency_limit=slots, updated=now)).rowcount == 0:
        values = {"id": limit_id, "created": now, "updated": now, "tag": tag, "concurrency_limit": slots}
        conn.execute(insert(concurrency_limits), values)
    limit = by_tag(conn, tag)
    assert limit is not None
    return limit


def by_id(conn: Connection, limit_id: str) -> LimitWithHolders | None:
    """One limit."""
    return _one(conn, concurrency_limits.c.id == limit_id)


def by_tag(conn: Connection, tag: str) -> LimitWithHolders | None:
    """The limit of this tag."""
    return _one(conn, concurrency_limits.c.tag == tag)


def page(conn: Connection, limit: int, offset: int) -> list[LimitWithHolders]:
    """Limits by tag."""
    statement = select(concurrency_limits).order_by(concurrency_limits.c.tag).limit(limit).offset(offset)
    return _with_holders(conn, [dict(row) for row in conn.execute(statement).mappings()])


def delete_by_id(conn: Connection, limit_id: str) -> bool:
    """Delete a limit; whether it existed."""
    return conn.execute(delete(concurrency_limits).where(concurrency_limits.c.id == limit_id)).rowcount > 0


def delete_by_tag(conn: Connection, tag: str) -> bool:
    """Delete the limit of this tag; whether it existed."""
    return conn.execute(delete(concurrency_limits).where(concurrency_limits.c.tag == tag)).rowcount > 0


def reset(conn: Connection, tag: str, holders: Sequence[str], now: datetime) -> bool:
    """Let exactly these ids hold the slots of the tag's limit; whether it exists."""
    touch = update(concurrency_limits).where(concurrency_limits.c.tag == tag).values(updated=now)
    limit_id = conn.execute(touch.returning(concurrency_limits.c.id)).scalar()
    if limit_id is None:
        return False
    conn.execute(delete(concurrency_slots).where(concurrency_slots.c.concurrency_limit_id == limit_id))
    slots = [{"concurrency_limit_id": limit_id, "task_run_id": x} for x in dict.fromkeys(holders)]
    if slots:
        conn.execute(insert(concurrency_slots), slots)
    return True


def free_slots(conn: Connection, condition: ColumnElement[bool]) -> None:
    """Take away the slots for which the condition holds, while no batch counts the holders of their limits."""
    limits = select(concurrency_slots.c.concurrency_limit_id).where(condition)
    lock(conn, concurrency_limits, concurrency_limits.c.id.in_(limits))
    conn.execute(delete(concurrency_slots).where(condition))


def _one(conn: Connection, condition: ColumnElement[bool]) -> LimitWithHolders | None:
    row = conn.execute(select(concurrency_limits).where(condition)).mappings().first()
    return None if row is None else _with_holders(conn, [dict(row)])[0]


def _with_holders(conn: Connection, limits: list[dict[str, Any]]) -> list[LimitWithHolders]:
    holders: dict[str, list[str]] = {limit["id"]: [] for limit in limits}
    statement = (
        select(concurrency_slots.c.concurrency_limit_id, concurrency_slots.c.task_run_id)
        .where(concurrency_slots.c.concurrency_limit_id.in_(holders))
        .order_by(concurrency_slots.c.task_run_id)
    )
    for limit_id, task_run_id in conn.execute(statement):
        holders[limit_id].append(task_run_id)
    return [limit | {"active_slots": holders[limit["id"]]} for limit in limits]

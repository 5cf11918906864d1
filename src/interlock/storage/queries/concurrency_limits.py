"""Concurrency limits of tags, and who holds their slots.

What lives here: what operators do to limits. What does not: how transitions take and free slots (tag_limits.py), how
leases do (concurrency_leases.py), and these limits as global ones, which they are too (concurrency_limits_v2.py).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, union, update

from interlock.orchestration.global_limits import TAG_PREFIX
from interlock.storage.queries import concurrency_limits_v2
from interlock.storage.queries.locks import lock
from interlock.storage.tables import concurrency_lease_slots, concurrency_leases, concurrency_slots
from interlock.storage.tables import concurrency_limits_v2 as limits_table

LimitWithHolders = dict[str, Any]
"""`id`, `created`, `updated`, `tag` and `concurrency_limit`; and `active_slots`: the ids of the task runs that hold its
slots, be it by a transition or by a lease."""

_AFTER_TAGS = f"{TAG_PREFIX[:-1]}{chr(ord(TAG_PREFIX[-1]) + 1)}"
_IS_OF_TAG = and_(limits_table.c.name >= TAG_PREFIX, limits_table.c.name < _AFTER_TAGS)


def create_or_change(conn: Connection, limit_id: str, tag: str, slots: int, now: datetime) -> LimitWithHolders:
    """Give a tag this many slots; whoever holds one keeps it. A tag without a limit gets one under `limit_id`."""
    change = update(limits_table).where(limits_table.c.name == name_of(tag))
    if conn.execute(change.values(limit=slots, updated=concurrency_limits_v2.latest(now))).rowcount == 0:
        concurrency_limits_v2.create(conn, limit_id, {"name": name_of(tag), "limit": slots}, now)
    limit = by_tag(conn, tag, now)
    assert limit is not None
    return limit


def name_of(tag: str) -> str:
    """The name of the tag's limit."""
    return f"{TAG_PREFIX}{tag}"


def by_id(conn: Connection, limit_id: str, now: datetime) -> LimitWithHolders | None:
    """One limit of a tag, with who holds its slots by now."""
    return _one(conn, and_(limits_table.c.id == limit_id, _IS_OF_TAG), now)


def by_tag(conn: Connection, tag: str, now: datetime) -> LimitWithHolders | None:
    """The limit of this tag, with who holds its slots by now."""
    return _one(conn, limits_table.c.name == name_of(tag), now)


def page(conn: Connection, limit: int, offset: int, now: datetime) -> list[LimitWithHolders]:
    """Limits by tag."""
    statement = select(limits_table).where(_IS_OF_TAG).order_by(limits_table.c.name).limit(limit).offset(offset)
    return _with_holders(conn, list(conn.execute(statement).mappings()), now)


def delete_by_id(conn: Connection, limit_id: str) -> bool:
    """Delete a limit of a tag; whether it existed."""
    return _delete(conn, and_(limits_table.c.id == limit_id, _IS_OF_TAG))


def delete_by_tag(conn: Connection, tag: str) -> bool:
    """Delete the limit of this tag; whether it existed."""
    return _delete(conn, limits_table.c.name == name_of(tag))


def reset(conn: Connection, tag: str, holders: Sequence[str], now: datetime) -> bool:
    """Let exactly these ids hold the slots of the tag's limit; whether it exists. Whoever held slots, by whatever
    means, holds them no longer."""
    touch = update(limits_table).where(limits_table.c.name == name_of(tag))
    touched = touch.values(updated=concurrency_limits_v2.latest(now), active_slots=0)
    limit_id = conn.execute(touched.returning(limits_table.c.id)).scalar()
    if limit_id is None:
        return False
    concurrency_limits_v2.let_go(conn, [limit_id])
    slots = [{"concurrency_limit_id": limit_id, "task_run_id": x} for x in dict.fromkeys(holders)]
    if slots:
        conn.execute(insert(concurrency_slots), slots)
    return True


def free_slots(conn: Connection, condition: ColumnElement[bool]) -> None:
    """Take away the slots for which the condition holds, while no batch counts the holders of their limits."""
    limits = select(concurrency_slots.c.concurrency_limit_id).where(condition)
    lock(conn, limits_table, limits_table.c.id.in_(limits))
    conn.execute(delete(concurrency_slots).where(condition))


def _delete(conn: Connection, condition: ColumnElement[bool]) -> bool:
    """Delete a limit, and the leases that held slots of it alone."""
    lock(conn, limits_table, condition)
    limit_id = conn.execute(select(limits_table.c.id).where(condition)).scalar()
    if limit_id is None:
        return False
    concurrency_limits_v2.let_go(conn, [limit_id])
    return conn.execute(delete(limits_table).where(limits_table.c.id == limit_id)).rowcount > 0


def _one(conn: Connection, condition: ColumnElement[bool], now: datetime) -> LimitWithHolders | None:
    row = conn.execute(select(limits_table).where(condition)).mappings().first()
    return None if row is None else _with_holders(conn, [row], now)[0]


def _with_holders(conn: Connection, rows: Sequence[Any], now: datetime) -> list[LimitWithHolders]:
    holders: dict[str, list[str]] = {row["id"]: [] for row in rows}
    by_transition = select(concurrency_slots.c.concurrency_limit_id, concurrency_slots.c.task_run_id).where(
        concurrency_slots.c.concurrency_limit_id.in_(holders)
    )
    by_lease = (
        select(concurrency_lease_slots.c.concurrency_limit_id, concurrency_leases.c.holder_id)
        .join(concurrency_leases, concurrency_leases.c.id == concurrency_lease_slots.c.lease_id)
        .join(limits_table, limits_table.c.id == concurrency_lease_slots.c.concurrency_limit_id)
        .where(
            concurrency_lease_slots.c.concurrency_limit_id.in_(holders),
            concurrency_leases.c.expires > now,
            concurrency_leases.c.expires > limits_table.c.updated,
            concurrency_leases.c.holder_type == "task_run",
        )
    )
    for limit_id, task_run_id in conn.execute(union(by_transition, by_lease).order_by(concurrency_slots.c.task_run_id)):
        holders[limit_id].append(task_run_id)
    return [_as_of_tag(row, holders[row["id"]]) for row in rows]


def _as_of_tag(row: Any, holders: list[str]) -> LimitWithHolders:
    named = {"tag": row["name"].removeprefix(TAG_PREFIX), "concurrency_limit": row["limit"]}
    return {x: row[x] for x in ("id", "created", "updated")} | named | {"active_slots": holders}

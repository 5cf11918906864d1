"""Slots of tags that a client takes for a task run by request, as the first clients of the 3.x line do.

What lives here: taking and freeing them. What does not: the limits (concurrency_limits.py). Such a slot is the same as
one that is taken by a transition, and comes free with the end of the run too.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select

from interlock.orchestration.global_limits import GlobalLimit, as_of, can_give
from interlock.storage.queries.concurrency_limits import name_of
from interlock.storage.queries.concurrency_limits_v2 import for_update, write_slots
from interlock.storage.tables import concurrency_limits_v2, concurrency_slots


class NoSlot(msgspec.Struct, frozen=True):
    """There is no slot left of this limit, nor will there ever be one where `is_closed`."""

    name: str
    is_closed: bool


def take(conn: Connection, tags: Sequence[str], task_run_id: str, now: datetime) -> list[GlobalLimit] | NoSlot:
    """Take a slot of each active limit on these tags for a task run, or of none; what it holds already it keeps."""
    limits = for_update(conn, _on(tags), now, besides=task_run_id)
    active = [x for x in limits if x.active]
    for limit in sorted(active, key=lambda x: x.limit):
        if not can_give(limit, 1, now):
            return NoSlot(limit.name, limit.limit == 0)
    missing = {x.id for x in active} - _held_by(conn, task_run_id)
    if missing:
        rows = [{"concurrency_limit_id": x, "task_run_id": task_run_id} for x in sorted(missing)]
        conn.execute(insert(concurrency_slots), rows)
        write_slots(conn, [as_of(x, now) for x in active])
    return active


def free(conn: Connection, tags: Sequence[str], task_run_id: str, now: datetime) -> list[GlobalLimit]:
    """Free the slots that a task run holds of the limits on these tags; all these limits."""
    limits = for_update(conn, _on(tags), now)
    ids = _held_by(conn, task_run_id)
    held = [x for x in limits if x.id in ids]
    own = concurrency_slots.c.task_run_id == task_run_id
    conn.execute(delete(concurrency_slots).where(own, concurrency_slots.c.concurrency_limit_id.in_(x.id for x in held)))
    write_slots(conn, [as_of(x, now) for x in held])
    return limits


def _held_by(conn: Connection, task_run_id: str) -> set[str]:
    """The limits that it holds slots of."""
    slots = concurrency_slots.c
    return set(conn.execute(select(slots.concurrency_limit_id).where(slots.task_run_id == task_run_id)).scalars())


def _on(tags: Sequence[str]) -> Any:
    return concurrency_limits_v2.c.name.in_([name_of(x) for x in tags])

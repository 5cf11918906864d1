"""The limits of tags and of deployments as transitions see them: who holds their slots, out of the tables and in.

What lives here: what a batch reads and writes of them. What does not: the batch (ledger.py), which limits the runs at
hand have (ledger.py, deployment_slots.py), and what operators and clients do to limits by request
(queries/concurrency_limits.py and its neighbours).
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, Integer, bindparam, case, literal_column, or_, select, union_all

from interlock.orchestration.batch import Limit, WorkingSet
from interlock.orchestration.global_limits import TAG_PREFIX, GlobalLimit, as_of
from interlock.storage.expressions import among
from interlock.storage.prepared import BulkDelete, BulkInsert, BulkUpdate, Prepared, Writes
from interlock.storage.tables import (
    concurrency_lease_slots,
    concurrency_leases,
    concurrency_limits_v2,
    concurrency_slots,
)
from interlock.storage.types import Keys, UtcTime

_NAMED = among(concurrency_limits_v2.c.name, bindparam("names", type_=Keys(concurrency_limits_v2.c.name.type)))
_GIVEN = among(concurrency_limits_v2.c.id, bindparam("ids", type_=Keys(concurrency_limits_v2.c.id.type)))
_LIMITS = select(concurrency_limits_v2).order_by(concurrency_limits_v2.c.id)
_OF_TAGS = Prepared(_LIMITS.where(_NAMED), lock={"key_share": True})
_OF_TAGS_AND_DEPLOYMENTS = Prepared(_LIMITS.where(or_(_NAMED, _GIVEN)), lock={"key_share": True})
_COLUMNS = concurrency_limits_v2.c.keys()
_LIMIT_IDS = bindparam("keys", type_=Keys(concurrency_slots.c.concurrency_limit_id.type))
_SLOTS = Prepared(
    select(concurrency_slots.c.concurrency_limit_id, concurrency_slots.c.task_run_id).where(
        among(concurrency_slots.c.concurrency_limit_id, _LIMIT_IDS)
    )
)
_LEASE_HOLDER = case((concurrency_leases.c.holder_type == "task_run", concurrency_leases.c.holder_id))
_HELD = Prepared(
    # Of each limit the runs that hold a slot by a transition, and what leases hold: the slots, and the run if any.
    union_all(
        select(
            concurrency_slots.c.concurrency_limit_id,
            concurrency_slots.c.task_run_id,
            literal_column("0", Integer).label("slots"),
        ).where(among(concurrency_slots.c.concurrency_limit_id, _LIMIT_IDS)),
        select(concurrency_lease_slots.c.concurrency_limit_id, _LEASE_HOLDER, concurrency_lease_slots.c.slots)
        .join(concurrency_leases, concurrency_leases.c.id == concurrency_lease_slots.c.lease_id)
        .where(
            among(concurrency_lease_slots.c.concurrency_limit_id, _LIMIT_IDS),
            concurrency_leases.c.expires > bindparam("now", type_=UtcTime),
            concurrency_lease_slots.c.is_stored.is_(False),
        ),
    )
)
_INSERT_SLOT = BulkInsert(concurrency_slots, concurrency_slots.c.keys())
_DELETE_SLOT = BulkDelete(concurrency_slots, concurrency_slots.c.keys())
_TOUCHED = ("updated", "active_slots", "denied_slots", "avg_slot_occupancy_seconds")
_TOUCH_LIMIT = BulkUpdate(concurrency_limits_v2, _TOUCHED)


def load(conn: Connection, facts: WorkingSet, tags: Collection[str], ids: Collection[str], now: datetime) -> None:
    """The limits on these tags, and those of these ids, with who holds their slots by now. All are locked at once where
    others may write too, so that nobody waits crosswise."""
    names = [f"{TAG_PREFIX}{tag}" for tag in tags]
    rows = (
        _OF_TAGS_AND_DEPLOYMENTS.fetch(conn, {"names": names, "ids": ids})
        if ids
        else _OF_TAGS.fetch(conn, {"names": names})
    )
    limits = {x[0]: Limit(as_of(GlobalLimit(**dict(zip(_COLUMNS, x, strict=True))), now)) for x in rows}
    if limits:
        for limit_id, task_run_id, leased in _HELD.fetch(conn, {"keys": limits, "now": now}):
            limits[limit_id].add_holder(task_run_id, leased)
    for limit in limits.values():
        facts.add_limit(limit)


def gather(conn: Connection, writes: Writes, facts: WorkingSet) -> None:
    """Add to the writes what the batch has changed of slots, and of the limits that they belong to."""
    limits = {x: facts.limits_by_id[x].holders for x in facts.touched_limits}
    if not limits:
        return
    wanted = {(limit_id, run_id) for limit_id, holders in limits.items() for run_id in holders}
    stored = {(limit_id, run_id) for limit_id, run_id in _SLOTS.fetch(conn, {"keys": limits})}
    writes.add(_DELETE_SLOT, [_slot(*x) for x in stored - wanted])
    writes.add(_INSERT_SLOT, [_slot(*x) for x in wanted - stored])
    touched = (as_of(facts.limits_by_id[x].record, changed) for x, changed in facts.touched_limits.items())
    writes.add(_TOUCH_LIMIT, [{x: getattr(limit, x) for x in _TOUCHED} | {"id": limit.id} for limit in touched])


def _slot(limit_id: str, task_run_id: str) -> dict[str, str]:
    return {"concurrency_limit_id": limit_id, "task_run_id": task_run_id}

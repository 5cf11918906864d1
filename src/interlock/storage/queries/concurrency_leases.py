"""Leases of concurrency slots: taken, renewed, given back, and gone when they have expired.

What lives here: statements on leases. What does not: what they take (orchestration/concurrency_leases.py), and how the
slots of leases are counted (concurrency_limits_v2.py, and tag_limits.py for transitions).

Whoever takes, renews or ends a lease locks the limits that it holds slots of first, by id: so the leases of a limit
stay what they are while its slots are counted.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, insert, select, update

from interlock.orchestration import concurrency_leases as rules
from interlock.orchestration import global_limits
from interlock.orchestration.concurrency_leases import Held, Holder, Lease, Share
from interlock.orchestration.global_limits import Denial, GlobalLimit, Mode
from interlock.storage.expressions import among
from interlock.storage.queries.concurrency_limits_v2 import for_update, write_slots
from interlock.storage.tables import concurrency_lease_slots, concurrency_leases, concurrency_limits_v2
from interlock.storage.types import Keys

SHARES = select(
    *(concurrency_leases.c[x] for x in ("id", "created", "expires", "holder_type", "holder_id")),
    *(concurrency_lease_slots.c[x] for x in ("concurrency_limit_id", "slots", "is_stored")),
).join_from(concurrency_leases, concurrency_lease_slots, concurrency_lease_slots.c.lease_id == concurrency_leases.c.id)
"""What leases hold, a row a lease and limit; narrow it down with `where`, and read it with `lease_and_share`."""


def take(
    conn: Connection,
    lease_id: str,
    names: Sequence[str],
    slots: int,
    mode: Mode,
    duration: timedelta,
    holder: Holder | None,
    now: datetime,
) -> list[GlobalLimit] | Denial:
    """Lease so many slots of each of these limits, or of none: the limits, by name, among them those that limit
    nothing. Where there are none of these names, no lease is kept. A slot that the holder has by a transition is not in
    its way: it has that of the lease instead.

    Raises ImpossibleAcquisitionError.
    """
    task_run_id = holder.id if holder is not None and holder.type == "task_run" else None
    limits = for_update(conn, concurrency_limits_v2.c.name.in_(names), now, besides=task_run_id)
    active = [x for x in limits if x.active]
    global_limits.check_possible(active, slots, mode)
    now = rules.moment_of(limits, now)
    granted = rules.grant(active, slots, now)
    if granted is None:
        # Nothing is written: who waits asks again and again.
        return rules.denial(active, _held(conn, [x.id for x in active], now), slots, now)
    write_slots(conn, granted.limits)
    if limits:
        _insert(conn, Lease(lease_id, now, now + duration, holder), granted.shares)
    return limits


class ActiveLease(msgspec.Struct, frozen=True):
    """A lease that has not expired, and how many slots of one limit it holds."""

    lease: Lease
    slots: int


def of_limit(conn: Connection, limit_id: str, now: datetime, limit: int, offset: int) -> list[ActiveLease]:
    """The leases that hold slots of a limit, by when they expire."""
    leases = concurrency_leases.c
    held = SHARES.where(concurrency_lease_slots.c.concurrency_limit_id == limit_id, leases.expires > now)
    page = held.order_by(leases.expires, leases.id).limit(limit).offset(offset)
    return [ActiveLease(lease, share.slots) for lease, share in _found(conn, page)]


def renew(conn: Connection, lease_id: str, duration: timedelta, now: datetime) -> bool:
    """Have a lease expire so long from now, whether it would sooner or later; False where it is not alive."""
    limits = _limits_of(conn, [lease_id], now)
    now = rules.moment_of(limits, now)
    is_alive = (concurrency_leases.c.id == lease_id, concurrency_leases.c.expires > now)
    return conn.execute(update(concurrency_leases).where(*is_alive).values(expires=now + duration)).rowcount > 0


def give_back(conn: Connection, lease_id: str, now: datetime) -> None:
    """End a lease; nothing happens where there is none."""
    _end(conn, [lease_id], now)


def end_of_flow_runs(conn: Connection, flow_run_ids: Sequence[str]) -> None:
    """End the leases of flow runs that are about to be deleted, which nobody else changes until then.

    What they took of rate limits comes back by itself.
    """
    ids = bindparam("holders", flow_run_ids, Keys(concurrency_leases.c.holder_id.type))
    held = (concurrency_leases.c.holder_type == "flow_run", among(concurrency_leases.c.holder_id, ids))
    conn.execute(delete(concurrency_leases).where(*held))


def delete_expired(conn: Connection, now: datetime, limit: int) -> int:
    """Delete up to `limit` leases that have expired by now; returns how many there were.

    They count for nothing already, but for what is left of the slots that they took of rate limits.
    """
    expired = select(concurrency_leases.c.id).where(concurrency_leases.c.expires <= now)
    ids = conn.execute(expired.order_by(concurrency_leases.c.expires).limit(limit)).scalars().all()
    if ids:
        _end(conn, ids, now, concurrency_leases.c.expires <= now)
    return len(ids)


def _end(conn: Connection, lease_ids: Sequence[str], now: datetime, *conditions: ColumnElement[bool]) -> None:
    """Delete those of the leases for which the conditions hold once their limits are locked, and give their shares
    back. A lease that has expired was of use until then."""
    limits = {x.id: x for x in _limits_of(conn, lease_ids, now)}
    now = rules.moment_of(limits.values(), now)
    doomed = concurrency_leases.c.id.in_(lease_ids)
    for lease, share in _shares(conn, doomed, *conditions):
        seconds = (min(now, lease.expires) - lease.created).total_seconds()
        limits[share.limit_id] = rules.give_back(limits[share.limit_id], share, seconds, now)
    write_slots(conn, list(limits.values()))
    conn.execute(delete(concurrency_leases).where(doomed, *conditions))


def _limits_of(conn: Connection, lease_ids: Sequence[str], now: datetime) -> list[GlobalLimit]:
    """The limits that the leases hold slots of, locked. A lease never comes to hold slots of another."""
    shares = concurrency_lease_slots.c
    limit_ids = conn.execute(select(shares.concurrency_limit_id).where(shares.lease_id.in_(lease_ids)).distinct())
    found = limit_ids.scalars().all()
    return for_update(conn, concurrency_limits_v2.c.id.in_(found), now) if found else []


def _shares(conn: Connection, *conditions: ColumnElement[bool]) -> Iterable[tuple[Lease, Share]]:
    return _found(conn, SHARES.where(*conditions))


def _found(conn: Connection, shares: Select[Any]) -> Iterable[tuple[Lease, Share]]:
    return map(lease_and_share, conn.execute(shares).all())


def lease_and_share(row: Sequence[Any]) -> tuple[Lease, Share]:
    """A row of SHARES."""
    lease_id, created, expires, kind, holder_id, *share = row
    return Lease(lease_id, created, expires, Holder(kind, holder_id) if kind else None), Share(*share)


def _held(conn: Connection, limit_ids: Sequence[str], now: datetime) -> dict[str, list[Held]]:
    """What leases hold of each of these limits, and until when."""
    held: dict[str, list[Held]] = {}
    of_these = concurrency_lease_slots.c.concurrency_limit_id.in_(limit_ids)
    for lease, share in _shares(conn, of_these, concurrency_leases.c.expires > now):
        if not share.is_stored:
            held.setdefault(share.limit_id, []).append(Held(share.slots, lease.expires))
    return held


def _insert(conn: Connection, lease: Lease, shares: Sequence[Share]) -> None:
    conn.execute(insert(concurrency_leases), lease_values(lease))
    if shares:
        conn.execute(insert(concurrency_lease_slots), share_values(lease.id, shares))


def lease_values(lease: Lease) -> dict[str, Any]:
    """The row of a lease."""
    kind, holder_id = (lease.holder.type, lease.holder.id) if lease.holder else (None, None)
    values = {"id": lease.id, "created": lease.created, "expires": lease.expires}
    return values | {"holder_type": kind, "holder_id": holder_id}


def share_values(lease_id: str, shares: Sequence[Share]) -> list[dict[str, Any]]:
    """The rows of what a lease took."""
    return [
        {"lease_id": lease_id, "concurrency_limit_id": x.limit_id, "slots": x.slots, "is_stored": x.is_stored}
        for x in shares
    ]

"""Global concurrency limits: made, read, changed, and their slots taken and given back.

What lives here: statements on these limits. What does not: the arithmetic of slots (orchestration/global_limits.py),
leases (concurrency_leases.py), and the limits of tags as they are shown to operators (concurrency_limits.py).
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from interlock.orchestration import global_limits
from interlock.orchestration.global_limits import Denial, GlobalLimit, Mode
from interlock.storage.queries.locks import lock
from interlock.storage.tables import concurrency_lease_slots as lease_slots
from interlock.storage.tables import concurrency_leases as leases
from interlock.storage.tables import concurrency_limits_v2 as table
from interlock.storage.tables import concurrency_slots

INITIAL_OCCUPANCY_SECONDS = 2.0
"""What is taken for the average use of a slot before any is known."""

_WRITE_SLOTS = (
    update(table)
    .where(table.c.id == bindparam("limit_id"))
    .values({x: bindparam(x) for x in ("updated", "active_slots", "denied_slots", "avg_slot_occupancy_seconds")})
)


def create(conn: Connection, limit_id: str, values: dict[str, Any], now: datetime) -> GlobalLimit:
    """Make a limit; raises IntegrityError where its name is taken."""
    row = _initial_values(limit_id, now) | values
    conn.execute(insert(table), row)
    return GlobalLimit(**row)


def by_id_or_name(conn: Connection, id_or_name: str, now: datetime) -> GlobalLimit | None:
    """One limit, all slots that are taken by now among its `active_slots`."""
    found = _limits(conn, _with_held(now).where(_named(id_or_name)))
    return _shown(found[0], now) if found else None


def page(conn: Connection, limit: int, offset: int, now: datetime) -> list[GlobalLimit]:
    """Limits by name, each as one is shown."""
    statement = _with_held(now).order_by(table.c.name).limit(limit).offset(offset)
    return [_shown(x, now) for x in _limits(conn, statement)]


def change(conn: Connection, id_or_name: str, values: dict[str, Any], now: datetime) -> bool:
    """Set the given columns; whether the limit exists. A number of `active_slots` is that of all that are taken."""
    if values.get("active_slots") is not None:
        found = for_update(conn, _named(id_or_name), now)
        values = values | {"active_slots": _to_store(conn, found, values["active_slots"])}
    statement = update(table).where(_named(id_or_name)).values(**values, updated=latest(now))
    return conn.execute(statement).rowcount > 0


def latest(now: datetime) -> ColumnElement[datetime]:
    """The time of a change of a limit: never before that of the last one, whoever's clock is late."""
    return case((table.c.updated > now, table.c.updated), else_=literal(now, table.c.updated.type))


def delete_one(conn: Connection, id_or_name: str) -> bool:
    """Delete a limit; whether it existed."""
    return conn.execute(delete(table).where(_named(id_or_name))).rowcount > 0


def take_slots(
    conn: Connection, names: Sequence[str], slots: int, mode: Mode, new_id: Callable[[], str] | None, now: datetime
) -> list[GlobalLimit] | Denial:
    """Take slots of all these limits or of none; names without a limit get one that limits nothing, under an id of
    `new_id`, or are passed over where that is None.

    Raises ImpossibleAcquisitionError.
    """
    limits = for_update(conn, table.c.name.in_(names), now)
    active = [x for x in limits if x.active]
    global_limits.check_possible(active, slots, mode)
    outcome = global_limits.take(active, slots, now)
    if isinstance(outcome, Denial):
        write_slots(conn, [global_limits.deny(x, slots, now) for x in active])
        return outcome
    write_slots(conn, outcome)
    return limits + _create_inactive(conn, _missing(names, limits), new_id, now)


def free_slots(
    conn: Connection,
    names: Sequence[str],
    slots: int,
    occupancy_seconds: float | None,
    new_id: Callable[[], str] | None,
    now: datetime,
) -> list[GlobalLimit]:
    """Give slots of these limits back; names without a limit are seen to as by `take_slots`."""
    limits = for_update(conn, table.c.name.in_(names), now)
    write_slots(conn, [global_limits.free(x, slots, occupancy_seconds, now) for x in limits if x.active])
    return limits + _create_inactive(conn, _missing(names, limits), new_id, now)


def for_update(
    conn: Connection, condition: ColumnElement[bool], now: datetime, besides: str | None = None
) -> list[GlobalLimit]:
    """Limits by name, with what is held of them by now, while nobody else can take or free slots of them. What the task
    run `besides` holds by a transition is left out.

    What is held is read by a statement of its own, when nobody can change it any more.
    """
    lock(conn, table, condition)
    return _limits(conn, _with_held(now, besides).where(condition).order_by(table.c.name))


def write_slots(conn: Connection, limits: Sequence[GlobalLimit]) -> None:
    """Keep what was taken, freed or denied of these limits."""
    if limits:
        conn.execute(
            _WRITE_SLOTS,
            [
                {
                    "limit_id": x.id,
                    "updated": x.updated,
                    "active_slots": x.active_slots,
                    "denied_slots": x.denied_slots,
                    "avg_slot_occupancy_seconds": x.avg_slot_occupancy_seconds,
                }
                for x in limits
            ],
        )


def let_go(conn: Connection, limit_ids: Collection[str]) -> None:
    """Take what is held of these limits, which are locked, away from whoever holds it: task runs, and leases, which go
    where they hold nothing else."""
    of_these = lease_slots.c.concurrency_limit_id.in_(limit_ids)
    of_others = select(lease_slots.c.lease_id).where(lease_slots.c.concurrency_limit_id.not_in(limit_ids))
    doomed = select(lease_slots.c.lease_id).where(of_these, lease_slots.c.lease_id.not_in(of_others))
    conn.execute(delete(leases).where(leases.c.id.in_(doomed)))
    conn.execute(delete(lease_slots).where(of_these))
    conn.execute(delete(concurrency_slots).where(concurrency_slots.c.concurrency_limit_id.in_(limit_ids)))


def _to_store(conn: Connection, limits: Sequence[GlobalLimit], active_slots: int) -> int:
    """What is to be stored where so many slots are to be taken: what is held counts by itself, unless it is more."""
    held = sum(x.held for x in limits)
    if held <= active_slots:
        return active_slots - held
    let_go(conn, [x.id for x in limits])
    return active_slots


def _named(id_or_name: str) -> ColumnElement[bool]:
    """A text that reads as a UUID is an id, and anything else a name."""
    try:
        return table.c.id == str(UUID(id_or_name))
    except ValueError:
        return table.c.name == id_or_name


def _limits(conn: Connection, statement: Any) -> list[GlobalLimit]:
    return [GlobalLimit(**row) for row in conn.execute(statement).mappings()]


def _shown(limit: GlobalLimit, now: datetime) -> GlobalLimit:
    return msgspec.structs.replace(limit, active_slots=global_limits.active_slots(limit, now))


def _with_held(now: datetime, besides: str | None = None) -> Select[Any]:
    """Limits with what leases and task runs hold of them. A run that holds slots in both ways holds those of the
    lease."""
    of_limit = lease_slots.c.concurrency_limit_id == table.c.id
    # Whose clock is late does not see a lease come alive again whose slots were given to others.
    is_alive = (leases.c.id == lease_slots.c.lease_id, leases.c.expires > now, leases.c.expires > table.c.updated)
    leased = select(func.coalesce(func.sum(lease_slots.c.slots), 0)).where(
        of_limit, lease_slots.c.is_stored.is_(False), *is_alive
    )
    has_lease = (
        exists()
        .where(
            of_limit,
            *is_alive,
            leases.c.holder_type == "task_run",
            leases.c.holder_id == concurrency_slots.c.task_run_id,
        )
        .correlate(table, concurrency_slots)
    )
    by_runs = select(func.count()).where(concurrency_slots.c.concurrency_limit_id == table.c.id, ~has_lease)
    if besides is not None:
        by_runs = by_runs.where(concurrency_slots.c.task_run_id != besides)
    held = leased.correlate(table).scalar_subquery() + by_runs.correlate(table).scalar_subquery()
    return select(table, held.label("held"))


def _missing(names: Sequence[str], limits: Sequence[GlobalLimit]) -> list[str]:
    known = {x.name for x in limits}
    return [x for x in dict.fromkeys(names) if x not in known]


def _create_inactive(
    conn: Connection, names: Sequence[str], new_id: Callable[[], str] | None, now: datetime
) -> list[GlobalLimit]:
    if new_id is None:
        return []
    # Always in the same order, so that two who make the same ones never wait for each other.
    made = {x: create(conn, new_id(), {"name": x, "limit": 1, "active": False}, now) for x in sorted(names)}
    return [made[x] for x in names]


def _initial_values(limit_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": limit_id,
        "created": now,
        "updated": now,
        "active": True,
        "active_slots": 0,
        "denied_slots": 0,
        "slot_decay_per_second": 0.0,
        "avg_slot_occupancy_seconds": INITIAL_OCCUPANCY_SECONDS,
    }

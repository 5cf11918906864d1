"""Global concurrency limits: made, read, changed, and their slots taken and given back.

What lives here: statements on these limits. What does not: the arithmetic of slots (orchestration/global_limits.py).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, update

from interlock.orchestration import global_limits
from interlock.orchestration.global_limits import Denial, GlobalLimit, Mode
from interlock.storage.tables import concurrency_limits_v2 as table

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


def by_id_or_name(conn: Connection, id_or_name: str) -> GlobalLimit | None:
    """One limit."""
    row = conn.execute(select(table).where(_named(id_or_name))).mappings().first()
    return None if row is None else GlobalLimit(**row)


def page(conn: Connection, limit: int, offset: int) -> list[GlobalLimit]:
    """Limits by name."""
    return _limits(conn, select(table).order_by(table.c.name).limit(limit).offset(offset))


def change(conn: Connection, id_or_name: str, values: dict[str, Any], now: datetime) -> bool:
    """Set the given columns; whether the limit exists."""
    return conn.execute(update(table).where(_named(id_or_name)).values(**values, updated=now)).rowcount > 0


def delete_one(conn: Connection, id_or_name: str) -> bool:
    """Delete a limit; whether it existed."""
    return conn.execute(delete(table).where(_named(id_or_name))).rowcount > 0


def take_slots(
    conn: Connection, names: Sequence[str], slots: int, mode: Mode, new_id: Callable[[], str], now: datetime
) -> list[GlobalLimit] | Denial:
    """Take slots of all these limits or of none; names without a limit get one that limits nothing.

    Raises ImpossibleAcquisitionError.
    """
    limits = _for_update(conn, names)
    active = [x for x in limits if x.active]
    global_limits.check_possible(active, slots, mode)
    outcome = global_limits.take(active, slots, now)
    if isinstance(outcome, Denial):
        _write_slots(conn, [global_limits.deny(x, slots, now) for x in active])
        return outcome
    _write_slots(conn, outcome)
    return limits + _create_inactive(conn, _missing(names, limits), new_id, now)


def free_slots(
    conn: Connection,
    names: Sequence[str],
    slots: int,
    occupancy_seconds: float | None,
    new_id: Callable[[], str],
    now: datetime,
) -> list[GlobalLimit]:
    """Give slots of these limits back; names without a limit get one that limits nothing."""
    limits = _for_update(conn, names)
    _write_slots(conn, [global_limits.free(x, slots, occupancy_seconds, now) for x in limits if x.active])
    return limits + _create_inactive(conn, _missing(names, limits), new_id, now)


def _named(id_or_name: str) -> ColumnElement[bool]:
    """A text that reads as a UUID is an id, and anything else a name."""
    try:
        return table.c.id == str(UUID(id_or_name))
    except ValueError:
        return table.c.name == id_or_name


def _limits(conn: Connection, statement: Any) -> list[GlobalLimit]:
    return [GlobalLimit(**row) for row in conn.execute(statement).mappings()]


def _for_update(conn: Connection, names: Sequence[str]) -> list[GlobalLimit]:
    # Always in the same order, so that two who want the same rows never wait for each other.
    return _limits(conn, select(table).where(table.c.name.in_(names)).order_by(table.c.name).with_for_update())


def _missing(names: Sequence[str], limits: Sequence[GlobalLimit]) -> list[str]:
    known = {x.name for x in limits}
    return [x for x in dict.fromkeys(names) if x not in known]


def _create_inactive(
    conn: Connection, names: Sequence[str], new_id: Callable[[], str], now: datetime
) -> list[GlobalLimit]:
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


def _write_slots(conn: Connection, limits: Sequence[GlobalLimit]) -> None:
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

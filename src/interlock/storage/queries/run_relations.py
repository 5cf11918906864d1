"""What hangs on one run: the task runs that were given its result, and the slots that it holds.

What lives here: reads of single runs' relations, each found by an index. What does not: whole graphs (graph.py), and
limits with all their holders (concurrency_limits.py, concurrency_leases.py).
"""

from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, literal_column, select

from interlock.orchestration.concurrency_leases import HolderType
from interlock.storage.tables import (
    concurrency_lease_slots,
    concurrency_leases,
    concurrency_slots,
    task_runs,
)
from interlock.storage.tables import concurrency_limits_v2 as limits_table


class Dependent(msgspec.Struct, frozen=True):
    """A task run that was given another's result, for these of its inputs. `state_type` None: it has no state."""

    id: str
    name: str
    state_type: str | None
    state_name: str | None
    inputs: tuple[str, ...]


class HeldSlots(msgspec.Struct, frozen=True):
    """Slots of a limit that a run holds: by its state, or by a lease, which is free at `expires` unless renewed."""

    limit_id: str
    limit_name: str
    limit: int
    slots: int
    lease_id: str | None = None
    expires: datetime | None = None


def dependents(conn: Connection, task_run_id: str, limit: int) -> list[Dependent] | None:
    """The task runs of the same flow run that were given its result, the oldest first; None where there is no such run.

    Results go from task run to task run within a flow run, so no others are looked at.
    """
    run = conn.execute(select(task_runs.c.flow_run_id).where(task_runs.c.id == task_run_id)).first()
    if run is None or run[0] is None:
        return None if run is None else []
    mentions = func.instr if conn.dialect.name == "sqlite" else func.strpos
    named = mentions(task_runs.c.task_inputs, f'"{task_run_id}"') > 0
    columns = (task_runs.c[x] for x in ("id", "name", "state_type", "state_name", "task_inputs"))
    found = select(*columns).where(task_runs.c.flow_run_id == run[0], named).order_by(task_runs.c.id)
    runs = (
        Dependent(run_id, name, state_type, state_name, _inputs_of(inputs, task_run_id))
        for run_id, name, state_type, state_name, inputs in conn.execute(found.limit(limit))
    )
    return [x for x in runs if x.inputs]


def _inputs_of(text: str, task_run_id: str) -> tuple[str, ...]:
    """The inputs that are the result of a task run."""
    inputs = msgspec.json.decode(text)
    return tuple(name for name, given in inputs.items() if any(x.get("id") == task_run_id for x in given))


def slots_of(conn: Connection, holder_type: HolderType, holder_id: str, now: datetime) -> list[HeldSlots]:
    """The slots that a run holds by now, by the names of their limits. One that is held by a lease and by a state is
    that of the lease."""
    leased = _leased(conn, holder_type, holder_id, now)
    if holder_type != "task_run":
        return leased
    by_lease = {x.limit_id for x in leased}
    return sorted((*leased, *(x for x in _by_state(conn, holder_id) if x.limit_id not in by_lease)), key=_name)


def _name(held: HeldSlots) -> str:
    return held.limit_name


def _leased(conn: Connection, holder_type: HolderType, holder_id: str, now: datetime) -> list[HeldSlots]:
    shares, leases = concurrency_lease_slots.c, concurrency_leases.c
    found = (
        select(limits_table.c.id, limits_table.c.name, limits_table.c.limit, shares.slots, leases.id, leases.expires)
        .join_from(concurrency_leases, concurrency_lease_slots, shares.lease_id == leases.id)
        .join(limits_table, limits_table.c.id == shares.concurrency_limit_id)
        .where(leases.holder_id == holder_id, leases.holder_type == holder_type, leases.expires > now)
        .order_by(limits_table.c.name, leases.id)
    )
    return [HeldSlots(*row) for row in conn.execute(found)]


def _by_state(conn: Connection, task_run_id: str) -> list[HeldSlots]:
    found = (
        select(limits_table.c.id, limits_table.c.name, limits_table.c.limit, literal_column("1"))
        .join(concurrency_slots, concurrency_slots.c.concurrency_limit_id == limits_table.c.id)
        .where(concurrency_slots.c.task_run_id == task_run_id)
    )
    return [HeldSlots(*row) for row in conn.execute(found)]

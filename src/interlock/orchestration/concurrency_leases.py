"""Leases of concurrency slots: who holds them says so from time to time, or they are free again.

What lives here: what a lease takes of the limits that it names, what it gives back, and how long others are told to
wait. What does not: slots that are taken by name alone (global_limits.py), and where leases are kept
(storage/queries/concurrency_leases.py).

A slot that a lease holds of a limit without decay is nothing but the lease itself: it counts until the lease expires,
and from that very moment on no longer, without anybody having to do anything. Slots of a rate limit free themselves,
so a lease takes them as everyone does, and what is left of them comes back with the lease.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Literal

import msgspec

from interlock.orchestration import global_limits
from interlock.orchestration.global_limits import Denial, GlobalLimit

HolderType = Literal["flow_run", "task_run", "deployment"]

LONGEST_WAIT_SECONDS = 30
"""Nobody is told to stay away for longer: slots may come free at any moment, and who waits is not told."""


class Holder(msgspec.Struct, frozen=True):
    """Who a client says that it holds slots for."""

    type: HolderType
    id: str


class Lease(msgspec.Struct, frozen=True):
    """Slots held from `created` on, for as long as it is before `expires`."""

    id: str
    created: datetime
    expires: datetime
    holder: Holder | None = None


LASTING = datetime(9999, 12, 31, tzinfo=UTC)
"""When a lease expires that nobody renews: it ends with the run that holds it."""


class Share(msgspec.Struct, frozen=True):
    """What a lease took of one limit. `is_stored`: it is among the limit's own `active_slots`."""

    limit_id: str
    slots: int
    is_stored: bool


class Held(msgspec.Struct, frozen=True):
    """Slots of a limit that come free at `until`, at the latest."""

    slots: int
    until: datetime


class Grant(msgspec.Struct, frozen=True):
    """What a lease took: the limits as they are then, and its share of each."""

    limits: tuple[GlobalLimit, ...]
    shares: tuple[Share, ...]


def moment_of(limits: Iterable[GlobalLimit], now: datetime) -> datetime:
    """The time by which leases of these limits are judged: never earlier than what was last done to one of them.

    So whoever was refused, or was given what a lease held before, decided by a time that nobody goes back behind: a
    lease that has expired for one server is never renewed by another, whose clock is late.
    """
    return max((now, *(x.updated for x in limits)))


def is_alive(lease: Lease, now: datetime) -> bool:
    """Whether it holds its slots."""
    return lease.expires > now


def grant(limits: Sequence[GlobalLimit], slots: int, now: datetime) -> Grant | None:
    """Take so many slots of each of these active limits, or None where one of them has too few left."""
    if not all(global_limits.can_give(x, slots, now) for x in limits):
        return None
    after = [_take(global_limits.as_of(x, now), slots) for x in limits]
    return Grant(tuple(after), tuple(Share(x.id, slots, _frees_itself(x)) for x in limits))


def give_back(limit: GlobalLimit, share: Share, seconds: float, now: datetime) -> GlobalLimit:
    """The limit after a lease that held its share for so many seconds has ended."""
    freed = global_limits.free(limit, share.slots if share.is_stored else 0, None, now)
    return global_limits.averaged(freed, share.slots, seconds) if seconds > 0 else freed


def denial(limits: Sequence[GlobalLimit], held: Mapping[str, Sequence[Held]], slots: int, now: datetime) -> Denial:
    """When to ask again for so many slots of these active limits: whole seconds, 1 to 30, that of the slowest limit.

    A limit that has enough left makes nobody wait. One with decay has them when as many have come free as are missing.
    Of any other, uses of average length end side by side, as many as are wanted here and by those who were denied slots
    by name; yet enough come free by the time the first leases expire that hold as many as are missing. `held` tells of
    these, by the limit's id.
    """
    short = [x for x in limits if not global_limits.can_give(x, slots, now)]
    seconds = max((_seconds_until(x, held.get(x.id, ()), slots, now) for x in short), default=0.0)
    # Bounded before it is rounded: there is no whole number above infinity.
    return Denial(max(1, ceil(min(seconds, LONGEST_WAIT_SECONDS))))


def _frees_itself(limit: GlobalLimit) -> bool:
    return limit.slot_decay_per_second > 0


def _take(limit: GlobalLimit, slots: int) -> GlobalLimit:
    if _frees_itself(limit):
        return msgspec.structs.replace(limit, active_slots=limit.active_slots + slots)
    return msgspec.structs.replace(limit, held=limit.held + slots)


def _seconds_until(limit: GlobalLimit, held: Sequence[Held], slots: int, now: datetime) -> float:
    """Until so many slots can be expected to be free."""
    missing = global_limits.active_slots(limit, now) + slots - limit.limit
    if _frees_itself(limit):
        return missing / limit.slot_decay_per_second
    waiting = slots + global_limits.as_of(limit, now).denied_slots
    expected = limit.avg_slot_occupancy_seconds * waiting / limit.limit
    bound = _freed_by_expiry(held, missing)
    return expected if bound is None else min(expected, (bound - now) / timedelta(seconds=1))


def _freed_by_expiry(held: Sequence[Held], missing: int) -> datetime | None:
    """When so many slots have come free by leases that expire, if they ever do."""
    for x in sorted(held, key=lambda x: x.until):
        missing -= x.slots
        if missing <= 0:
            return x.until
    return None

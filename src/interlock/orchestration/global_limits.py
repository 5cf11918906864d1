"""Global concurrency limits: slots that are taken by name, and that may free themselves as time goes by.

What lives here: the arithmetic of taking, denying and freeing slots. What does not: leases, who hold slots for a time
(concurrency_leases.py), how task runs take slots of their tags by their transitions (task_rules.py), and where limits
are kept (storage/queries/concurrency_limits_v2.py).

A limit without decay counts slots that are taken and given back. One with decay is a rate limit: its slots free
themselves at so many a second, counted from the limit's last change, whole slots only.

The limit of a tag is a global limit too, of the name `tag:` and the tag.
"""

from collections.abc import Sequence
from datetime import datetime
from math import floor
from typing import Literal

import msgspec

Mode = Literal["concurrency", "rate_limit"]

SAMPLES_PER_SLOT = 2
"""The average occupancy is taken over this many uses of every slot."""

SHORTEST_OCCUPANCY_SECONDS = 0.1
"""What a shorter use counts for, so that waiters are never told to come back at once."""


TAG_PREFIX = "tag:"
"""What the name of a tag's limit begins with."""


class GlobalLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A limit as of `updated`. One that is not active limits nothing.

    `active_slots` are those that were taken by name; `held` are taken as well, by leases and by task runs, and come
    free when these end.
    """

    id: str
    created: datetime
    updated: datetime
    active: bool
    name: str
    limit: int
    active_slots: int
    denied_slots: int
    slot_decay_per_second: float
    avg_slot_occupancy_seconds: float
    held: int = 0


class ImpossibleAcquisitionError(Exception):
    """Slots that no waiting would ever bring."""


class Denial(msgspec.Struct, frozen=True):
    """No slots now; try again after so many seconds."""

    retry_after: float


def check_possible(limits: Sequence[GlobalLimit], slots: int, mode: Mode) -> None:
    """Raise ImpossibleAcquisitionError where these active limits can't ever give so many slots in this mode."""
    if any(x.limit < slots for x in limits):
        raise ImpossibleAcquisitionError("Slots requested is greater than the limit")
    lasting = [x.name for x in limits if x.slot_decay_per_second == 0]
    if mode == "rate_limit" and lasting:
        raise ImpossibleAcquisitionError(
            "Only concurrency limits with slot decay can be used for rate limiting. "
            f"The following limits do not have a decay configured: {','.join(lasting)!r}"
        )


def take(limits: Sequence[GlobalLimit], slots: int, now: datetime) -> list[GlobalLimit] | Denial:
    """These active limits after each of them gave so many slots, or a denial where one of them can't."""
    if all(can_give(x, slots, now) for x in limits):
        return [_changed(x, _stored_slots(x, now) + slots, now) for x in limits]
    return Denial(_retry_after(limits, slots))


def can_give(limit: GlobalLimit, slots: int, now: datetime) -> bool:
    """Whether so many slots are left."""
    return active_slots(limit, now) + slots <= limit.limit


def active_slots(limit: GlobalLimit, now: datetime) -> int:
    """How many slots are taken, in whatever way."""
    return _stored_slots(limit, now) + limit.held


def as_of(limit: GlobalLimit, now: datetime) -> GlobalLimit:
    """The limit after the time that has passed. Its own time never goes back, whoever's clock does."""
    return _changed(limit, _stored_slots(limit, now), now)


def deny(limit: GlobalLimit, slots: int, now: datetime) -> GlobalLimit:
    """A limit after it did not give so many slots: the more are waiting, the later the next is told to come back."""
    return msgspec.structs.replace(
        limit, denied_slots=_denied_slots(limit, now) + slots, updated=max(now, limit.updated)
    )


def free(limit: GlobalLimit, slots: int, occupancy_seconds: float | None, now: datetime) -> GlobalLimit:
    """A limit after so many slots were given back, which were held for `occupancy_seconds` if that is known."""
    freed = _changed(limit, max(0, _stored_slots(limit, now) - slots), now)
    return averaged(freed, slots, occupancy_seconds) if occupancy_seconds else freed


def averaged(limit: GlobalLimit, slots: int, occupancy_seconds: float) -> GlobalLimit:
    """A limit with one more use of so many of its slots in the average."""
    # A limit of none has no uses to average.
    if limit.limit == 0:
        return limit
    per_slot = max(occupancy_seconds / slots, SHORTEST_OCCUPANCY_SECONDS)
    samples = limit.limit * SAMPLES_PER_SLOT
    average = limit.avg_slot_occupancy_seconds + per_slot / samples - limit.avg_slot_occupancy_seconds / samples
    return msgspec.structs.replace(limit, avg_slot_occupancy_seconds=average)


def _changed(limit: GlobalLimit, stored_slots: int, now: datetime) -> GlobalLimit:
    # Where another server's clock is ahead, time must not pass twice: what decays would come free too early.
    return msgspec.structs.replace(
        limit, active_slots=stored_slots, denied_slots=_denied_slots(limit, now), updated=max(now, limit.updated)
    )


def _stored_slots(limit: GlobalLimit, now: datetime) -> int:
    return _decayed(limit.active_slots, limit.slot_decay_per_second, limit, now)


def _denied_slots(limit: GlobalLimit, now: datetime) -> int:
    return _decayed(limit.denied_slots, _slots_per_second(limit), limit, now)


def _decayed(slots: int, per_second: float, limit: GlobalLimit, now: datetime) -> int:
    freed = per_second * max(0.0, (now - limit.updated).total_seconds())
    return 0 if freed >= slots else slots - floor(freed)


def _slots_per_second(limit: GlobalLimit) -> float:
    """How fast the slots of a limit come free: by decay, or as fast as one holder after the other is done."""
    return limit.slot_decay_per_second or 1 / limit.avg_slot_occupancy_seconds


def _retry_after(limits: Sequence[GlobalLimit], slots: int) -> float:
    blocking = max(limits, key=lambda x: _blocking_slots(x, slots))
    decay = blocking.slot_decay_per_second
    seconds_per_slot = 1 / decay if decay else blocking.avg_slot_occupancy_seconds
    return seconds_per_slot * _blocking_slots(blocking, slots)


def _blocking_slots(limit: GlobalLimit, slots: int) -> float:
    """How many uses are ahead: those who take back their own slots free all of a limit's side by side."""
    waiting = slots + limit.denied_slots
    return waiting if limit.slot_decay_per_second else waiting / limit.limit

"""Leases of concurrency slots: all or none, never above the limit, and free at the moment of their expiry."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock.orchestration import concurrency_leases as rules
from interlock.orchestration.concurrency_leases import Grant, Held, Lease, Share
from interlock.orchestration.global_limits import Denial, GlobalLimit, active_slots

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHORTEST, LONGEST = 60, 86_400


def limit(name: str = "a", **fields: Any) -> GlobalLimit:
    values: dict[str, Any] = {
        "id": name,
        "created": NOW,
        "updated": NOW,
        "active": True,
        "name": name,
        "limit": 4,
        "active_slots": 0,
        "denied_slots": 0,
        "slot_decay_per_second": 0.0,
        "avg_slot_occupancy_seconds": 2.0,
    }
    return GlobalLimit(**values | fields)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class Ledger:
    """Limits and leases in plain dictionaries, as a store would keep them for the rules."""

    def __init__(self, limits: dict[str, GlobalLimit]) -> None:
        self.limits = limits
        self.leases: dict[str, tuple[Lease, tuple[Share, ...]]] = {}

    def holdings(self, name: str, now: datetime) -> list[Held]:
        return [
            Held(x.slots, lease.expires)
            for lease, shares in self.leases.values()
            for x in shares
            if x.limit_id == name and not x.is_stored and rules.is_alive(lease, now)
        ]

    def seen(self, name: str, now: datetime) -> GlobalLimit:
        return replace(self.limits[name], held=sum(x.slots for x in self.holdings(name, now)))

    def take(self, lease_id: str, names: list[str], slots: int, seconds: float, now: datetime) -> bool:
        granted = rules.grant([self.seen(x, now) for x in names], slots, now)
        if granted is None:
            return False
        for x in granted.limits:
            self.limits[x.id] = replace(x, held=0)
        self.leases[lease_id] = (Lease(lease_id, now, now + timedelta(seconds=seconds)), granted.shares)
        return True

    def end(self, lease_id: str, now: datetime) -> None:
        if lease_id in self.leases:
            lease, shares = self.leases.pop(lease_id)
            for x in shares:
                seconds = (min(now, lease.expires) - lease.created).total_seconds()
                self.limits[x.limit_id] = replace(rules.give_back(self.seen(x.limit_id, now), x, seconds, now), held=0)

    def renew(self, lease_id: str, seconds: float, now: datetime) -> bool:
        lease, shares = self.leases.get(lease_id, (None, ()))
        if lease is None or not rules.is_alive(lease, now):
            return False
        self.leases[lease_id] = (replace(lease, expires=now + timedelta(seconds=seconds)), shares)
        return True


class Step(NamedTuple):
    wait: float
    what: str
    lease: str
    names: list[str]
    slots: int
    seconds: float


steps = st.lists(
    st.builds(
        Step,
        wait=st.sampled_from([0, 1, 59, 60, 61, 1000]),
        what=st.sampled_from(["take", "take", "renew", "end"]),
        lease=st.sampled_from("xyz"),
        names=st.lists(st.sampled_from("abr"), min_size=1, max_size=3, unique=True),
        slots=st.integers(1, 3),
        seconds=st.sampled_from([SHORTEST, 90, LONGEST]),
    ),
    max_size=30,
)
"""Requests after each other: of two limits, and of a rate limit ("r")."""


@given(steps)
def test_a_limit_is_never_exceeded_and_an_expired_lease_holds_nothing(steps: list[Step]) -> None:
    """Whatever is taken, renewed and given back in whatever order, at any moment."""
    ledger = Ledger({"a": limit("a", limit=3), "b": limit("b", limit=2), "r": limit("r", slot_decay_per_second=0.01)})
    now = NOW
    for step in steps:
        now += timedelta(seconds=step.wait)
        before = {x: active_slots(ledger.seen(x, now), now) for x in ledger.limits}
        if step.what == "renew":
            alive = step.lease in ledger.leases and ledger.leases[step.lease][0].expires > now
            assert ledger.renew(step.lease, step.seconds, now) == alive
        elif step.what == "end":
            ledger.end(step.lease, now)
        elif step.lease not in ledger.leases:
            fits = all(before[x] + step.slots <= ledger.limits[x].limit for x in step.names)
            assert ledger.take(step.lease, step.names, step.slots, step.seconds, now) == fits
            gained = {x: active_slots(ledger.seen(x, now), now) - before[x] for x in before}
            assert gained == {x: step.slots if fits and x in step.names else 0 for x in before}
        for name, kept in ledger.limits.items():
            assert 0 <= active_slots(ledger.seen(name, now), now) <= kept.limit
    end_of_all = max((x.expires for x, _ in ledger.leases.values()), default=now)
    assert all(ledger.holdings(name, end_of_all) == [] for name in ledger.limits)


@given(
    held=st.lists(st.builds(Held, slots=st.integers(1, 3), until=st.floats(0.1, 90_000).map(after)), max_size=4),
    average=st.floats(0.1, 1e6),
    slots=st.integers(1, 3),
    denied=st.integers(0, 1000),
)
def test_who_is_refused_is_told_whole_seconds_within_bounds(
    held: list[Held], average: float, slots: int, denied: int
) -> None:
    """At least 1 and at most 30, and never beyond the moment at which leases that expire make room."""
    taken = sum(x.slots for x in held)
    full = limit(limit=max(taken, 3), active_slots=max(0, 3 - taken), held=taken, denied_slots=denied)
    full = replace(full, avg_slot_occupancy_seconds=average)
    answer = rules.denial([full], {"a": held}, slots, NOW)
    assert isinstance(answer.retry_after, int)
    assert 1 <= answer.retry_after <= 30
    freed = 0
    for x in sorted(held, key=lambda x: x.until):
        freed += x.slots
        if freed >= slots:
            assert answer.retry_after <= (x.until - NOW).total_seconds() + 1
            break


@pytest.mark.parametrize(
    ("full", "held", "slots", "seconds"),
    [
        (limit(limit=1, active_slots=1, avg_slot_occupancy_seconds=7.2), [], 1, 8),
        (limit(limit=2, active_slots=2, avg_slot_occupancy_seconds=7), [], 1, 4),
        (limit(limit=1, active_slots=1, avg_slot_occupancy_seconds=3, denied_slots=2), [], 1, 9),
        (limit(limit=1, active_slots=1, avg_slot_occupancy_seconds=0.2), [], 1, 1),
        (limit(limit=1, active_slots=1, avg_slot_occupancy_seconds=9000), [], 1, 30),
        (limit(limit=4, active_slots=4, slot_decay_per_second=5e-324), [], 1, 30),
        (limit(limit=1, held=1, avg_slot_occupancy_seconds=9000), [Held(1, after(11.5))], 1, 12),
        (limit(limit=2, held=2, avg_slot_occupancy_seconds=20), [Held(1, after(3)), Held(1, after(9))], 2, 9),
        (limit(limit=4, active_slots=4, slot_decay_per_second=0.2), [], 1, 5),
        (limit(limit=4, active_slots=2, slot_decay_per_second=0.2), [], 3, 5),
    ],
    ids=[
        "average",
        "side by side",
        "denied before",
        "at least 1",
        "at most 30",
        "not in this world",
        "expiry",
        "two",
        "decay",
        "some left",
    ],
)
def test_the_wait_is_until_slots_are_expected(full: GlobalLimit, held: list[Held], slots: int, seconds: int) -> None:
    """By the average use of a slot, the expiry of leases, or the rate."""
    assert rules.denial([full], {"a": held}, slots, NOW) == Denial(seconds)


def test_a_limit_with_slots_left_makes_nobody_wait() -> None:
    """However long its slots are used for: only those that are full count."""
    idle = limit("idle", avg_slot_occupancy_seconds=25)
    assert rules.denial([idle, limit(active_slots=4)], {}, 1, NOW) == Denial(1)


def test_a_rate_limit_keeps_what_a_lease_takes_among_its_own() -> None:
    """There it frees itself, and what is left comes back with the lease."""
    rate = limit(slot_decay_per_second=0.5)
    granted = rules.grant([rate], 3, NOW)
    assert granted == Grant((replace(rate, active_slots=3),), (Share("a", 3, is_stored=True),))
    (share,) = granted.shares
    assert rules.give_back(granted.limits[0], share, 2, after(2)).active_slots == 0


def test_the_average_use_is_told_by_leases_that_end() -> None:
    """Over as many uses as with slots that are taken by name."""
    lasting = limit(limit=1, held=1, avg_slot_occupancy_seconds=2)
    assert rules.give_back(lasting, Share("a", 1, is_stored=False), 4, NOW).avg_slot_occupancy_seconds == 3


def test_time_never_goes_back_behind_what_was_decided() -> None:
    """A server whose clock is late judges a lease by the time of the server that gave its slots to another."""
    lease = Lease("x", NOW, after(60))
    decided = limit(updated=after(60))
    assert rules.is_alive(lease, after(59))
    assert not rules.is_alive(lease, rules.moment_of([limit(), decided], after(59)))

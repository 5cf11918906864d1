"""The arithmetic of global concurrency limits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from interlock.orchestration import global_limits
from interlock.orchestration.global_limits import Denial, GlobalLimit, ImpossibleAcquisitionError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def limit(**fields: Any) -> GlobalLimit:
    values: dict[str, Any] = {
        "id": "00000000-0000-7000-8000-000000000001",
        "created": NOW,
        "updated": NOW,
        "active": True,
        "name": "database",
        "limit": 4,
        "active_slots": 0,
        "denied_slots": 0,
        "slot_decay_per_second": 0.0,
        "avg_slot_occupancy_seconds": 2.0,
    }
    return GlobalLimit(**values | fields)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def taken(limits: list[GlobalLimit], slots: int, now: datetime) -> list[int] | Denial:
    outcome = global_limits.take(limits, slots, now)
    return outcome if isinstance(outcome, Denial) else [x.active_slots for x in outcome]


def test_slots_are_taken_up_to_the_limit() -> None:
    """The last free slot is given, and not one more."""
    assert taken([limit(active_slots=3)], 1, NOW) == [4]
    assert isinstance(taken([limit(active_slots=4)], 1, NOW), Denial)


def test_slots_are_taken_of_all_limits_or_of_none() -> None:
    """One full limit keeps the others as they are."""
    assert isinstance(taken([limit(), limit(active_slots=4)], 1, NOW), Denial)
    assert taken([limit(), limit(active_slots=3)], 1, NOW) == [1, 4]


@pytest.mark.parametrize(("seconds", "held"), [(0.9, 4), (1, 3), (2.5, 2), (100, 0)])
def test_slots_of_a_rate_limit_free_themselves_one_by_one(seconds: float, held: int) -> None:
    """As many whole ones as have decayed since the last change, and never more than there were."""
    decaying = limit(active_slots=4, limit=10, slot_decay_per_second=1.0)
    assert taken([decaying], 1, after(seconds)) == [held + 1]


@pytest.mark.parametrize("how", ["taken", "denied", "freed"])
def test_no_slots_free_themselves_twice_where_clocks_differ(how: str) -> None:
    """A change by a server whose clock is behind is as late as the one before it."""
    changes = {
        "taken": lambda x: global_limits.take([x], 1, after(-1))[0],
        "denied": lambda x: global_limits.deny(x, 1, after(-1)),
        "freed": lambda x: global_limits.free(x, 1, None, after(-1)),
    }
    changed = changes[how](limit(active_slots=2, limit=10, slot_decay_per_second=10.0))
    assert changed.updated == NOW


def test_slots_without_decay_are_held_until_given_back() -> None:
    """However long that takes."""
    assert isinstance(taken([limit(active_slots=4)], 1, after(1e6)), Denial)


def test_a_clock_that_is_set_back_takes_no_slots() -> None:
    """Time before the last change counts as none."""
    decaying = limit(active_slots=3, slot_decay_per_second=5.0)
    assert taken([decaying], 1, after(-60)) == [4]


def test_decay_that_is_too_large_for_a_number_frees_all() -> None:
    """Rather than fail."""
    assert taken([limit(active_slots=4, slot_decay_per_second=1e308)], 1, after(1e6)) == [1]


@pytest.mark.parametrize(
    ("fields", "slots", "seconds"),
    [
        ({"active_slots": 4}, 1, 0.5),
        ({"active_slots": 4}, 3, 1.5),
        ({"active_slots": 4, "denied_slots": 5}, 1, 3.0),
        ({"active_slots": 4, "avg_slot_occupancy_seconds": 10.0}, 1, 2.5),
        ({"active_slots": 4, "slot_decay_per_second": 0.5}, 1, 2.0),
        ({"active_slots": 4, "slot_decay_per_second": 0.5, "denied_slots": 3}, 1, 8.0),
    ],
)
def test_who_is_denied_is_told_when_to_come_back(fields: dict[str, Any], slots: int, seconds: float) -> None:
    """After all who wait before: side by side where slots are given back, one after the other where they decay."""
    assert taken([limit(**fields)], slots, NOW) == Denial(seconds)


def test_the_limit_with_the_longest_queue_says_when_to_come_back() -> None:
    """Of several that are asked for together."""
    limits = [limit(active_slots=4, denied_slots=7), limit(active_slots=4, avg_slot_occupancy_seconds=100.0)]
    assert taken(limits, 1, NOW) == Denial(4.0)


def test_denials_add_up_and_fade() -> None:
    """They fade as fast as slots come free: by decay, or one for each average use."""
    denied = global_limits.deny(limit(denied_slots=3), 2, NOW)
    assert (denied.denied_slots, denied.active_slots) == (5, 0)
    assert global_limits.deny(denied, 1, after(4.1)).denied_slots == 4
    decaying = limit(denied_slots=3, slot_decay_per_second=1.0)
    assert global_limits.deny(decaying, 1, after(2)).denied_slots == 2


def test_slots_given_back_are_free_and_never_less_than_none() -> None:
    """Giving back more than is held frees what is held."""
    assert global_limits.free(limit(active_slots=3), 2, None, NOW).active_slots == 1
    assert global_limits.free(limit(active_slots=3), 5, None, NOW).active_slots == 0


@pytest.mark.parametrize(
    ("slots", "occupancy", "average"), [(1, 10.0, 3.0), (2, 20.0, 3.0), (1, 0.01, 1.7625), (1, None, 2.0)]
)
def test_the_average_use_follows_the_uses(slots: int, occupancy: float | None, average: float) -> None:
    """Over the last two uses of every slot; a use shorter than a tenth of a second counts as one."""
    freed = global_limits.free(limit(active_slots=4), slots, occupancy, NOW)
    assert freed.avg_slot_occupancy_seconds == pytest.approx(average)


def test_slots_of_a_limit_of_none_can_be_given_back() -> None:
    """A limit may be lowered to none while its slots are held."""
    freed = global_limits.free(limit(limit=0, active_slots=2), 2, 5.0, NOW)
    assert (freed.active_slots, freed.avg_slot_occupancy_seconds) == (0, 2.0)


def test_more_slots_than_the_limit_has_are_refused_at_once() -> None:
    """No waiting would ever bring them."""
    with pytest.raises(ImpossibleAcquisitionError, match="greater than the limit"):
        global_limits.check_possible([limit()], 5, "concurrency")
    global_limits.check_possible([limit()], 4, "concurrency")


def test_rate_limiting_needs_decay() -> None:
    """The limits that have none are named."""
    limits = [limit(name="a"), limit(name="b", slot_decay_per_second=1.0), limit(name="c")]
    with pytest.raises(ImpossibleAcquisitionError, match="'a,c'"):
        global_limits.check_possible(limits, 1, "rate_limit")
    global_limits.check_possible(limits, 1, "concurrency")

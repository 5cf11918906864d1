"""Waiting lines, turns, and when those who are refused may come again."""

import asyncio

import pytest

from interlock.engine.overload import CALM_SECONDS, MAX_RETRY_SECONDS, Overload, OverloadedError, Turns, WaitingLine

LONG = 60.0
SHORT = 0.01


class Clock:
    """A clock in hand, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def line(most: int = 10, seconds: float = LONG) -> WaitingLine[str]:
    return WaitingLine(Overload(), most=most, seconds=seconds)


def turns(at_once: int, most: int = 100, seconds: float = LONG) -> Turns:
    return Turns(at_once, WaitingLine(Overload(), most=most, seconds=seconds))


@pytest.mark.parametrize(
    ("chance", "told"), [(0.0, [1, 10, 20]), (0.5, [1, 20, 40]), (1.0, [1, 30, MAX_RETRY_SECONDS])]
)
def test_who_is_refused_comes_again_after_one_to_three_times_the_time_that_the_overload_has_lasted(
    chance: float, told: list[int]
) -> None:
    """Never at once, and at most a minute later."""
    clock = Clock()
    overload = Overload(clock, lambda: chance)
    retries = []
    for seconds in (0, 10, 40):
        clock.now = 1000.0
        while clock.now < 1000.0 + seconds:
            overload.refusal()
            clock.now += CALM_SECONDS / 2
        retries.append(overload.refusal().retry_after)
    assert retries == told


def test_the_time_that_one_has_waited_counts_as_overload() -> None:
    """The first to be refused after a wait was not the first to come."""
    assert Overload(Clock(), lambda: 1.0).refusal(waited=5.0).retry_after == 15


def test_after_some_calm_an_overload_is_a_new_one() -> None:
    """What was long ago makes nobody wait."""
    clock = Clock()
    overload = Overload(clock, lambda: 1.0)
    overload.refusal()
    clock.now += CALM_SECONDS
    assert overload.refusal().retry_after > 1
    clock.now += CALM_SECONDS + 1
    assert overload.refusal().retry_after == 1


async def test_the_line_is_served_in_the_order_in_which_it_came() -> None:
    """As many as are asked for, and no more than there are."""
    waiting = line()
    answers = [waiting.join(x) for x in "abc"]
    assert [item for item, _ in waiting.take(2)] == ["a", "b"]
    assert waiting.take(2) == [("c", answers[2])]
    assert waiting.take(2) == []


async def test_a_full_line_refuses_at_once_and_takes_more_when_it_moves() -> None:
    """Those in it keep their place."""
    waiting = line(most=2)
    kept = [waiting.join(x) for x in "ab"]
    with pytest.raises(OverloadedError):
        waiting.join("c")
    assert waiting.take(1) == [("a", kept[0])]
    waiting.join("d")
    assert [item for item, _ in waiting.take(9)] == ["b", "d"]


async def test_who_would_wait_too_long_at_the_pace_of_the_line_is_refused_at_once() -> None:
    """The pace counts when there has been a line for as long as one may wait; one that moves faster takes more."""
    clock = Clock()
    waiting: WaitingLine[str] = WaitingLine(Overload(clock), most=100, seconds=LONG)
    for _ in range(12):
        waiting.join("early")
    clock.now += 0.9 * LONG
    waiting.join("nothing has moved, but it still may")
    clock.now += 0.3 * LONG
    with pytest.raises(OverloadedError):
        waiting.join("nothing has moved")
    assert len(waiting.take(9)) == 9
    # Nine in 1.2 times the time: seven of those in line will be gone in time, the eighth will not.
    for _ in range(4):
        waiting.join("four to seven wait")
    with pytest.raises(OverloadedError):
        waiting.join("eight wait")
    assert len(waiting.take(100)) == 8
    waiting.join("nobody waits")


async def test_the_pace_of_long_ago_counts_for_less_and_less() -> None:
    """A line that has moved fast and stands still now is known for it soon."""
    clock = Clock()
    waiting: WaitingLine[str] = WaitingLine(Overload(clock), most=1000, seconds=LONG)
    for _ in range(100):
        waiting.join("early")
    waiting.take(80)
    refused_after = 0
    while not refused_after:
        clock.now += LONG
        try:
            waiting.check()
        except OverloadedError:
            refused_after = round((clock.now - 1000) / LONG)
    assert refused_after == 4


async def test_who_waits_too_long_is_refused_even_if_nobody_is_served() -> None:
    """One after another, and whoever comes later has a time of their own."""
    waiting = line(seconds=SHORT)
    first, second = waiting.join("a"), waiting.join("b")
    for answer in (first, second):
        with pytest.raises(OverloadedError):
            await answer
    third = waiting.join("c")
    assert waiting.take(9) == [("c", third)]
    waiting.join("d").cancel()
    with pytest.raises(OverloadedError):
        await waiting.join("e")
    assert waiting.take(9) == []


async def test_no_more_are_served_at_once_than_there_are_turns() -> None:
    """And in the end all are."""
    limited = turns(3)
    under_way: set[int] = set()
    most = 0

    async def work(number: int) -> bool:
        nonlocal most
        async with limited as waited:
            under_way.add(number)
            most = max(most, len(under_way))
            await asyncio.sleep(0)
            under_way.remove(number)
        return waited

    waits = await asyncio.gather(*(work(n) for n in range(20)))
    assert most == 3
    assert waits == [False] * 3 + [True] * 17


async def test_a_failure_gives_its_turn_back() -> None:
    """The next one has it."""
    limited = turns(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with limited:
                raise ZeroDivisionError
    async with limited as waited:
        assert not waited


async def test_a_turn_that_comes_to_one_who_leaves_goes_to_the_next() -> None:
    """Be it while waiting or in the very moment of the turn."""
    limited = turns(1)
    seen: list[str] = []

    async def work(name: str) -> None:
        async with limited:
            seen.append(name)

    async with limited:
        leaving, lucky, last = (asyncio.create_task(work(x)) for x in ("leaving", "lucky", "last"))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.sleep(0)
    # The turn has just come to the second one, who has not had the time to take it.
    lucky.cancel()
    await asyncio.wait((leaving, lucky, last))
    assert seen == ["last"]
    async with limited as waited:
        assert not waited


async def test_who_gets_no_turn_in_time_is_refused_and_costs_nobody_a_turn() -> None:
    """The turn that was under way goes to those who come later."""
    limited = turns(1, seconds=SHORT)
    async with limited:
        with pytest.raises(OverloadedError):
            async with limited:
                raise AssertionError("there was a turn")
    async with limited as waited:
        assert not waited

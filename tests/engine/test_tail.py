"""What is newly stored is handed to all who listen, once and in order; nothing is read while nobody does."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs

from interlock.engine import tail
from interlock.engine.overload import OverloadedError
from interlock.engine.tail import FellBehindError, Listener, Tail
from interlock.storage.store import StoreUnavailableError

SECONDS = 30
EVERY = 0.001


class Numbers:
    """A source of numbers that are put there; now and then a look fails."""

    def __init__(self) -> None:
        self.looks = 0
        self.begins = 0
        self._stored: list[int] = []
        self._told = 0
        self._faults: list[Exception] = []
        self._looked = asyncio.Event()
        self.may_begin = asyncio.Event()
        self.may_begin.set()

    def put(self, *numbers: int) -> None:
        self._stored += numbers

    def fail(self, *faults: Exception) -> None:
        """Have the next looks fail so."""
        self._faults += faults

    async def begin(self) -> None:
        self.begins += 1
        await self.may_begin.wait()
        self._raise_fault()
        self._told = len(self._stored)

    async def following(self) -> Sequence[int]:
        self.looks += 1
        self._looked.set()
        self._raise_fault()
        new = self._stored[self._told :]
        self._told = len(self._stored)
        return new

    def _raise_fault(self) -> None:
        if self._faults:
            raise self._faults.pop(0)

    async def looked(self, times: int) -> None:
        """Wait until it was looked so many times more."""
        wanted = self.looks + times
        while self.looks < wanted:
            self._looked.clear()
            await asyncio.wait_for(self._looked.wait(), SECONDS)


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()


async def heard(listener: Listener[int], count: int) -> list[int]:
    """The next so many, or more."""
    found: list[int] = []
    async with asyncio.timeout(SECONDS):
        while len(found) < count:
            found += await listener.next()
    return found


async def test_all_that_comes_is_heard_once_and_in_order(numbers: Numbers) -> None:
    """From the time on at which the listener began, not what was there before."""
    numbers.put(1, 2)
    async with Tail(numbers, EVERY).listener() as listener:
        numbers.put(3, 4)
        assert await heard(listener, 2) == [3, 4]
        for number in range(5, 50):
            numbers.put(number)
            assert await heard(listener, 1) == [number]


async def test_several_listeners_hear_the_same(numbers: Numbers) -> None:
    """Each at its own pace, and each from its own beginning; one look at the source serves them all."""
    source = Tail(numbers, EVERY)
    async with source.listener() as first, source.listener() as second:
        assert numbers.begins == 1
        numbers.put(1, 2)
        assert await heard(first, 2) == [1, 2]
        async with source.listener() as third:
            numbers.put(3)
            assert await heard(third, 1) == [3]
            assert await heard(first, 1) == [3]
        numbers.put(4)
        assert await heard(second, 4) == [1, 2, 3, 4]


async def test_a_slow_listener_is_told_how_many_it_missed(numbers: Numbers) -> None:
    """And the others hear all."""
    source = Tail(numbers, EVERY, most=10)
    async with source.listener() as slow, source.listener() as quick:
        numbers.put(*range(10))
        assert await heard(quick, 10) == list(range(10))
        numbers.put(*range(10, 13))
        assert await heard(quick, 3) == [10, 11, 12]
        with pytest.raises(FellBehindError) as told:
            await slow.next()
        assert told.value.missed == 3


async def test_nothing_is_read_while_nobody_listens(numbers: Numbers) -> None:
    """Neither before the first nor after the last; who comes then begins anew."""
    source = Tail(numbers, EVERY)
    await asyncio.sleep(0)
    assert (numbers.begins, numbers.looks) == (0, 0)
    async with source.listener():
        async with source.listener():
            await numbers.looked(3)
        await numbers.looked(3)
    looks = numbers.looks
    numbers.put(1, 2)
    await asyncio.sleep(20 * EVERY)
    assert numbers.looks == looks
    async with source.listener() as listener:
        numbers.put(3)
        assert await heard(listener, 1) == [3]
    assert numbers.begins == 2


@pytest.mark.parametrize(
    ("fault", "level"),
    [
        (StoreUnavailableError("gone"), "warning"),
        (OverloadedError(1), "warning"),
        (ValueError("a mistake"), "error"),
    ],
)
async def test_what_came_while_it_could_not_be_read_is_heard_later(
    fault: Exception, level: str, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By all, and once; what is wrong is told in the log."""
    monkeypatch.setattr(tail, "RETRY_SECONDS", EVERY)
    source = Tail(numbers, EVERY)
    with capture_logs() as lines:
        async with source.listener() as first, source.listener() as second:
            numbers.fail(fault, fault)
            numbers.put(1, 2)
            assert await heard(first, 2) == [1, 2]
            assert await heard(second, 2) == [1, 2]
    assert [x["log_level"] for x in lines] == [level, level]


async def test_who_can_not_begin_is_told_and_the_next_one_can(numbers: Numbers) -> None:
    """The fault is no other listener's."""
    source = Tail(numbers, EVERY)
    numbers.fail(StoreUnavailableError("gone"))
    with pytest.raises(StoreUnavailableError):
        async with source.listener():
            pass
    async with source.listener() as listener:
        numbers.put(1)
        assert await heard(listener, 1) == [1]


async def test_one_that_gives_up_before_it_began_disturbs_no_other(numbers: Numbers) -> None:
    """Neither one that began with it, nor one that comes after all have left."""
    source = Tail(numbers, EVERY)
    done = asyncio.Event()

    async def listen() -> list[int]:
        async with source.listener() as listener:
            done.set()
            return await heard(listener, 2)

    numbers.may_begin.clear()
    leaving, staying = await begun(numbers, listen, listen)
    leaving.cancel()
    await asyncio.wait((leaving,))
    numbers.may_begin.set()
    await asyncio.wait_for(done.wait(), SECONDS)
    numbers.put(1, 2)
    assert await staying == [1, 2]
    numbers.may_begin.clear()
    (leaving,) = await begun(numbers, listen)
    leaving.cancel()
    await asyncio.wait((leaving,))
    done.clear()
    (late,) = await begun(numbers, listen)
    numbers.may_begin.set()
    await asyncio.wait_for(done.wait(), SECONDS)
    numbers.put(3, 4)
    assert await late == [3, 4]


async def begun(numbers: Numbers, *listeners: Callable[[], Awaitable[list[int]]]) -> list["asyncio.Future[list[int]]"]:
    """All of them on their way, once the source is asked to begin."""
    begins = numbers.begins
    tasks = [asyncio.ensure_future(x()) for x in listeners]
    async with asyncio.timeout(SECONDS):
        while numbers.begins == begins:
            await asyncio.sleep(0)
    return tasks


async def test_a_thousand_listeners_come_and_go(numbers: Numbers) -> None:
    """Each hears what came while it was there."""
    source = Tail(numbers, EVERY)
    async with AsyncExitStack() as stack:
        for number in range(1000):
            listener = await stack.enter_async_context(source.listener())
            if not number % 100:
                numbers.put(number)
                assert await heard(listener, 1) == [number]
    assert source.count == 10

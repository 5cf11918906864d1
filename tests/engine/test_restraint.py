"""Reads that give way to writes: how much of the time they get."""

from interlock.engine.restraint import LONGEST_PAUSE_SECONDS, SHARE, SHORT_SECONDS, Restraint


class Time:
    """Goes on only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.naps = 0
        self.pressed_until = float("inf")

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.naps += 1

    def is_pressed(self) -> bool:
        return self.now < self.pressed_until


def restraint(time: Time) -> Restraint:
    return Restraint(time.is_pressed, time.clock, time.sleep)


async def read(restraint: Restraint, time: Time, seconds: float) -> None:
    await restraint.wait("page")
    time.now += seconds
    restraint.note("page", seconds)


async def test_long_reads_take_their_share_of_the_time() -> None:
    """However long each of them is, up to what is long itself."""
    time = Time()
    reads = restraint(time)
    lengths = [0.01, 0.05, 0.02, 0.005] * 20
    for seconds in lengths:
        await read(reads, time, seconds)
    await reads.wait("page")
    assert abs(sum(lengths) / (time.now - 100) - SHARE) < 0.001


async def test_short_reads_never_wait_for_each_other() -> None:
    time = Time()
    reads = restraint(time)
    for _ in range(1000):
        await read(reads, time, SHORT_SECONDS)
    assert time.naps == 0


async def test_none_waits_long_for_the_longest_of_them() -> None:
    """Not even where several of them end at once."""
    time = Time()
    reads = restraint(time)
    for _ in range(3):
        reads.note("page", 10.0)
    began = time.now
    await reads.wait("page")
    assert time.now - began < LONGEST_PAUSE_SECONDS + 0.001


async def test_what_was_short_the_last_time_does_not_wait_for_what_is_long() -> None:
    """Until it is long itself."""
    time = Time()
    reads = restraint(time)
    for seconds, waits in ((SHORT_SECONDS, False), (0.2, False), (SHORT_SECONDS, True), (SHORT_SECONDS, False)):
        reads.note("page", 0.1)
        naps = time.naps
        await reads.wait("by id")
        assert (time.naps > naps) == waits
        reads.note("by id", seconds)


async def test_none_waits_unless_many_write() -> None:
    time = Time()
    time.pressed_until = 0.0
    reads = restraint(time)
    for _ in range(100):
        await read(reads, time, 0.5)
    assert time.naps == 0


async def test_who_waits_goes_on_as_soon_as_there_are_not_many_writes_any_more() -> None:
    time = Time()
    reads = restraint(time)
    await read(reads, time, 10.0)
    time.pressed_until = time.now + LONGEST_PAUSE_SECONDS / 2
    await reads.wait("page")
    assert time.now < time.pressed_until + 0.02

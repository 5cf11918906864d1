"""What bounds the work that waits: how much of it, for how long, and when those who are refused may come again.

What lives here: the waiting line, turns, and the refusal. What does not: what is waited for (batcher.py, reader.py).
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

MAX_WAITING = 10_000
"""How many may wait in a line. At 4,000 writes a second the last of them waits 2.5 seconds."""

MAX_WAIT_SECONDS = 5.0
"""How long a request may wait in a line: as long as an impatient client (httpx's default) waits for its answer. One
that gives up and asks again would only make more work."""

CALM_SECONDS = 10.0
"""After so long without a refusal the next one begins a new overload."""

MAX_RETRY_SECONDS = 60
"""The most that a client is told to wait. It comes from a model of clients that ask 6 times, as the published one does:
10,000 of them with three requests each, at 200 a second, of which with at most 1 second 28% get through with all they
want, with 10 seconds 57%, with 30 seconds 95%, with 60 seconds 99.8%."""


class OverloadedError(Exception):
    """The server has more to do than it can. Nothing was done; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("more waits than can be served in time")
        self.retry_after = retry_after


class Overload:
    """Knows how long the server has been overloaded, and so when those who are refused should come again.

    They are spread over one to three times the time that the overload has lasted: the longer it lasts, the more of
    them there are, and the thinner they have to come. `clock` is in seconds, from any beginning; `chance` gives
    numbers from 0 to 1.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
    ) -> None:
        self.clock = clock
        self._chance = chance
        self._began = 0.0
        self._last_refusal: float | None = None

    def refusal(self, waited: float = 0.0) -> OverloadedError:
        """The error for one who is refused after having waited so many seconds."""
        now = self.clock()
        if self._last_refusal is None or now - self._last_refusal > CALM_SECONDS:
            self._began = now - waited
        self._last_refusal = now
        lasted = now - self._began
        earliest, latest = min(lasted, MAX_RETRY_SECONDS / 3), min(3 * lasted, MAX_RETRY_SECONDS)
        return OverloadedError(retry_after=max(1, round(earliest + self._chance() * (latest - earliest))))


class WaitingLine(Generic[T]):
    """Items that wait for their turn in the order in which they came, each with the future of its answer.

    There are at most `most` of them, and each waits at most `seconds`: then its future is refused. When there has been
    a line for that long, who would wait for longer at its pace is refused at once.
    """

    def __init__(self, overload: Overload, *, most: int = MAX_WAITING, seconds: float = MAX_WAIT_SECONDS) -> None:
        self._overload = overload
        self._clock = overload.clock
        self._most = most
        self._seconds = seconds
        self._waiting: deque[tuple[T, asyncio.Future[Any], float]] = deque()
        self._moving_since = 0.0
        self._moved = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def join(self, item: T) -> asyncio.Future[Any]:
        """The future of the item's answer; raises OverloadedError as `check` does."""
        self.check()
        loop = asyncio.get_running_loop()
        if not self._waiting:
            self._moving_since, self._moved = self._clock(), 0.0
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((item, answer, self._clock()))
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._refuse_overdue)
        return answer

    def check(self) -> None:
        """Raises OverloadedError where there is no place for one more, or none that could be served in time."""
        if self._waiting and (len(self._waiting) >= self._most or self._is_hopeless()):
            raise self._overload.refusal()

    def _is_hopeless(self) -> bool:
        """Whether one more would wait for too long, as far as it can be told by now."""
        now = self._clock()
        seconds = now - self._moving_since
        if seconds > 2 * self._seconds:
            # What is long ago counts for less and less.
            seconds, self._moved = seconds / 2, self._moved / 2
            self._moving_since = now - seconds
        return seconds > self._seconds and len(self._waiting) * seconds > self._moved * self._seconds

    def take(self, most: int) -> list[tuple[T, asyncio.Future[Any]]]:
        """The items whose turn comes next."""
        count = min(most, len(self._waiting))
        self._moved += count
        return [self._waiting.popleft()[:2] for _ in range(count)]

    def _refuse_overdue(self) -> None:
        """Refuse those who have waited for too long, and come again when the next one will have."""
        now = self._clock()
        while self._waiting and (waited := now - self._waiting[0][2]) >= self._seconds:
            _, answer, _ = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(self._overload.refusal(waited))
        self._timer = None
        if self._waiting:
            left = self._waiting[0][2] + self._seconds - now
            self._timer = asyncio.get_running_loop().call_later(left, self._refuse_overdue)


class Turns:
    """So many at once, the others wait in a line.

    `async with turns as waited:` tells whether there was a wait, and raises OverloadedError instead of a turn.
    """

    def __init__(self, at_once: int, line: WaitingLine[None]) -> None:
        self._free = at_once
        self._line = line

    async def __aenter__(self) -> bool:
        if self._free:
            self._free -= 1
            return False
        turn = self._line.join(None)
        try:
            await turn
        except asyncio.CancelledError:
            # The turn may have come in the same moment: then it is the next one's.
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._pass_on()
            raise
        return True

    def check(self) -> None:
        """Raises OverloadedError where a turn would not come in time."""
        if not self._free:
            self._line.check()

    async def __aexit__(self, *_: object) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        while taken := self._line.take(1):
            turn = taken[0][1]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

"""What is newly stored, handed to all who listen for it.

What lives here: one look at the database for all listeners, from time to time while there are any. What does not: where
new records are found (event_source.py, log_source.py), and who wants which of them (api/event_streams.py).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Generic, Protocol, TypeVar

import structlog

from interlock.engine.overload import OverloadedError
from interlock.storage.store import StoreUnavailableError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

log = structlog.get_logger("interlock.engine")

MOST_KEPT = 10_000
"""So many of the newest records are there for listeners that are slower than what comes."""

RETRY_SECONDS = 1.0


class FellBehindError(Exception):
    """A listener took so long that records it had not heard of yet are no longer kept: `missed` is how many."""

    def __init__(self, missed: int) -> None:
        super().__init__(f"{missed} records came too fast")
        self.missed = missed


class Source(Protocol[T_co]):
    """Where new records are found."""

    async def begin(self) -> None:
        """What is stored by now is not new."""

    async def following(self) -> Sequence[T_co]:
        """What was stored since the last look. Raises OverloadedError, StoreUnavailableError."""


class Tail(Generic[T]):
    """All that is stored from the time at which somebody begins to listen. Use from one event loop."""

    def __init__(self, source: Source[T], every_seconds: float, *, most: int = MOST_KEPT) -> None:
        self._source = source
        self._every_seconds = every_seconds
        self._newest: deque[T] = deque(maxlen=most)
        self._count = 0
        self._arrival = asyncio.Event()
        self._begun: asyncio.Future[None] | None = None
        self._listeners = 0
        self._reading: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def listener(self) -> AsyncIterator["Listener[T]"]:
        """Somebody who hears of all that is stored from now on, and of some that was before.

        Raises OverloadedError, StoreUnavailableError.
        """
        self._listeners += 1
        try:
            await self._begin()
            yield Listener(self)
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._end()

    async def _begin(self) -> None:
        if self._begun is None or (self._begun.done() and self._begun.exception() is not None):
            self._begun = asyncio.ensure_future(self._source.begin())
        await asyncio.shield(self._begun)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())

    def _end(self) -> None:
        for task in (self._reading, self._begun):
            if task is not None:
                task.cancel()
        self._reading = self._begun = None
        self._newest.clear()

    async def _read(self) -> None:
        while True:
            if found := await self._found():
                self._newest.extend(found)
                self._count += len(found)
                self._arrival.set()
                self._arrival = asyncio.Event()
            await asyncio.sleep(self._every_seconds)

    async def _found(self) -> Sequence[T]:
        """What is new; nothing where that can't be told now, a while later."""
        try:
            return await self._source.following()
        except (OverloadedError, StoreUnavailableError) as error:
            log.warning("new records can't be read", reason=str(error))
        except Exception as error:
            log.error("new records can't be told", exc_info=error)
        await asyncio.sleep(RETRY_SECONDS)
        return ()

    @property
    def count(self) -> int:
        """How many records came so far."""
        return self._count

    async def after(self, count: int) -> list[T]:
        """The records that came after so many, once there are some; raises FellBehindError."""
        while self._count <= count:
            await self._arrival.wait()
        new = self._count - count
        if new > len(self._newest):
            raise FellBehindError(new - len(self._newest))
        return list(islice(self._newest, len(self._newest) - new, None))


class Listener(Generic[T]):
    """Somebody who hears of all that is stored, in the order in which it was."""

    def __init__(self, tail: Tail[T]) -> None:
        self._tail = tail
        self._heard = tail.count

    async def next(self) -> list[T]:
        """What came since the last time, once there is anything; raises FellBehindError."""
        found = await self._tail.after(self._heard)
        self._heard += len(found)
        return found

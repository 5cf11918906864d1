"""What a client sends without waiting for answers: decided in the batches of all, confirmed in the client's order.

What lives here: how much of one client may be under way, and what becomes of what fails. What does not: batches
(batcher.py), and how it is sent (api/events.py).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from interlock.engine.batcher import Batcher
from interlock.engine.overload import OverloadedError
from interlock.orchestration.commands import RecordEvent, RecordTaskRunState
from interlock.storage.store import StoreUnavailableError

log = structlog.get_logger("interlock.engine")

MOST_UNDER_WAY = 256
"""Commands of one client that may wait for their commit: as many as one batch takes."""

MOST_BYTES_UNDER_WAY = 4 << 20
"""And how large they may be together, beyond the one that comes next."""

RETRY_SECONDS = 1.0
"""How long to wait before what the database, or the line, had no room for is tried again."""

PATIENCE_SECONDS = 30.0
"""How long what a client left behind is tried. It was told nothing of it: one that comes again sends it again."""


Message = RecordTaskRunState | RecordEvent


async def record(batcher: Batcher, command: Message) -> None:
    """Record what an event tells, and should it be impossible, say so in the log: whoever sent it would only send it
    again.

    Raises OverloadedError and StoreUnavailableError, after which it is worth another try.
    """
    try:
        await batcher.decide(command)
    except (OverloadedError, StoreUnavailableError):
        raise
    except Exception as error:
        event_id = command.event.id if isinstance(command, RecordEvent) else command.state.id
        log.warning("an event could not be recorded", id=event_id, reason=str(error))


class Intake:
    """Takes the messages of one client, at most so many at once; what they hold is tried until it is recorded.

    `confirm` is called with how many messages, from the first on, are dealt with; `count` of them were before this.
    Leave the context to have the rest dealt with.
    """

    def __init__(self, batcher: Batcher, confirm: Callable[[int], None], count: int = 0) -> None:
        self._batcher = batcher
        self._confirm = confirm
        self._confirmed = count
        self._under_way: deque[tuple[asyncio.Future[None], int]] = deque()
        self._bytes = 0

    async def take(self, command: Message, size: int) -> None:
        """Take the client's next message; waits while there is no room."""
        while self._is_full():
            await asyncio.wait((self._under_way[0][0],))
            self._settle()
        done = asyncio.ensure_future(self._recorded(command))
        self._under_way.append((done, size))
        self._bytes += size
        done.add_done_callback(lambda _: self._settle())

    def _is_full(self) -> bool:
        return len(self._under_way) >= MOST_UNDER_WAY or self._bytes > MOST_BYTES_UNDER_WAY

    async def _recorded(self, command: Message) -> None:
        while True:
            try:
                await record(self._batcher, command)
            except (OverloadedError, StoreUnavailableError):
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def _settle(self) -> None:
        """Confirm what is dealt with, as far as all before it is."""
        count = self._confirmed
        while self._under_way and self._under_way[0][0].done():
            self._bytes -= self._under_way.popleft()[1]
            self._confirmed += 1
        if self._confirmed > count:
            self._confirm(self._confirmed)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is under way, though not for ever; give it up where the server itself has to end."""
        left = [done for done, _ in self._under_way]
        try:
            if left:
                await asyncio.wait(left, timeout=PATIENCE_SECONDS)
        finally:
            for done in left:
                done.cancel()

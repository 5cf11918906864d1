"""Reads that give way to writes.

What lives here: how long a read waits before it begins, while many write. What does not: what bounds those that wait
(overload.py).

Reads and writes share a processor. While batches are large, which is when all of it is taken, what a read took is
followed by a while in which no other begins: long reads get a share of the time, however many there are, and the writes
the rest. Those of a kind that was short the last time neither cost anything nor wait: tasks live on them.
"""

import asyncio
from collections.abc import Awaitable, Callable

SHARE = 1 / 3
"""The part of the time that long reads may take beside many writes. Measured with 5,000,000 task runs in SQLite,
queries that never pause, and 50 clients that write: with all the time the writes have 56% of their rate on an empty
ledger, with a third 83%; a page takes 14 and 16 ms, a count 4 and 9, a history of all runs 186 and 483."""

SHORT_SECONDS = 0.003
"""What a read may take that costs nothing."""

LONGEST_PAUSE_SECONDS = 1.0
"""What follows the longest of reads."""

LOOK_SECONDS = 0.01
"""How often to look whether there are still many writes."""


class Restraint:
    """When the next read may begin. `pressed` tells whether many write; `clock` is in seconds, from any beginning."""

    def __init__(
        self,
        pressed: Callable[[], bool],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._pressed = pressed
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0
        self._long_kinds: set[str] = set()

    async def wait(self, kind: str) -> None:
        """Wait until a read of this kind may begin: not at all unless many write."""
        if kind in self._long_kinds:
            # For one pause, not for those of others that end meanwhile: nobody waits for ever.
            end = self._next
            while (left := end - self._clock()) > 0 and self._pressed():
                await self._sleep(min(left, LOOK_SECONDS))

    def note(self, kind: str, seconds: float) -> None:
        """A read of this kind took so long."""
        if seconds <= SHORT_SECONDS:
            self._long_kinds.discard(kind)
            return
        self._long_kinds.add(kind)
        now, pause = self._clock(), seconds * (1 / SHARE - 1)
        self._next = min(max(self._next, now) + pause, now + LONGEST_PAUSE_SECONDS)

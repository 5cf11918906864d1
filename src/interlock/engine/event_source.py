"""New events, in the order in which they were stored.

What lives here: which events are new. What does not: who listens (tail.py).

Events are numbered when they are written, but seen when they are committed: where several servers write, or several
transactions of one, a number may appear after a higher one. So numbers that are missing are looked for again, for as
long as a transaction may take.
"""

import time
from collections.abc import Callable, Sequence

from interlock.engine.reader import Reader
from interlock.orchestration.events import Event
from interlock.storage.queries import events

MOST_AT_ONCE = 1_000
MOST_MISSING = 10_000
"""Numbers that are looked for again. A transaction that fails leaves as many behind as it had events."""


class EventSource:
    """Reads new events; `patience` is for how many seconds a transaction may be under way."""

    def __init__(self, reader: Reader, patience: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._patience = patience
        self._monotonic = monotonic
        self._last = 0
        self._missing: dict[int, float] = {}

    async def begin(self) -> None:
        """What is stored by now is not new. Numbers shortly before the last one that are missing may be of events that
        are only being written."""
        newest = await self._reader.read(events.newest_numbers, MOST_AT_ONCE)
        self._missing.clear()
        are_all = len(newest) < MOST_AT_ONCE
        self._last = max(min(newest, default=1) - 1 - (MOST_AT_ONCE if are_all else 0), 0)
        self._note(newest)

    async def following(self) -> Sequence[Event]:
        """Events that were stored since the last look."""
        found = await self._reader.read(events.stored_after, self._last, list(self._missing), MOST_AT_ONCE)
        self._note([number for number, _ in found])
        return [event for _, event in found if event is not None]

    def _note(self, numbers: Sequence[int]) -> None:
        now = self._monotonic()
        for number in numbers:
            self._missing.pop(number, None)
        last = max(numbers, default=self._last)
        if last > self._last:
            # Of the numbers that were given away no more than so many are open: the gap may be that of removed events.
            gone = set(range(max(self._last, last - MOST_MISSING) + 1, last + 1)).difference(numbers)
            self._missing |= dict.fromkeys(sorted(gone), now)
            self._last = last
        old = [x for x, since in self._missing.items() if now - since > self._patience]
        excess = list(self._missing)[: max(len(self._missing) - MOST_MISSING, 0)]
        for number in (*old, *excess):
            self._missing.pop(number, None)

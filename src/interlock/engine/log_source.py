"""New log lines, by their ids.

What lives here: which lines are new. What does not: who listens (tail.py), and which of them one wants.

Lines get their ids, which are ordered by time, before they are stored, and may have to wait for that. So each time all
is looked at that was given its id since the last look, or no longer before it than the longest wait; by its id alone.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from interlock.engine.reader import Reader
from interlock.storage.queries import logs


class LogSource:
    """Finds the ids of new lines; `patience` is for how many seconds a line may wait until it is stored."""

    def __init__(self, reader: Reader, clock: Callable[[], datetime], patience: float) -> None:
        self._reader = reader
        self._clock = clock
        self._patience = timedelta(seconds=patience)
        self._looked = datetime.min.replace(tzinfo=UTC)
        self._known: set[str] = set()

    async def begin(self) -> None:
        """What is stored by now is not new."""
        self._looked = self._clock()
        self._known = set(await self._young())

    async def following(self) -> Sequence[str]:
        """The ids of lines that were stored since the last look."""
        # Never back, however the clock is set: lines that are known might seem to be new.
        now = max(self._clock(), self._looked)
        young = await self._young()
        new = [x for x in young if x not in self._known]
        self._known, self._looked = set(young), now
        return new

    async def _young(self) -> Sequence[str]:
        """All that may have been stored since the last look, which may be long ago."""
        return await self._reader.read(logs.ids_from, _first_id(self._looked - self._patience))


def _first_id(time: datetime) -> str:
    """The least UUID of version 7 of a time."""
    milliseconds = int(time.timestamp() * 1000)
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7000-8000-000000000000"

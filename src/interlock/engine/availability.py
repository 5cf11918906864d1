"""Whether the database does what it is asked to; a line in the log whenever that changes.

What lives here: that state, and its lines. What does not: asking the database (batcher.py, reader.py), and the answer
to each request that is refused meanwhile, of which there are many (api/errors.py).
"""

import structlog

from interlock.storage.store import StoreUnavailableError

log = structlog.get_logger("interlock.engine")


class Availability:
    """Of the database, for one of its uses: "reads" or "writes".

    `is_failing` says that it failed when it was last asked. Much may be asked at once, and answers overtake each other:
    what was asked before the last change was noticed tells nothing of the time after it.
    """

    def __init__(self, use: str) -> None:
        self._use = use
        self._asked = 0
        self._last_before_change = 0
        self.is_failing = False

    def ask(self) -> int:
        """A number for what the database is asked now."""
        self._asked += 1
        return self._asked

    def note(self, number: int, failure: StoreUnavailableError | None) -> None:
        """Take note of how the database was found by what has this number."""
        if number <= self._last_before_change or self.is_failing == (failure is not None):
            return
        self._last_before_change = self._asked
        self.is_failing = failure is not None
        if failure is not None:
            log.error("database unavailable", use=self._use, reason=str(failure))
        else:
            # A warning, though it is good news: who sees that something began should see that it ended.
            log.warning("database available again", use=self._use)

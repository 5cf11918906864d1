"""Whether the database does what it is asked to; a line in the log whenever that changes.

What lives here: that state, and its lines. What does not: asking the database (batcher.py, reader.py), and the answer
to each request that is refused meanwhile, of which there are many (api/errors.py).
"""

import structlog

from interlock.storage.store import StoreUnavailableError

log = structlog.get_logger("interlock.engine")


class Availability:
    """Of the database, for one of its uses: "reads" or "writes".

    `is_failing` says that it failed when it was last asked.
    """

    def __init__(self, use: str) -> None:
        self._use = use
        self.is_failing = False

    def note(self, failure: StoreUnavailableError | None) -> None:
        """Take note of how the database was found."""
        if failure is not None and not self.is_failing:
            log.error("database unavailable", use=self._use, reason=str(failure))
        elif failure is None and self.is_failing:
            # A warning, though it is good news: who sees that something began should see that it ended.
            log.warning("database available again", use=self._use)
        self.is_failing = failure is not None

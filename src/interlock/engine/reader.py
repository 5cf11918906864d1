"""Reads, so many at once: whatever comes meanwhile waits for its turn.

What lives here: the way from the API to the store's reads, and its bound. What does not: transactions and queries
(storage/).
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from interlock.engine.availability import Availability
from interlock.engine.overload import MAX_WAIT_SECONDS, MAX_WAITING, Overload, Turns, WaitingLine
from interlock.engine.restraint import Restraint
from interlock.storage.store import P, Query, SlowQueryError, Store, StoreUnavailableError, T

caller_gone: ContextVar[Callable[[], Awaitable[bool]]] = ContextVar("caller_gone")
"""How to find out whether whoever waits for the answer has gone away; set for each request by what serves it."""


class CallerGoneError(Exception):
    """Nobody waits for the answer any more. Nothing was done."""


class Reader:
    """The one way to read. Use from one event loop."""

    def __init__(
        self,
        store: Store,
        overload: Overload | None = None,
        restraint: Restraint | None = None,
        *,
        max_waiting: int = MAX_WAITING,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
    ) -> None:
        self._store = store
        overload = overload or Overload()
        self._clock = overload.clock
        self._restraint = restraint or Restraint(lambda: False, overload.clock)
        line: WaitingLine[None] = WaitingLine(overload, most=max_waiting, seconds=max_wait_seconds)
        self._turns = Turns(store.readers, line)
        self._availability = Availability("reads")

    def check(self) -> None:
        """Raises OverloadedError where a read would be refused, so that nothing needs to be done for it first."""
        self._turns.check()

    async def read(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query that changes nothing, beside the writes and in its turn.

        Raises OverloadedError, StoreUnavailableError, and CallerGoneError for a read that waited for longer than its
        caller.
        """
        kind = getattr(query, "__qualname__", type(query).__qualname__)
        # Before its turn: one that gives way must not keep those from theirs that need not.
        await self._restraint.wait(kind)
        async with self._turns as waited:
            if waited and await _is_caller_gone():
                raise CallerGoneError
            begun = self._clock()
            try:
                return await self.read_at_once(query, *args, **kwargs)
            finally:
                self._restraint.note(kind, self._clock() - begun)

    async def read_at_once(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Read without waiting for a turn; for what has to be told at any time, such as whether the database is there.

        Raises StoreUnavailableError, which a SlowQueryError is too.
        """
        number = self._availability.ask()
        try:
            answer = await self._store.read(query, *args, **kwargs)
        except SlowQueryError:
            raise
        except StoreUnavailableError as error:
            self._availability.note(number, error)
            raise
        self._availability.note(number, None)
        return answer


async def _is_caller_gone() -> bool:
    ask = caller_gone.get(None)
    return ask is not None and await ask()

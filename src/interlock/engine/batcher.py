"""Writes, gathered into batches: whatever arrives while one batch commits goes into the next.

What lives here: the queue in front of the store and its bound. What does not: transactions (storage/) and decisions
(orchestration/).

The contract of a batch: a caller is answered only after the commit that holds its change; a command that can't be
carried out fails alone; a database that fails, fails the whole batch, of which then nothing is written; a lone command
goes at once, since no timer gathers them; and beyond the bound a caller is refused at once, before anything is done.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from sqlalchemy import Connection

from interlock.orchestration.commands import (
    Command,
    CreateFlowRun,
    CreateTaskRun,
    SetFlowRunState,
    SetTaskRunState,
)
from interlock.orchestration.decision import Decision, FlowDecision, TaskDecision
from interlock.storage.store import BatchItem, Store, StoreUnavailableError, Write

P = ParamSpec("P")
T = TypeVar("T")

MAX_BATCH = 256
"""Items in one transaction. Measured: beyond some 100 the cost of a commit no longer shows, while latency grows."""

MAX_WAITING = 10_000
"""Items that may wait for a batch. At 4,000 a second the last of them waits 2.5 seconds, within a client's patience."""


class OverloadedError(Exception):
    """Too many writes wait already. Nothing was done; `retry_after` is in seconds."""

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__("too many writes are waiting")
        self.retry_after = retry_after


class Batcher:
    """The one way to write. Use from one event loop.

    `is_failing` says that the database took nothing when it was last asked to.
    """

    def __init__(self, store: Store, *, max_batch: int = MAX_BATCH, max_waiting: int = MAX_WAITING) -> None:
        self._store = store
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._waiting: deque[tuple[BatchItem, asyncio.Future[Any]]] = deque()
        self.is_failing = False
        self._alone = 0
        self._pumps: set[asyncio.Task[None]] = set()

    @overload
    async def decide(self, command: CreateTaskRun | SetTaskRunState) -> TaskDecision: ...
    @overload
    async def decide(self, command: CreateFlowRun | SetFlowRunState) -> FlowDecision: ...
    async def decide(self, command: Command) -> Decision:
        """Decide a command and answer when its decision is committed.

        Raises a Refusal, OverloadedError or StoreUnavailableError; in each case nothing of it was written.
        """
        decision: Decision = await self._submit(command)
        return decision

    async def write(self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function inside a transaction and answer, when that is committed, what it returned.

        What it raises is raised here, and undone. Raises OverloadedError or StoreUnavailableError as `decide` does.
        """
        item = Write(lambda conn: function(conn, *args, **kwargs))
        result: T = await (self._submit(item) if self._store.batches_writes else self._commit_alone(item))
        return result

    async def _commit_alone(self, item: Write) -> Any:
        if self._alone >= self._max_waiting:
            raise OverloadedError
        self._alone += 1
        try:
            (outcome,) = await self._outcomes([item])
        finally:
            self._alone -= 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _submit(self, item: BatchItem) -> Any:
        if len(self._waiting) >= self._max_waiting:
            raise OverloadedError
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((item, answer))
        # One that is done takes no more, even while it is still to be discarded: those it answered come first.
        if sum(not pump.done() for pump in self._pumps) < self._store.lanes:
            pump = loop.create_task(self._run())
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)
        return await answer

    async def _run(self) -> None:
        while self._waiting:
            size = min(len(self._waiting), self._max_batch)
            await self._commit([self._waiting.popleft() for _ in range(size)])

    async def _commit(self, batch: list[tuple[BatchItem, asyncio.Future[Any]]]) -> None:
        outcomes = await self._outcomes([item for item, _ in batch])
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            # A caller that went away cancelled its future; its change is committed all the same.
            if answer.done():
                continue
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

    async def _outcomes(self, items: Sequence[BatchItem]) -> Sequence[Any]:
        try:
            outcomes = await self._store.commit(items)
        except Exception as error:
            outcomes = [error] * len(items)
        self.is_failing = any(isinstance(x, StoreUnavailableError) for x in outcomes)
        return outcomes

    async def drain(self) -> None:
        """Wait until everything accepted so far is committed."""
        while self._pumps:
            await asyncio.wait(self._pumps)

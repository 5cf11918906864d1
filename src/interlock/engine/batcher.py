"""Writes, gathered into batches: whatever arrives while one batch commits goes into the next.

What lives here: what goes into a batch, and who is answered with what. What does not: the bounds of waiting
(overload.py), transactions (storage/) and decisions (orchestration/).

The contract of a batch: a caller is answered only after the commit that holds its change; a command that can't be
carried out fails alone; a database that fails, fails the whole batch, of which then nothing is written; a lone command
after a lone command goes at once; and a caller that would wait too long is refused, before anything is done.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from sqlalchemy import Connection

from interlock.engine.availability import Availability
from interlock.engine.overload import MAX_WAIT_SECONDS, MAX_WAITING, Overload, Turns, WaitingLine
from interlock.orchestration.commands import (
    Command,
    CreateFlowRun,
    CreateTaskRun,
    RecordEvent,
    RecordTaskRunState,
    SetFlowRunState,
    SetTaskRunState,
)
from interlock.orchestration.decision import Decision, EventDecision, FlowDecision, TaskDecision
from interlock.storage.store import BatchItem, Store, StoreUnavailableError, Write

P = ParamSpec("P")
T = TypeVar("T")

MAX_BATCH = 256
"""Items in one transaction. Measured: beyond some 100 the cost of a commit no longer shows, while latency grows."""

WORTH_A_LANE = 16
"""How many must wait for each batch under way before another one goes beside it. Without that, the first answers of a
batch would come back as a batch of two or three at once, and a batch costs the same whatever its size: at 50 clients of
a PostgreSQL, a fifth less CPU a write than with two lanes that take what there is; with one lane alone, as little CPU,
but nothing is decided while a large batch waits for its commit."""

GATHER_SECONDS = 0.004
"""How long a batch may wait to become as large as the last one. Callers who were answered together come back one after
the other, and a batch that the first of them begins is a small one. Measured: a fifth more writes a second with 10
clients of SQLite and with 50 of PostgreSQL, since a batch's own cost is shared by more."""


def _nobody_cares() -> None:
    pass


class Batcher:
    """The one way to write. Use from one event loop.

    `when_enqueued` is called after a commit that put background task runs into the queue.
    """

    def __init__(
        self,
        store: Store,
        overload: Overload | None = None,
        *,
        max_batch: int = MAX_BATCH,
        max_waiting: int = MAX_WAITING,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
    ) -> None:
        overload = overload or Overload()
        self._store = store
        self._max_batch = max_batch
        self._line: WaitingLine[BatchItem] = WaitingLine(overload, most=max_waiting, seconds=max_wait_seconds)
        self._alone = Turns(store.readers, WaitingLine(overload, most=max_waiting, seconds=max_wait_seconds))
        self.when_enqueued: Callable[[], None] = _nobody_cares
        self._availability = Availability("writes")
        self._last_size = 0
        self._gathered = asyncio.Event()
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def is_failing(self) -> bool:
        """Whether the database took nothing when it was last asked to."""
        return self._availability.is_failing

    @property
    def is_pressed(self) -> bool:
        """Whether so many write that batches are large."""
        return bool(self._pumps) and self._last_size >= WORTH_A_LANE

    def check_decision(self) -> None:
        """Raises OverloadedError where a command would be refused, so that nothing needs to be done for it first."""
        self._line.check()

    def check_write(self) -> None:
        """The same for a function to be run."""
        if self._store.batches_writes:
            self._line.check()
        else:
            self._alone.check()

    @overload
    async def decide(self, command: CreateTaskRun | SetTaskRunState | RecordTaskRunState) -> TaskDecision: ...
    @overload
    async def decide(self, command: CreateFlowRun | SetFlowRunState) -> FlowDecision: ...
    @overload
    async def decide(self, command: RecordEvent) -> EventDecision: ...
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
        is_one = getattr(function, "is_one_change", False)
        item = Write(lambda conn: function(conn, *args, **kwargs), is_one_change=is_one)
        result: T = await (self._submit(item) if self._store.batches_writes else self._commit_alone(item))
        return result

    async def _commit_alone(self, item: Write) -> Any:
        async with self._alone:
            (outcome,) = await self._outcomes([item])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _submit(self, item: BatchItem) -> Any:
        answer = self._line.join(item)
        if len(self._line) >= self._last_size:
            self._gathered.set()
        under_way = self._under_way()
        if under_way < self._store.lanes and self._is_worth_a_batch(beside=under_way):
            pump = asyncio.create_task(self._run())
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)
        return await answer

    def _under_way(self) -> int:
        # One that is done takes no more, even while it is still to be discarded: those it answered come first.
        return sum(not pump.done() for pump in self._pumps)

    def _is_worth_a_batch(self, beside: int) -> bool:
        return len(self._line) > beside * WORTH_A_LANE

    async def _run(self) -> None:
        while self._is_worth_a_batch(beside=self._under_way() - 1):
            await self._gather()
            if batch := self._line.take(self._max_batch):
                self._last_size = len(batch)
                await self._commit(batch)

    async def _gather(self) -> None:
        """Wait, though not for long, until as many wait as were in the last batch."""
        if len(self._line) < self._last_size:
            self._gathered.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHER_SECONDS):
                    await self._gathered.wait()

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
        number = self._availability.ask()
        try:
            outcomes = await self._store.commit(items)
        except Exception as error:
            outcomes = [error] * len(items)
        self._availability.note(number, next((x for x in outcomes if isinstance(x, StoreUnavailableError)), None))
        if any(isinstance(x, TaskDecision) and x.enqueues for x in outcomes):
            self.when_enqueued()
        return outcomes

    async def drain(self) -> None:
        """Wait until everything accepted so far is committed."""
        while self._pumps:
            await asyncio.wait(self._pumps)

"""Delivery of background task runs to the workers that are connected to this server.

What lives here: who waits for a run, when it is worth looking for one, and what a worker has in flight. What does not:
the queue itself, which is in the database and shared with the other servers (storage/queries/task_queue.py), and the
sockets (api/task_subscriptions.py).

A delivery is a lease in the database. It ends with the run's first PENDING or RUNNING (ledger.py). A worker that goes
before it acknowledges gives the run back at once; what it acknowledged and did not begin goes back some time later
(engine/services/).
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import structlog

from interlock.engine.batcher import Batcher
from interlock.engine.overload import OverloadedError
from interlock.orchestration.runs import TaskRun
from interlock.orchestration.task_queue import Turns, Waiting
from interlock.storage.queries import task_queue, task_workers
from interlock.storage.queries.task_workers import TaskWorker
from interlock.storage.store import Store, StoreUnavailableError

log = structlog.get_logger("interlock.task_queue")

LOOK_SECONDS = 1.0
"""How often to look for runs that nobody told of, while a worker waits: a signal may be lost, and runs come back."""

MISSED_SECONDS = 0.01
"""How soon to look again where other servers were quicker."""

GATHER_SECONDS = 0.004
"""How long to wait for as many workers as were given runs the last time: they come back one after the other, and to
look costs the same whatever their number."""

BEAT_SECONDS = 1.0
"""How often a server with workers says that it lives."""

RATE_SECONDS = 60
"""Over how long the rate of deliveries is told."""


class Subscription:
    """One worker's: `next` gives it a run, which is in flight until `acknowledge`."""

    def __init__(self, worker: TaskWorker, queue: "TaskQueue") -> None:
        self.worker = worker
        self.turns = Turns(worker.task_keys)
        self.in_flight: str | None = None
        self._queue = queue

    async def next(self) -> TaskRun:
        """The next run for the worker, as it is now; waits until there is one."""
        return await self._queue.next_for(self)

    def acknowledge(self) -> None:
        """The run in flight has arrived."""
        self.in_flight = None


class _Rates:
    """Deliveries by the key of the task, in the last minute."""

    def __init__(self) -> None:
        self._now: Counter[str] = Counter()
        self._past: deque[Counter[str]] = deque(maxlen=RATE_SECONDS - 1)

    def note(self, task_key: str) -> None:
        self._now[task_key] += 1

    def a_second(self) -> dict[str, float]:
        """Deliveries a second; to be asked once a second."""
        self._past.append(self._now)
        self._now = Counter()
        total: Counter[str] = Counter()
        for counts in self._past:
            total.update(counts)
        return {key: count / RATE_SECONDS for key, count in total.items()}


class TaskQueue:
    """The workers of this server, and their way to the queue. Use from one event loop; `run` does the work.

    `look_seconds` is how often to look for runs that nobody told of, while a worker waits.
    """

    def __init__(
        self,
        store: Store,
        batcher: Batcher,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._store = store
        self._batcher = batcher
        self._clock = clock
        self._new_id = new_id
        self._look_seconds = look_seconds
        self._server_id = new_id()
        self._workers: dict[str, Subscription] = {}
        self._waiting: dict[str, tuple[Subscription, asyncio.Future[TaskRun]]] = {}
        self._last_given = 0
        self._rates = _Rates()
        self._awake = asyncio.Event()
        self._unheard = asyncio.Event()
        self._endings: set[asyncio.Task[None]] = set()
        batcher.when_enqueued = self._note_enqueued

    @asynccontextmanager
    async def subscription(self, task_keys: Sequence[str], client_id: str | None) -> AsyncIterator[Subscription]:
        """The subscription of a new worker for as long as the context lasts.

        The keys are in the order in which they are to be served. Raises OverloadedError or StoreUnavailableError.
        """
        worker = TaskWorker(self._new_id(), client_id, task_keys, self._clock())
        subscription = Subscription(worker, self)
        self._workers[worker.id] = subscription
        try:
            await self._batcher.write(task_workers.join, self._server_id, [worker])
            yield subscription
        finally:
            del self._workers[worker.id]
            self._settle(self._end(subscription))

    async def next_for(self, subscription: Subscription) -> TaskRun:
        """See Subscription.next."""
        future: asyncio.Future[TaskRun] = asyncio.get_running_loop().create_future()
        self._waiting[subscription.worker.id] = subscription, future
        self._awake.set()
        try:
            return await future
        finally:
            self._waiting.pop(subscription.worker.id, None)

    def _note_enqueued(self) -> None:
        self._awake.set()
        self._unheard.set()

    async def run(self) -> None:
        """Deliver, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliver())
            group.create_task(self._beat())
            group.create_task(self._tell())
            group.create_task(self._store.listen(self._awake.set))

    async def close(self) -> None:
        """See off the workers that are gone, and this server, as far as the database takes it."""
        for subscription in self._workers.values():
            self._settle(self._end(subscription))
        while self._endings:
            await asyncio.wait(self._endings, timeout=BEAT_SECONDS)
            if self._batcher.is_failing:
                break
        with suppress(OverloadedError, StoreUnavailableError):
            await self._batcher.write(task_workers.remove_server, self._server_id, self._clock())

    async def _deliver(self) -> None:
        while True:
            self._awake.clear()
            await self._gather()
            pause = await self._look() if self._waiting else None
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._awake.wait()

    async def _gather(self) -> None:
        """Wait, though not for long, until as many wait as were given runs the last time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHER_SECONDS):
                while 0 < len(self._waiting) < self._last_given:
                    await self._awake.wait()
                    self._awake.clear()

    async def _look(self) -> float:
        """Give runs to those who wait; returns for how many seconds there is no need to look again."""
        now = self._clock()
        waiting = [Waiting(worker_id, x.turns.order()) for worker_id, (x, _) in self._waiting.items()]
        try:
            found = await self._batcher.write(task_queue.claim, waiting, now)
        except (StoreUnavailableError, OverloadedError):
            return self._look_seconds
        except Exception as error:
            log.error("delivery failed", exc_info=error)
            return self._look_seconds
        self._last_given = len(found.given)
        for worker_id, run in found.given.items():
            self._give(worker_id, run)
        if found.missed:
            return MISSED_SECONDS
        if found.next_due is None:
            return self._look_seconds
        return min(self._look_seconds, (found.next_due - now).total_seconds())

    def _give(self, worker_id: str, run: TaskRun) -> None:
        """Hand a run to its worker; give it back where that is gone meanwhile."""
        subscription, future = self._waiting.pop(worker_id, (None, None))
        if subscription is None or future is None or future.done():
            self._settle(self._give_back(worker_id, run.id))
            return
        subscription.in_flight = run.id
        subscription.turns.take(run.task_key)
        self._rates.note(run.task_key)
        future.set_result(run)

    async def _give_back(self, worker_id: str, run_id: str) -> None:
        if await self._write_in_the_end(task_queue.give_back, worker_id, run_id):
            self._note_enqueued()

    async def _end(self, subscription: Subscription) -> None:
        gone = self._clock()
        if await self._write_in_the_end(task_workers.leave, subscription.worker.id, subscription.in_flight, gone):
            self._note_enqueued()

    async def _write_in_the_end(self, function: Callable[..., bool], *args: object) -> bool:
        """Write it, however long the database takes to be there again."""
        while True:
            try:
                return await self._batcher.write(function, *args)
            except (StoreUnavailableError, OverloadedError):
                await asyncio.sleep(LOOK_SECONDS)

    def _settle(self, work: Coroutine[object, object, None]) -> None:
        """Have it done beside everything else: whoever causes it may be cancelled, or not care to wait."""
        ending = asyncio.create_task(work)
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _beat(self) -> None:
        told: dict[str, float] = {}
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            rates = self._rates.a_second()
            if self._workers or rates != told:
                workers = [x.worker for x in self._workers.values()]
                try:
                    await self._batcher.write(task_workers.beat, self._server_id, workers, rates)
                    told = rates
                except (StoreUnavailableError, OverloadedError):
                    continue
                except Exception as error:
                    # Whatever it is, deliveries go on.
                    log.error("a heartbeat failed", exc_info=error)

    async def _tell(self) -> None:
        """Tell the other servers of runs that came into the queue here."""
        while True:
            await self._unheard.wait()
            self._unheard.clear()
            await self._store.tell()

"""The rows of the queue: who is given which run, and what goes back when a worker or its server is gone."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from interlock.engine.batcher import Batcher
from interlock.engine.services.lost_workers import LOOKS, lost_servers, lost_workers
from interlock.engine.services.stuck_task_runs import stuck_task_runs
from interlock.orchestration.commands import CreateTaskRun, RecordTaskRunState, SetTaskRunState
from interlock.orchestration.runs import TaskRunPolicy
from interlock.orchestration.states import Proposal, State, StateDetails, StateType
from interlock.orchestration.task_queue import Waiting
from interlock.storage.invariants import violations
from interlock.storage.queries import task_queue, task_runs, task_workers
from interlock.storage.queries.task_queue import Claim
from interlock.storage.queries.task_workers import TaskWorker
from interlock.storage.store import Store
from tests.builders import task_run_draft
from tests.conftest import FakeClock

SERVER, OTHER_SERVER = (f"00000000-0000-7000-b000-{n:012d}" for n in (1, 2))
PENDING, RUNNING, FAILED = (Proposal(type=x) for x in (StateType.PENDING, StateType.RUNNING, StateType.FAILED))


def run_id(number: int) -> str:
    return f"00000000-0000-7000-a000-{number:012d}"


def worker_id(number: int) -> str:
    return f"00000000-0000-7000-c000-{number:012d}"


class Scene:
    """A ledger's queue, and workers that are connected to servers."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.batcher = Batcher(store)

    async def schedule(self, number: int, key: str = "task", *, due: float = 0, name: str | None = None) -> None:
        self.clock.advance(seconds=0.001)
        time = self.clock() + timedelta(seconds=due)
        details = StateDetails(scheduled_time=time, task_parameters_id="parameters")
        draft = task_run_draft(run_id(number), None, task_key=key, empirical_policy=TaskRunPolicy(retries=1))
        proposal = Proposal(type=StateType.SCHEDULED, name=name, details=details)
        await self.batcher.decide(CreateTaskRun(run=draft, proposal=proposal))

    async def move(self, number: int, proposal: Proposal) -> None:
        await self.batcher.decide(SetTaskRunState(task_run_id=run_id(number), proposal=proposal))

    async def tell_pending(self, number: int) -> None:
        """As a client does that decides by itself."""
        run = await self.store.read(task_runs.by_id, run_id(number))
        assert run is not None
        state_id = f"00000000-0000-7000-d000-{number:012d}"
        state = State(id=state_id, type=StateType.PENDING, name="Pending", timestamp=self.clock())
        await self.batcher.decide(RecordTaskRunState(run=run, state=state, said=frozenset()))

    async def join(self, *numbers: int, server: str = SERVER) -> None:
        workers = [TaskWorker(worker_id(n), f"client {n}", ["task"], self.clock()) for n in numbers]
        await self.batcher.write(task_workers.join, server, workers)

    async def claim(self, *waiting: tuple[int, str]) -> list[int | None]:
        """The number of the run that each of these workers is given for its keys."""
        found = await self.look([Waiting(worker_id(n), keys.split()) for n, keys in waiting])
        numbers = {key: int(run.id[-12:]) for key, run in found.given.items()}
        return [numbers.get(worker_id(n)) for n, _ in waiting]

    async def look(self, waiting: Sequence[Waiting]) -> Claim:
        self.clock.advance(seconds=0.001)
        return await self.batcher.write(task_queue.claim, waiting, self.clock())

    async def leave(self, number: int, unacknowledged: int | None) -> None:
        in_flight = None if unacknowledged is None else run_id(unacknowledged)
        await self.batcher.write(task_workers.leave, worker_id(number), in_flight, self.clock())

    async def state(self, number: int) -> Any:
        run = await self.store.read(task_runs.by_id, run_id(number))
        assert run is not None
        return run.state


@pytest.fixture
async def scene(store: Store, clock: FakeClock) -> Scene:
    made = Scene(store, clock)
    await made.join(1, 2, 3)
    return made


async def test_runs_of_a_task_come_in_their_order_each_to_one_worker(scene: Scene) -> None:
    for number in (1, 2, 3):
        await scene.schedule(number)
    assert await scene.claim((1, "task"), (2, "task")) == [1, 2]
    assert await scene.claim((1, "task"), (2, "task")) == [3, None]
    assert await scene.store.read(violations) == []


async def test_a_retry_comes_before_what_has_waited_longer(scene: Scene) -> None:
    await scene.schedule(1)
    await scene.schedule(2, name="AwaitingRetry")
    assert await scene.claim((1, "task"), (2, "task")) == [2, 1]


async def test_a_run_scheduled_for_later_is_delivered_when_its_time_has_come(scene: Scene) -> None:
    await scene.schedule(1, due=60)
    await scene.schedule(2)
    found = await scene.look([Waiting(worker_id(1), ["task"]), Waiting(worker_id(2), ["task"])])
    assert [run.id for run in found.given.values()] == [run_id(2)]
    assert found.next_due is not None
    assert timedelta(seconds=59) < found.next_due - scene.clock() < timedelta(seconds=60)
    scene.clock.advance(seconds=60)
    assert await scene.claim((3, "task")) == [1]


async def test_a_worker_has_its_keys_served_in_its_order(scene: Scene) -> None:
    await scene.schedule(1, "a")
    await scene.schedule(2, "b")
    assert await scene.claim((1, "b a"), (2, "b a"), (3, "c")) == [2, 1, None]


async def test_what_was_not_acknowledged_goes_back_at_once_and_to_the_front(scene: Scene) -> None:
    await scene.schedule(1)
    await scene.schedule(2)
    assert await scene.claim((1, "task")) == [1]
    await scene.leave(1, unacknowledged=1)
    assert await scene.claim((2, "task"), (3, "task")) == [1, 2]


async def test_what_was_acknowledged_goes_back_after_the_grace_period_unless_it_was_begun(scene: Scene) -> None:
    step = lost_workers(grace_seconds=30).step
    for number in (1, 2):
        await scene.schedule(number)
        assert await scene.claim((1, "task")) == [number]
    await scene.move(1, PENDING)
    await scene.leave(1, unacknowledged=None)
    scene.clock.advance(seconds=29)
    assert await step(scene.batcher, scene.clock(), 10) == 0
    assert await scene.claim((2, "task")) == [None]
    scene.clock.advance(seconds=2)
    assert await step(scene.batcher, scene.clock(), 10) == 1
    assert await scene.claim((2, "task"), (3, "task")) == [2, None]
    assert await scene.store.read(violations) == []


async def test_a_dead_servers_runs_in_flight_go_back_and_no_other_servers(scene: Scene) -> None:
    """What its workers had acknowledged before waits for the grace period: they may live."""
    await scene.join(4, server=OTHER_SERVER)
    for number in (1, 2, 3):
        await scene.schedule(number)
    assert await scene.claim((1, "task"), (4, "task")) == [1, 2]
    assert await scene.claim((1, "task")) == [3]
    watch = lost_servers().step
    for look in range(LOOKS):
        assert await watch(scene.batcher, scene.clock(), 10) == (1 if look == LOOKS - 1 else 0)
        await scene.batcher.write(task_workers.beat, OTHER_SERVER, [], {})
    assert await scene.claim((4, "task"), (5, "task")) == [3, None]
    assert {x.id for x in await scene.store.read(task_workers.connected)} == {worker_id(4)}


async def test_a_server_that_was_taken_for_dead_comes_back_with_its_workers(scene: Scene) -> None:
    workers = await scene.store.read(task_workers.connected)
    await scene.batcher.write(task_workers.remove_server, SERVER, scene.clock())
    assert await scene.store.read(task_workers.connected) == []
    await scene.batcher.write(task_workers.beat, SERVER, workers, {})
    assert await scene.store.read(task_workers.connected) == workers


async def test_a_run_stuck_pending_is_scheduled_again_with_its_parameters(scene: Scene) -> None:
    step = stuck_task_runs(pending_seconds=30, grace_seconds=30).step
    await scene.schedule(1)
    await scene.claim((1, "task"))
    await scene.move(1, PENDING)
    scene.clock.advance(seconds=29)
    assert await step(scene.batcher, scene.clock(), 10) == 0
    scene.clock.advance(seconds=2)
    assert await step(scene.batcher, scene.clock(), 10) == 1
    state = await scene.state(1)
    assert (state.type, state.name, state.details.task_parameters_id) == ("SCHEDULED", "Scheduled", "parameters")
    assert await scene.claim((2, "task")) == [1]


async def test_a_run_that_is_only_told_of_is_left_pending_while_its_worker_is_there(scene: Scene) -> None:
    """A 3.x client waits so for a slot. When the worker is gone, another is given the run."""
    step = stuck_task_runs(pending_seconds=30, grace_seconds=30).step
    await scene.schedule(1)
    await scene.claim((1, "task"))
    await scene.tell_pending(1)
    scene.clock.advance(seconds=100)
    assert await step(scene.batcher, scene.clock(), 10) == 0
    assert await scene.claim((2, "task")) == [None]
    await scene.leave(1, unacknowledged=None)
    assert await step(scene.batcher, scene.clock(), 10) == 1
    assert await scene.claim((2, "task")) == [1]


async def test_a_retry_is_left_to_its_worker_while_that_is_there(scene: Scene) -> None:
    """It is given to another when it is overdue and its worker gone, with the parameters, and ahead of others."""
    step = stuck_task_runs(pending_seconds=30, grace_seconds=30).step
    await scene.schedule(1)
    await scene.claim((1, "task"))
    for proposal in (PENDING, RUNNING, FAILED):
        await scene.move(1, proposal)
    assert (await scene.state(1)).name == "AwaitingRetry"
    scene.clock.advance(seconds=100)
    assert await scene.claim((2, "task")) == [None]
    assert await step(scene.batcher, scene.clock(), 10) == 0
    await scene.leave(1, unacknowledged=None)
    assert await step(scene.batcher, scene.clock(), 10) == 1
    state = await scene.state(1)
    assert (state.name, state.details.task_parameters_id) == ("AwaitingRetry", "parameters")
    await scene.schedule(2)
    assert await scene.claim((2, "task"), (3, "task")) == [1, 2]


async def test_the_queue_of_a_task_is_told(scene: Scene) -> None:
    for number, due in ((1, 0), (2, 0), (3, 60)):
        await scene.schedule(number, due=due)
    await scene.claim((1, "task"))
    queue = (await scene.store.read(task_queue.by_key, scene.clock()))["task"]
    assert (queue.depth, queue.delayed, queue.leased) == (2, 1, 1)
    assert queue.oldest is not None


async def test_a_deleted_run_waits_no_longer(scene: Scene) -> None:
    await scene.schedule(1)
    await scene.batcher.write(task_runs.delete_one, run_id(1))
    assert await scene.claim((1, "task")) == [None]

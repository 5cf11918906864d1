"""Services that move runs by themselves: late runs, pauses that nobody ended, what is left of cancelled runs; and
deployments that nobody serves."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from interlock.engine.batcher import Batcher
from interlock.engine.services import Service
from interlock.engine.services.cancellation_cleanup import cancellation_cleanup
from interlock.engine.services.foreman import unpolled_deployments
from interlock.engine.services.late_runs import late_runs
from interlock.engine.services.pause_expirations import pause_expirations
from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun, SetFlowRunState, SetTaskRunState
from interlock.orchestration.runs import FlowRun, TaskRun
from interlock.orchestration.states import Proposal, StateDetails, StateType
from interlock.server import background_services
from interlock.settings import Settings
from interlock.storage.queries import deployment_polls, deployments, flow_runs, flows, task_runs
from interlock.storage.store import Store
from tests.builders import THEN, flow_run_draft, task_run_draft
from tests.conftest import FakeClock
from tests.engine.deployed import FLOW, check, deploy, deployment_id
from tests.quiet import QUIET

SCHEDULED, PENDING, RUNNING = StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING
CANCELLED, CANCELLING, COMPLETED = StateType.CANCELLED, StateType.CANCELLING, StateType.COMPLETED
ORPHANED = "The parent flow run was cancelled."


def run_id(number: int) -> str:
    return f"00000000-0000-7000-a000-{number:012d}"


async def create(store: Store, number: int, *kinds: Proposal | StateType, **fields: Any) -> str:
    """A flow run that went through these states."""
    batcher = Batcher(store)
    await batcher.write(flows.get_or_create, FLOW, "flow", [], {}, THEN)
    first, *later = map(_proposal, kinds)
    draft = flow_run_draft(run_id(number), FLOW, **fields)
    await batcher.decide(CreateFlowRun(run=draft, proposal=first))
    for proposal in later:
        await batcher.decide(SetFlowRunState(flow_run_id=draft.id, proposal=proposal, force=True))
    return draft.id


async def create_task(store: Store, number: int, flow_run_id: str, *kinds: StateType) -> str:
    batcher, task_run_id = Batcher(store), run_id(1000 + number)
    first, *later = map(_proposal, kinds)
    await batcher.decide(CreateTaskRun(run=task_run_draft(task_run_id, flow_run_id), proposal=first))
    for proposal in later:
        await batcher.decide(SetTaskRunState(task_run_id=task_run_id, proposal=proposal, force=True))
    return task_run_id


def _proposal(kind: Proposal | StateType) -> Proposal:
    return kind if isinstance(kind, Proposal) else Proposal(type=kind)


def at(time: datetime, name: str | None = None) -> Proposal:
    return Proposal(type=SCHEDULED, name=name, details=StateDetails(scheduled_time=time))


def paused(until: datetime | None) -> Proposal:
    return Proposal(type=StateType.PAUSED, details=StateDetails(pause_timeout=until))


async def read(store: Store, identity: str) -> FlowRun:
    run = await store.read(flow_runs.by_id, identity)
    assert run is not None
    return run


async def read_task(store: Store, identity: str) -> TaskRun:
    run = await store.read(task_runs.by_id, identity)
    assert run is not None
    return run


def state(run: FlowRun | TaskRun) -> tuple[str, str | None]:
    assert run.state is not None
    return run.state.name, run.state.message


async def work(store: Store, service: Service, now: datetime) -> int:
    return await service.step(Batcher(store), now, service.batch)


# Late runs


async def test_a_run_that_nobody_began_in_time_is_late(store: Store, clock: FakeClock) -> None:
    """After so many seconds, and once. It keeps its time, and is SCHEDULED as before."""
    service, time = late_runs(15, 5), clock()
    late = await create(store, 1, at(time))
    clock.advance(seconds=14.9)
    assert await work(store, service, clock()) == 0
    clock.advance(seconds=0.1)
    assert await work(store, service, clock()) == 1
    run = await read(store, late)
    assert run.state is not None
    assert (run.state.type, run.state.name) == (SCHEDULED, "Late")
    assert (run.state.details.scheduled_time, run.next_scheduled_start_time) == (time, time)
    assert await work(store, service, clock()) == 0
    await check(store)


async def test_only_scheduled_runs_are_late(store: Store, clock: FakeClock) -> None:
    """Neither one that waits for a retry or has another name, nor one that began, nor one whose time is to come."""
    for number, states in enumerate(
        (
            (at(clock(), "AwaitingRetry"),),
            (at(clock()), PENDING),
            (at(clock()), PENDING, RUNNING),
            (at(clock()), CANCELLED),
            (at(clock() + timedelta(hours=1)),),
        )
    ):
        await create(store, number, *states)
    clock.advance(minutes=1)
    assert await work(store, late_runs(15, 5), clock()) == 0


async def test_many_late_runs_are_marked_step_by_step(store: Store, clock: FakeClock) -> None:
    for number in range(7):
        await create(store, number, at(clock()))
    clock.advance(minutes=1)
    service = late_runs(15, 5)
    assert [await service.step(Batcher(store), clock(), 3) for _ in range(4)] == [3, 3, 1, 0]


# Pauses


async def test_a_pause_that_nobody_ended_fails_the_run(store: Store, clock: FakeClock) -> None:
    """Once its time is past; one without an end stays, and one that went on."""
    service, end = pause_expirations(5), clock() + timedelta(seconds=10)
    gone = [await create(store, number, RUNNING, paused(end)) for number in (1, 2)]
    kept = [
        await create(store, 3, RUNNING, paused(end + timedelta(hours=1))),
        await create(store, 4, RUNNING, paused(None)),
        await create(store, 5, RUNNING, paused(end), RUNNING),
    ]
    assert await work(store, service, clock()) == 0
    clock.advance(seconds=11)
    assert await service.step(Batcher(store), clock(), 1) == 2
    expected = ("Failed", "The flow was paused and never resumed.")
    assert [state(await read(store, x)) for x in gone] == [expected] * 2
    assert [state(await read(store, x))[0] for x in kept] == ["Paused", "Paused", "Running"]
    await check(store)


# Cancelled runs


@pytest.fixture
def cleanup() -> Service:
    return cancellation_cleanup(20)


async def test_task_runs_of_a_cancelled_run_are_cancelled(store: Store, clock: FakeClock, cleanup: Service) -> None:
    """Those that go on; others stay what they became, and so do those of other runs."""
    owner, other = await create(store, 1, RUNNING), await create(store, 2, RUNNING)
    left = [await create_task(store, n, owner, *x) for n, x in enumerate(([PENDING], [RUNNING], [SCHEDULED]))]
    done = await create_task(store, 10, owner, RUNNING, COMPLETED)
    elsewhere = await create_task(store, 11, other, RUNNING)
    assert await work(store, cleanup, clock()) == 0
    await Batcher(store).decide(SetFlowRunState(flow_run_id=owner, proposal=_proposal(CANCELLED), force=True))
    assert await work(store, cleanup, clock()) == 3
    assert [state(await read_task(store, x)) for x in left] == [("Cancelled", ORPHANED)] * 3
    assert [state(await read_task(store, x))[0] for x in (done, elsewhere)] == ["Completed", "Running"]
    assert await work(store, cleanup, clock()) == 0
    await check(store)


async def test_a_run_that_is_being_cancelled_keeps_its_task_runs(
    store: Store, clock: FakeClock, cleanup: Service
) -> None:
    """Until it is cancelled: whoever runs it is to end them."""
    owner = await create(store, 1, RUNNING)
    task = await create_task(store, 1, owner, RUNNING)
    await Batcher(store).decide(SetFlowRunState(flow_run_id=owner, proposal=_proposal(CANCELLING)))
    assert await work(store, cleanup, clock()) == 0
    assert state(await read_task(store, task))[0] == "Running"


@pytest.mark.parametrize(("age", "done"), [(23.9, 1), (24.1, 0)])
async def test_runs_that_were_cancelled_within_a_day_are_looked_at(
    store: Store, clock: FakeClock, cleanup: Service, age: float, done: int
) -> None:
    await create_task(store, 1, await create(store, 1, RUNNING, CANCELLED), RUNNING)
    clock.advance(hours=age)
    assert await work(store, cleanup, clock()) == done


async def test_what_is_told_late_is_cancelled_too(store: Store, clock: FakeClock, cleanup: Service) -> None:
    """A task run that comes after the look at its flow run."""
    owner = await create(store, 1, RUNNING, CANCELLED)
    assert await work(store, cleanup, clock()) == 0
    await create_task(store, 1, owner, RUNNING)
    clock.advance(minutes=59)
    assert await work(store, cleanup, clock()) == 1


async def test_many_are_cancelled_in_small_steps(store: Store, clock: FakeClock, cleanup: Service) -> None:
    """A flow run's task runs, and flow runs that ended at the same moment."""
    for number in range(5):
        owner = await create(store, number, RUNNING, CANCELLED)
        for place in range(4):
            await create_task(store, number * 10 + place, owner, RUNNING)
    assert await cleanup.step(Batcher(store), clock(), 3) == 20


@pytest.mark.parametrize(("deployed", "becomes"), [(False, "Cancelled"), (True, "Cancelling")])
async def test_subflows_of_a_cancelled_run_are_cancelled(
    store: Store, clock: FakeClock, cleanup: Service, deployed: bool, becomes: str
) -> None:
    """By whoever runs them, where they have a deployment; however long ago it was cancelled. The task run that stands
    for the subflow is cancelled like any other."""
    if deployed:
        await deploy(store, clock(), 1)
    owner = await create(store, 1, RUNNING)
    parent = await create_task(store, 1, owner, RUNNING)
    own = {"deployment_id": deployment_id(1)} if deployed else {}
    sub = await create(store, 2, RUNNING, parent_task_run_id=parent, **own)
    assert await work(store, cleanup, clock()) == 0
    await Batcher(store).decide(SetFlowRunState(flow_run_id=owner, proposal=_proposal(CANCELLED), force=True))
    clock.advance(days=3)
    assert await work(store, cleanup, clock()) > 0
    assert state(await read(store, sub)) == (becomes, ORPHANED)
    assert state(await read_task(store, parent)) == ("Cancelled", ORPHANED)
    assert await work(store, cleanup, clock()) == 0
    await check(store)


async def test_a_subflow_of_a_subflow_follows(store: Store, clock: FakeClock, cleanup: Service) -> None:
    """At the next look."""
    owner = await create(store, 1, RUNNING, CANCELLED)
    sub = await create(store, 2, RUNNING, parent_task_run_id=await create_task(store, 1, owner, RUNNING))
    inner = await create(store, 3, RUNNING, parent_task_run_id=await create_task(store, 2, sub, RUNNING))
    await work(store, cleanup, clock())
    await work(store, cleanup, clock())
    assert [state(await read(store, x))[0] for x in (sub, inner)] == ["Cancelled", "Cancelled"]


# Deployments


async def test_a_deployment_that_nobody_asks_for_is_not_ready(store: Store, clock: FakeClock) -> None:
    """After so many seconds without a poll; one that is polled stays ready."""
    batcher, service = Batcher(store), unpolled_deployments(60)
    for number in (1, 2, 3):
        await deploy(store, clock(), number)
    await batcher.write(deployment_polls.note_poll, [deployment_id(1), deployment_id(2)], clock())
    assert await statuses(store) == ["READY", "READY", "NOT_READY"]
    clock.advance(seconds=40)
    await batcher.write(deployment_polls.note_poll, [deployment_id(2)], clock())
    clock.advance(seconds=21)
    assert await work(store, service, clock()) == 1
    assert await statuses(store) == ["NOT_READY", "READY", "NOT_READY"]
    assert await work(store, service, clock()) == 0


async def statuses(store: Store) -> list[str]:
    found = [await store.read(deployments.by_id, deployment_id(x)) for x in (1, 2, 3)]
    return [x["status"] for x in found if x is not None]


# What is switched off


def test_a_service_whose_interval_is_0_does_nothing() -> None:
    """It is not among those that the leader runs; the others are."""
    every = {x.name for x in background_services(Settings())}  # type: ignore[call-arg]
    left = {x.name for x in background_services(Settings(**QUIET))}  # type: ignore[arg-type]
    assert every - left == {"scheduler", "late runs", "pause expirations", "cancellation cleanup"}
    assert left

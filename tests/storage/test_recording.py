"""States that clients tell of, in the tables: kept once, in the batches of all, whoever else writes."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, func, select

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun, RecordTaskRunState, SetTaskRunState
from interlock.orchestration.facts import Chance
from interlock.orchestration.runs import TaskRun, TaskRunPolicy
from interlock.orchestration.states import Proposal, StateDetails, StateType
from interlock.storage import tables
from interlock.storage.invariants import violations
from interlock.storage.queries import concurrency_limits, flows, run_states, task_runs
from interlock.storage.store import Store
from tests.builders import flow_run_draft, recording, task_run_draft
from tests.conftest import FakeClock

FLOW, FLOW_RUN, UNKNOWN = (f"00000000-0000-7000-9000-{number:012d}" for number in (1, 2, 3))
PENDING, RUNNING, COMPLETED = StateType.PENDING, StateType.RUNNING, StateType.COMPLETED


@pytest.fixture
async def batcher(store: Store, clock: FakeClock) -> Batcher:
    batcher = Batcher(store)
    await batcher.write(flows.get_or_create, FLOW, "flow", [], {}, clock())
    await create_flow_run(batcher, FLOW_RUN)
    return batcher


async def create_flow_run(batcher: Batcher, flow_run_id: str) -> None:
    await batcher.decide(CreateFlowRun(run=flow_run_draft(flow_run_id, FLOW), proposal=Proposal(type=RUNNING)))


def a_life(run_id: str, begin: datetime, flow_run_id: str | None = FLOW_RUN) -> list[RecordTaskRunState]:
    """Three states, a second apart, as a client of the 3.x line tells of them."""
    second = timedelta(seconds=1)
    start, end = begin + second, begin + 2 * second
    return [
        recording(run_id, flow_run_id, PENDING, state_id=str(uuid4()), at=begin, run_count=0),
        recording(run_id, flow_run_id, RUNNING, state_id=str(uuid4()), at=start, run_count=1, start_time=start),
        recording(run_id, flow_run_id, COMPLETED, state_id=str(uuid4()), at=end, end_time=end, total_run_time=1.0),
    ]


async def tell(batcher: Batcher, *commands: RecordTaskRunState) -> list[Any]:
    return await asyncio.gather(*(batcher.decide(x) for x in commands))


async def run_of(store: Store, run_id: str) -> TaskRun:
    run = await store.read(task_runs.by_id, run_id)
    assert run is not None
    return run


async def states_of(store: Store, run_id: str) -> list[str]:
    found = await store.read(run_states.of_task_run, run_id)
    return [x.type.value for x in found]


def taken(conn: Connection) -> list[bool]:
    """Of the runs that are in the queue, whether someone has taken them."""
    return list(conn.execute(select(tables.task_run_queue.c.taken)).scalars())


def counted(conn: Connection, table: str) -> int:
    return int(conn.execute(select(func.count()).select_from(tables.metadata.tables[table])).scalar_one())


@pytest.fixture(autouse=True)
async def in_order(store: Store) -> Any:
    """Whatever a test does, the ledger agrees with itself afterwards."""
    yield
    assert await store.read(violations) == []


async def test_a_run_is_read_back_as_its_client_tells(batcher: Batcher, store: Store, clock: FakeClock) -> None:
    """Every field, from the first state on and after a change."""
    said: dict[str, Any] = {
        "name": "square-1",
        "cache_key": "key",
        "cache_expiration": clock() + timedelta(days=1),
        "task_version": "v",
        "empirical_policy": TaskRunPolicy(retries=2, retry_delay=[0.5, 2], retry_jitter_factor=0.5),
        "tags": ("a", "ü"),
        "task_inputs": '{"x":[]}',
        "labels": '{"team":"data"}',
        "run_count": 2,
        "flow_run_run_count": 3,
        "expected_start_time": clock(),
        "start_time": clock() + timedelta(seconds=1),
        "end_time": clock() + timedelta(seconds=2),
        "total_run_time": 0.25,
    }
    for kind, seconds, name in ((RUNNING, 0, "square-1"), (COMPLETED, 5, "square-2")):
        told = recording(
            FLOW,
            FLOW_RUN,
            kind,
            state_id=str(uuid4()),
            at=clock() + timedelta(seconds=seconds),
            data={"storage_key": "k"},
            **said | {"name": name},
        )
        decision = await batcher.decide(told)
        run = await run_of(store, FLOW)
        assert run == decision.run
        assert {x: getattr(run, x) for x in said} == said | {"name": name}
        assert run.state is not None
        assert (run.state.id, run.state.data) == (told.state.id, {"storage_key": "k"})
    assert await store.read(counted, "artifacts") == 0


async def test_many_states_of_many_runs_at_once(batcher: Batcher, store: Store, clock: FakeClock) -> None:
    """In the batches of all, each state kept once though all are told of twice, and in any order."""
    lives = [a_life(str(uuid4()), clock()) for _ in range(60)]
    events = [x for life in lives for x in reversed(life)]
    await tell(batcher, *events, *events)
    for life in lives:
        run = await run_of(store, life[0].run.id)
        assert (run.state and run.state.id, run.end_time) == (life[2].state.id, life[2].state.timestamp)
    assert await store.read(counted, "task_run_states") == 180


async def test_a_state_told_of_again_is_known(batcher: Batcher, store: Store, clock: FakeClock) -> None:
    """From another batch, and another connection of its client."""
    life = a_life(FLOW, clock())
    for _ in range(2):
        for event in life:
            await batcher.decide(event)
    assert await states_of(store, FLOW) == ["PENDING", "RUNNING", "COMPLETED"]


async def test_a_run_of_the_same_keys_takes_the_states(batcher: Batcher, store: Store, clock: FakeClock) -> None:
    """Where the run was made by a request under another id."""
    first, other = str(uuid4()), str(uuid4())
    draft = task_run_draft(first, FLOW_RUN)
    await batcher.decide(CreateTaskRun(run=draft, proposal=Proposal(type=PENDING)))
    later = clock() + timedelta(seconds=5)
    told = recording(other, FLOW_RUN, COMPLETED, state_id=str(uuid4()), at=later, dynamic_key=draft.dynamic_key)
    assert (await batcher.decide(told)).run.id == first
    assert await states_of(store, first) == ["PENDING", "COMPLETED"]
    assert await store.read(task_runs.by_id, other) is None


async def test_an_unknown_flow_run_harms_no_other(batcher: Batcher, store: Store, clock: FakeClock) -> None:
    """Its run is kept without it, beside those that come in the same batch, and joins it when it is there."""
    lost, other = a_life(str(uuid4()), clock(), UNKNOWN), a_life(str(uuid4()), clock())
    await tell(batcher, *lost[:2], *other)
    assert (await run_of(store, lost[0].run.id)).flow_run_id is None
    assert await states_of(store, other[0].run.id) == ["PENDING", "RUNNING", "COMPLETED"]
    await create_flow_run(batcher, UNKNOWN)
    await batcher.decide(lost[2])
    run = await run_of(store, lost[0].run.id)
    assert (run.flow_run_id, run.dynamic_key) == (UNKNOWN, lost[0].run.dynamic_key)
    assert await states_of(store, run.id) == ["PENDING", "RUNNING", "COMPLETED"]


async def test_the_end_of_a_run_frees_its_slot(
    batcher: Batcher, store: Store, clock: FakeClock, chance: Chance
) -> None:
    """That a request had taken."""
    await batcher.write(concurrency_limits.create_or_change, chance.new_id(), "tag", 1, clock())
    draft = task_run_draft(FLOW, FLOW_RUN, tags=("tag",))
    await batcher.decide(CreateTaskRun(run=draft, proposal=Proposal(type=PENDING)))
    await batcher.decide(SetTaskRunState(task_run_id=FLOW, proposal=Proposal(type=RUNNING)))
    assert await store.read(counted, "concurrency_slots") == 1
    later = clock() + timedelta(seconds=5)
    await batcher.decide(recording(FLOW, FLOW_RUN, COMPLETED, state_id=str(uuid4()), at=later))
    assert await store.read(counted, "concurrency_slots") == 0


async def test_a_deferred_run_waits_in_the_queue_once(batcher: Batcher, store: Store, clock: FakeClock) -> None:
    """Made by a request, told of by an event of the same state; no other worker is given it once one goes on."""
    details = StateDetails(deferred=True)
    made = await batcher.decide(
        CreateTaskRun(run=task_run_draft(FLOW, None), proposal=Proposal(type=StateType.SCHEDULED, details=details))
    )
    assert made.state is not None
    scheduled = recording(
        FLOW, None, StateType.SCHEDULED, state_id=made.state.id, at=made.state.timestamp, details=made.state.details
    )
    await batcher.decide(scheduled)
    assert await store.read(taken) == [False]
    later = clock() + timedelta(seconds=5)
    await batcher.decide(recording(FLOW, None, PENDING, state_id=str(uuid4()), at=later))
    await batcher.decide(scheduled)
    assert await store.read(taken) == [True]
    assert await states_of(store, FLOW) == ["SCHEDULED", "PENDING"]


async def test_a_deferred_run_told_of_first_is_queued(batcher: Batcher, store: Store, clock: FakeClock) -> None:
    """Until it goes on, and kept in mind until its end."""
    details = StateDetails(deferred=True, scheduled_time=clock() + timedelta(minutes=1))
    await batcher.decide(recording(FLOW, None, StateType.SCHEDULED, state_id=str(uuid4()), at=clock(), details=details))
    assert await store.read(taken) == [False]
    assert await store.read(violations) == []
    later = clock() + timedelta(seconds=5)
    await batcher.decide(recording(FLOW, None, RUNNING, state_id=str(uuid4()), at=later))
    assert await store.read(taken) == [True]
    await batcher.decide(recording(FLOW, None, COMPLETED, state_id=str(uuid4()), at=later + timedelta(seconds=1)))
    assert await store.read(taken) == []


async def test_a_request_finds_the_run_in_the_state_that_was_told(
    batcher: Batcher, store: Store, clock: FakeClock
) -> None:
    """Also where this server remembers an older one of its own."""
    await batcher.decide(CreateTaskRun(run=task_run_draft(FLOW, FLOW_RUN), proposal=Proposal(type=PENDING)))
    later = clock() + timedelta(seconds=5)
    await batcher.decide(
        recording(FLOW, FLOW_RUN, COMPLETED, state_id=str(uuid4()), at=later, data={"storage_key": "k"})
    )
    answer = await batcher.decide(SetTaskRunState(task_run_id=FLOW, proposal=Proposal(type=RUNNING)))
    assert not answer.written
    assert await states_of(store, FLOW) == ["PENDING", "COMPLETED"]

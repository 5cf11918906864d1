"""Facts out of the tables, decisions into them."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Table, select

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun, SetFlowRunState, SetTaskRunState
from interlock.orchestration.decision import Abort, Accept, Reject, Wait
from interlock.orchestration.runs import FlowRunPolicy, TaskRunPolicy
from interlock.orchestration.states import Proposal, StateDetails, StateType
from interlock.storage import tables
from interlock.storage.queries import concurrency_limits, flow_runs, flows, run_states, task_runs
from interlock.storage.store import Store
from tests.builders import flow_run_draft, task_run_draft
from tests.conftest import FakeClock

FLOW = "00000000-0000-7000-9000-000000000001"
FLOW_RUN = "00000000-0000-7000-9000-000000000002"
PENDING = Proposal(type=StateType.PENDING)
RUNNING = Proposal(type=StateType.RUNNING)
COMPLETED = Proposal(type=StateType.COMPLETED)


def task_run_id(number: int) -> str:
    return f"00000000-0000-7000-a000-{number:012d}"


def all_rows(conn: Connection, table: Table) -> list[dict[str, Any]]:
    return [dict(row) for row in conn.execute(select(table)).mappings()]


@pytest.fixture
async def batcher(store: Store, clock: FakeClock) -> Batcher:
    batcher = Batcher(store)
    await batcher.write(flows.get_or_create, FLOW, "flow", [], {}, clock())
    await batcher.decide(CreateFlowRun(run=flow_run_draft(FLOW_RUN, FLOW), proposal=RUNNING))
    return batcher


async def create(batcher: Batcher, number: int, **fields: Any) -> str:
    draft = task_run_draft(task_run_id(number), fields.pop("flow_run_id", FLOW_RUN), **fields)
    return (await batcher.decide(CreateTaskRun(run=draft, proposal=PENDING))).run.id


async def move(batcher: Batcher, run_id: str, proposal: Proposal, *, force: bool = False) -> Any:
    return await batcher.decide(SetTaskRunState(task_run_id=run_id, proposal=proposal, force=force))


async def limit(batcher: Batcher, tag: str, slots: int, clock: FakeClock) -> None:
    def insert(conn: Connection) -> None:
        concurrency_limits.create_or_change(conn, str(uuid4()), tag, slots, clock())

    await batcher.write(insert)


async def test_a_task_run_is_read_back_as_it_was_decided(batcher: Batcher, store: Store) -> None:
    """Every field survives, times to the microsecond, a scheduled time with its offset."""
    late = datetime(2026, 5, 4, 3, 2, 1, 987654, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    draft = task_run_draft(
        task_run_id(1),
        FLOW_RUN,
        cache_key="key",
        cache_expiration=datetime(2027, 1, 1, 1, 1, 1, 1, tzinfo=UTC),
        task_version="v",
        empirical_policy=TaskRunPolicy(retries=2, retry_delay=[1, 2], retry_jitter_factor=0.5),
        tags=("a", "ü"),
        task_inputs='{"x":[]}',
        labels='{"team":"data"}',
    )
    details = StateDetails(scheduled_time=late, cache_key="k", run_input_keyset={"a": "b"}, pause_key="p")
    proposal = Proposal(type=StateType.SCHEDULED, name="Soon", message="m", data={"a": [1, None]}, details=details)
    decision = await batcher.decide(CreateTaskRun(run=draft, proposal=proposal))
    stored = await store.read(task_runs.by_id, draft.id)
    assert stored == decision.run
    assert stored is not None
    assert stored.state is not None
    assert stored.state.details.scheduled_time == late
    assert stored.state.details.scheduled_time.utcoffset() == timedelta(hours=5, minutes=30)


async def test_a_flow_run_is_read_back_as_it_was_decided(batcher: Batcher, store: Store) -> None:
    """Every field survives."""
    draft = flow_run_draft(
        "00000000-0000-7000-9000-000000000003",
        FLOW,
        flow_version="v",
        parameters='{"x":1}',
        idempotency_key="key",
        context='{"c":1}',
        empirical_policy=FlowRunPolicy(retries=1, pause_keys=("a",)),
        tags=("t",),
        created_by='{"type":"AUTOMATION"}',
        job_variables='{"j":1}',
        infrastructure_pid="pid",
    )
    decision = await batcher.decide(CreateFlowRun(run=draft, proposal=RUNNING))
    assert await store.read(flow_runs.by_id, draft.id) == decision.run


async def test_a_run_has_all_its_states_in_order(batcher: Batcher, store: Store, clock: FakeClock) -> None:
    """Each transition adds a state and keeps the older ones."""
    run_id = await create(batcher, 1)
    for proposal in (RUNNING, COMPLETED):
        clock.advance(seconds=1)
        await move(batcher, run_id, proposal)
    states = await store.read(all_rows, tables.task_run_states)
    assert [x["type"] for x in states] == ["PENDING", "RUNNING", "COMPLETED"]
    assert {x["task_run_id"] for x in states} == {run_id}


async def test_slots_are_rows_that_come_and_go_with_the_transition(
    batcher: Batcher, store: Store, clock: FakeClock
) -> None:
    """RUNNING takes a slot, the next one waits, the end gives it back, and the next one gets it."""
    await limit(batcher, "t", 1, clock)
    first, second = [await create(batcher, n, tags=("t", "other")) for n in (1, 2)]
    assert isinstance((await move(batcher, first, RUNNING)).verdict, Accept)
    assert [x["task_run_id"] for x in await store.read(all_rows, tables.concurrency_slots)] == [first]
    assert isinstance((await move(batcher, second, RUNNING)).verdict, Wait)
    await move(batcher, first, COMPLETED)
    assert await store.read(all_rows, tables.concurrency_slots) == []
    assert isinstance((await move(batcher, second, RUNNING)).verdict, Accept)


async def test_a_limit_is_never_exceeded_by_commands_of_one_batch(
    batcher: Batcher, store: Store, clock: FakeClock
) -> None:
    """Fifty runs that ask at once for three slots: three get them."""
    await limit(batcher, "t", 3, clock)
    runs = [await create(batcher, n, tags=("t",)) for n in range(50)]
    decisions = await asyncio.gather(*(move(batcher, x, RUNNING) for x in runs))
    assert sum(isinstance(d.verdict, Accept) for d in decisions) == 3
    assert len(await store.read(all_rows, tables.concurrency_slots)) == 3


async def test_a_limit_of_zero_aborts(batcher: Batcher, store: Store, clock: FakeClock) -> None:
    """No slot of another tag is left taken by the run that was sent away."""
    await limit(batcher, "a", 1, clock)
    await limit(batcher, "z", 0, clock)
    run_id = await create(batcher, 1, tags=("a", "z"))
    assert isinstance((await move(batcher, run_id, RUNNING)).verdict, Abort)
    assert await store.read(all_rows, tables.concurrency_slots) == []


async def test_deleting_a_run_frees_its_slots(batcher: Batcher, store: Store, clock: FakeClock) -> None:
    """A deleted run holds nothing, and its states are gone."""
    await limit(batcher, "t", 1, clock)
    run_id = await create(batcher, 1, tags=("t",))
    await move(batcher, run_id, RUNNING)
    assert await batcher.write(task_runs.delete_one, run_id)
    assert await store.read(all_rows, tables.concurrency_slots) == []
    assert await store.read(all_rows, tables.task_run_states) == []


def caching(key: str, state_type: StateType, expiration: datetime | None = None, data: Any = None) -> Proposal:
    return Proposal(type=state_type, data=data, details=StateDetails(cache_key=key, cache_expiration=expiration))


async def test_a_cache_key_leads_to_the_newest_unexpired_state(batcher: Batcher, clock: FakeClock) -> None:
    """A newer entry wins over an older one until it expires; when all have, the run runs."""
    for number, life in ((1, 60), (2, 10)):
        clock.advance(seconds=1)
        run_id = await create(batcher, number)
        await move(batcher, run_id, RUNNING)
        expiration = clock() + timedelta(seconds=life)
        await move(batcher, run_id, caching("k", StateType.COMPLETED, expiration, {"type": "reference", "n": number}))
    clock.advance(seconds=5)
    hit = await move(batcher, await create(batcher, 3), caching("k", StateType.RUNNING))
    assert isinstance(hit.verdict, Reject)
    assert (hit.state.name, hit.state.data["n"]) == ("Cached", 2)
    clock.advance(seconds=10)
    older = await move(batcher, await create(batcher, 4), caching("k", StateType.RUNNING))
    assert older.state.data["n"] == 1
    clock.advance(seconds=100)
    miss = await move(batcher, await create(batcher, 5), caching("k", StateType.RUNNING))
    assert isinstance(miss.verdict, Accept)


async def test_deleting_the_source_of_a_cache_entry_removes_the_entry(batcher: Batcher, clock: FakeClock) -> None:
    """No run takes a state of a run that is gone."""
    source = await create(batcher, 1)
    await move(batcher, source, RUNNING)
    await move(batcher, source, caching("k", StateType.COMPLETED))
    await batcher.write(task_runs.delete_one, source)
    decision = await move(batcher, await create(batcher, 2), caching("k", StateType.RUNNING))
    assert isinstance(decision.verdict, Accept)


async def test_the_newest_cache_entry_decides_even_if_its_run_is_gone(batcher: Batcher, clock: FakeClock) -> None:
    """Where the newest source was deleted, an older one does not take its place."""
    for number in (1, 2):
        clock.advance(seconds=1)
        source = await create(batcher, number)
        await move(batcher, source, RUNNING)
        await move(batcher, source, caching("k", StateType.COMPLETED))
    await batcher.write(task_runs.delete_one, task_run_id(2))
    decision = await move(batcher, await create(batcher, 3), caching("k", StateType.RUNNING))
    assert isinstance(decision.verdict, Accept)


async def test_a_background_run_waits_in_the_queue_until_it_is_taken(batcher: Batcher, store: Store) -> None:
    """SCHEDULED puts it there, in the same transaction; the next state takes it, and the last one takes it out."""
    draft = task_run_draft(task_run_id(1), None)
    await batcher.decide(CreateTaskRun(run=draft, proposal=Proposal(type=StateType.SCHEDULED)))
    assert [x["taken"] for x in await store.read(all_rows, tables.task_run_queue)] == [False]
    await move(batcher, draft.id, PENDING)
    await move(batcher, draft.id, RUNNING)
    assert [x["taken"] for x in await store.read(all_rows, tables.task_run_queue)] == [True]
    await move(batcher, draft.id, Proposal(type=StateType.COMPLETED))
    assert await store.read(all_rows, tables.task_run_queue) == []


async def test_background_runs_are_made_once_for_their_keys(batcher: Batcher) -> None:
    """Without a flow run, task key and dynamic key name a run."""
    draft = task_run_draft(task_run_id(1), None, task_key="k", dynamic_key="d")
    again = task_run_draft(task_run_id(2), None, task_key="k", dynamic_key="d")
    first = await batcher.decide(CreateTaskRun(run=draft, proposal=PENDING))
    second = await batcher.decide(CreateTaskRun(run=again, proposal=PENDING))
    assert (second.created, second.run.id) == (False, first.run.id)


async def test_a_subflow_moves_its_parent_task_run_along(batcher: Batcher, store: Store) -> None:
    """The parent task run takes the subflow's states, with its id."""
    parent = await create(batcher, 1)
    child = flow_run_draft("00000000-0000-7000-9000-000000000003", FLOW, parent_task_run_id=parent)
    await batcher.decide(CreateFlowRun(run=child, proposal=PENDING))
    await batcher.decide(SetFlowRunState(flow_run_id=child.id, proposal=RUNNING))
    stored = await store.read(task_runs.by_id, parent)
    assert stored is not None
    assert stored.state is not None
    assert stored.state.type == StateType.RUNNING
    assert stored.state.details.child_flow_run_id == child.id


async def test_an_old_clients_retry_reschedules_the_failed_task_runs(batcher: Batcher, store: Store) -> None:
    """Below API version 0.8.3 the server itself sets the failed task runs of a retried flow run to AwaitingRetry."""
    flow_run = flow_run_draft("00000000-0000-7000-9000-000000000003", FLOW, empirical_policy=FlowRunPolicy(retries=1))
    await batcher.decide(CreateFlowRun(run=flow_run, proposal=RUNNING))
    failed = await create(batcher, 1, flow_run_id=flow_run.id)
    await move(batcher, failed, Proposal(type=StateType.FAILED), force=True)
    command = SetFlowRunState(flow_run_id=flow_run.id, proposal=Proposal(type=StateType.FAILED), api_version=(0, 8, 2))
    assert isinstance((await batcher.decide(command)).verdict, Reject)
    stored = await store.read(task_runs.by_id, failed)
    assert stored is not None
    assert stored.state is not None
    assert stored.state.name == "AwaitingRetry"


async def test_a_repeated_request_finds_the_state_it_made(batcher: Batcher, store: Store) -> None:
    """The same transition id twice makes one state, also where the first request was refused with another state."""
    run_id = await create(batcher, 1, empirical_policy=TaskRunPolicy(retries=1))
    await move(batcher, run_id, RUNNING)
    transition = StateDetails(transition_id="00000000-0000-4000-8000-000000000007")
    failed = Proposal(type=StateType.FAILED, details=transition)
    first = await move(batcher, run_id, failed)
    again = await move(batcher, run_id, failed)
    assert first.state.name == "AwaitingRetry"
    assert (again.written, again.state) == (False, first.state)
    assert len(await store.read(all_rows, tables.task_run_states)) == 3


def marked(state_type: StateType, mark: int) -> Proposal:
    """A proposal of the request with this mark, the same each time."""
    details = StateDetails(transition_id=f"00000000-0000-4000-8000-{mark:012d}")
    return Proposal(type=state_type, details=details)


async def test_a_request_that_comes_again_after_others_makes_no_second_state(batcher: Batcher, store: Store) -> None:
    """Its answer got lost and the run has gone on since: it stays where it is, forced or not."""
    run_id = await create(batcher, 1)
    first, second = marked(StateType.RUNNING, 1), marked(StateType.COMPLETED, 2)
    await move(batcher, run_id, first)
    await move(batcher, run_id, second)
    for force in (False, True):
        again = await move(batcher, run_id, first, force=force)
        assert (again.written, again.state.type) == (False, StateType.COMPLETED)
    states = await store.read(run_states.of_task_run, run_id)
    assert [x.type for x in states] == [StateType.PENDING, StateType.RUNNING, StateType.COMPLETED]


async def test_nor_does_one_of_a_flow_run(batcher: Batcher, store: Store) -> None:
    """Whose client marks every request."""
    for proposal in (marked(StateType.PAUSED, 1), marked(StateType.RUNNING, 2), marked(StateType.PAUSED, 1)):
        answer = await batcher.decide(SetFlowRunState(flow_run_id=FLOW_RUN, proposal=proposal, force=True))
    assert (answer.written, answer.state and answer.state.type) == (False, StateType.RUNNING)
    states = await store.read(run_states.of_flow_run, FLOW_RUN)
    assert [x.type for x in states] == [StateType.RUNNING, StateType.PAUSED, StateType.RUNNING]


async def test_nor_does_one_in_the_same_batch(batcher: Batcher, store: Store) -> None:
    """A client that hung up and asked again may have both its requests waiting."""
    run_id = await create(batcher, 1)
    proposals = [marked(StateType.RUNNING, 1), marked(StateType.PENDING, 2), marked(StateType.RUNNING, 1)]
    answers = await asyncio.gather(*(move(batcher, run_id, x) for x in proposals))
    assert [x.written for x in answers] == [True, True, False]
    states = await store.read(run_states.of_task_run, run_id)
    assert [x.type for x in states] == [StateType.PENDING, StateType.RUNNING, StateType.PENDING]


async def test_the_same_mark_on_another_run_is_another_request(batcher: Batcher) -> None:
    """Marks are the clients' own: they need to be unique for one run only."""
    for number in (1, 2):
        assert (await move(batcher, await create(batcher, number), marked(StateType.RUNNING, 1))).written

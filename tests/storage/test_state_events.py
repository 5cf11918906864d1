"""Events that tell of the states of runs: what they say of the run, of what is around it, and of the state before."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import CreateFlowRun, RecordEvent, SetFlowRunState
from interlock.orchestration.events import RESOURCE_ID, Event, EventsAsked, ResourceAsked
from interlock.orchestration.states import Proposal, StateDetails, StateType
from interlock.storage import tables
from interlock.storage.queries import events, flows
from interlock.storage.store import Store
from tests.builders import THEN, flow_run_draft, recording
from tests.conftest import FakeClock, FreshDatabase
from tests.happenings import happened
from tests.storage import told
from tests.storage.conftest import PlainStore

RUN = "00000000-0000-7000-a000-000000000001"
FLOW = "00000000-0000-7000-9000-000000000001"


def about(kind: str, run_id: str) -> EventsAsked:
    """All events of a run, the oldest first."""
    resource = ResourceAsked(ids=(f"prefect.{kind}.{run_id}",))
    since, until = THEN - timedelta(days=1), THEN + timedelta(days=900)
    return EventsAsked(since=since, until=until, resource=resource, descending=False)


@pytest.fixture(scope="module")
def world(fresh_database: FreshDatabase) -> Iterator[PlainStore]:
    with fresh_database() as url:
        asyncio.run(told.fill(url))
        store = PlainStore(url)
        yield store
        store.close()


def events_of(world: PlainStore, kind: str, run_id: str) -> list[Event]:
    return world.read(events.page, about(kind, run_id), 100, 0)


def resource(
    kind: str, record_id: str, name: str | None = None, role: str | None = None, **more: str
) -> dict[str, str]:
    named = {} if name is None else {"prefect.resource.name": name}
    return {RESOURCE_ID: f"prefect.{kind}.{record_id}", "prefect.resource.role": role or kind, **named, **more}


def test_a_flow_runs_event_tells_of_the_run_and_what_is_around_it(world: PlainStore) -> None:
    """Its flow, deployment, queue, pool, all their tags, and who made it; its id and time are those of the state."""
    event = events_of(world, "flow-run", told.DEPLOYED_RUN)[-1]
    state = world.read(states, "flow_run_states")[event.id]
    assert (event.event, event.occurred, event.received) == (
        "prefect.flow-run.Completed",
        state.timestamp,
        state.timestamp,
    )
    assert event.resource == {
        RESOURCE_ID: f"prefect.flow-run.{told.DEPLOYED_RUN}",
        "prefect.resource.name": "run",
        "prefect.run-count": "1",
        "prefect.state-message": "it is COMPLETED",
        "prefect.state-name": "Completed",
        "prefect.state-timestamp": state.timestamp.isoformat(),
        "prefect.state-type": "COMPLETED",
    }
    assert list(event.related) == [
        resource("flow", told.FLOW, "flow"),
        resource("deployment", told.DEPLOYMENT, "deployment"),
        resource("work-queue", told.QUEUE, "queue"),
        resource("work-pool", told.POOL, "pool") | {"prefect.work-pool.type": "process"},
        *(resource("tag", x) for x in ("deployment tag", "flow tag", "red", "run tag")),
        resource("deployment", told.DEPLOYMENT, role="creator"),
    ]
    assert event.payload == {
        "intended": {"from": "RUNNING", "to": "COMPLETED"},
        "initial_state": {"type": "RUNNING", "name": "Running", "message": "it is RUNNING"},
        "validated_state": {"type": "COMPLETED", "name": "Completed", "message": "it is COMPLETED"},
    }


def states(conn: Connection, table: str) -> dict[str, Any]:
    return {row.id: row for row in conn.execute(select(tables.metadata.tables[table]))}


def test_a_task_runs_event_tells_of_its_flow_run_too(world: PlainStore) -> None:
    """And the payload holds what is known of the run."""
    event = events_of(world, "task-run", told.DEPLOYED_TASK)[-1]
    assert event.event == "prefect.task-run.Failed"
    assert [(x["prefect.resource.role"], x[RESOURCE_ID].rpartition(".")[2]) for x in event.related] == [
        ("flow-run", told.DEPLOYED_RUN),
        ("flow", told.FLOW),
        ("deployment", told.DEPLOYMENT),
        ("work-queue", told.QUEUE),
        ("work-pool", told.POOL),
        *(("tag", x) for x in sorted(("deployment tag", "flow tag", "red", "run tag", "task tag", told.LONG_TAG))),
    ]
    run = event.payload["task_run"]
    assert (run["name"], run["task_key"], run["dynamic_key"]) == ("run", "task", told.DEPLOYED_TASK)
    assert (list(run["tags"]), run["task_inputs"], run["run_count"]) == (["task tag", told.LONG_TAG], {}, 1)
    assert run.keys().isdisjoint({"id", "state", "flow_run_id", "cache_key"})
    assert event.payload["intended"] == {"from": "RUNNING", "to": "FAILED"}


def test_a_run_without_a_flow_run_has_nothing_around_it_but_its_tags(world: PlainStore) -> None:
    """A background task run."""
    (first, _) = events_of(world, "task-run", told.BACKGROUND_TASK)
    assert list(first.related) == [resource("tag", "red")]


def test_a_subflow_names_the_task_run_that_it_is_made_of(world: PlainStore) -> None:
    """With its tags."""
    first = events_of(world, "flow-run", told.SUBFLOW)[0]
    assert resource("task-run", told.PARENT_TASK, "run") in first.related
    assert resource("tag", "task tag") in first.related


def test_what_an_automation_made_names_it(world: PlainStore) -> None:
    """As its creator, with its name."""
    first = events_of(world, "flow-run", told.AUTOMATED_RUN)[0]
    assert first.related[-1] == resource("automation", told.AUTOMATION, "Cleaner", "creator")


def test_the_first_state_follows_nothing_and_the_others_the_one_before(world: PlainStore) -> None:
    """Whatever else happened between; a state's name of its own is the event's."""
    for kind, run_id in (("flow-run", told.DEPLOYED_RUN), ("task-run", told.PLAIN_TASK)):
        first, second, third = events_of(world, kind, run_id)
        assert (first.follows, second.follows, third.follows) == (None, first.id, second.id)
        assert (first.payload["initial_state"], first.payload["intended"]["from"]) == (None, None)
    assert events_of(world, "flow-run", told.PLAIN_RUN)[0].event == "prefect.flow-run.Custom"


@pytest.fixture
async def batcher(store: Store, clock: FakeClock) -> Batcher:
    clock.now = THEN
    batcher = Batcher(store)
    await batcher.write(flows.get_or_create, FLOW, "flow", [], {}, clock())
    return batcher


async def found(store: Store, kind: str) -> list[Event]:
    return await store.read(events.page, about(kind, RUN), 100, 0)


async def move(batcher: Batcher, kind: StateType, **fields: Any) -> None:
    await batcher.decide(SetFlowRunState(flow_run_id=RUN, proposal=Proposal(type=kind, **fields), force=True))


async def test_an_event_follows_only_one_of_the_last_five_minutes(
    batcher: Batcher, store: Store, clock: FakeClock
) -> None:
    """Older ones have come long before it in any case."""
    await batcher.decide(CreateFlowRun(run=flow_run_draft(RUN, FLOW), proposal=Proposal(type=StateType.PENDING)))
    for seconds in (299.999999, 300):
        clock.advance(seconds=seconds)
        await move(batcher, StateType.RUNNING)
    first, second, third = await found(store, "flow-run")
    assert (second.follows, third.follows) == (first.id, None)
    assert third.payload["initial_state"]["name"] == "Running"


async def test_messages_are_told_as_far_as_100000_characters(batcher: Batcher, store: Store) -> None:
    """Some put whole results there."""
    await batcher.decide(CreateFlowRun(run=flow_run_draft(RUN, FLOW), proposal=None))
    assert await found(store, "flow-run") == []
    await move(batcher, StateType.RUNNING, message="x" * 100_001)
    (event,) = await found(store, "flow-run")
    assert event.resource["prefect.state-message"] == event.payload["validated_state"]["message"] == "x" * 100_000


async def test_a_pause_tells_whether_the_run_is_rescheduled(batcher: Batcher, store: Store) -> None:
    """As text."""
    await batcher.decide(CreateFlowRun(run=flow_run_draft(RUN, FLOW), proposal=None))
    for reschedule in (True, False):
        await move(batcher, StateType.PAUSED, details=StateDetails(pause_reschedule=reschedule))
    told_of = [x.payload["validated_state"]["pause_reschedule"] for x in await found(store, "flow-run")]
    assert told_of == ["true", "false"]


async def test_states_that_clients_tell_of_are_events_in_the_order_of_their_times(
    batcher: Batcher, store: Store, clock: FakeClock
) -> None:
    """Kept once, however often and in whichever order they come; `received` is when they came."""
    clock.advance(hours=1)
    ids = [f"00000000-0000-7000-b000-{number:012d}" for number in (1, 2)]
    late, early = (
        recording(RUN, None, kind, state_id=state_id, at=THEN + timedelta(seconds=at))
        for kind, state_id, at in ((StateType.RUNNING, ids[0], 2), (StateType.PENDING, ids[1], 1))
    )
    for command in (late, early, late):
        await batcher.decide(command)
    pending, running = await found(store, "task-run")
    assert (pending.id, running.id, running.follows) == (ids[1], ids[0], ids[1])
    assert (running.occurred, running.received) == (THEN + timedelta(seconds=2), clock())


async def test_a_state_whose_id_an_event_has_is_kept_all_the_same(batcher: Batcher, store: Store) -> None:
    """The event stays as it is: a client that first told of the state in a way that could not be understood."""
    event = happened(5, resource={RESOURCE_ID: f"prefect.task-run.{RUN}"})
    await batcher.decide(RecordEvent(event=event))
    await batcher.decide(recording(RUN, None, StateType.RUNNING, state_id=event.id))
    assert await found(store, "task-run") == [event]
    assert event.id in await store.read(states, "task_run_states")


async def test_the_run_is_told_as_it_is_when_it_is_asked_for(batcher: Batcher, store: Store) -> None:
    """Its name may have changed since; the state has not."""
    for number, name in ((1, "first"), (2, "second")):
        state_id = f"00000000-0000-7000-b000-{number:012d}"
        at = THEN + timedelta(seconds=number)
        await batcher.decide(recording(RUN, None, StateType.RUNNING, state_id=state_id, at=at, name=name))
    names = [x.resource["prefect.resource.name"] for x in await found(store, "task-run")]
    assert names == ["second", "second"]

"""What one client sends: confirmed in its order, tried again where that helps, and dealt with before it is left."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from structlog.testing import capture_logs

from interlock.engine.batcher import Batcher
from interlock.engine.intake import Intake
from interlock.orchestration.commands import RecordEvent, RecordTaskRunState
from interlock.orchestration.events import Event, EventsAsked, NamesAsked
from interlock.orchestration.states import StateType
from interlock.storage.queries import events, run_states, task_runs
from interlock.storage.store import Store
from tests.builders import THEN, recording
from tests.databases import Databases

RUN, OTHER_RUN = (f"00000000-0000-7000-a000-{number:012d}" for number in (1, 2))
SIZE = 1000


def told(number: int, run_id: str = RUN, state_id: str | None = None) -> RecordTaskRunState:
    at = THEN + timedelta(seconds=number)
    return recording(run_id, None, StateType.RUNNING, state_id=state_id or str(uuid4()), at=at)


def happened(number: int) -> RecordEvent:
    at = THEN + timedelta(seconds=number)
    resource = {"prefect.resource.id": "shop"}
    return RecordEvent(event=Event(id=str(uuid4()), occurred=at, event="shop.sold", resource=resource, received=at))


class Confirmations:
    """What was confirmed so far; `reached` waits for a number of messages."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self._changed = asyncio.Event()

    def __call__(self, count: int) -> None:
        self.counts.append(count)
        self._changed.set()

    async def reached(self, count: int) -> None:
        async with asyncio.timeout(30):
            while not self.counts or self.counts[-1] < count:
                self._changed.clear()
                await self._changed.wait()


async def test_messages_are_confirmed_in_their_order(store: Store) -> None:
    """States of runs and other events; the greeting counts."""
    confirmations = Confirmations()
    async with Intake(Batcher(store), confirmations, 1) as intake:
        for number in range(10):
            await intake.take(told(number), SIZE)
            await intake.take(happened(number), SIZE)
        assert confirmations.counts == []
        await confirmations.reached(21)
    assert confirmations.counts == sorted(confirmations.counts)
    assert len(await store.read(run_states.of_task_run, RUN)) == 10
    asked = EventsAsked(since=THEN, until=THEN + timedelta(days=1), names=NamesAsked(names=("shop.sold",)))
    assert await store.read(events.total, asked) == 10


async def test_what_is_under_way_is_recorded_before_the_client_is_left(store: Store) -> None:
    """It has nothing to wait for."""
    confirmations = Confirmations()
    async with Intake(Batcher(store), confirmations) as intake:
        for number in range(10):
            await intake.take(told(number), SIZE)
    assert len(await store.read(run_states.of_task_run, RUN)) == 10


async def test_what_can_never_be_recorded_is_told_in_the_log(store: Store) -> None:
    """And confirmed: its client would only send it again."""
    confirmations, state_id = Confirmations(), str(uuid4())
    with capture_logs() as lines:
        async with Intake(Batcher(store), confirmations) as intake:
            await intake.take(told(1, RUN, state_id), SIZE)
            await intake.take(told(2, OTHER_RUN, state_id), SIZE)
            await confirmations.reached(2)
    assert [(x["event"], x["id"]) for x in lines] == [("an event could not be recorded", state_id)]
    assert await store.read(task_runs.by_id, OTHER_RUN) is None


async def test_a_database_that_is_away_is_waited_for(store: Store, databases: Databases, database_url: str) -> None:
    """Nothing is confirmed meanwhile."""
    confirmations = Confirmations()
    await Batcher(store).decide(told(0))
    async with Intake(Batcher(store, max_wait_seconds=0.1), confirmations) as intake:
        with databases.without_writes(database_url):
            for number in range(1, 4):
                await intake.take(told(number), SIZE)
            await asyncio.wait((asyncio.create_task(confirmations.reached(1)),), timeout=0.5)
            assert confirmations.counts == []
        await confirmations.reached(3)
    assert len(await store.read(run_states.of_task_run, RUN)) == 4

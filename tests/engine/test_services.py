"""Background services: their work is done in steps, again and again, and what fails stops nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select

from interlock.engine.batcher import Batcher
from interlock.engine.services import Service, Tally, in_one_write, run_services
from interlock.engine.services.cache_expiry import CACHE_EXPIRY
from interlock.engine.services.event_retention import event_retention
from interlock.orchestration.commands import RecordEvent
from interlock.orchestration.events import EventsAsked
from interlock.storage.queries import events
from interlock.storage.store import Store
from interlock.storage.tables import task_run_state_cache
from tests.conftest import FakeClock
from tests.happenings import happened

Step = Callable[[Connection, datetime, int], int]


def service(step: Step, *, batch: int = 10, every_seconds: float = 0.001) -> Service:
    return Service(name="test", every_seconds=every_seconds, batch=batch, step=in_one_write(step))


@asynccontextmanager
async def running(store: Store, clock: FakeClock, *services: Service) -> AsyncIterator[Tally]:
    tally = Tally()
    working = asyncio.ensure_future(run_services(services, Batcher(store), clock, tally))
    yield tally
    working.cancel()
    await asyncio.wait((working,))


async def test_a_full_step_is_followed_by_the_next_at_once(store: Store, clock: FakeClock) -> None:
    """Work that piled up is worked off in one go, in steps of the size that the service names."""
    left, steps, done = [25], [0], asyncio.Event()

    def step(_: Connection, __: datetime, limit: int) -> int:
        taken = min(limit, left[0])
        left[0] -= taken
        steps[0] += 1
        if not left[0]:
            done.set()
        return taken

    async with running(store, clock, service(step, every_seconds=3600)) as tally:
        await asyncio.wait_for(done.wait(), 30)
    assert steps == [3]
    assert tally.records["test"] >= 20


async def test_a_service_that_fails_goes_on_and_stops_no_other(store: Store, clock: FakeClock) -> None:
    """It is tried again at its next time, while the others do their work."""
    tries, other = [0], asyncio.Event()
    again = asyncio.Event()

    def fail(*_: object) -> int:
        tries[0] += 1
        if tries[0] > 2:
            again.set()
        raise ValueError("a mistake in the service")

    def work(*_: object) -> int:
        other.set()
        return 0

    async with running(store, clock, service(fail), service(work)) as tally:
        await asyncio.wait_for(asyncio.gather(other.wait(), again.wait()), 30)
    assert tally.failures["test"] >= 2


async def test_expired_cache_entries_go_and_the_others_stay(store: Store, clock: FakeClock) -> None:
    """An entry is gone once its time has come; one without an end stays for ever."""

    def entry(number: int, expiration: datetime | None) -> dict[str, object]:
        ids = {
            "id": f"00000000-0000-7000-8000-{number:012d}",
            "task_run_state_id": f"{number:08d}" + "-0000" * 3 + "-000000000000",
        }
        return {**ids, "created": clock(), "cache_key": "key", "cache_expiration": expiration}

    now = clock()
    entries = [entry(1, now - timedelta(days=1)), entry(2, now), entry(3, now + timedelta(seconds=1)), entry(4, None)]
    batcher = Batcher(store)
    await batcher.write(lambda conn: conn.execute(insert(task_run_state_cache), entries))
    assert await CACHE_EXPIRY.step(batcher, now, 1) == 1
    assert await CACHE_EXPIRY.step(batcher, now, 10) == 1
    kept = await store.read(lambda conn: set(conn.execute(select(task_run_state_cache.c.id)).scalars()))
    assert kept == {x["id"] for x in entries[2:]}


async def test_events_go_so_many_days_after_they_came(store: Store, clock: FakeClock) -> None:
    """Whenever they happened, and no more of them in a step than it may take."""
    batcher, now = Batcher(store), clock()
    for number, days in enumerate((8, 7.001, 7, 1), 1):
        came = now - timedelta(days=days)
        await batcher.decide(RecordEvent(event=happened(number, received=came)))
    service = event_retention(7)
    assert [await service.step(batcher, now, 1) for _ in range(3)] == [1, 1, 0]
    everything = EventsAsked(since=now - timedelta(days=900), until=now, descending=False)
    assert [x.id for x in await store.read(events.page, everything, 10, 0)] == [happened(3).id, happened(4).id]

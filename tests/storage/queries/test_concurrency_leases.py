"""Leases of concurrency slots in the tables: an expired one holds nothing, and slots of tags are shared by leases and
transitions."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Table, func, select, update

from interlock.engine.batcher import Batcher
from interlock.engine.services.expired_leases import EXPIRED_LEASES
from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun, SetTaskRunState
from interlock.orchestration.concurrency_leases import Holder
from interlock.orchestration.decision import Wait
from interlock.orchestration.facts import Chance
from interlock.orchestration.global_limits import Denial, GlobalLimit
from interlock.orchestration.states import Proposal, StateType
from interlock.server import create_store, new_id
from interlock.settings import Settings
from interlock.storage import tables
from interlock.storage.invariants import violations
from interlock.storage.queries import concurrency_leases, concurrency_limits, concurrency_limits_v2, flows, task_runs
from interlock.storage.store import Store
from tests.builders import flow_run_draft, task_run_draft
from tests.conftest import FakeClock

FLOW = "00000000-0000-7000-9000-000000000001"
FLOW_RUN = "00000000-0000-7000-9000-000000000002"
PENDING, RUNNING, COMPLETED = (Proposal(type=x) for x in (StateType.PENDING, StateType.RUNNING, StateType.COMPLETED))
MINUTE = timedelta(minutes=1)


def task_run_id(number: int) -> str:
    return f"00000000-0000-7000-a000-{number:012d}"


def count(conn: Connection, table: Table) -> int:
    return conn.execute(select(func.count()).select_from(table)).scalar_one()


class Scene:
    """A server's store and clock, and short ways to do with leases what clients do."""

    def __init__(self, store: Store, clock: FakeClock, chance: Chance) -> None:
        self.store = store
        self.batcher = Batcher(store)
        self.clock = clock
        self._chance = chance

    async def limit(self, name: str, slots: int, **fields: Any) -> GlobalLimit:
        values = {"name": name, "limit": slots, **fields}
        return await self.batcher.write(concurrency_limits_v2.create, self._chance.new_id(), values, self.clock())

    async def tag_limit(self, tag: str, slots: int) -> None:
        await self.batcher.write(concurrency_limits.create_or_change, self._chance.new_id(), tag, slots, self.clock())

    async def take(
        self, *names: str, slots: int = 1, duration: timedelta = MINUTE, run: str | None = None
    ) -> str | Denial:
        """The lease's id, or the denial."""
        lease_id = self._chance.new_id()
        holder = Holder("task_run", run) if run else None
        taken = await self.batcher.write(
            concurrency_leases.take, lease_id, names, slots, "concurrency", duration, holder, self.clock()
        )
        return taken if isinstance(taken, Denial) else lease_id

    async def lease(self, *names: str, **fields: Any) -> str:
        lease_id = await self.take(*names, **fields)
        assert isinstance(lease_id, str)
        return lease_id

    async def renew(self, lease_id: str, duration: timedelta = MINUTE) -> bool:
        return await self.batcher.write(concurrency_leases.renew, lease_id, duration, self.clock())

    async def end(self, lease_id: str) -> None:
        await self.batcher.write(concurrency_leases.give_back, lease_id, self.clock())

    async def active(self, name: str) -> int:
        limit = await self.store.read(concurrency_limits_v2.by_id_or_name, name, self.clock())
        assert limit is not None
        return limit.active_slots

    async def holders(self, tag: str) -> list[str]:
        limit = await self.store.read(concurrency_limits.by_tag, tag, self.clock())
        assert limit is not None
        return list(limit["active_slots"])

    async def runs(self, *tags: str, many: int = 2) -> list[str]:
        """Task runs of a flow run that is running."""
        await self.batcher.write(flows.get_or_create, FLOW, "flow", [], {}, self.clock())
        await self.batcher.decide(CreateFlowRun(run=flow_run_draft(FLOW_RUN, FLOW), proposal=RUNNING))
        drafts = [task_run_draft(task_run_id(n), FLOW_RUN, tags=tags) for n in range(many)]
        return [(await self.batcher.decide(CreateTaskRun(run=x, proposal=PENDING))).run.id for x in drafts]

    async def move(self, run_id: str, proposal: Proposal) -> Any:
        return await self.batcher.decide(SetTaskRunState(task_run_id=run_id, proposal=proposal))


@pytest.fixture
async def scene(store: Store, clock: FakeClock, chance: Chance) -> AsyncIterator[Scene]:
    """A server on a ledger that must be whole in the end."""
    yield Scene(store, clock, chance)
    assert await store.read(violations) == []


async def test_slots_are_taken_of_all_limits_or_of_none(scene: Scene) -> None:
    """Where one of them is full, the others stay as they are."""
    await scene.limit("a", 2)
    await scene.limit("b", 1)
    await scene.lease("a", "b")
    assert isinstance(await scene.take("a", "b"), Denial)
    assert (await scene.active("a"), await scene.active("b")) == (1, 1)


async def test_an_expired_lease_holds_nothing_from_that_moment_on(scene: Scene) -> None:
    """Though nobody has deleted it, and nobody may renew it."""
    await scene.limit("a", 1)
    first = await scene.lease("a")
    scene.clock.advance(seconds=59.999999)
    assert isinstance(await scene.take("a"), Denial)
    assert await scene.active("a") == 1
    scene.clock.advance(seconds=0.000001)
    assert await scene.active("a") == 0
    assert not await scene.renew(first)
    await scene.lease("a")
    assert await scene.active("a") == 1
    await scene.end(first)
    assert await scene.active("a") == 1


async def test_a_renewed_lease_goes_on_from_the_moment_of_its_renewal(scene: Scene) -> None:
    """For longer or for shorter than before."""
    await scene.limit("a", 1)
    lease_id = await scene.lease("a")
    scene.clock.advance(seconds=50)
    assert await scene.renew(lease_id, timedelta(minutes=10))
    scene.clock.advance(minutes=9)
    assert await scene.renew(lease_id)
    scene.clock.advance(seconds=59)
    assert await scene.active("a") == 1
    scene.clock.advance(seconds=1)
    assert await scene.active("a") == 0


async def test_a_lease_of_nothing_is_not_kept(scene: Scene) -> None:
    """Tasks whose tags have no limit ask for one each, and leave nothing behind."""
    await scene.lease("nobody")
    assert await scene.store.read(count, tables.concurrency_leases) == 0


async def test_slots_taken_by_name_and_by_lease_are_the_same(scene: Scene) -> None:
    """Neither way leads past the limit."""
    await scene.limit("a", 3)
    lease_id = await scene.lease("a", slots=2)

    async def by_name() -> Any:
        return await scene.batcher.write(concurrency_limits_v2.take_slots, ["a"], 1, "concurrency", None, scene.clock())

    assert not isinstance(await by_name(), Denial)
    assert isinstance(await by_name(), Denial)
    assert isinstance(await scene.take("a"), Denial)
    assert await scene.active("a") == 3
    await scene.end(lease_id)
    assert await scene.active("a") == 1


async def test_an_operator_who_sets_the_slots_taken_is_obeyed(scene: Scene) -> None:
    """Leases stay within what he says, and where he says less, they hold nothing of this limit any more."""
    limit = await scene.limit("a", 5)
    await scene.limit("b", 5)
    both, alone = await scene.lease("a", "b"), await scene.lease("a")

    async def say(slots: int) -> None:
        await scene.batcher.write(concurrency_limits_v2.change, limit.id, {"active_slots": slots}, scene.clock())

    await say(4)
    assert await scene.active("a") == 4
    scene.clock.advance(seconds=30)
    await say(0)
    assert (await scene.active("a"), await scene.active("b")) == (0, 1)
    assert await scene.renew(both)
    assert not await scene.renew(alone)
    await scene.end(both)
    assert (await scene.active("a"), await scene.active("b")) == (0, 0)


async def test_expired_leases_are_deleted_step_by_step(scene: Scene) -> None:
    """With what they had left of rate limits; those that are alive stay."""
    await scene.limit("a", 10)
    await scene.limit("rate", 10, slot_decay_per_second=0.01)
    for _ in range(3):
        await scene.lease("a", "rate", slots=2)
    alive = await scene.lease("a", duration=timedelta(hours=1))
    scene.clock.advance(seconds=60)
    assert (await scene.active("a"), await scene.active("rate")) == (1, 6)
    assert [await EXPIRED_LEASES.step(scene.batcher, scene.clock(), 2) for _ in range(3)] == [2, 1, 0]
    assert (await scene.active("a"), await scene.active("rate")) == (1, 0)
    assert await scene.store.read(count, tables.concurrency_leases) == 1
    assert await scene.store.read(count, tables.concurrency_lease_slots) == 1
    assert await scene.renew(alive)


async def test_leases_and_transitions_share_the_slots_of_a_tag(scene: Scene) -> None:
    """Whoever comes first; the operator sees the holders of both."""
    await scene.tag_limit("t", 2)
    first, second = await scene.runs("t")
    lease_id = await scene.lease("tag:t", run=task_run_id(99))
    assert (await scene.move(first, RUNNING)).written
    assert isinstance((await scene.move(second, RUNNING)).verdict, Wait)
    assert isinstance(await scene.take("tag:t"), Denial)
    assert await scene.holders("t") == [first, task_run_id(99)]
    assert await scene.active("tag:t") == 2
    await scene.end(lease_id)
    assert (await scene.move(second, RUNNING)).written
    assert isinstance(await scene.take("tag:t"), Denial)
    await scene.move(first, COMPLETED)
    assert await scene.holders("t") == [second]
    await scene.lease("tag:t")


async def test_a_transition_takes_what_an_expired_lease_held(scene: Scene) -> None:
    """And the lease, whose server's clock is late, is not renewed after that."""
    await scene.tag_limit("t", 1)
    first, _ = await scene.runs("t")
    lease_id = await scene.lease("tag:t")
    scene.clock.advance(seconds=59)
    assert isinstance((await scene.move(first, RUNNING)).verdict, Wait)
    scene.clock.advance(seconds=1)
    assert (await scene.move(first, RUNNING)).written
    scene.clock.advance(seconds=-1)
    assert not await scene.renew(lease_id)
    assert await scene.active("tag:t") == 1


@pytest.mark.parametrize("leased_first", [True, False])
async def test_a_run_that_holds_a_slot_in_both_ways_holds_one(scene: Scene, *, leased_first: bool) -> None:
    """In whatever order it came to them, and until it has let go of both."""
    await scene.tag_limit("t", 1)
    run, other = await scene.runs("t")
    if leased_first:
        lease_id = await scene.lease("tag:t", run=run)
        assert (await scene.move(run, RUNNING)).written
    else:
        assert (await scene.move(run, RUNNING)).written
        lease_id = await scene.lease("tag:t", run=run)
    assert await scene.active("tag:t") == 1
    assert await scene.holders("t") == [run]
    await scene.end(lease_id)
    assert isinstance((await scene.move(other, RUNNING)).verdict, Wait)
    await scene.move(run, COMPLETED)
    assert await scene.active("tag:t") == 0


async def test_a_reset_frees_the_slots_of_leases_and_of_transitions(scene: Scene) -> None:
    """Of this tag only."""
    await scene.tag_limit("t", 2)
    await scene.tag_limit("u", 2)
    first, second = await scene.runs("t")
    await scene.move(first, RUNNING)
    lease_id = await scene.lease("tag:t", "tag:u", run=second)
    await scene.batcher.write(concurrency_limits.reset, "t", [], scene.clock())
    assert (await scene.active("tag:t"), await scene.active("tag:u")) == (0, 1)
    assert (await scene.holders("t"), await scene.holders("u")) == ([], [second])
    await scene.end(lease_id)
    assert await scene.active("tag:u") == 0


async def test_a_run_that_is_deleted_leaves_the_lease_to_its_client(scene: Scene) -> None:
    """Who holds it as long as he says so."""
    await scene.tag_limit("t", 1)
    run, _ = await scene.runs("t")
    await scene.lease("tag:t", run=run)
    assert await scene.batcher.write(task_runs.delete_one, run)
    assert await scene.active("tag:t") == 1
    scene.clock.advance(seconds=60)
    assert await scene.active("tag:t") == 0


async def test_a_tag_is_told_by_its_very_name(scene: Scene) -> None:
    """A global limit of another name, however alike, is none of a tag."""
    for name in ("TAG:x", "tag;x", "tag", "tag_x"):
        await scene.limit(name.replace(":", "-").replace(";", "-") + "-plain", 1)
    other = await scene.limit("TAG:x", 1)
    await scene.tag_limit("x", 1)
    found = await scene.store.read(concurrency_limits.page, 10, 0, scene.clock())
    assert [x["tag"] for x in found] == ["x"]
    assert await scene.store.read(concurrency_limits.by_id, other.id, scene.clock()) is None


async def test_many_stores_never_exceed_a_limit_together(database_url: str, clock: FakeClock) -> None:
    """Takers by lease, by name and by transition at once, on two stores where the database has room for two."""
    chance = Chance(new_id=new_id, random=lambda: 0.5)
    many = 2 if database_url.startswith("postgresql") else 1
    stores = [create_store(Settings(database_url=database_url), clock, chance) for _ in range(many)]
    for store in stores:
        await store.start()
    scenes = [Scene(x, clock, chance) for x in stores]
    await scenes[0].tag_limit("t", 5)
    runs = await scenes[0].runs("t", many=12)
    for _ in range(3):
        turns = [scenes[n % many] for n in range(12)]
        leases = [x.take("tag:t", run=task_run_id(100 + n)) for n, x in enumerate(turns)]
        moves = [x.move(run, RUNNING) for x, run in zip(turns, runs, strict=True)]
        outcomes = await asyncio.gather(*(y for pair in zip(leases, moves, strict=True) for y in pair))
        assert sum(isinstance(x, str) or getattr(x, "written", False) for x in outcomes) == 5
        assert await scenes[-1].active("tag:t") == 5
        ends = [x.end(lease) for x, lease in zip(turns, outcomes[::2], strict=True) if isinstance(lease, str)]
        await asyncio.gather(*ends, *(x.move(run, PENDING) for x, run in zip(turns, runs, strict=True)))
        assert await scenes[0].active("tag:t") == 0
        clock.advance(seconds=1)
    assert await stores[0].read(violations) == []
    for store in stores:
        await store.close()


async def test_a_lease_is_renewed_by_one_or_its_slots_are_taken_by_another(database_url: str, clock: FakeClock) -> None:
    """At the moment of its expiry, whoever of them comes first: never both."""
    chance = Chance(new_id=new_id, random=lambda: 0.5)
    late = FakeClock()
    stores = [create_store(Settings(database_url=database_url), x, chance) for x in (clock, late)]
    if not database_url.startswith("postgresql"):
        stores = stores[:1]
    for store in stores:
        await store.start()
    on_time, behind = Scene(stores[0], clock, chance), Scene(stores[-1], late, chance)
    await on_time.limit("a", 1)
    for _ in range(10):
        late.now = clock.now
        lease_id = await on_time.lease("a")
        clock.advance(seconds=60)
        late.advance(seconds=59)
        taken, renewed = await asyncio.gather(on_time.take("a"), behind.renew(lease_id))
        assert isinstance(taken, str) is not renewed
        await on_time.end(lease_id)
        if isinstance(taken, str):
            await on_time.end(taken)
    for store in stores:
        await store.close()


async def test_the_row_alone_tells_when_a_lease_expires(scene: Scene) -> None:
    """Whoever sets it back, sets the slots free."""
    await scene.limit("a", 1)
    await scene.lease("a")
    past = update(tables.concurrency_leases).values(created=scene.clock() - 2 * MINUTE, expires=scene.clock() - MINUTE)
    await scene.batcher.write(lambda conn: conn.execute(past))
    assert await scene.active("a") == 0

"""Slots of deployments' limits in the tables: given once, and free again whatever becomes of the run."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from interlock.engine.batcher import Batcher
from interlock.engine.services.expired_leases import EXPIRED_LEASES
from interlock.orchestration.commands import CreateFlowRun, SetFlowRunState, SlotTerms
from interlock.orchestration.decision import FlowDecision
from interlock.orchestration.states import Proposal, StateType
from interlock.storage.invariants import violations
from interlock.storage.queries import concurrency_leases, concurrency_limits_v2, deployments, flow_runs, flows
from interlock.storage.queries.deployment_limits import OwnLimit, name_of
from interlock.storage.queries.deployments import Change
from interlock.storage.store import Store
from tests.builders import flow_run_draft
from tests.conftest import FakeClock

FLOW = str(uuid4())
DEPLOYMENT = str(uuid4())
RENEWING = SlotTerms(renews=True, lease_seconds=60)
SCHEDULED, PENDING, RUNNING, COMPLETED, CANCELLED = (
    Proposal(type=x)
    for x in (StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.COMPLETED, StateType.CANCELLED)
)
COLUMNS: dict[str, Any] = {
    "flow_id": FLOW,
    "name": "deployment",
    "is_schedule_active": True,
    "paused": False,
    "infra_overrides": {},
    "parameters": {},
    "tags": [],
    "labels": {},
    "enforce_parameter_schema": False,
    "work_queue_name": None,
}


class Scene:
    """A deployment with a limit of two, and what its runs' clients do."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.batcher, self.clock = store, Batcher(store), clock

    async def deploy(self, slots: int = 2, **options: Any) -> None:
        now = self.clock()
        await self.batcher.write(flows.get_or_create, FLOW, "flow", [], {}, now)
        values = COLUMNS | {"concurrency_options": options or None}
        wanted = Change(values, [], OwnLimit(slots, str(uuid4())))
        await self.batcher.write(deployments.create_or_replace, lambda: DEPLOYMENT, wanted, now)

    async def runs(self, count: int) -> list[str]:
        drafts = [flow_run_draft(str(uuid4()), FLOW, deployment_id=DEPLOYMENT) for _ in range(count)]
        await asyncio.gather(*(self.batcher.decide(CreateFlowRun(run=x, proposal=SCHEDULED)) for x in drafts))
        return [x.id for x in drafts]

    async def move(self, run_id: str, proposal: Proposal, terms: SlotTerms = RENEWING, **fields: Any) -> FlowDecision:
        command = SetFlowRunState(flow_run_id=run_id, proposal=proposal, slot_terms=terms, **fields)
        decision = await self.batcher.decide(command)
        assert isinstance(decision, FlowDecision)
        return decision

    async def begin(self, run_id: str, terms: SlotTerms = RENEWING) -> None:
        for proposal in (PENDING, RUNNING):
            decision = await self.move(run_id, proposal, terms)
            assert decision.run.state is not None
            assert decision.run.state.type is proposal.type

    async def taken(self) -> int:
        found = await self.store.read(concurrency_limits_v2.by_id_or_name, name_of(DEPLOYMENT), self.clock())
        assert found is not None
        assert not await self.store.read(violations)
        return found.active_slots


@pytest.fixture
async def scene(store: Store, clock: FakeClock) -> Scene:
    scene = Scene(store, clock)
    await scene.deploy()
    return scene


async def test_of_many_at_once_only_as_many_get_a_slot_as_there_are(scene: Scene) -> None:
    """In one batch or in several; the others wait."""
    runs = await scene.runs(10)
    decisions = await asyncio.gather(*(scene.move(x, PENDING) for x in runs))
    names = Counter(x.run.state.name for x in decisions if x.run.state is not None)
    assert names == {"Pending": 2, "AwaitingConcurrencySlot": 8}
    assert await scene.taken() == 2


async def test_two_servers_give_no_slot_twice(scene: Scene, store: Store) -> None:
    """Each has a batch of its own under way."""
    runs = await scene.runs(8)
    other = Scene(store, scene.clock)
    await asyncio.gather(*((scene, other)[i % 2].move(x, PENDING) for i, x in enumerate(runs)))
    assert await scene.taken() == 2


async def test_a_slot_comes_free_when_its_run_ends(scene: Scene) -> None:
    """However it ends, also by force, and is counted to how long slots are in use."""
    one, two, three = await scene.runs(3)
    await scene.begin(one)
    await scene.begin(two)
    scene.clock.advance(seconds=10)
    await scene.move(one, COMPLETED)
    assert await scene.taken() == 1
    await scene.move(two, CANCELLED, force=True)
    assert await scene.taken() == 0
    await scene.begin(three)
    limit = await scene.store.read(concurrency_limits_v2.by_id_or_name, name_of(DEPLOYMENT), scene.clock())
    assert limit is not None
    assert limit.avg_slot_occupancy_seconds > 2


async def test_a_slot_comes_free_when_its_client_is_gone(scene: Scene) -> None:
    """The lease that nobody renews expires, and the service takes it away."""
    one, two = await scene.runs(2)
    await scene.begin(one)
    lease_id = (await scene.store.read(flow_runs.by_id, one)).state.details.deployment_concurrency_lease_id  # type: ignore[union-attr]
    scene.clock.advance(seconds=50)
    assert await scene.batcher.write(concurrency_leases.renew, lease_id, timedelta(seconds=60), scene.clock())
    scene.clock.advance(seconds=59)
    assert await scene.taken() == 1
    scene.clock.advance(seconds=1)
    assert await scene.taken() == 0
    assert await EXPIRED_LEASES.step(scene.batcher, scene.clock(), 100) == 1
    await scene.begin(two)
    assert await scene.taken() == 1


async def test_a_client_that_renews_nothing_keeps_its_slot_while_it_runs(scene: Scene) -> None:
    """No service takes it away, and its end frees it."""
    (run,) = await scene.runs(1)
    await scene.begin(run, SlotTerms(renews=False))
    scene.clock.advance(days=400)
    assert await EXPIRED_LEASES.step(scene.batcher, scene.clock(), 100) == 0
    assert await scene.taken() == 1
    await scene.move(run, COMPLETED)
    assert await scene.taken() == 0


async def test_a_deleted_run_holds_no_slot(scene: Scene) -> None:
    (run,) = await scene.runs(1)
    await scene.begin(run, SlotTerms(renews=False))
    await scene.batcher.write(flow_runs.delete_one, run)
    assert await scene.taken() == 0


async def test_a_late_run_is_cancelled_where_its_deployment_says_so(scene: Scene) -> None:
    """And only while the limit is full."""
    await scene.deploy(1, collision_strategy="CANCEL_NEW")
    one, two, three = await scene.runs(3)
    late = Proposal(type=StateType.SCHEDULED, name="Late")
    marked = await scene.move(one, late, marking_late=True)
    await scene.begin(two)
    cancelled = await scene.move(three, late, marking_late=True)
    states = [x.run.state.type for x in (marked, cancelled) if x.run.state is not None]
    assert states == [StateType.SCHEDULED, StateType.CANCELLED]


async def test_a_limit_shared_with_a_tag_counts_all_who_hold_it(scene: Scene) -> None:
    """A deployment may be given any global limit, also that of a tag."""
    now = scene.clock()
    limit_id = str(uuid4())
    values = {"name": "tag:shared", "limit": 1}
    await scene.batcher.write(concurrency_limits_v2.create, limit_id, values, now)
    change = Change({"concurrency_limit_id": limit_id})
    await scene.batcher.write(deployments.change, DEPLOYMENT, lambda _: change, lambda: str(uuid4()), now)
    (run,) = await scene.runs(1)
    await scene.begin(run)
    held = await scene.store.read(concurrency_limits_v2.by_id_or_name, "tag:shared", scene.clock())
    assert held is not None
    assert held.active_slots == 1


async def test_a_rate_limit_is_taken_from_and_given_back_to(scene: Scene) -> None:
    """Its slots are among its own, and what is left of them comes back with the run's end."""
    name = name_of(DEPLOYMENT)
    await scene.batcher.write(concurrency_limits_v2.change, name, {"slot_decay_per_second": 0.001}, scene.clock())
    one, two, three = await scene.runs(3)
    await scene.begin(one)
    await scene.begin(two)
    assert await scene.taken() == 2
    waiting = await scene.move(three, PENDING)
    assert waiting.run.state is not None
    assert waiting.run.state.name == "AwaitingConcurrencySlot"
    await scene.move(one, COMPLETED)
    assert await scene.taken() == 1

"""A ledger that only Interlock wrote has nothing wrong with it, whatever was asked of Interlock."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun, SetFlowRunState, SetTaskRunState
from interlock.orchestration.refusals import Refusal
from interlock.orchestration.runs import FlowRunPolicy, TaskRunPolicy
from interlock.orchestration.states import Proposal, StateDetails, StateType
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage.invariants import Report, report, violations
from interlock.storage.queries import artifacts, concurrency_limits, flow_runs, flows, task_runs
from interlock.storage.store import Store
from tests.api.records import NOWHERE, made, new_deployment, new_flow_run, new_task_run, set_state, unique
from tests.builders import flow_run_draft, recording, task_run_draft
from tests.conftest import FakeClock, FreshDatabase, LiveServer
from tests.storage.invariants.ledgers import Breakable

TOMORROW = {"state_details": {"scheduled_time": "2099-01-01T00:00:00Z"}}


def test_the_small_ledger_is_in_order(ledger: Breakable) -> None:
    """Before it is broken."""
    assert ledger.found() == {}


def retry(api: httpx.Client, flow_run_id: str) -> None:
    """A task run fails, is tried again, ends and starts over; another is forced from state to state."""
    run = new_task_run(api, flow_run_id, empirical_policy={"retries": 1})
    path = f"/task_runs/{run['id']}"
    for state in (
        "RUNNING",
        "FAILED",
        "RUNNING",
        "FAILED",
        "RUNNING",
        "RUNNING",
        "COMPLETED",
        "COMPLETED",
        "SCHEDULED",
    ):
        set_state(api, path, state)
    forced = f"/task_runs/{new_task_run(api, flow_run_id)['id']}/set_state"
    for state in ("RUNNING", "COMPLETED", "RUNNING", "CANCELLED", "CRASHED", "SCHEDULED", "PENDING", "COMPLETED"):
        made(api, forced, {"state": {"type": state}, "force": True})


def cache(api: httpx.Client, flow_run_id: str) -> None:
    """A result is taken from the cache, and its source deleted."""
    runs = [new_task_run(api, flow_run_id)["id"] for _ in range(2)]
    details = {"state_details": {"cache_key": "key"}}
    set_state(api, f"/task_runs/{runs[0]}", "RUNNING")
    set_state(api, f"/task_runs/{runs[0]}", "COMPLETED", data={"type": "reference", "artifact_key": "kept"}, **details)
    assert set_state(api, f"/task_runs/{runs[1]}", "RUNNING", **details)["state"]["name"] == "Cached"
    assert api.delete(f"/task_runs/{runs[0]}").status_code == 204


def limit(api: httpx.Client, flow_run_id: str) -> None:
    """Slots are taken, waited for, given back, and freed by a deletion and an operator; a limit is lowered."""
    tag = unique("tag")
    made(api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 3})
    runs = [new_task_run(api, flow_run_id, tags=[tag])["id"] for _ in range(6)]
    answers = [set_state(api, f"/task_runs/{x}", "RUNNING")["status"] for x in runs]
    assert answers == ["ACCEPT"] * 3 + ["WAIT"] * 3
    set_state(api, f"/task_runs/{runs[0]}", "CANCELLING")
    made(api, "/concurrency_limits/", {"tag": tag, "concurrency_limit": 1})
    assert api.delete(f"/task_runs/{runs[1]}").status_code == 204
    set_state(api, f"/task_runs/{runs[2]}", "COMPLETED")
    override = {"slot_override": [runs[0]]}
    assert api.post(f"/concurrency_limits/tag/{tag}/reset", json=override).status_code == 200


def pause(api: httpx.Client) -> None:
    """A flow run pauses and resumes, is suspended and scheduled again, and retried."""
    deployment = new_deployment(api, schedules=[])
    run = new_flow_run(
        api, flow_id=deployment["flow_id"], deployment_id=deployment["id"], empirical_policy={"retries": 1}
    )
    path = f"/flow_runs/{run['id']}"
    for details in ({}, {"pause_reschedule": True}):
        set_state(api, path, "RUNNING")
        details = details | {"pause_timeout": "2099-01-01T00:00:00Z"}
        assert set_state(api, path, "PAUSED", state_details=details)["status"] == "ACCEPT"
        set_state(api, path, "PENDING")
        assert api.post(f"{path}/resume").status_code == 201
    for state in ("PENDING", "RUNNING", "FAILED", "RUNNING", "FAILED", "SCHEDULED", "CANCELLING"):
        set_state(api, path, state)


def subflow(api: httpx.Client, flow_run_id: str) -> None:
    """Subflows run and end with the task runs that stand for them; one loses its parent, and one is deleted."""
    for doomed in (None, "parent", "subflow"):
        parent = new_task_run(api, flow_run_id)["id"]
        run = new_flow_run(api, parent_task_run_id=parent)["id"]
        for state in ("RUNNING", "COMPLETED"):
            set_state(api, f"/flow_runs/{run}", state)
        path = {"parent": f"/task_runs/{parent}", "subflow": f"/flow_runs/{run}"}.get(doomed or "")
        assert path is None or api.delete(path).status_code == 204


def background(api: httpx.Client) -> None:
    """Background runs wait, are scheduled anew, retried, started, and one is refused its first state."""
    scheduled = {"state": {"type": "SCHEDULED"}}
    runs = [new_task_run(api, None, empirical_policy={"retries": 1}, **scheduled)["id"] for _ in range(3)]
    set_state(api, f"/task_runs/{runs[0]}", "SCHEDULED", **TOMORROW)
    for state in ("PENDING", "RUNNING", "FAILED"):
        set_state(api, f"/task_runs/{runs[1]}", state)
    made(api, "/concurrency_limits/", {"tag": "none", "concurrency_limit": 0})
    refused = new_task_run(api, None, tags=["none"], state={"type": "RUNNING"})
    assert refused["state"] is None


def publish(api: httpx.Client) -> None:
    """Artifacts come and go."""
    ids = [made(api, "/artifacts/", {"key": key})["id"] for key in ("a", "a", "b", None)]
    for artifact_id in (ids[1], ids[2]):
        assert api.delete(f"/artifacts/{artifact_id}").status_code == 204


def keep_busy(api: httpx.Client) -> None:
    """Everything above, and a flow run that is deleted with all that it did."""
    for is_doomed in (False, True):
        flow_run_id = new_flow_run(api)["id"]
        set_state(api, f"/flow_runs/{flow_run_id}", "RUNNING")
        for act in (retry, cache, limit, subflow):
            act(api, flow_run_id)
        if is_doomed:
            assert api.delete(f"/flow_runs/{flow_run_id}").status_code == 204
    pause(api)
    background(api)
    publish(api)


class Looked(NamedTuple):
    """What is told of a ledger, and how many runs its server says that there are."""

    report: Report
    counts: dict[str, int]


@pytest.fixture(scope="module")
def busy(fresh_database: FreshDatabase) -> Iterator[Looked]:
    """After all kinds of requests, while the server runs."""
    with fresh_database() as url, LiveServer(Settings(database_url=url)) as server:
        with server.client() as api:
            keep_busy(api)
            counts = {x: api.post(f"/{x}/count", json={}).json() for x in ("flows", "flow_runs", "task_runs")}
        yield Looked(asyncio.run(reported(url)), counts)


async def reported(url: str) -> Report:
    store = create_store(Settings(database_url=url))
    try:
        return await store.read(report)
    finally:
        await store.close()


def test_a_busy_ledger_is_in_order(busy: Looked) -> None:
    """Retries, forced transitions, subflows, caches, limits, deletions, pauses, background runs."""
    assert busy.report.violations == []


def test_a_report_says_how_much_was_looked_at(busy: Looked) -> None:
    """By table, as much as there is."""
    assert {x: busy.report.counts[x] for x in busy.counts} == busy.counts
    assert busy.report.counts["task_run_states"] > busy.counts["task_runs"] > 0


class Whims:
    """Random requests, many of them at once, to few runs; `tells` where clients tell of states too."""

    def __init__(self, seed: int, batcher: Batcher, clock: FakeClock, *, tells: bool) -> None:
        self._tells = tells
        self._rng = random.Random(seed)
        self._batcher = batcher
        self._clock = clock
        self._ids = iter(range(1_000_000))
        self._flow_runs: list[str] = []
        self._task_runs: list[str] = []
        self._flow_id = ""

    async def begin(self) -> None:
        self._flow_id = self._new_id()
        await self._batcher.write(flows.get_or_create, self._flow_id, "flow", [], {}, self._clock())
        await self._create_flow_run()

    async def act_at_once(self, count: int) -> None:
        """Some requests, none of which waits for another."""
        acts: list[Callable[[], Awaitable[Any]]] = [self._set_task_run_state] * 12 + [self._set_flow_run_state] * 5
        acts += [self._create_task_run] * 4 + [self._create_flow_run, self._change_limit, self._publish, self._delete]
        acts += [self._record_task_run_state] * 8 * self._tells
        outcomes = await asyncio.gather(*(act() for act in self._rng.choices(acts, k=count)), return_exceptions=True)
        self._clock.advance(seconds=self._rng.choice((0, 0.000001, 0.25, 40)))
        assert [x for x in outcomes if isinstance(x, BaseException) and not isinstance(x, Refusal)] == []

    def _new_id(self) -> str:
        return f"00000000-0000-7000-b000-{next(self._ids):012d}"

    def _proposal(self) -> Proposal:
        rng = self._rng
        details = StateDetails(
            scheduled_time=rng.choice((None, None, self._clock() + timedelta(seconds=rng.choice((-1, 30))))),
            cache_key=rng.choice((None, None, "a", "b")),
            cache_expiration=rng.choice((None, self._clock() + timedelta(seconds=20))),
            pause_reschedule=rng.random() < 0.5,
            pause_timeout=rng.choice((None, self._clock() + timedelta(seconds=60))),
            transition_id=rng.choice((None, f"00000000-0000-7000-c000-{rng.randrange(8):012d}")),
        )
        names = (None, None, None, "Late", "AwaitingRetry", "Suspended")
        data = rng.choice((None, None, {"type": "reference"}, {"type": "unpersisted"}))
        return Proposal(type=rng.choice(list(StateType)), name=rng.choice(names), data=data, details=details)

    def _tags(self) -> tuple[str, ...]:
        return tuple(self._rng.sample(("x", "y", "z"), self._rng.randrange(3)))

    def _some(self, runs: list[str]) -> str:
        # Mostly the newest, so that runs are met by several requests before they are left alone.
        return self._rng.choice(runs[-6:] if self._rng.random() < 0.8 else runs)

    async def _create_task_run(self) -> None:
        run_id, flow_run_id = self._new_id(), self._rng.choice((None, self._some(self._flow_runs)))
        policy = TaskRunPolicy(retries=self._rng.choice((None, 1, 3)))
        draft = task_run_draft(run_id, flow_run_id, tags=self._tags(), empirical_policy=policy)
        await self._batcher.decide(CreateTaskRun(run=draft, proposal=self._proposal()))
        self._task_runs.append(run_id)

    async def _create_flow_run(self) -> None:
        run_id = self._new_id()
        parent = self._rng.choice((None, self._some(self._task_runs))) if self._task_runs else None
        deployment = self._rng.choice((None, self._flow_id))
        policy = FlowRunPolicy(retries=self._rng.choice((None, 1, 3)))
        draft = flow_run_draft(
            run_id, self._flow_id, parent_task_run_id=parent, deployment_id=deployment, empirical_policy=policy
        )
        proposal = self._rng.choice((None, self._proposal(), Proposal(type=StateType.RUNNING)))
        await self._batcher.decide(CreateFlowRun(run=draft, proposal=proposal, api_version=self._version()))
        self._flow_runs.append(run_id)

    def _version(self) -> tuple[int, int, int] | None:
        return self._rng.choice((None, None, (0, 8, 4), (0, 8, 3), (0, 8, 2)))

    async def _set_task_run_state(self) -> None:
        if self._task_runs:
            run_id, force = self._some(self._task_runs), self._rng.random() < 0.2
            proposal = self._proposal()
            if self._rng.random() < 0.4:
                proposal = Proposal(type=StateType.RUNNING, details=proposal.details)
            await self._batcher.decide(SetTaskRunState(task_run_id=run_id, proposal=proposal, force=force))

    async def _record_task_run_state(self) -> None:
        """A state of a run that is known, or not; now and then it is told of again, or is an old one."""
        rng = self._rng
        run_id = self._some(self._task_runs) if self._task_runs and rng.random() < 0.8 else self._new_id()
        flow_run_id = rng.choice((None, NOWHERE, self._some(self._flow_runs), self._some(self._flow_runs)))
        scheduled = self._clock() + timedelta(seconds=rng.choice((-1, 30)))
        said = {"start_time": self._clock(), "run_count": 3, "flow_run_run_count": 2, "tags": self._tags()}
        said = dict(rng.sample(sorted(said.items()), rng.randrange(5)))
        await self._batcher.decide(
            recording(
                run_id,
                flow_run_id,
                rng.choice(list(StateType)),
                state_id=f"00000000-0000-7000-d000-{rng.randrange(3000):012d}",
                at=self._clock() + timedelta(seconds=rng.choice((-30, -1, -0.1234, 0.1234, 20.1234))),
                details=StateDetails(deferred=rng.random() < 0.5, scheduled_time=rng.choice((None, scheduled))),
                dynamic_key=rng.choice((run_id, run_id, "x", "y")),
                task_key=rng.choice(("task", "task", "other")),
                **said,
            )
        )
        self._task_runs.append(run_id)

    async def _set_flow_run_state(self) -> None:
        run_id, force = self._some(self._flow_runs), self._rng.random() < 0.2
        proposal = self._proposal()
        if self._rng.random() < 0.5:
            proposal = Proposal(type=StateType.RUNNING)
        await self._batcher.decide(
            SetFlowRunState(flow_run_id=run_id, proposal=proposal, force=force, api_version=self._version())
        )

    async def _change_limit(self) -> None:
        tag, slots = self._rng.choice("xyz"), self._rng.randrange(3)
        act = self._rng.randrange(6)
        if act == 0:
            await self._batcher.write(concurrency_limits.delete_by_tag, tag)
        elif act == 1:
            await self._batcher.write(concurrency_limits.reset, tag, [], self._clock())
        else:
            await self._batcher.write(
                concurrency_limits.create_or_change, self._new_id(), tag, slots, self._clock() + timedelta.resolution
            )

    async def _publish(self) -> None:
        values = dict.fromkeys(("type", "description", "data", "metadata_", "flow_run_id", "task_run_id"))
        values |= {"key": self._rng.choice(("a", "b"))}
        made = await self._batcher.write(artifacts.create, values, self._new_id, self._clock())
        if self._rng.random() < 0.5:
            await self._batcher.write(artifacts.delete_one, made["id"])

    async def _delete(self) -> None:
        if self._rng.random() < 0.3 and len(self._flow_runs) > 1:
            await self._batcher.write(flow_runs.delete_one, self._flow_runs.pop(self._rng.randrange(1)))
        elif self._task_runs:
            await self._batcher.write(task_runs.delete_one, self._some(self._task_runs))


@pytest.mark.parametrize("tells", [False, True])
@pytest.mark.parametrize("seed", range(3))
async def test_a_ledger_that_was_asked_for_anything_is_in_order(
    seed: int, tells: bool, store: Store, clock: FakeClock
) -> None:
    """Requests of all kinds at once, most of which make little sense."""
    whims = Whims(seed, Batcher(store), clock, tells=tells)
    await whims.begin()
    for count in range(1, 60):
        await whims.act_at_once(count)
        if count % 10 == 0:
            assert await store.read(violations) == []

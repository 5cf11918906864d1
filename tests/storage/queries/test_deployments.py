"""What becomes of the runs that a deployment's schedules made, which no caller can make over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

from interlock.orchestration.commands import CreateFlowRun
from interlock.orchestration.states import Proposal, StateType
from interlock.storage.queries import deployment_schedules, deployments, flow_runs, flows
from interlock.storage.store import Store, Write
from tests.builders import THEN, flow_run_draft

FLOW, DEPLOYMENT, SCHEDULE, OTHER = (f"00000000-0000-7000-9000-{n:012d}" for n in range(4))
RUNS = {name: f"00000000-0000-7000-a000-00000000000{name}" for name in "abcd"}
SCHEDULED = Proposal(type=StateType.SCHEDULED)
VALUES: dict[str, Any] = {
    "flow_id": FLOW,
    "name": "name",
    "infra_overrides": {},
    "parameters": {},
    "tags": [],
    "labels": {},
    "is_schedule_active": True,
    "paused": False,
    "enforce_parameter_schema": False,
    "work_queue_name": None,
}
SCHEDULES = [{"id": SCHEDULE, "schedule": {"cron": "* * * * *"}, "active": True, "catchup": False, "parameters": {}}]
WANTED = deployments.Change(VALUES, SCHEDULES)


def nothing_new(_: deployments.Deployment) -> deployments.Change:
    return deployments.Change({})


def nothing_made() -> str:
    raise AssertionError("nothing is to be made")


async def write(store: Store, function: Callable[..., Any], *args: Any) -> Any:
    outcome = (await store.commit([Write(lambda conn: function(conn, *args))]))[0]
    assert not isinstance(outcome, Exception), outcome
    return outcome


@pytest.fixture
async def deployed(store: Store) -> Store:
    """A store with a deployment that has a schedule, and four runs of it, one of them made by a caller."""
    await write(store, flows.get_or_create, FLOW, "flow", [], {}, THEN)
    await write(store, deployments.create_or_replace, lambda: DEPLOYMENT, WANTED, THEN)
    drafts = {x: flow_run_draft(RUNS[x], FLOW, deployment_id=DEPLOYMENT, auto_scheduled=True) for x in "abc"}
    await store.commit([CreateFlowRun(run=drafts["a"], proposal=SCHEDULED)])
    await store.commit([CreateFlowRun(run=drafts["b"], proposal=Proposal(type=StateType.SCHEDULED, name="Late"))])
    await store.commit([CreateFlowRun(run=drafts["c"], proposal=Proposal(type=StateType.PENDING))])
    await store.commit(
        [CreateFlowRun(run=flow_run_draft(RUNS["d"], FLOW, deployment_id=DEPLOYMENT), proposal=SCHEDULED)]
    )
    return store


async def remaining(store: Store) -> str:
    return "".join([name for name, run_id in RUNS.items() if await store.read(flow_runs.by_id, run_id)])


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (deployments.create_or_replace, (nothing_made, WANTED, THEN)),
        (deployments.change, (DEPLOYMENT, nothing_new, nothing_made, THEN)),
        (deployments.set_paused, (DEPLOYMENT, True, nothing_new, THEN)),
        (deployment_schedules.change, (DEPLOYMENT, SCHEDULE, {}, THEN)),
        (deployment_schedules.delete_one, (DEPLOYMENT, SCHEDULE, THEN)),
    ],
)
async def test_runs_of_an_outdated_schedule_go(deployed: Store, function: Any, args: tuple[Any, ...]) -> None:
    """Those that wait, late or not; one that has begun stays, and one that a caller made."""
    await write(deployed, function, *args)
    assert await remaining(deployed) == "cd"


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (deployments.set_paused, (DEPLOYMENT, False, nothing_new, THEN)),
        (deployment_schedules.create, (DEPLOYMENT, [], THEN)),
        (deployment_schedules.change, (DEPLOYMENT, OTHER, {}, THEN)),
        (deployment_schedules.delete_one, (DEPLOYMENT, OTHER, THEN)),
        (deployments.change, (OTHER, nothing_new, nothing_made, THEN)),
    ],
)
async def test_runs_of_a_valid_schedule_stay(deployed: Store, function: Any, args: tuple[Any, ...]) -> None:
    """Nothing has changed that they depend on."""
    await write(deployed, function, *args)
    assert await remaining(deployed) == "abcd"


async def test_a_deleted_deployment_takes_all_waiting_runs_along(deployed: Store) -> None:
    """Whoever made them; one that has begun stays."""
    await write(deployed, deployments.delete_one, DEPLOYMENT)
    assert await remaining(deployed) == "c"

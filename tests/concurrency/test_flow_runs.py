"""Flow runs that are resumed or changed by several at once."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import CreateFlowRun, SetFlowRunState
from interlock.orchestration.runs import FlowRun
from interlock.orchestration.states import Proposal, StateType
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage.queries import flow_runs, flows
from tests.api.records import new_deployment, new_flow_run, set_state
from tests.builders import flow_run_draft
from tests.concurrency.conftest import WAITING, Fleet, post, statuses
from tests.databases import PostgresDatabases
from tests.postgres import wait_until

MANY = 8
KEYSET = {"schema": "paused-schema", "response": "paused-response"}
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}
ABORTED = {"type": "abort_details", "reason": "Cannot resume a flow run that is not paused."}


def paused_run(fleet: Fleet, **details: Any) -> str:
    """The path of a flow run that is paused."""
    deployment = new_deployment(fleet.api)
    run = new_flow_run(fleet.api, flow_id=deployment["flow_id"], deployment_id=deployment["id"])
    path = f"/flow_runs/{run['id']}"
    set_state(fleet.api, path, "RUNNING")
    details |= {"pause_timeout": "2099-01-01T00:00:00Z"}
    assert set_state(fleet.api, path, "PAUSED", state_details=details)["status"] == "ACCEPT"
    return path


@pytest.mark.parametrize("reschedules", [False, True])
def test_a_paused_run_is_resumed_once(fleet: Fleet, reschedules: bool) -> None:
    """Whoever comes second finds that it is not paused."""
    for _ in range(2):
        path = paused_run(fleet, pause_reschedule=reschedules)
        answers = fleet.at_once(*[post(f"{path}/resume", {})] * MANY)
        assert statuses(answers) == {201: 1, 200: MANY - 1}
        assert [x.json()["details"] for x in answers if x.status_code == 200] == [ABORTED] * (MANY - 1)


def test_a_run_is_told_by_whoever_resumed_it(fleet: Fleet) -> None:
    """Others neither replace what it is told, nor take it away."""
    for _ in range(3):
        path = paused_run(fleet, run_input_keyset=KEYSET)
        schema = {"key": KEYSET["schema"], "value": json.dumps(SCHEMA)}
        assert fleet.api.post(f"{path}/input", json=schema).status_code == 201
        answers = fleet.at_once(*(post(f"{path}/resume", {"run_input": {"x": x}}) for x in range(MANY)))
        assert statuses(answers) == {201: 1, 200: MANY - 1}
        (first,) = (at for at, x in enumerate(answers) if x.status_code == 201)
        assert fleet.api.get(f"{path}/input/{KEYSET['response']}").json() == {"x": first}


FLOW, FLOW_RUN = (f"00000000-0000-7000-8000-{number:012d}" for number in range(2))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
LOCK_FLOW_RUN = f"SELECT 1 FROM flow_runs WHERE id = '{FLOW_RUN}' FOR NO KEY UPDATE"


@pytest.fixture
def url(postgres_databases: PostgresDatabases) -> Iterator[str]:
    url = postgres_databases.create()
    yield url
    postgres_databases.drop(url)


@pytest.fixture
async def batcher(url: str) -> AsyncIterator[Batcher]:
    """A batcher on a ledger with one flow run, which is SCHEDULED."""
    store = create_store(Settings(database_url=url))
    batcher = Batcher(store)
    await batcher.write(flows.get_or_create, FLOW, "flow", [], {}, NOW)
    scheduled = Proposal(type=StateType.SCHEDULED)
    await batcher.decide(CreateFlowRun(run=flow_run_draft(FLOW_RUN, FLOW), proposal=scheduled))
    yield batcher
    await store.close()


async def test_a_change_is_checked_against_what_the_run_is_then(url: str, batcher: Batcher) -> None:
    """A run that starts before the change gets its turn is one that has started."""
    seen: list[FlowRun] = []
    with psycopg.connect(url) as other, psycopg.connect(url, autocommit=True) as watch:

        async def others_wait(number: int) -> None:
            are_there = lambda: watch.execute(WAITING).fetchone() == (number,)  # noqa: E731
            await asyncio.to_thread(wait_until, are_there, "nobody waits")

        other.execute(LOCK_FLOW_RUN)
        start = SetFlowRunState(flow_run_id=FLOW_RUN, proposal=Proposal(type=StateType.PENDING))
        started = asyncio.create_task(batcher.decide(start))
        await others_wait(1)
        check = lambda run, _: seen.append(run)  # noqa: E731
        changed = asyncio.create_task(batcher.write(flow_runs.change_checked, FLOW_RUN, {"name": "new"}, check, NOW))
        await others_wait(2)
        other.commit()
        assert (await started).written
        assert await changed
    assert [x.state.type for x in seen if x.state] == [StateType.PENDING]

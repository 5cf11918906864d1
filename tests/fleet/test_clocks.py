"""Servers whose clocks differ: a run's states follow each other all the same."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun, SetFlowRunState, SetTaskRunState
from interlock.orchestration.runs import FlowRunPolicy
from interlock.orchestration.states import Proposal, StateType
from interlock.server import create_store, new_id
from interlock.settings import Settings
from interlock.storage.invariants import violations
from interlock.storage.queries import flows, run_states
from interlock.storage.store import Store, Write
from tests.builders import flow_run_draft, task_run_draft
from tests.conftest import FakeClock
from tests.databases import PostgresDatabases

RUNNING, COMPLETED, FAILED = (Proposal(type=StateType[x]) for x in ("RUNNING", "COMPLETED", "FAILED"))


class Servers:
    """The store of one whose clock is right, and that of one whose clock is an hour ahead."""

    def __init__(self, url: str) -> None:
        self.clock, later = FakeClock(), FakeClock()
        later.advance(hours=1)
        self.right = create_store(Settings(database_url=url), self.clock)
        self.ahead = create_store(Settings(database_url=url), later)

    async def flow_run(self, **fields: Any) -> str:
        """The id of a new flow run that is RUNNING, by the clock that is right."""
        make = Write(lambda conn: flows.get_or_create(conn, new_id(), "flow", [], {}, self.clock()))
        ((flow, _),) = await self.right.commit([make])
        run = flow_run_draft(new_id(), flow["id"], **fields)
        await self.right.commit([CreateFlowRun(run=run, proposal=RUNNING)])
        return run.id

    async def task_run(self) -> str:
        """The id of a new task run that is RUNNING, in a flow run of its own."""
        run = task_run_draft(new_id(), await self.flow_run())
        await self.right.commit([CreateTaskRun(run=run, proposal=RUNNING)])
        return run.id

    async def close(self) -> None:
        assert await self.right.read(violations) == []
        await self.right.close()
        await self.ahead.close()


@pytest.fixture
async def servers(postgres_databases: PostgresDatabases) -> AsyncIterator[Servers]:
    """At the end the ledger is as it must be."""
    url = postgres_databases.create()
    servers = Servers(url)
    yield servers
    await servers.close()
    postgres_databases.drop(url)


async def _types(store: Store, task_run_id: str) -> list[StateType]:
    return [x.type for x in await store.read(run_states.of_task_run, task_run_id)]


async def test_the_states_of_a_task_run(servers: Servers) -> None:
    """In the order in which they were decided, however they were timed."""
    run_id = await servers.task_run()
    await servers.ahead.commit([SetTaskRunState(task_run_id=run_id, proposal=FAILED)])
    await servers.right.commit([SetTaskRunState(task_run_id=run_id, proposal=COMPLETED)])
    assert await _types(servers.right, run_id) == [StateType.RUNNING, StateType.FAILED, StateType.COMPLETED]


async def test_the_states_that_a_parent_task_run_takes_from_its_subflow(servers: Servers) -> None:
    """They come after those of its own, even where the subflow has none so late."""
    run_id = await servers.task_run()
    subflow_id = await servers.flow_run(parent_task_run_id=run_id)
    await servers.ahead.commit([SetTaskRunState(task_run_id=run_id, proposal=FAILED)])
    await servers.right.commit([SetFlowRunState(flow_run_id=subflow_id, proposal=COMPLETED)])
    assert (await _types(servers.right, run_id))[-2:] == [StateType.FAILED, StateType.COMPLETED]


async def test_the_states_of_task_runs_that_an_old_client_retries_with_their_flow_run(servers: Servers) -> None:
    """The failed task runs are scheduled along with it, after their failure."""
    policy = FlowRunPolicy(retries=1)
    flow_run_id = await servers.flow_run(empirical_policy=policy)
    run = task_run_draft(new_id(), flow_run_id)
    await servers.right.commit([CreateTaskRun(run=run, proposal=RUNNING)])
    await servers.ahead.commit([SetTaskRunState(task_run_id=run.id, proposal=FAILED)])
    await servers.right.commit([SetFlowRunState(flow_run_id=flow_run_id, proposal=FAILED, api_version=(0, 8, 2))])
    assert await _types(servers.right, run.id) == [StateType.RUNNING, StateType.FAILED, StateType.SCHEDULED]

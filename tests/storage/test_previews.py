"""A preview reads, and neither writes nor waits for those who do."""

import asyncio
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, select

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun, SetFlowRunState, SetTaskRunState
from interlock.orchestration.facts import Chance
from interlock.orchestration.refusals import NotFoundError
from interlock.orchestration.runs import TaskRunPolicy
from interlock.orchestration.states import Proposal, StateType
from interlock.storage.previews import preview
from interlock.storage.queries import concurrency_limits, flows
from interlock.storage.store import Store
from interlock.storage.tables import metadata
from tests.builders import flow_run_draft, task_run_draft
from tests.conftest import FakeClock

FLOW, FLOW_RUN, HOLDER, WAITING, BACKGROUND = (f"00000000-0000-7000-9000-{x:012d}" for x in range(5))
PENDING, RUNNING = Proposal(type=StateType.PENDING), Proposal(type=StateType.RUNNING)
ASKED: list[SetTaskRunState | SetFlowRunState] = [
    *(
        SetTaskRunState(task_run_id=x, proposal=Proposal(type=kind, data={"type": "literal"}), force=force)
        for x in (HOLDER, WAITING, BACKGROUND)
        for kind in StateType
        for force in (False, True)
    ),
    *(SetFlowRunState(flow_run_id=FLOW_RUN, proposal=Proposal(type=kind)) for kind in StateType),
    SetFlowRunState(flow_run_id=FLOW_RUN, proposal=Proposal(type=StateType.FAILED), api_version=(0, 8, 2)),
]


def whole(conn: Connection) -> dict[str, list[str]]:
    """All rows of all tables."""
    return {name: sorted(map(repr, conn.execute(select(x)))) for name, x in metadata.tables.items()}


@pytest.fixture
async def filled(store: Store, clock: FakeClock, chance: Chance) -> Store:
    """Two task runs of a flow run that share a limit of one slot, which the first holds; and a background run."""
    batcher = Batcher(store)
    await batcher.write(flows.get_or_create, FLOW, "flow", [], {}, clock())
    await batcher.write(concurrency_limits.create_or_change, chance.new_id(), "tag", 1, clock())
    await batcher.decide(CreateFlowRun(run=flow_run_draft(FLOW_RUN, FLOW), proposal=RUNNING))
    for run_id, owner in ((HOLDER, FLOW_RUN), (WAITING, FLOW_RUN), (BACKGROUND, None)):
        draft = task_run_draft(run_id, owner, tags=("tag",), empirical_policy=TaskRunPolicy(retries=1))
        await batcher.decide(CreateTaskRun(run=draft, proposal=PENDING))
    await batcher.decide(SetTaskRunState(task_run_id=HOLDER, proposal=RUNNING))
    return store


async def previewed(store: Store, command: SetTaskRunState | SetFlowRunState, clock: FakeClock, chance: Chance) -> Any:
    return await store.read(preview, command, clock, chance, 30)


async def test_nothing_is_written(filled: Store, clock: FakeClock, chance: Chance) -> None:
    before = await filled.read(whole)
    written = [(await previewed(filled, x, clock, chance)).decision.written for x in ASKED]
    assert {True, False} == set(written)
    assert await filled.read(whole) == before


async def test_of_a_run_that_is_not_there_it_is_refused_like_the_command(
    store: Store, clock: FakeClock, chance: Chance
) -> None:
    of_task = SetTaskRunState(task_run_id=HOLDER, proposal=RUNNING)
    of_flow = SetFlowRunState(flow_run_id=FLOW_RUN, proposal=RUNNING)
    for command in (of_task, of_flow):
        with pytest.raises(NotFoundError):
            await previewed(store, command, clock, chance)


async def test_it_does_not_wait_for_who_has_locked_the_rows(
    filled: Store, clock: FakeClock, chance: Chance, database: str, database_url: str
) -> None:
    """Nor does it lock any: a batch after it goes on at once."""
    if database != "postgresql":
        pytest.skip("SQLite has no locks on rows")
    async with await psycopg.AsyncConnection.connect(database_url) as third:
        for table in ("flow_runs", "task_runs", "concurrency_limits_v2"):
            await third.execute(f"SELECT id FROM {table} FOR UPDATE")
        async with asyncio.timeout(5):
            found = [await previewed(filled, x, clock, chance) for x in ASKED]
    assert len(found) == len(ASKED)

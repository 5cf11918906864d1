"""Deletions that meet the batches of other servers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import CreateFlowRun, CreateTaskRun
from interlock.orchestration.states import Proposal, StateType
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage.queries import concurrency_limits, flow_runs, flows, task_runs
from tests.builders import flow_run_draft, task_run_draft
from tests.databases import PostgresDatabases
from tests.postgres import wait_until

FLOW, FLOW_RUN, TASK_RUN, LIMIT = (f"00000000-0000-7000-8000-{number:012d}" for number in range(4))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
PENDING = Proposal(type=StateType.PENDING)

LOCK_TASK_RUN = f"SELECT 1 FROM task_runs WHERE id = '{TASK_RUN}' FOR NO KEY UPDATE"
LOCK_LIMIT = f"SELECT 1 FROM concurrency_limits_v2 WHERE id = '{LIMIT}' FOR NO KEY UPDATE"
TAKE_SLOT = f"INSERT INTO concurrency_slots (concurrency_limit_id, task_run_id) VALUES ('{LIMIT}', '{TASK_RUN}')"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
HOLDERS = "SELECT count(*) FROM concurrency_slots"


@pytest.fixture
def url(postgres_databases: PostgresDatabases) -> Iterator[str]:
    url = postgres_databases.create()
    yield url
    postgres_databases.drop(url)


@pytest.fixture
async def batcher(url: str) -> AsyncIterator[Batcher]:
    """A batcher on a ledger with one task run of one flow run, and a limit."""
    store = create_store(Settings(database_url=url))
    batcher = Batcher(store)
    await batcher.write(flows.get_or_create, FLOW, "flow", [], {}, NOW)
    await batcher.decide(CreateFlowRun(run=flow_run_draft(FLOW_RUN, FLOW), proposal=PENDING))
    await batcher.decide(CreateTaskRun(run=task_run_draft(TASK_RUN, FLOW_RUN, tags=("tag",)), proposal=PENDING))
    await batcher.write(concurrency_limits.create_or_change, LIMIT, "tag", 1, NOW)
    yield batcher
    await store.close()


DELETIONS = pytest.mark.parametrize(
    ("delete", "run_id"), [(task_runs.delete_one, TASK_RUN), (flow_runs.delete_one, FLOW_RUN)], ids=["task", "flow"]
)


@DELETIONS
async def test_a_slot_that_a_batch_takes_meanwhile_goes_with_the_run(
    url: str, batcher: Batcher, delete: Callable[..., bool], run_id: str
) -> None:
    """A run that gets its slot in the moment in which it is deleted leaves no slot behind that nobody could free."""
    with psycopg.connect(url) as other, psycopg.connect(url, autocommit=True) as watch:
        other.execute(LOCK_TASK_RUN)
        other.execute(TAKE_SLOT)
        deletion = asyncio.create_task(batcher.write(delete, run_id))
        await asyncio.to_thread(wait_until, lambda: watch.execute(WAITING).fetchone() == (1,), "nobody waits")
        other.commit()
        assert await deletion
        assert watch.execute(HOLDERS).fetchone() == (0,)


@DELETIONS
async def test_no_slot_goes_while_a_batch_counts_the_holders(
    url: str, batcher: Batcher, delete: Callable[..., bool], run_id: str
) -> None:
    """A batch writes down who holds a limit's slots as it found them: a run deleted in between would hold one again."""
    with psycopg.connect(url) as other, psycopg.connect(url, autocommit=True) as watch:
        watch.execute(TAKE_SLOT)
        other.execute(LOCK_LIMIT)
        deletion = asyncio.create_task(batcher.write(delete, run_id))
        await asyncio.to_thread(wait_until, lambda: watch.execute(WAITING).fetchone() == (1,), "nobody waits")
        assert watch.execute(HOLDERS).fetchone() == (1,)
        other.commit()
        assert await deletion
        assert watch.execute(HOLDERS).fetchone() == (0,)

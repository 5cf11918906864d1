"""Batches of different servers that meet in the same records, each in an order of its own, wait for each other but not
in a circle: a deadlock PostgreSQL ends only after a second, and at the cost of one of them.

In each test a third party keeps one of the records until both batches are at it, each with half of the others in hand.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, Table

from interlock.orchestration.commands import Command, CreateFlowRun, CreateTaskRun, SetFlowRunState, SetTaskRunState
from interlock.orchestration.states import Proposal, StateType
from interlock.server import create_store, new_id, utc_now
from interlock.settings import Settings
from interlock.storage import tables
from interlock.storage.queries import concurrency_limits, flow_runs, flows, task_runs
from interlock.storage.store import Store, Write
from tests.builders import flow_run_draft, task_run_draft
from tests.databases import PostgresDatabases
from tests.fleet.fleet import deadlocks, unique, waiting_for_locks

RECORDS = 9
PENDING, RUNNING, SCHEDULED, FAILED = (
    Proposal(type=StateType[x]) for x in ("PENDING", "RUNNING", "SCHEDULED", "FAILED")
)
ANSWER_SECONDS = 10
"""Longer than anything takes that need not wait for a lock, and shorter than a store waits for one."""

Outcomes = list[tuple[Any, Any]]
"""For each subject what the two stores made of it."""


class Meeting:
    """The stores of two servers on one database, and a third party."""

    def __init__(self, stores: tuple[Store, Store], third: "psycopg.AsyncConnection[Any]") -> None:
        self.stores = stores
        self.third = third

    async def in_opposite_orders(self, subjects: Sequence[str], command: Callable[[str], Command]) -> Outcomes:
        """A command about each subject in one batch, the same in the opposite order in a batch of the other store, at
        the same time. The third party lets go of what it keeps when both are waiting."""
        forth, back = [[command(x) for x in order] for order in (subjects, subjects[::-1])]
        commits = asyncio.gather(self.stores[0].commit(forth), self.stores[1].commit(back))
        await waiting_for_locks(self.third, 2)
        await self.third.rollback()
        one, other = await commits
        return list(zip(one, other[::-1], strict=True))

    async def keep(self, table: Table, column: str, value: str) -> None:
        """The third party keeps a row."""
        query = sql.SQL("SELECT FROM {} WHERE {} = %s FOR UPDATE").format(_name(table.name), _name(column))
        assert (await self.third.execute(query, [value])).rowcount == 1

    async def keep_copy(self, table: Table, row_id: str, **changes: str) -> None:
        """The third party keeps a new row, which is like another but for its id and these values."""
        columns = sql.SQL(", ").join(_name(x.name) for x in table.c if x.computed is None)
        query = sql.SQL(
            "INSERT INTO {0} ({1}) SELECT {2} FROM {0} AS old, jsonb_populate_record(old, %s) AS new WHERE old.id = %s"
        ).format(
            _name(table.name),
            columns,
            sql.SQL(", ").join(sql.SQL("new.{}").format(_name(x.name)) for x in table.c if x.computed is None),
        )
        made = await self.third.execute(query, [json.dumps({"id": new_id(), **changes}), row_id])
        assert made.rowcount == 1

    async def assert_created_once(self, table: Table, column: str, command: Callable[[str], Command]) -> None:
        """Records are known by the value in the column: both stores create the same ones."""
        first = command(unique("key"))
        (made,) = await self.stores[0].commit([first])
        keys = sorted(unique("key") for _ in range(RECORDS))
        await self.keep_copy(table, made.run.id, **{column: keys[RECORDS // 2]})
        for one, other in await self.in_opposite_orders(keys, command):
            assert one.created is not other.created
            assert one.run.id == other.run.id

    async def flow(self) -> str:
        """The id of a new flow."""
        made = Write(lambda conn: flows.get_or_create(conn, new_id(), unique("flow"), [], {}, utc_now()))
        ((flow, _),) = await self.stores[0].commit([made])
        return str(flow["id"])

    async def flow_run(self, **fields: Any) -> str:
        """The id of a new flow run that is RUNNING."""
        run = flow_run_draft(new_id(), await self.flow(), **fields)
        await self.stores[0].commit([CreateFlowRun(run=run, proposal=RUNNING)])
        return run.id

    async def task_runs(self, **fields: Any) -> list[str]:
        """The ids of new task runs in a flow run that is RUNNING."""
        flow_run_id = await self.flow_run()
        drafts = [task_run_draft(new_id(), flow_run_id, **fields) for _ in range(RECORDS)]
        await self.stores[0].commit([CreateTaskRun(run=x, proposal=PENDING) for x in drafts])
        return [x.id for x in drafts]


def _name(name: str) -> sql.Identifier:
    return sql.Identifier(name)


@pytest.fixture
async def meeting(postgres_databases: PostgresDatabases) -> AsyncIterator[Meeting]:
    """On a database of its own, where at the end no transactions have waited for each other in a circle."""
    url = postgres_databases.create()
    one, other = (create_store(Settings(database_url=url)) for _ in range(2))
    async with await psycopg.AsyncConnection.connect(url) as third:
        yield Meeting((one, other), third)
    await one.close()
    await other.close()
    assert await deadlocks(url) == 0
    postgres_databases.drop(url)


async def test_task_runs_by_their_keys(meeting: Meeting) -> None:
    flow_run_id = await meeting.flow_run()

    def create(key: str) -> Command:
        return CreateTaskRun(run=task_run_draft(new_id(), flow_run_id, dynamic_key=key), proposal=PENDING)

    await meeting.assert_created_once(tables.task_runs, "dynamic_key", create)


async def test_background_runs_by_their_keys(meeting: Meeting) -> None:
    def create(key: str) -> Command:
        return CreateTaskRun(run=task_run_draft(new_id(), None, dynamic_key=key), proposal=SCHEDULED)

    await meeting.assert_created_once(tables.task_runs, "dynamic_key", create)


async def test_flow_runs_by_their_keys(meeting: Meeting) -> None:
    flow_id = await meeting.flow()

    def create(key: str) -> Command:
        return CreateFlowRun(run=flow_run_draft(new_id(), flow_id, idempotency_key=key), proposal=PENDING)

    await meeting.assert_created_once(tables.flow_runs, "idempotency_key", create)


async def test_transitions_under_shared_limits(meeting: Meeting) -> None:
    """Each run is set RUNNING by both, and holds one slot of each limit."""
    tags = "x", "y"
    for tag in tags:
        await meeting.stores[0].commit([Write(partial(_limit, tag))])
    runs = await meeting.task_runs(tags=tags)
    await meeting.keep(tables.task_runs, "id", runs[RECORDS // 2])
    outcomes = await meeting.in_opposite_orders(runs, lambda x: SetTaskRunState(task_run_id=x, proposal=RUNNING))
    assert all(decision.written for pair in outcomes for decision in pair)
    for tag in tags:
        limit = await meeting.stores[0].read(concurrency_limits.by_tag, tag, utc_now())
        assert limit is not None
        assert sorted(limit["active_slots"]) == sorted(runs)


def _limit(tag: str, conn: Connection) -> None:
    concurrency_limits.create_or_change(conn, new_id(), tag, RECORDS, utc_now())


async def test_subflows_and_their_parents(meeting: Meeting) -> None:
    """A subflow's transition moves its parent task run, which is moved by itself as well."""
    parents = await meeting.task_runs()
    subflows = [await meeting.flow_run(parent_task_run_id=x) for x in parents]
    await meeting.keep(tables.task_runs, "id", parents[RECORDS // 2])

    def move(run_id: str) -> Command:
        if run_id in parents:
            return SetTaskRunState(task_run_id=run_id, proposal=RUNNING)
        return SetFlowRunState(flow_run_id=run_id, proposal=RUNNING)

    outcomes = await meeting.in_opposite_orders([*parents, *subflows], move)
    assert all(decision.written for pair in outcomes for decision in pair)


async def test_a_subflow_that_comes_while_its_parent_is_deleted(meeting: Meeting) -> None:
    """Who deletes the parent has looked for subflows before, and found none."""
    parent = (await meeting.task_runs())[0]
    subflow = await meeting.flow_run()
    await meeting.third.execute("SELECT FROM task_runs WHERE id = %s FOR NO KEY UPDATE", [parent])
    await meeting.third.execute("UPDATE flow_runs SET parent_task_run_id = %s WHERE id = %s", [parent, subflow])
    deletion = asyncio.ensure_future(meeting.stores[0].commit([Write(lambda conn: task_runs.delete_one(conn, parent))]))
    await waiting_for_locks(meeting.third, 1)
    move = asyncio.ensure_future(meeting.stores[1].commit([SetFlowRunState(flow_run_id=subflow, proposal=FAILED)]))
    await waiting_for_locks(meeting.third, 2)
    await meeting.third.commit()
    assert await deletion == [True]
    assert (await move)[0].written
    moved = await meeting.stores[0].read(flow_runs.by_id, subflow)
    assert moved is not None
    assert moved.parent_task_run_id is None


async def test_results_under_the_same_artifact_keys(meeting: Meeting) -> None:
    """The newest artifact of a key is recorded with it, whichever of the runs it is a result of."""
    keys = sorted(unique("key") for _ in range(RECORDS))
    runs = [iter(await meeting.task_runs()) for _ in range(3)]

    def complete(key: str) -> Command:
        result = {"type": "reference", "artifact_key": key}
        run_id = next(x for source in runs for x in source)
        return SetTaskRunState(task_run_id=run_id, proposal=Proposal(type=StateType.COMPLETED, data=result))

    await meeting.stores[0].commit([complete(x) for x in keys])
    await meeting.keep(tables.artifact_collections, "key", keys[RECORDS // 2])
    outcomes = await meeting.in_opposite_orders(keys, complete)
    assert all(decision.written for pair in outcomes for decision in pair)


async def test_a_flow_run_that_fails_waits_for_none_of_its_task_runs(meeting: Meeting) -> None:
    """Only clients so old that the server retries task runs for them need them kept."""
    flow_run_id = await meeting.flow_run()
    task_run = task_run_draft(new_id(), flow_run_id)
    await meeting.stores[0].commit([CreateTaskRun(run=task_run, proposal=PENDING)])
    await meeting.keep(tables.task_runs, "id", task_run.id)
    fail = SetFlowRunState(flow_run_id=flow_run_id, proposal=FAILED, api_version=(0, 8, 4))
    async with asyncio.timeout(ANSWER_SECONDS):
        (decision,) = await meeting.stores[0].commit([fail])
    assert decision.written

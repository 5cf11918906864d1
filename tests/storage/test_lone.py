"""A lone command about a task run is decided on what the run is when it is written, whatever others did meanwhile.

Often a third party has changed something and not committed it yet: the command has been decided by then, and waits to
be written.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from interlock.orchestration.commands import Command, CreateFlowRun, CreateTaskRun, SetFlowRunState, SetTaskRunState
from interlock.orchestration.decision import Abort
from interlock.orchestration.refusals import ConflictError, NotFoundError
from interlock.orchestration.states import Proposal, StateType
from interlock.server import create_store, new_id, utc_now
from interlock.settings import Settings
from interlock.storage.queries import concurrency_limits, flows, task_runs
from interlock.storage.store import Store, Write
from tests.builders import flow_run_draft, task_run_draft
from tests.databases import PostgresDatabases
from tests.fleet.fleet import unique, waiting_for_locks

PENDING, RUNNING, SCHEDULED, COMPLETED, CANCELLING = (
    Proposal(type=StateType[x]) for x in ("PENDING", "RUNNING", "SCHEDULED", "COMPLETED", "CANCELLING")
)


class Scene:
    """The stores of two servers on one database, a third party, and a flow run that is RUNNING.

    The first store makes the runs, and so has seen them; `store` is the one that is asked about them.
    """

    def __init__(self, first: Store, store: Store, third: "psycopg.AsyncConnection[Any]", flow_run_id: str) -> None:
        self.first = first
        self.store = store
        self.third = third
        self.flow_run_id = flow_run_id

    async def decided(self, command: Command) -> Any:
        (outcome,) = await self.store.commit([command])
        return outcome

    async def decided_after(self, change: str, value: Any, command: Command) -> Any:
        """What becomes of the command when it meets a change that is committed while it waits for it."""
        await self.third.execute(change, [value])
        outcome = asyncio.create_task(self.decided(command))
        await waiting_for_locks(self.third, 1)
        await self.third.commit()
        return await outcome

    async def task_run(self, flow_run_id: str | None, **fields: Any) -> str:
        """The id of a new task run that is PENDING, or SCHEDULED where it has no flow run."""
        draft = task_run_draft(new_id(), flow_run_id, **fields)
        await self.first.commit([CreateTaskRun(run=draft, proposal=PENDING if flow_run_id else SCHEDULED)])
        return draft.id

    async def states(self, task_run_id: str) -> int:
        query = "SELECT count(*) FROM task_run_states WHERE task_run_id = %s"
        ((count,),) = await (await self.third.execute(query, [task_run_id])).fetchall()
        return int(count)


@pytest.fixture(params=[0, 1], ids=["by the server that made it", "by another server"])
async def scene(postgres_databases: PostgresDatabases, request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    url = postgres_databases.create()
    stores = [create_store(Settings(database_url=url)) for _ in range(2)]
    made = Write(lambda conn: flows.get_or_create(conn, new_id(), unique("flow"), [], {}, utc_now()))
    ((flow, _),) = await stores[0].commit([made])
    run = flow_run_draft(new_id(), flow["id"])
    await stores[0].commit([CreateFlowRun(run=run, proposal=RUNNING)])
    async with await psycopg.AsyncConnection.connect(url) as third:
        yield Scene(stores[0], stores[request.param], third, run.id)
    for store in stores:
        await store.close()
    postgres_databases.drop(url)


async def test_a_run_that_was_changed_is_decided_anew(scene: Scene) -> None:
    run_id = await scene.task_run(scene.flow_run_id)
    change = "UPDATE task_runs SET run_count = 6, updated = updated + interval '1 second' WHERE id = %s"
    decision = await scene.decided_after(change, run_id, SetTaskRunState(task_run_id=run_id, proposal=RUNNING))
    assert decision.written
    assert decision.run.run_count == 7
    assert await scene.states(run_id) == 2


async def test_a_run_that_somebody_had_locked_and_left_as_it_was_moves_once(scene: Scene) -> None:
    run_id = await scene.task_run(scene.flow_run_id)
    look = "SELECT FROM task_runs WHERE id = %s FOR UPDATE"
    decision = await scene.decided_after(look, run_id, SetTaskRunState(task_run_id=run_id, proposal=RUNNING))
    assert decision.written
    assert await scene.states(run_id) == 2


async def test_a_run_that_was_deleted_is_not_found(scene: Scene) -> None:
    run_id = await scene.task_run(scene.flow_run_id)
    deletion = "DELETE FROM task_runs WHERE id = %s"
    outcome = await scene.decided_after(deletion, run_id, SetTaskRunState(task_run_id=run_id, proposal=RUNNING))
    assert isinstance(outcome, NotFoundError)
    assert await scene.states(run_id) == 0


async def test_a_run_of_a_flow_run_that_was_deleted_is_not_created(scene: Scene) -> None:
    one, other = [task_run_draft(new_id(), scene.flow_run_id, dynamic_key=unique("key")) for _ in range(2)]
    assert (await scene.decided(CreateTaskRun(run=one, proposal=PENDING))).created
    create = CreateTaskRun(run=other, proposal=PENDING)
    outcome = await scene.decided_after("DELETE FROM flow_runs WHERE id = %s", scene.flow_run_id, create)
    assert isinstance(outcome, ConflictError)


async def test_a_run_that_another_created_is_found(scene: Scene) -> None:
    other = await scene.task_run(scene.flow_run_id, dynamic_key="other")
    rename = "UPDATE task_runs SET dynamic_key = 'wanted' WHERE id = %s"
    wanted = task_run_draft(new_id(), scene.flow_run_id, dynamic_key="wanted")
    decision = await scene.decided_after(rename, other, CreateTaskRun(run=wanted, proposal=PENDING))
    assert not decision.created
    assert decision.run.id == other


async def test_the_same_create_again_answers_with_the_run_there_is(scene: Scene) -> None:
    run_id = await scene.task_run(scene.flow_run_id, dynamic_key="same")
    again = task_run_draft(new_id(), scene.flow_run_id, dynamic_key="same", name="another")
    decision = await scene.decided(CreateTaskRun(run=again, proposal=RUNNING))
    assert not decision.created
    assert decision.run.id == run_id
    assert await scene.states(run_id) == 1


async def test_an_id_that_is_taken_is_refused(scene: Scene) -> None:
    run_id = await scene.task_run(scene.flow_run_id)
    taken = task_run_draft(run_id, scene.flow_run_id, dynamic_key=unique("key"))
    assert isinstance(await scene.decided(CreateTaskRun(run=taken, proposal=PENDING)), ConflictError)


async def test_a_result_is_kept_with_its_artifact(scene: Scene) -> None:
    """Whatever takes more than one statement goes by a transaction."""
    run_id = await scene.task_run(scene.flow_run_id)
    completed = Proposal(type=StateType.COMPLETED, data={"type": "reference", "artifact_key": "key"})
    decision = await scene.decided(SetTaskRunState(task_run_id=run_id, proposal=completed))
    assert decision.written
    query = "SELECT count(*) FROM artifacts WHERE task_run_id = %s"
    assert await (await scene.third.execute(query, [run_id])).fetchall() == [(1,)]


async def test_a_background_run_that_is_scheduled_again_waits_once(scene: Scene) -> None:
    run_id = await scene.task_run(None)
    decision = await scene.decided(SetTaskRunState(task_run_id=run_id, proposal=SCHEDULED))
    assert decision.written
    query = "SELECT count(*) FROM task_run_queue WHERE task_run_id = %s"
    assert await (await scene.third.execute(query, [run_id])).fetchall() == [(1,)]


async def test_the_last_slot_is_not_given_to_two(scene: Scene) -> None:
    await scene.store.commit([_limit_of_one()])
    first, second = [await scene.task_run(scene.flow_run_id, tags=("tag",)) for _ in range(2)]
    take = "INSERT INTO concurrency_slots SELECT id, %s FROM concurrency_limits_v2"
    await scene.third.execute(take, [second])
    keep = "SELECT FROM task_runs WHERE id = %s FOR UPDATE"
    refused = await scene.decided_after(keep, first, SetTaskRunState(task_run_id=first, proposal=RUNNING))
    assert not refused.written


def _limit_of_one() -> Write:
    return Write(lambda conn: concurrency_limits.create_or_change(conn, new_id(), "tag", 1, utc_now()))


async def test_a_run_with_a_limit_holds_a_slot(scene: Scene) -> None:
    await scene.store.commit([_limit_of_one()])
    first, second = [await scene.task_run(scene.flow_run_id, tags=("tag",)) for _ in range(2)]
    granted = await scene.decided(SetTaskRunState(task_run_id=first, proposal=RUNNING))
    refused = await scene.decided(SetTaskRunState(task_run_id=second, proposal=RUNNING))
    assert granted.written
    assert not refused.written
    await scene.decided(SetTaskRunState(task_run_id=first, proposal=COMPLETED))
    assert (await scene.decided(SetTaskRunState(task_run_id=second, proposal=RUNNING))).written


async def test_a_run_that_another_server_completed_is_finished(scene: Scene) -> None:
    run_id = await scene.task_run(scene.flow_run_id)
    assert (await scene.decided(SetTaskRunState(task_run_id=run_id, proposal=RUNNING))).written
    await scene.first.commit([SetTaskRunState(task_run_id=run_id, proposal=COMPLETED)])
    done = await scene.decided(SetTaskRunState(task_run_id=run_id, proposal=CANCELLING))
    assert isinstance(done.verdict, Abort)
    assert await scene.states(run_id) == 3


async def test_a_run_of_a_flow_run_that_another_server_ended_does_not_start(scene: Scene) -> None:
    run_id = await scene.task_run(scene.flow_run_id)
    await scene.first.commit([SetFlowRunState(flow_run_id=scene.flow_run_id, proposal=CANCELLING)])
    refused = await scene.decided(SetTaskRunState(task_run_id=run_id, proposal=RUNNING))
    assert not refused.written
    assert await scene.states(run_id) == 1


async def test_what_is_read_is_what_was_decided(scene: Scene) -> None:
    run_id = await scene.task_run(scene.flow_run_id)
    decision = await scene.decided(SetTaskRunState(task_run_id=run_id, proposal=RUNNING))
    assert await scene.store.read(task_runs.by_id, run_id) == decision.run

"""A small world of runs whose states are told as events, and of events that are kept whole.

What lives here: how it is made, as servers make it, and the ids of what is in it. What does not: what is asked of it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert

from interlock.engine.batcher import Batcher
from interlock.orchestration.commands import (
    CreateFlowRun,
    CreateTaskRun,
    RecordEvent,
    SetFlowRunState,
    SetTaskRunState,
)
from interlock.orchestration.events import Event
from interlock.orchestration.states import Proposal, StateType
from interlock.server import create_store
from interlock.settings import Settings
from interlock.storage import tables
from interlock.storage.queries import flows
from tests.builders import THEN, flow_run_draft, task_run_draft
from tests.conftest import CountingChance, FakeClock


def _id(number: int) -> str:
    return f"00000000-0000-7000-9000-{number:012d}"


FLOW, OTHER_FLOW, DEPLOYMENT, POOL, QUEUE, AUTOMATION = map(_id, range(1, 7))
PLAIN_RUN, DEPLOYED_RUN, SUBFLOW, AUTOMATED_RUN = map(_id, range(11, 15))
PLAIN_TASK, DEPLOYED_TASK, PARENT_TASK, BACKGROUND_TASK, SUBFLOW_TASK = map(_id, range(21, 26))
GONE = _id(99)
LONG_TAG = "t" * 700

RESOURCES = (
    *(f"prefect.flow.{x}" for x in (FLOW, OTHER_FLOW)),
    f"prefect.deployment.{DEPLOYMENT}",
    f"prefect.work-pool.{POOL}",
    f"prefect.work-queue.{QUEUE}",
    f"prefect.automation.{AUTOMATION}",
    *(f"prefect.flow-run.{x}" for x in (PLAIN_RUN, DEPLOYED_RUN, SUBFLOW, AUTOMATED_RUN)),
    *(f"prefect.task-run.{x}" for x in (PLAIN_TASK, DEPLOYED_TASK, PARENT_TASK, BACKGROUND_TASK, SUBFLOW_TASK)),
    *(
        f"prefect.tag.{x}"
        for x in ("flow tag", "deployment tag", "run tag", "task tag", "red", LONG_TAG, LONG_TAG + "t")
    ),
    f"prefect.flow-run.{GONE}",
    f"flow-run.{PLAIN_RUN}",
    "prefect.flow-run.none",
    "prefect.tag.",
)
"""Ids of all that runs have to do with, and of what is like them."""

ROLES = ("flow", "deployment", "work-queue", "work-pool", "flow-run", "task-run", "tag", "creator")
NAMES = ("prefect.flow-run.Completed", "prefect.task-run.Running", "prefect.flow-run.Custom")

PENDING, RUNNING, COMPLETED, FAILED = (
    Proposal(type=x, message=f"it is {x.value}")
    for x in (StateType.PENDING, StateType.RUNNING, StateType.COMPLETED, StateType.FAILED)
)
CUSTOM = Proposal(type=StateType.PENDING, name="Custom")


async def fill(url: str, whole: Sequence[Event] = ()) -> None:
    """Make the world, and keep these events besides. The first state is THEN, the others come a second apart."""
    clock, chance = FakeClock(), CountingChance().chance()
    clock.now = THEN
    store = create_store(Settings(database_url=url), clock, chance)
    await store.start()
    batcher = Batcher(store)
    await batcher.write(_around)
    await batcher.write(flows.get_or_create, OTHER_FLOW, "other flow", [], {}, clock())
    making = _Making(batcher, clock)
    await making.runs()
    for event in whole:
        await batcher.decide(RecordEvent(event=event))
    await store.close()


class _Making:
    def __init__(self, batcher: Batcher, clock: FakeClock) -> None:
        self._batcher = batcher
        self._clock = clock

    async def runs(self) -> None:
        """All runs, each with some states."""
        by_automation = f'{{"id":"{AUTOMATION}","type":"AUTOMATION","display_value":"Cleaner"}}'
        by_deployment = f'{{"id":"{DEPLOYMENT}","type":"DEPLOYMENT"}}'
        await self._flow_run(PLAIN_RUN, OTHER_FLOW, CUSTOM, RUNNING, tags=("red",))
        deployed = {"deployment_id": DEPLOYMENT, "work_queue_id": QUEUE, "created_by": by_deployment}
        await self._flow_run(DEPLOYED_RUN, FLOW, PENDING, RUNNING, COMPLETED, tags=("run tag", "red"), **deployed)
        await self._flow_run(AUTOMATED_RUN, OTHER_FLOW, PENDING, FAILED, created_by=by_automation)
        await self._task_run(PLAIN_TASK, PLAIN_RUN, PENDING, RUNNING, COMPLETED)
        await self._task_run(DEPLOYED_TASK, DEPLOYED_RUN, PENDING, RUNNING, FAILED, tags=("task tag", LONG_TAG))
        await self._task_run(BACKGROUND_TASK, None, PENDING, RUNNING, tags=("red",))
        await self._task_run(PARENT_TASK, PLAIN_RUN, PENDING, tags=("task tag",))
        await self._flow_run(SUBFLOW, FLOW, PENDING, RUNNING, parent_task_run_id=PARENT_TASK)
        await self._task_run(SUBFLOW_TASK, SUBFLOW, PENDING, RUNNING)

    async def _flow_run(self, run_id: str, flow_id: str, first: Proposal, *then: Proposal, **fields: Any) -> None:
        draft = flow_run_draft(run_id, flow_id, **fields)
        await self._batcher.decide(CreateFlowRun(run=draft, proposal=first))
        for proposal in then:
            self._clock.advance(seconds=1)
            await self._batcher.decide(SetFlowRunState(flow_run_id=run_id, proposal=proposal))

    async def _task_run(
        self, run_id: str, flow_run_id: str | None, first: Proposal, *then: Proposal, **fields: Any
    ) -> None:
        await self._batcher.decide(CreateTaskRun(run=task_run_draft(run_id, flow_run_id, **fields), proposal=first))
        for proposal in then:
            self._clock.advance(seconds=1)
            await self._batcher.decide(SetTaskRunState(task_run_id=run_id, proposal=proposal, force=True))


def _around(conn: Connection) -> None:
    """A flow with its deployment, a pool and its queue."""
    made = {"created": THEN, "updated": THEN}
    pool = {"id": POOL, "name": "pool", "type": "process", "base_job_template": {}, "is_paused": False}
    conn.execute(insert(tables.work_pools), pool | made | {"status": "READY"})
    queue = {"id": QUEUE, "name": "queue", "description": "", "is_paused": False, "priority": 1, "work_pool_id": POOL}
    conn.execute(insert(tables.work_queues), queue | made | {"status": "READY"})
    flows.get_or_create(conn, FLOW, "flow", ["flow tag"], {}, THEN)
    deployment = {
        "id": DEPLOYMENT,
        "flow_id": FLOW,
        "name": "deployment",
        "tags": ["deployment tag"],
        "paused": False,
        "is_schedule_active": True,
        "infra_overrides": {},
        "parameters": {},
        "labels": {},
        "enforce_parameter_schema": False,
        "status": "NOT_READY",
    }
    conn.execute(insert(tables.deployments), deployment | made)

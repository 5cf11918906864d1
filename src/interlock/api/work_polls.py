"""Routes by which workers and agents ask for runs.

What lives here: what is offered to them, and the note that they asked. What does not: who gets a run: their request for
PENDING decides that.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, HTTPException

from interlock.api.context import Context, ContextDep
from interlock.api.deployments import existing_deployment
from interlock.api.errors import json_response
from interlock.api.paging import Limit
from interlock.api.schemas.base import Id, Text, Timestamp
from interlock.api.schemas.flow_runs import FlowRunAnswer, encode_flow_run
from interlock.api.schemas.work_pools import WorkerFlowRunAnswer
from interlock.api.schemas.work_queues import WorkQueueAnswer
from interlock.api.wire_route import WireRoute
from interlock.api.work_pool_queues import encoded
from interlock.api.work_pools import no_pool
from interlock.orchestration.refusals import NotFoundError
from interlock.storage.queries import work_polls, work_queues
from interlock.storage.queries.deployments import Deployment
from interlock.storage.queries.work_polls import NoQueueError, Poll, Window
from interlock.storage.queries.work_pools import FlowRunInPool
from interlock.storage.queries.work_queues import NoPoolError

router = APIRouter(route_class=WireRoute)

Before = Annotated[Timestamp | None, Body(description="Only runs that are scheduled for this time or before it.")]
After = Annotated[Timestamp | None, Body(description="Only runs that are scheduled for this time or after it.")]


@router.post(
    "/work_pools/{name}/get_scheduled_flow_runs", response_model=list[WorkerFlowRunAnswer], tags=["Work Pools"]
)
async def read_scheduled_runs_of_work_pool(
    name: str,
    context: ContextDep,
    limit: Limit,
    work_queue_names: Annotated[list[Text] | None, Body(description="All queues where none is named.")] = None,
    scheduled_before: Before = None,
    scheduled_after: After = None,
) -> Any:
    """What the queues of a work pool offer to a worker, as far as there are slots left."""
    window = Window(limit, scheduled_before, scheduled_after)
    try:
        poll = await context.store.read(work_polls.of_pool, name, work_queue_names, window)
    except NoPoolError as error:
        raise no_pool(name) from error
    except NoQueueError as error:
        raise HTTPException(404, str(error)) from error
    now = context.clock()
    await _note(context, poll, now)
    return json_response([_offer(x, now) for x in poll.runs])


def _offer(found: FlowRunInPool, now: datetime) -> dict[str, Any]:
    return {
        "work_pool_id": None if found.pool is None else found.pool.id,
        "work_queue_id": found.run.work_queue_id,
        "flow_run": encode_flow_run(found.run, now, found.pool),
    }


@router.post("/work_queues/{id}/get_runs", response_model=list[FlowRunAnswer], tags=["Work Queues"])
async def read_runs_of_work_queue(
    id: Id,
    context: ContextDep,
    limit: Limit,
    scheduled_before: Before = None,
    agent_id: Annotated[Id | None, Body(description="Who asks. Nobody is told of it.")] = None,
    x_prefect_ui: Annotated[bool | None, Header(description="Whether to only look, as a dashboard does.")] = False,
) -> Any:
    """What a work queue offers to an agent, as far as there are slots left."""
    poll = await context.store.read(work_polls.of_queue, id, Window(limit, scheduled_before))
    if poll is None:
        raise NotFoundError(f"Work queue with id {id} not found.")
    now = context.clock()
    if not x_prefect_ui:
        await _note(context, poll, now)
    return json_response([encode_flow_run(x.run, now, x.pool) for x in poll.runs])


@router.get("/deployments/{id}/work_queue_check", response_model=list[WorkQueueAnswer], tags=["Deployments"])
async def read_work_queues_for_deployment(id: Id, context: ContextDep) -> Any:
    """The queues whose filters ask for the runs of a deployment. Of an old kind: others have what is put into them."""
    deployment = await existing_deployment(context, id)
    found = await context.store.read(work_queues.with_filters)
    return json_response(await encoded(context, *(x for x in found if _asks_for(x["filter"], deployment))))


def _asks_for(wanted: dict[str, Any], deployment: Deployment) -> bool:
    tags, ids = wanted.get("tags") or (), wanted.get("deployment_ids")
    return set(tags) <= set(deployment["tags"]) and (not ids or deployment["id"] in ids)


async def _note(context: Context, poll: Poll, now: datetime) -> None:
    polled: Sequence[str] = work_polls.to_note(poll.queues, now)
    if polled:
        await context.batcher.write(work_polls.note, polled, now)

"""Routes for work queues by their ids, as agents and their operators know them."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from starlette.responses import Response

from interlock.api.context import ContextDep
from interlock.api.errors import CONFLICTS, json_response
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.base import Id
from interlock.api.schemas.filters import WorkQueueFilter
from interlock.api.schemas.work_queues import (
    MOST_SECONDS_UNPOLLED,
    QueueHealthPolicyAnswer,
    WorkQueueAnswer,
    WorkQueueCreateBody,
    WorkQueueStatusAnswer,
    WorkQueueUpdateBody,
    encode_work_queue,
)
from interlock.api.wire_route import WireRoute
from interlock.api.work_pool_queues import default_queue_stays, encoded, polled_within
from interlock.orchestration.refusals import NotFoundError
from interlock.storage.filters import EVERYTHING
from interlock.storage.queries import work_polls, work_queues
from interlock.storage.queries.work_pools import DEFAULT_POOL
from interlock.storage.queries.work_queues import DefaultQueueError

router = APIRouter(prefix="/work_queues", tags=["Work Queues"], route_class=WireRoute)


def _found(queue: Mapping[Any, Any] | None) -> Mapping[Any, Any]:
    if queue is None:
        raise HTTPException(404, "work queue not found")
    return queue


@router.post("/", response_model=WorkQueueAnswer, status_code=201)
async def create_work_queue(body: WorkQueueCreateBody, context: ContextDep) -> Any:
    """Create a queue in the default pool; 409 where its name is taken."""
    try:
        new_id, now = context.chance.new_id, context.clock()
        made = await context.batcher.write(work_queues.create_standalone, body.model_dump(), new_id, now)
    except CONFLICTS as error:
        raise HTTPException(409, "A work queue with this name already exists.") from error
    return json_response(encode_work_queue(made, 0), 201)


@router.post("/filter", response_model=list[WorkQueueAnswer])
async def read_work_queues(
    context: ContextDep,
    limit: Limit,
    offset: Offset = 0,
    work_queues_: Annotated[WorkQueueFilter | None, Body(alias="work_queues")] = None,
) -> Any:
    """Queues of all pools that a filter asks for, by name."""
    criterion = EVERYTHING if work_queues_ is None else work_queues_.criterion()
    found = await context.store.read(work_queues.page, criterion, limit, offset)
    return json_response(await encoded(context, *found))


@router.get("/name/{name}", response_model=WorkQueueAnswer)
async def read_work_queue_by_name(name: str, context: ContextDep) -> Any:
    """The queue of this name in the default pool."""
    queue = _found(await context.store.read(work_queues.named, DEFAULT_POOL, name))
    return json_response((await encoded(context, queue))[0])


@router.get("/{id}", response_model=WorkQueueAnswer)
async def read_work_queue(id: Id, context: ContextDep) -> Any:
    """One queue."""
    return json_response((await encoded(context, _found(await context.store.read(work_queues.by_id, id))))[0])


@router.patch("/{id}", status_code=204)
async def update_work_queue(id: Id, body: WorkQueueUpdateBody, context: ContextDep) -> Response:
    """Change what is given of a queue; others make way for its priority."""
    which, values = work_queues.with_id(id), body.model_dump(exclude_unset=True)
    within = polled_within(context)
    if not await context.batcher.write(work_queues.change, which, values, context.clock(), within):
        raise HTTPException(404, f"Work Queue {id} not found")
    return Response(status_code=204)


@router.delete("/{id}", status_code=204)
async def delete_work_queue(id: Id, context: ContextDep) -> Response:
    """Delete a queue, unless it is the default one of its pool. Deployments and flow runs stay, in no queue."""
    try:
        found = await context.batcher.write(work_queues.delete_one, work_queues.with_id(id))
    except DefaultQueueError as error:
        raise default_queue_stays(error) from error
    if not found:
        raise HTTPException(404, "work queue not found")
    return Response(status_code=204)


@router.get("/{id}/status", response_model=WorkQueueStatusAnswer)
async def read_work_queue_status(id: Id, context: ContextDep) -> Any:
    """Whether a queue is served: polled within a minute, and without late runs."""
    queue = await context.store.read(work_queues.by_id, id)
    if queue is None:
        raise NotFoundError(f"Work queue with id {id} not found")
    late, polled = await context.store.read(work_polls.late_runs, id), queue["last_polled"]
    is_polled = polled is not None and (context.clock() - polled).total_seconds() <= MOST_SECONDS_UNPOLLED
    return {
        "healthy": is_polled and not late,
        "late_runs_count": late,
        "last_polled": polled,
        "health_check_policy": QueueHealthPolicyAnswer(),
    }

"""Routes for the queues of a work pool, by their names."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from starlette.responses import Response

from interlock.api.context import Context, ContextDep
from interlock.api.errors import CONFLICTS, json_response
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.filters import WorkQueueFilter
from interlock.api.schemas.work_queues import (
    WorkQueueAnswer,
    WorkQueueCreateBody,
    WorkQueueUpdateBody,
    encode_work_queue,
)
from interlock.api.wire_route import WireRoute
from interlock.api.work_pools import existing_pool
from interlock.storage.filters import EVERYTHING
from interlock.storage.queries import work_polls, work_queues
from interlock.storage.queries.work_polls import BUSY_TYPES, NoQueueError
from interlock.storage.queries.work_queues import DefaultQueueError
from interlock.storage.tables import work_queues as table

router = APIRouter(prefix="/work_pools/{work_pool_name}/queues", tags=["Work Pools"], route_class=WireRoute)


def polled_within(context: Context) -> timedelta:
    """Within what time a queue must have been polled to be ready."""
    return timedelta(seconds=context.settings.work_queue_poll_seconds)


def default_queue_stays(error: DefaultQueueError) -> HTTPException:
    """What is answered where the default queue of a pool is to go without it."""
    return HTTPException(409, str(error))


def _no_queue(work_pool_name: str, name: str) -> HTTPException:
    return HTTPException(404, str(NoQueueError(work_pool_name, name)))


async def encoded(context: Context, *queues: Mapping[Any, Any]) -> list[dict[str, Any]]:
    """Queues in the wire's spelling."""
    limited = [x["id"] for x in queues if x["concurrency_limit"] is not None]
    busy = await context.store.read(work_polls.busy_by_queue, table.c.id.in_(limited), BUSY_TYPES) if limited else {}
    return [encode_work_queue(x, busy.get(x["id"], 0)) for x in queues]


@router.post("", response_model=WorkQueueAnswer, status_code=201)
async def create_work_pool_queue(work_pool_name: str, body: WorkQueueCreateBody, context: ContextDep) -> Any:
    """Create a queue in a work pool; 409 where its name is taken."""
    pool = await existing_pool(context, work_pool_name)
    try:
        new_id, now = context.chance.new_id(), context.clock()
        made = await context.batcher.write(work_queues.create, pool["id"], body.model_dump(), new_id, now)
    except CONFLICTS as error:
        detail = f"A work queue with this name already exists in work pool {work_pool_name!r}."
        raise HTTPException(409, detail) from error
    return json_response(encode_work_queue(made, 0), 201)


@router.post("/filter", response_model=list[WorkQueueAnswer])
async def read_work_pool_queues(
    work_pool_name: str,
    context: ContextDep,
    limit: Limit,
    work_queues_: Annotated[WorkQueueFilter | None, Body(alias="work_queues")] = None,
    offset: Offset = 0,
) -> Any:
    """Queues of a work pool that a filter asks for, by priority."""
    pool = await existing_pool(context, work_pool_name)
    criterion = EVERYTHING if work_queues_ is None else work_queues_.criterion()
    found = await context.store.read(work_queues.page_of_pool, pool["id"], criterion, limit, offset)
    return json_response(await encoded(context, *found))


@router.get("/{name}", response_model=WorkQueueAnswer)
async def read_work_pool_queue(work_pool_name: str, name: str, context: ContextDep) -> Any:
    """One queue of a work pool."""
    queue = await context.store.read(work_queues.named, work_pool_name, name)
    if queue is None:
        raise _no_queue(work_pool_name, name)
    return json_response((await encoded(context, queue))[0])


@router.patch("/{name}", status_code=204)
async def update_work_pool_queue(
    work_pool_name: str, name: str, body: WorkQueueUpdateBody, context: ContextDep
) -> Response:
    """Change what is given of a queue; others make way for its priority."""
    which, values = work_queues.in_pool(work_pool_name, name), body.model_dump(exclude_unset=True)
    within = polled_within(context)
    if not await context.batcher.write(work_queues.change, which, values, context.clock(), within):
        raise _no_queue(work_pool_name, name)
    return Response(status_code=204)


@router.delete("/{name}", status_code=204)
async def delete_work_pool_queue(work_pool_name: str, name: str, context: ContextDep) -> Response:
    """Delete a queue, unless it is the default one. Deployments and flow runs stay, in no queue."""
    try:
        found = await context.batcher.write(work_queues.delete_one, work_queues.in_pool(work_pool_name, name))
    except DefaultQueueError as error:
        raise default_queue_stays(error) from error
    if not found:
        raise _no_queue(work_pool_name, name)
    return Response(status_code=204)

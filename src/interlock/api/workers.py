"""Routes for the workers of a work pool."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from starlette.responses import Response

from interlock.api.context import ContextDep
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.base import Text, WholeNumber
from interlock.api.schemas.workers import WorkerAnswer, WorkerFilter
from interlock.api.wire_route import WireRoute
from interlock.api.work_pools import existing_pool, no_pool, online_since
from interlock.storage.queries import workers

router = APIRouter(prefix="/work_pools/{work_pool_name}/workers", tags=["Work Pools"], route_class=WireRoute)


@router.post("/heartbeat", status_code=204)
async def worker_heartbeat(
    work_pool_name: str,
    context: ContextDep,
    name: Annotated[Text, Body(embed=True)],
    heartbeat_interval_seconds: Annotated[WholeNumber | None, Body(embed=True)] = None,
) -> Response:
    """Tell that a worker lives. The first time makes it known, and the pool ready."""
    new_id, now = context.chance.new_id(), context.clock()
    if not await context.batcher.write(
        workers.heartbeat, work_pool_name, name, heartbeat_interval_seconds, new_id, now
    ):
        raise no_pool(work_pool_name)
    return Response(status_code=204)


@router.post("/filter", response_model=list[WorkerAnswer])
async def read_workers(
    work_pool_name: str,
    context: ContextDep,
    limit: Limit,
    workers_: Annotated[WorkerFilter | None, Body(alias="workers")] = None,
    offset: Offset = 0,
) -> Any:
    """Workers of a pool that a filter asks for, the last heard of first."""
    pool = await existing_pool(context, work_pool_name)
    online = online_since(context)
    wanted = {} if workers_ is None else workers_.model_dump(exclude_none=True)
    return await context.store.read(workers.page, pool["id"], wanted, online, limit, offset)


@router.delete("/{name}", status_code=204)
async def delete_worker(work_pool_name: str, name: str, context: ContextDep) -> Response:
    """Forget a worker. If it lives, its next heartbeat makes it known again."""
    await existing_pool(context, work_pool_name)
    if not await context.batcher.write(workers.delete_one, work_pool_name, name):
        raise HTTPException(404, "Worker not found.")
    return Response(status_code=204)

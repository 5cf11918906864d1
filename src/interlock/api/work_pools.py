"""Routes for work pools.

What lives here: decode, find or write, encode. What does not: the queues of a pool (work_pool_queues.py), its workers
(workers.py), what is handed to these (work_polls.py), and how slots are taken (work_slots.py).
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from starlette.responses import Response

from interlock.api import job_variables
from interlock.api.client_lines import AgentDep, knows_result_storage
from interlock.api.context import Context, ContextDep
from interlock.api.errors import CONFLICTS, json_response
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.filters import WorkPoolFilter
from interlock.api.schemas.work_pools import WorkPoolAnswer, WorkPoolCreateBody, WorkPoolUpdateBody, encode_work_pool
from interlock.api.wire_route import WireRoute
from interlock.storage.filters import EVERYTHING
from interlock.storage.queries import work_polls, work_pools, workers

router = APIRouter(prefix="/work_pools", tags=["Work Pools"], route_class=WireRoute)

RESERVED = "prefect"
"""What names of pools begin with that are not for users."""


def online_since(context: Context) -> workers.OnlineSince:
    """The condition that a worker is online at this moment."""
    settings = context.settings
    return workers.online(context.clock(), settings.worker_heartbeat_seconds, settings.worker_missed_heartbeats)


async def existing_pool(context: Context, name: str) -> Mapping[Any, Any]:
    """One pool; raises 404."""
    pool = await context.store.read(work_pools.by_name, name)
    if pool is None:
        raise no_pool(name)
    return pool


def no_pool(name: str) -> HTTPException:
    """What is answered where there is no pool of this name."""
    return HTTPException(404, f'Work pool "{name}" not found.')


def _is_reserved(name: str) -> bool:
    return name.lower().startswith(RESERVED)


@router.post("/", response_model=WorkPoolAnswer, status_code=201)
async def create_work_pool(body: WorkPoolCreateBody, context: ContextDep, agent: AgentDep) -> Any:
    """Create a work pool with its default queue; 409 where its name is taken."""
    if not body.name.strip("' \""):
        raise HTTPException(400, "Work pool name cannot be empty.")
    if _is_reserved(body.name):
        raise HTTPException(403, "Work pools starting with 'Prefect' are reserved for internal use.")
    await job_variables.check_defaults(context, body.base_job_template)
    try:
        new_id, now = context.chance.new_id, context.clock()
        made = await context.batcher.write(work_pools.create, body.model_dump(), new_id, now)
    except CONFLICTS as error:
        raise HTTPException(409, "A work pool with this name already exists.") from error
    return json_response(encode_work_pool(made, 0, with_result_storage=knows_result_storage(agent)), 201)


@router.post("/filter", response_model=list[WorkPoolAnswer])
async def read_work_pools(
    context: ContextDep,
    agent: AgentDep,
    limit: Limit,
    work_pools_: Annotated[WorkPoolFilter | None, Body(alias="work_pools")] = None,
    offset: Offset = 0,
) -> Any:
    """Work pools that a filter asks for, by name."""
    criterion = EVERYTHING if work_pools_ is None else work_pools_.criterion()
    found = await context.store.read(work_pools.page, criterion, limit, offset)
    return json_response(await _encoded(context, agent, *found))


@router.post("/count")
async def count_work_pools(
    context: ContextDep, work_pools_: Annotated[WorkPoolFilter | None, Body(alias="work_pools", embed=True)] = None
) -> int:
    """How many work pools a filter asks for."""
    criterion = EVERYTHING if work_pools_ is None else work_pools_.criterion()
    return await context.store.read(work_pools.count, criterion)


async def _encoded(context: Context, agent: str, *pools: Mapping[Any, Any]) -> list[dict[str, Any]]:
    limited = [x["id"] for x in pools if x["concurrency_limit"] is not None]
    busy = await context.store.read(work_polls.busy_by_pool, limited) if limited else {}
    knows = knows_result_storage(agent)
    return [encode_work_pool(x, busy.get(x["id"], 0), with_result_storage=knows) for x in pools]


@router.get("/{name}", response_model=WorkPoolAnswer)
async def read_work_pool(name: str, context: ContextDep, agent: AgentDep) -> Any:
    """One work pool."""
    return json_response((await _encoded(context, agent, await existing_pool(context, name)))[0])


@router.patch("/{name}", status_code=204)
async def update_work_pool(name: str, body: WorkPoolUpdateBody, context: ContextDep) -> Response:
    """Change what is given of a work pool."""
    if _is_reserved(name) and body.model_fields_set - {"is_paused", "concurrency_limit"}:
        raise HTTPException(
            403,
            "Work pools starting with 'Prefect' are reserved for internal use and can only be updated to set"
            " concurrency limits or pause.",
        )
    now, online = context.clock(), online_since(context)
    if not await context.batcher.write(work_pools.change, name, body.columns(), now, online):
        raise no_pool(name)
    return Response(status_code=204)


@router.delete("/{name}", status_code=204)
async def delete_work_pool(name: str, context: ContextDep) -> Response:
    """Delete a work pool with its queues and workers. Deployments and flow runs stay, in no queue."""
    if _is_reserved(name):
        raise HTTPException(
            403, "Work pools starting with 'Prefect' are reserved for internal use and can not be deleted."
        )
    if not await context.batcher.write(work_pools.delete_one, name):
        raise no_pool(name)
    return Response(status_code=204)

"""Routes that tell how the slots of work pools and work queues are taken, run by run."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from sqlalchemy import Connection

from interlock.api.context import ContextDep
from interlock.api.paging import MOST_SKIPPED, Limit
from interlock.api.schemas.base import Id, LongNumber, WholeNumber
from interlock.api.schemas.work_pools import WorkPoolSlotsAnswer, WorkQueueSlotsAnswer
from interlock.api.wire_route import WireRoute
from interlock.storage.filters import EVERYTHING
from interlock.storage.queries import work_polls, work_pools, work_queues
from interlock.storage.queries.work_polls import BUSY_TYPES, UNDER_WAY_TYPES
from interlock.storage.tables import work_queues as table

router = APIRouter(route_class=WireRoute)

PageNumber = Annotated[LongNumber, Body(ge=1, description="Which page, from 1 on.")]
RunsTold = Annotated[WholeNumber, Body(ge=0, le=200, description="How many runs of each queue are told.")]


@router.post("/work_pools/{name}/concurrency_status", response_model=WorkPoolSlotsAnswer, tags=["Work Pools"])
async def read_work_pool_slots(
    name: str, context: ContextDep, limit: Limit, page: PageNumber = 1, flow_run_limit: RunsTold = 10
) -> Any:
    """How the slots of a work pool are taken, by its queues in the order of their priorities."""
    told = await context.store.read(_of_pool, name, page, limit, flow_run_limit, context.clock())
    if told is None:
        raise HTTPException(404, f"Work pool {name!r} not found.")
    return told


@router.post("/work_queues/{id}/concurrency_status", response_model=WorkQueueSlotsAnswer, tags=["Work Queues"])
async def read_work_queue_slots(id: Id, context: ContextDep, limit: Limit, page: PageNumber = 1) -> Any:
    """How the slots of a work queue are taken. A run that is being cancelled counts here too."""
    told = await context.store.read(_of_queue, id, page, limit, context.clock())
    if told is None:
        raise HTTPException(404, "Work queue not found.")
    return told


def _of_pool(
    conn: Connection, name: str, page: int, limit: int, flow_run_limit: int, now: datetime
) -> dict[str, Any] | None:
    pool = work_pools.by_name(conn, name)
    if pool is None:
        return None
    busy = work_polls.busy_by_queue(conn, table.c.work_pool_id == pool["id"], BUSY_TYPES)
    shown = work_queues.page_of_pool(conn, pool["id"], EVERYTHING, limit, _offset(page, limit))
    queues = [
        {
            "queue_id": x["id"],
            "queue_name": x["name"],
            "active_slots": busy.get(x["id"], 0),
            "concurrency_limit": x["concurrency_limit"],
            "flow_runs": [_holder(y, now) for y in work_polls.busy_runs(conn, x["id"], BUSY_TYPES, flow_run_limit)],
            "flow_run_count": busy.get(x["id"], 0),
        }
        for x in shown
    ]
    taken = {"active_slots": sum(busy.values()), "concurrency_limit": pool["concurrency_limit"], "queues": queues}
    return taken | _pages(work_queues.count_of_pool(conn, pool["id"]), page, limit)


def _of_queue(conn: Connection, queue_id: str, page: int, limit: int, now: datetime) -> dict[str, Any] | None:
    queue = work_queues.by_id(conn, queue_id)
    if queue is None:
        return None
    taken = work_polls.busy_by_queue(conn, table.c.id == queue_id, UNDER_WAY_TYPES).get(queue_id, 0)
    runs = work_polls.busy_runs(conn, queue_id, UNDER_WAY_TYPES, limit, _offset(page, limit))
    slots = {"active_slots": taken, "concurrency_limit": queue["concurrency_limit"]}
    return slots | {"flow_runs": [_holder(x, now) for x in runs]} | _pages(taken, page, limit)


def _offset(page: int, limit: int) -> int:
    return min((page - 1) * limit, MOST_SKIPPED)


def _pages(count: int, page: int, limit: int) -> dict[str, int]:
    pages = (count + limit - 1) // limit if limit else 0
    return {"count": count, "limit": limit, "pages": pages, "page": page}


def _holder(run: Mapping[Any, Any], now: datetime) -> dict[str, Any]:
    since = run["state_timestamp"]
    return dict(run) | {"time_in_current_state": None if since is None else now - since}

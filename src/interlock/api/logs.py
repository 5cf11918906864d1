"""Routes for logs."""

from typing import Annotated

from fastapi import APIRouter, Body
from starlette.responses import Response

from interlock.api.context import ContextDep
from interlock.api.cursors import PageAnswer
from interlock.api.errors import json_response
from interlock.api.pages import LogWalk
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.logs import LogAnswer, LogCreateBody, LogFilter, LogSort
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import logs

router = APIRouter(prefix="/logs", tags=["Logs"], route_class=WireRoute)


@router.post("/", status_code=201)
async def create_logs(lines: list[LogCreateBody], context: ContextDep) -> None:
    """Store what runs logged: all lines or none."""
    new_id, now = context.chance.new_id, context.clock()
    rows = [x.__dict__ | {"id": new_id(), "created": now, "updated": now} for x in lines]
    await context.batcher.write(logs.insert_many, rows)


@router.post("/filter", response_model=list[LogAnswer])
async def read_logs(
    context: ContextDep,
    limit: Limit,
    offset: Offset = 0,
    logs_: Annotated[LogFilter | None, Body(alias="logs")] = None,
    sort: Annotated[LogSort, Body()] = LogSort.TIMESTAMP_ASC,
) -> Response:
    """Lines that runs logged, by time."""
    wanted = logs_.model_dump(exclude_none=True) if logs_ else {}
    return json_response(await context.store.read(logs.page, wanted, sort.order, limit, offset))


@router.post("/page", response_model=PageAnswer[LogAnswer])
async def read_logs_by_cursor(
    context: ContextDep, walk: LogWalk, logs_: Annotated[LogFilter | None, Body(alias="logs")] = None
) -> Response:
    """Lines that runs logged, page after page: each request brings the `next_cursor` of the last answer."""
    wanted = logs_.model_dump(exclude_none=True) if logs_ else {}
    found = await context.store.read(logs.next_leg, wanted, walk.order, walk.limit, walk.after)
    return json_response(walk.answer(found.items, found.end))

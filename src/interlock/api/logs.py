"""Routes for logs."""

from typing import Annotated

from fastapi import APIRouter, Body
from starlette.responses import Response

from interlock.api.context import ContextDep
from interlock.api.errors import json_response
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
    return json_response(await context.store.read(logs.page, wanted, sort, limit, offset))

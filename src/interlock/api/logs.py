"""Routes for logs."""

from fastapi import APIRouter

from interlock.api.context import ContextDep
from interlock.api.schemas.logs import LogCreateBody
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import logs

router = APIRouter(prefix="/logs", tags=["Logs"], route_class=WireRoute)


@router.post("/", status_code=201)
async def create_logs(lines: list[LogCreateBody], context: ContextDep) -> None:
    """Store what runs logged: all lines or none."""
    new_id, now = context.chance.new_id, context.clock()
    rows = [x.__dict__ | {"id": new_id(), "created": now, "updated": now} for x in lines]
    await context.batcher.write(logs.insert_many, rows)

"""Routes for flows."""

from typing import Any

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from interlock.api.context import ContextDep
from interlock.api.schemas.base import Id
from interlock.api.schemas.flows import FlowAnswer, FlowCreateBody, FlowUpdateBody
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import flows

router = APIRouter(prefix="/flows", tags=["Flows"], route_class=WireRoute)


@router.post("/", response_model=FlowAnswer, status_code=201, responses={200: {"model": FlowAnswer}})
async def create_flow(body: FlowCreateBody, context: ContextDep, response: Response) -> Any:
    """Create a flow, or answer 200 with the one of this name."""
    new_id, now = context.chance.new_id(), context.clock()
    flow, made = await context.batcher.write(flows.get_or_create, new_id, body.name, body.tags, body.labels or {}, now)
    response.status_code = 201 if made else 200
    return flow


@router.get("/name/{name}", response_model=FlowAnswer)
async def read_flow_by_name(name: str, context: ContextDep) -> Any:
    """The flow of this name."""
    flow = await context.store.read(flows.by_name, name)
    if flow is None:
        raise HTTPException(404, "Flow not found")
    return flow


@router.get("/{id}", response_model=FlowAnswer)
async def read_flow(id: Id, context: ContextDep) -> Any:
    """One flow."""
    flow = await context.store.read(flows.by_id, id)
    if flow is None:
        raise HTTPException(404, "Flow not found")
    return flow


@router.patch("/{id}", status_code=204)
async def update_flow(id: Id, body: FlowUpdateBody, context: ContextDep) -> Response:
    """Change a flow's tags."""
    values = body.model_dump(exclude_unset=True)
    if not await context.batcher.write(flows.change, id, values, context.clock()):
        raise HTTPException(404, "Flow not found")
    return Response(status_code=204)


@router.delete("/{id}", status_code=204)
async def delete_flow(id: Id, context: ContextDep) -> Response:
    """Delete a flow with its deployments and flow runs, and all that goes with those."""
    if not await context.batcher.write(flows.delete_one, id):
        raise HTTPException(404, "Flow not found")
    return Response(status_code=204)

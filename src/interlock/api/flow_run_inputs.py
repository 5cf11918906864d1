"""Routes for the inputs of flow runs: what a paused or running flow is told from outside, by key."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from starlette.responses import PlainTextResponse, Response

from interlock.api.context import ContextDep
from interlock.api.schemas.base import Id, Text, WholeNumber
from interlock.api.schemas.flow_run_inputs import FlowRunInputAnswer, InputKey, InputValue
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import flow_run_inputs

router = APIRouter(prefix="/flow_runs", tags=["Flow Runs"], route_class=WireRoute)


@router.post("/{id}/input", status_code=201)
async def create_flow_run_input(
    id: Id,
    context: ContextDep,
    key: Annotated[InputKey, Body(description="Lower-case letters, digits and dashes.")],
    value: Annotated[InputValue, Body(description="The value of the input, usually JSON as text.")],
    sender: Annotated[Text | None, Body(description="Who sent it.")] = None,
) -> None:
    """Give a flow run an input under a key of its own."""
    values = {"id": context.chance.new_id(), "flow_run_id": id, "key": key, "value": value, "sender": sender}
    match await context.batcher.write(flow_run_inputs.create, values, context.clock()):
        case flow_run_inputs.Refusal.KEY_TAKEN:
            raise HTTPException(409, "A flow run input with this key already exists.")
        case flow_run_inputs.Refusal.NO_FLOW_RUN:
            raise HTTPException(404, "Flow run not found")


@router.post("/{id}/input/filter", response_model=list[FlowRunInputAnswer])
async def filter_flow_run_input(
    id: Id,
    context: ContextDep,
    prefix: Annotated[Text, Body(embed=True, description="How the keys begin; `%` and `_` are wildcards.")],
    limit: Annotated[WholeNumber, Body(embed=True, description="The most to return; below 0: all.")] = 1,
    exclude_keys: Annotated[list[Text], Body(embed=True, description="Keys to leave out.")] = [],  # noqa: B006
) -> Any:
    """A flow run's inputs by the beginning of their keys, oldest first."""
    return await context.store.read(flow_run_inputs.by_prefix, id, prefix, exclude_keys, limit if limit >= 0 else None)


@router.get("/{id}/input/{key}", response_class=PlainTextResponse)
async def read_flow_run_input(id: Id, key: str, context: ContextDep) -> Any:
    """The value of an input, as plain text."""
    found = await context.store.read(flow_run_inputs.value, id, key)
    if found is None:
        raise HTTPException(404, "Flow run input not found")
    return PlainTextResponse(found)


@router.delete("/{id}/input/{key}", status_code=204)
async def delete_flow_run_input(id: Id, key: str, context: ContextDep) -> Response:
    """Delete an input."""
    if not await context.batcher.write(flow_run_inputs.delete_one, id, key):
        raise HTTPException(404, "Flow run input not found")
    return Response(status_code=204)

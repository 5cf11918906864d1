"""Routes for variables.

What lives here: decode, find or write, encode, for either line of clients. What does not: what a value is for each of
them (schemas/variables.py).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from starlette.responses import Response

from interlock.api.client_lines import CallsAs2x, Route2x
from interlock.api.context import Context, ContextDep
from interlock.api.errors import json_response
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.base import Id
from interlock.api.schemas.variables import (
    VariableAnswer,
    VariableCreateBody,
    VariableCreateBody2x,
    VariableFilter,
    VariableSort,
    VariableUpdateBody,
    VariableUpdateBody2x,
    encode_variable,
)
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import variables
from interlock.storage.queries.variables import with_id, with_name

router = APIRouter(prefix="/variables", tags=["Variables"], route_class=WireRoute)
router_2x = APIRouter(prefix="/variables", include_in_schema=False, route_class=Route2x)


@router_2x.post("/", status_code=201)
async def create_variable_as_2x(body: VariableCreateBody2x, context: ContextDep) -> Any:
    return await create_variable(body, context, True)


@router.post("/", response_model=VariableAnswer, status_code=201)
async def create_variable(body: VariableCreateBody, context: ContextDep, as_2x: CallsAs2x) -> Any:
    """Create a variable."""
    new_id, now = context.chance.new_id(), context.clock()
    made = await context.batcher.write(variables.create, new_id, body.columns(), now)
    return json_response(encode_variable(made, as_2x), 201)


@router.post("/filter", response_model=list[VariableAnswer])
async def read_variables(
    context: ContextDep,
    limit: Limit,
    offset: Offset = 0,
    variables_: Annotated[VariableFilter | None, Body(alias="variables")] = None,
    sort: Annotated[VariableSort, Body()] = VariableSort.NAME_ASC,
    *,
    as_2x: CallsAs2x,
) -> Any:
    """Variables that a filter asks for."""
    found = await context.store.read(variables.page, _wanted(variables_), sort, limit, offset)
    return json_response([encode_variable(x, as_2x) for x in found])


@router.post("/count")
async def count_variables(
    context: ContextDep, variables_: Annotated[VariableFilter | None, Body(alias="variables", embed=True)] = None
) -> int:
    """How many variables a filter asks for."""
    return await context.store.read(variables.count, _wanted(variables_))


def _wanted(given: VariableFilter | None) -> dict[str, Any]:
    return given.model_dump(exclude_none=True) if given else {}


@router.get("/name/{name}", response_model=VariableAnswer)
async def read_variable_by_name(name: str, context: ContextDep, as_2x: CallsAs2x) -> Any:
    """The variable of this name."""
    return await _read(context, with_name(name), as_2x)


@router_2x.patch("/name/{name}", status_code=204)
async def update_variable_by_name_as_2x(name: str, body: VariableUpdateBody2x, context: ContextDep) -> Response:
    return await _change(context, with_name(name), body)


@router.patch("/name/{name}", status_code=204)
async def update_variable_by_name(name: str, body: VariableUpdateBody, context: ContextDep) -> Response:
    """Change the variable of this name."""
    return await _change(context, with_name(name), body)


@router.delete("/name/{name}", status_code=204)
async def delete_variable_by_name(name: str, context: ContextDep) -> Response:
    """Delete the variable of this name."""
    return await _delete(context, with_name(name))


@router.get("/{id:uuid}", response_model=VariableAnswer)
async def read_variable(id: Id, context: ContextDep, as_2x: CallsAs2x) -> Any:
    """One variable."""
    return await _read(context, with_id(id), as_2x)


@router_2x.patch("/{id:uuid}", status_code=204)
async def update_variable_as_2x(id: Id, body: VariableUpdateBody2x, context: ContextDep) -> Response:
    return await _change(context, with_id(id), body)


@router.patch("/{id:uuid}", status_code=204)
async def update_variable(id: Id, body: VariableUpdateBody, context: ContextDep) -> Response:
    """Change a variable."""
    return await _change(context, with_id(id), body)


@router.delete("/{id:uuid}", status_code=204)
async def delete_variable(id: Id, context: ContextDep) -> Response:
    """Delete a variable."""
    return await _delete(context, with_id(id))


async def _read(context: Context, wanted: variables.Filter, as_2x: bool) -> Any:
    return json_response(encode_variable(_found(await context.store.read(variables.first, wanted)), as_2x))


async def _change(context: Context, wanted: variables.Filter, body: VariableUpdateBody) -> Response:
    values = body.columns()
    _found(await context.batcher.write(variables.change, wanted, values, context.clock()))
    return Response(status_code=204)


async def _delete(context: Context, wanted: variables.Filter) -> Response:
    _found(await context.batcher.write(variables.delete_one, wanted))
    return Response(status_code=204)


def _found(answer: Any) -> Any:
    if not answer:
        raise HTTPException(404, "Variable not found.")
    return answer

"""Routes for variables."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from starlette.responses import Response

from interlock.api.context import Context, ContextDep
from interlock.api.paging import Limit, Offset
from interlock.api.schemas.base import Id
from interlock.api.schemas.variables import (
    VariableAnswer,
    VariableCreateBody,
    VariableFilter,
    VariableSort,
    VariableUpdateBody,
)
from interlock.api.wire_route import WireRoute
from interlock.storage.queries import variables
from interlock.storage.queries.variables import with_id, with_name

router = APIRouter(prefix="/variables", tags=["Variables"], route_class=WireRoute)


@router.post("/", response_model=VariableAnswer, status_code=201)
async def create_variable(body: VariableCreateBody, context: ContextDep) -> Any:
    """Create a variable."""
    return await context.batcher.write(variables.create, context.chance.new_id(), body.model_dump(), context.clock())


@router.post("/filter", response_model=list[VariableAnswer])
async def read_variables(
    context: ContextDep,
    limit: Limit,
    offset: Offset = 0,
    variables_: Annotated[VariableFilter | None, Body(alias="variables")] = None,
    sort: Annotated[VariableSort, Body()] = VariableSort.NAME_ASC,
) -> Any:
    """Variables that a filter asks for."""
    return await context.store.read(variables.page, _wanted(variables_), sort, limit, offset)


@router.post("/count")
async def count_variables(
    context: ContextDep, variables_: Annotated[VariableFilter | None, Body(alias="variables", embed=True)] = None
) -> int:
    """How many variables a filter asks for."""
    return await context.store.read(variables.count, _wanted(variables_))


def _wanted(given: VariableFilter | None) -> dict[str, Any]:
    return given.model_dump(exclude_none=True) if given else {}


@router.get("/name/{name}", response_model=VariableAnswer)
async def read_variable_by_name(name: str, context: ContextDep) -> Any:
    """The variable of this name."""
    return await _read(context, with_name(name))


@router.patch("/name/{name}", status_code=204)
async def update_variable_by_name(name: str, body: VariableUpdateBody, context: ContextDep) -> Response:
    """Change the variable of this name."""
    return await _change(context, with_name(name), body)


@router.delete("/name/{name}", status_code=204)
async def delete_variable_by_name(name: str, context: ContextDep) -> Response:
    """Delete the variable of this name."""
    return await _delete(context, with_name(name))


@router.get("/{id:uuid}", response_model=VariableAnswer)
async def read_variable(id: Id, context: ContextDep) -> Any:
    """One variable."""
    return await _read(context, with_id(id))


@router.patch("/{id:uuid}", status_code=204)
async def update_variable(id: Id, body: VariableUpdateBody, context: ContextDep) -> Response:
    """Change a variable."""
    return await _change(context, with_id(id), body)


@router.delete("/{id:uuid}", status_code=204)
async def delete_variable(id: Id, context: ContextDep) -> Response:
    """Delete a variable."""
    return await _delete(context, with_id(id))


async def _read(context: Context, wanted: variables.Filter) -> Any:
    return _found(await context.store.read(variables.first, wanted))


async def _change(context: Context, wanted: variables.Filter, body: VariableUpdateBody) -> Response:
    values = body.model_dump(exclude_unset=True)
    _found(await context.batcher.write(variables.change, wanted, values, context.clock()))
    return Response(status_code=204)


async def _delete(context: Context, wanted: variables.Filter) -> Response:
    _found(await context.batcher.write(variables.delete_one, wanted))
    return Response(status_code=204)


def _found(answer: Any) -> Any:
    if not answer:
        raise HTTPException(404, "Variable not found.")
    return answer

"""Routes for the graphs of flow runs: what ran in them, and which results went where."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from interlock.api.context import ContextDep
from interlock.api.errors import json_response
from interlock.api.schemas.base import Id
from interlock.api.schemas.graphs import DependencyAnswer, GraphAnswer, encode_dependencies, encode_graph
from interlock.api.wire_route import WireRoute
from interlock.orchestration.refusals import NotFoundError
from interlock.storage.queries import graph
from interlock.storage.queries.graph import GraphTooLargeError

router = APIRouter(prefix="/flow_runs", tags=["Flow Runs"], route_class=WireRoute)


def _moment(value: Any, validate: ValidatorFunctionWrapHandler) -> datetime:
    """A day is no moment."""
    try:
        if "-" in str(value)[1:] and len(str(value)) <= len("2026-01-01"):
            raise ValueError
        moment: datetime = validate(value)
    except (ValidationError, ValueError) as error:
        raise PydanticCustomError("value_error.datetime", "invalid datetime format") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


Moment = Annotated[datetime, WrapValidator(_moment)]


@router.get("/{id}/graph", response_model=list[DependencyAnswer])
async def read_flow_run_graph(id: Id, context: ContextDep) -> Any:
    """The task runs of a flow run, each with those whose results it was given."""
    runs = await context.store.read(graph.task_runs_of, id)
    if runs is None:
        raise NotFoundError(f"Flow run with id {id} not found")
    now = context.clock()
    return json_response([encode_dependencies(x, now) for x in runs])


@router.get("/{id:uuid}/graph-v2", response_model=GraphAnswer)
async def read_flow_run_graph_of_nodes(
    id: Id,
    context: ContextDep,
    since: Annotated[Moment | None, Query(description="Leave out what ended before this time.")] = None,
) -> Any:
    """The task runs and subflows of a flow run that have started, as a graph."""
    try:
        found = await context.store.read(graph.graph, id, since)
    except GraphTooLargeError as error:
        raise HTTPException(400, str(error)) from error
    if found is None:
        raise NotFoundError(f"Flow run {id} not found")
    return json_response(encode_graph(found))

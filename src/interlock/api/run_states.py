"""Routes for the states that runs were in."""

from typing import Any

from fastapi import APIRouter, HTTPException

from interlock.api.context import ContextDep
from interlock.api.errors import json_response
from interlock.api.schemas.base import Id
from interlock.api.schemas.states import StateAnswer, encode_state
from interlock.api.wire_route import WireRoute
from interlock.orchestration.states import State
from interlock.storage.queries import run_states

task_router = APIRouter(prefix="/task_run_states", tags=["Task Run States"], route_class=WireRoute)
flow_router = APIRouter(prefix="/flow_run_states", tags=["Flow Run States"], route_class=WireRoute)


def _found(state: State | None) -> Any:
    if state is None:
        # The wire has this one text for both kinds of run.
        raise HTTPException(404, "Flow run state not found")
    return json_response(encode_state(state))


@task_router.get("/{id}", response_model=StateAnswer)
async def read_task_run_state(id: Id, context: ContextDep) -> Any:
    """One state of a task run."""
    return _found(await context.store.read(run_states.task_run_state, id))


@task_router.get("/", response_model=list[StateAnswer])
async def read_task_run_states(task_run_id: Id, context: ContextDep) -> Any:
    """All states of a task run, the oldest first."""
    return json_response([encode_state(x) for x in await context.store.read(run_states.of_task_run, task_run_id)])


@flow_router.get("/{id}", response_model=StateAnswer)
async def read_flow_run_state(id: Id, context: ContextDep) -> Any:
    """One state of a flow run."""
    return _found(await context.store.read(run_states.flow_run_state, id))


@flow_router.get("/", response_model=list[StateAnswer])
async def read_flow_run_states(flow_run_id: Id, context: ContextDep) -> Any:
    """All states of a flow run, the oldest first."""
    return json_response([encode_state(x) for x in await context.store.read(run_states.of_flow_run, flow_run_id)])

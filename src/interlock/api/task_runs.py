"""Routes for task runs.

What lives here: decode, submit or find, encode. What does not: filters, counts and history (task_run_queries.py).
"""

from typing import Any

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from interlock.api.context import Context, ContextDep
from interlock.api.errors import json_response
from interlock.api.hot_routes import HotRequest, HotRoute, Key
from interlock.api.schemas.base import Id
from interlock.api.schemas.states import Force, SetStateBody, StateBody, TransitionAnswer, encode_decision
from interlock.api.schemas.task_runs import TaskRunAnswer, TaskRunCreateBody, TaskRunUpdateBody, encode_task_run
from interlock.api.wire_route import WireRoute
from interlock.orchestration.commands import CreateTaskRun, SetTaskRunState
from interlock.orchestration.states import Proposal, StateType
from interlock.storage.queries import task_runs

router = APIRouter(prefix="/task_runs", tags=["Task Runs"], route_class=WireRoute)

PENDING = Proposal(type=StateType.PENDING)


async def create(context: Context, request: HotRequest) -> Response:
    body: TaskRunCreateBody = request.body
    draft = body.draft(context.chance.new_id(), context.clock())
    command = CreateTaskRun(run=draft, proposal=body.state.proposal() if body.state else PENDING)
    decision = await context.batcher.decide(command)
    return json_response(encode_task_run(decision.run, context.clock()), 201 if decision.created else 200)


async def set_state(context: Context, request: HotRequest) -> Response:
    body: SetStateBody = request.body
    assert request.run_id is not None
    command = SetTaskRunState(task_run_id=request.run_id, proposal=body.state.proposal(), force=body.force)
    decision = await context.batcher.decide(command)
    return Response(encode_decision(decision), 201 if decision.written else 200, media_type="application/json")


async def read(context: Context, request: HotRequest) -> Response:
    assert request.run_id is not None
    run = await context.store.read(task_runs.by_id, request.run_id)
    if run is None:
        return json_response({"detail": "Task not found"}, 404)
    return json_response(encode_task_run(run, context.clock()))


HOT_ROUTES: dict[Key, HotRoute] = {
    ("POST", "task_runs", False, False): HotRoute(create, TaskRunCreateBody),
    ("POST", "task_runs", True, True): HotRoute(set_state, SetStateBody),
    ("GET", "task_runs", True, False): HotRoute(read),
}


@router.post("/", response_model=TaskRunAnswer, status_code=201, responses={200: {"model": TaskRunAnswer}})
async def create_task_run(body: TaskRunCreateBody, context: ContextDep) -> Any:
    """Create a task run, or answer 200 with the one that has the same flow run, task key and dynamic key."""
    return await create(context, HotRequest(None, body, None))


@router.get("/{id}", response_model=TaskRunAnswer)
async def read_task_run(id: Id, context: ContextDep) -> Any:
    """One task run with its current state."""
    return await read(context, HotRequest(id, None, None))


@router.post("/{id}/set_state", response_model=TransitionAnswer, responses={201: {"model": TransitionAnswer}})
async def set_task_run_state(id: Id, context: ContextDep, state: StateBody, force: Force = False) -> Any:
    """Ask for another state. 201 where a new state was written, be it the proposed one or another in its place."""
    return await set_state(context, HotRequest(id, SetStateBody(state=state, force=force), None))


@router.patch("/{id}", status_code=204)
async def update_task_run(id: Id, body: TaskRunUpdateBody, context: ContextDep) -> Response:
    """Rename a task run."""
    values = body.model_dump(exclude_unset=True)
    if not await context.batcher.write(task_runs.change, id, values, context.clock()):
        raise HTTPException(404, "Task run not found")
    return Response(status_code=204)


@router.delete("/{id}", status_code=204)
async def delete_task_run(id: Id, context: ContextDep) -> Response:
    """Delete a task run with its states. Its logs stay."""
    if not await context.batcher.write(task_runs.delete_one, id):
        raise HTTPException(404, "Task not found")
    return Response(status_code=204)

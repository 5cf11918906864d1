"""Routes for flow runs.

What lives here: decode, submit or find, encode.
"""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from interlock.api.context import ApiVersionDep, Context, ContextDep
from interlock.api.errors import json_response
from interlock.api.hot_routes import HotRequest, HotRoute, Key
from interlock.api.schemas.base import Id
from interlock.api.schemas.flow_runs import FlowRunAnswer, FlowRunCreateBody, encode_flow_run
from interlock.api.schemas.states import SetStateBody, TransitionAnswer, encode_decision
from interlock.orchestration.commands import CreateFlowRun, SetFlowRunState
from interlock.orchestration.states import Proposal, StateType
from interlock.storage.queries import flow_runs

router = APIRouter(prefix="/flow_runs", tags=["Flow Runs"])

PENDING = Proposal(type=StateType.PENDING)


async def set_state(context: Context, request: HotRequest) -> Response:
    body: SetStateBody = request.body
    assert request.run_id is not None
    command = SetFlowRunState(
        flow_run_id=request.run_id,
        proposal=body.state.proposal(),
        force=body.force,
        api_version=request.api_version,
    )
    decision = await context.batcher.decide(command)
    return Response(encode_decision(decision), 201 if decision.written else 200, media_type="application/json")


async def read(context: Context, request: HotRequest) -> Response:
    assert request.run_id is not None
    run = await context.store.read(flow_runs.by_id, request.run_id)
    if run is None:
        return json_response({"detail": "Flow run not found"}, 404)
    return json_response(encode_flow_run(run, context.clock()))


HOT_ROUTES: dict[Key, HotRoute] = {
    ("POST", "flow_runs", True, True): HotRoute(set_state, SetStateBody),
    ("GET", "flow_runs", True, False): HotRoute(read),
}


@router.post("/", response_model=FlowRunAnswer, status_code=201, responses={200: {"model": FlowRunAnswer}})
async def create_flow_run(body: FlowRunCreateBody, context: ContextDep, api_version: ApiVersionDep) -> Any:
    """Create a flow run, or answer 200 with the one of the same flow and idempotency key."""
    draft = body.draft(context.chance.new_id(), context.clock())
    proposal = body.state.proposal() if body.state else PENDING
    decision = await context.batcher.decide(CreateFlowRun(run=draft, proposal=proposal, api_version=api_version))
    return json_response(encode_flow_run(decision.run, context.clock()), 201 if decision.created else 200)


@router.get("/{id}", response_model=FlowRunAnswer)
async def read_flow_run(id: Id, context: ContextDep) -> Any:
    """One flow run with its current state."""
    return await read(context, HotRequest(id, None, None))


@router.post("/{id}/set_state", response_model=TransitionAnswer, responses={201: {"model": TransitionAnswer}})
async def set_flow_run_state(id: Id, body: SetStateBody, context: ContextDep, api_version: ApiVersionDep) -> Any:
    """Ask for another state. 201 where a new state was written, be it the proposed one or another in its place."""
    return await set_state(context, HotRequest(id, body, api_version))

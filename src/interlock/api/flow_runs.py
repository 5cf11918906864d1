"""Routes for flow runs.

What lives here: decode, submit or find, encode. What does not: resuming (flow_run_resuming.py) and inputs
(flow_run_inputs.py).
"""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from starlette.responses import Response

from interlock.api import job_variables
from interlock.api.client_lines import AgentDep, renews_leases
from interlock.api.context import ApiVersionDep, Context, ContextDep
from interlock.api.errors import json_response
from interlock.api.hot_routes import HotRequest, HotRoute, Key
from interlock.api.provenance import CreatedByDep
from interlock.api.schemas.base import Id, Labels
from interlock.api.schemas.flow_runs import FlowRunAnswer, FlowRunCreateBody, FlowRunUpdateBody, encode_flow_run
from interlock.api.schemas.states import Force, SetStateBody, StateBody, TransitionAnswer, encode_decision
from interlock.api.wire_route import WireRoute
from interlock.api.work_pools import existing_pool
from interlock.orchestration.commands import CreateFlowRun, SetFlowRunState, SlotTerms
from interlock.orchestration.refusals import ConflictError, NotFoundError
from interlock.orchestration.runs import FlowRun
from interlock.orchestration.states import Proposal, StateType
from interlock.storage.queries import deployments, flow_runs, work_queues
from interlock.storage.queries.work_polls import NoQueueError
from interlock.storage.queries.work_pools import WorkPool, with_pools

router = APIRouter(prefix="/flow_runs", tags=["Flow Runs"], route_class=WireRoute)

PENDING = Proposal(type=StateType.PENDING)


async def set_state(context: Context, request: HotRequest) -> Response:
    body: SetStateBody = request.body
    assert request.run_id is not None
    command = SetFlowRunState(
        flow_run_id=request.run_id,
        proposal=body.state.proposal(),
        force=body.force,
        api_version=request.api_version,
        slot_terms=slot_terms(context, request.agent),
    )
    decision = await context.batcher.decide(command)
    return Response(encode_decision(decision), 201 if decision.written else 200, media_type="application/json")


def slot_terms(context: Context, agent: str) -> SlotTerms:
    """How a run of this client comes by a slot of its deployment's limit."""
    return SlotTerms(
        renews=renews_leases(agent),
        wait_seconds=context.settings.deployment_slot_wait_seconds,
        lease_seconds=context.settings.deployment_lease_seconds,
    )


async def read(context: Context, request: HotRequest) -> Response:
    assert request.run_id is not None
    found = await context.store.read(flow_runs.in_pool, request.run_id)
    if found is None:
        return json_response({"detail": "Flow run not found"}, 404)
    return json_response(encode_flow_run(found.run, context.clock(), found.pool))


async def create(context: Context, command: CreateFlowRun) -> Response:
    """Create a flow run and answer with it: 201, or 200 where there was one of the same flow and idempotency key."""
    decision = await context.batcher.decide(command)
    if not decision.created and not command.run.idempotency_key:
        # An empty key marks a run as much as any other, but nobody means the marked run by it.
        raise ConflictError(f"flow {command.run.flow_id} has a run with an empty idempotency key")
    pool = await _pool_of(context, decision.run)
    return json_response(encode_flow_run(decision.run, context.clock(), pool), 201 if decision.created else 200)


async def _pool_of(context: Context, run: FlowRun) -> WorkPool | None:
    if run.work_queue_id is None:
        return None
    return (await context.store.read(with_pools, [run]))[0].pool


HOT_ROUTES: dict[Key, HotRoute] = {
    ("POST", "flow_runs", True, True): HotRoute(set_state, SetStateBody),
    ("GET", "flow_runs", True, False): HotRoute(read),
}


@router.post("/", response_model=FlowRunAnswer, status_code=201, responses={200: {"model": FlowRunAnswer}})
async def create_flow_run(
    body: FlowRunCreateBody, context: ContextDep, api_version: ApiVersionDep, created_by: CreatedByDep
) -> Any:
    """Create a flow run, or answer 200 with the one of the same flow and idempotency key."""
    queue_id = await _named_queue(context, body.work_pool_name, body.work_queue_name)
    inherited = await _labels_of(context, body.deployment_id)
    draft = body.draft(context.chance.new_id(), context.clock(), created_by, queue_id, inherited)
    proposal = body.state.proposal() if body.state else PENDING
    return await create(context, CreateFlowRun(run=draft, proposal=proposal, api_version=api_version))


async def _named_queue(context: Context, pool_name: str | None, name: str | None) -> str | None:
    """The queue that a run without a deployment is put into, None where no pool is named; raises 404."""
    if not pool_name:
        return None
    pool = await existing_pool(context, pool_name)
    if not name:
        return str(pool["default_queue_id"])
    queue = await context.store.read(work_queues.named, pool_name, name)
    if queue is None:
        raise HTTPException(404, str(NoQueueError(pool_name, name)))
    return str(queue["id"])


async def _labels_of(context: Context, deployment_id: str | None) -> dict[str, Any]:
    return {} if deployment_id is None else await context.store.read(deployments.labels, deployment_id)


@router.patch("/{id}", status_code=204)
async def update_flow_run(id: Id, body: FlowRunUpdateBody, context: ContextDep) -> Response:
    """Change what is given of a flow run. Its job variables can be changed only before it starts."""
    values, now = body.columns(), context.clock()
    if body.job_variables is None:
        found = await context.batcher.write(flow_runs.change, id, values, now)
    else:
        check = _check_job_variables_may_change
        await _check_job_variables(context, id, body.job_variables)
        found = await context.batcher.write(flow_runs.change_checked, id, values, check, now)
    if not found:
        raise HTTPException(404, "Flow run not found")
    return Response(status_code=204)


async def _check_job_variables(context: Context, flow_run_id: str, given: dict[str, Any]) -> None:
    """Raise what is answered where the job variables of a run can't become these."""
    run = await context.store.read(flow_runs.by_id, flow_run_id)
    if run is None:
        return
    deployment = await context.store.read(deployments.by_id, run.deployment_id) if run.deployment_id else None
    _check_job_variables_may_change(run, deployment is not None)
    assert deployment is not None
    own, queue_id = deployment["infra_overrides"], deployment["work_queue_id"]
    await job_variables.check_run(context, queue_id, own, given, action="updating flow run")


def _check_job_variables_may_change(run: FlowRun, is_deployed: bool) -> None:
    if run.state is None:
        raise HTTPException(400, "Flow run state is required to update job variables but none exists")
    if run.state.type is not StateType.SCHEDULED:
        raise HTTPException(400, f"Job variables for a flow run in state {run.state.type.value} cannot be updated")
    if not is_deployed:
        raise HTTPException(400, "A deployment for the flow run could not be found")


@router.patch("/{id}/labels", status_code=204)
async def add_flow_run_labels(id: Id, labels: Annotated[Labels, Body()], context: ContextDep) -> Response:
    """Add labels to those of a flow run, in place of those of the same names."""
    if not await context.batcher.write(flow_runs.add_labels, id, labels, context.clock()):
        raise NotFoundError(f"Flow run with id {id} not found")
    return Response(status_code=204)


@router.delete("/{id}", status_code=204)
async def delete_flow_run(id: Id, context: ContextDep) -> Response:
    """Delete a flow run with its task runs, and the states of both. Logs stay."""
    if not await context.batcher.write(flow_runs.delete_one, id):
        raise HTTPException(404, "Flow run not found")
    return Response(status_code=204)


@router.get("/{id}", response_model=FlowRunAnswer)
async def read_flow_run(id: Id, context: ContextDep) -> Any:
    """One flow run with its current state."""
    return await read(context, HotRequest(id, None, None))


@router.post("/{id}/set_state", response_model=TransitionAnswer, responses={201: {"model": TransitionAnswer}})
async def set_flow_run_state(
    id: Id, context: ContextDep, api_version: ApiVersionDep, agent: AgentDep, state: StateBody, force: Force = False
) -> Any:
    """Ask for another state. 201 where a new state was written, be it the proposed one or another in its place."""
    return await set_state(context, HotRequest(id, SetStateBody(state=state, force=force), api_version, agent))

"""The route that creates a run of a deployment."""

from typing import Any

from fastapi import APIRouter, HTTPException

from interlock.api import flow_runs, job_variables
from interlock.api.context import Context, ContextDep
from interlock.api.deployments import check_against_schema, existing_deployment
from interlock.api.hydration import HydrationError, hydrate_for
from interlock.api.provenance import CreatedBy, CreatedByDep
from interlock.api.schemas.base import Id
from interlock.api.schemas.deployment_runs import DeploymentFlowRunCreateBody
from interlock.api.schemas.flow_runs import FlowRunAnswer
from interlock.api.wire_route import WireRoute
from interlock.orchestration.commands import CreateFlowRun
from interlock.orchestration.states import Proposal, StateType
from interlock.storage.queries import work_queues
from interlock.storage.queries.deployments import Deployment
from interlock.storage.queries.work_queues import Place

router = APIRouter(prefix="/deployments", tags=["Deployments"], route_class=WireRoute)

SCHEDULED = Proposal(type=StateType.SCHEDULED)


@router.post(
    "/{id}/create_flow_run",
    response_model=FlowRunAnswer,
    status_code=201,
    responses={200: {"model": FlowRunAnswer}},
)
async def create_flow_run_from_deployment(
    id: Id, body: DeploymentFlowRunCreateBody, context: ContextDep, created_by: CreatedByDep
) -> Any:
    """Create a run of a deployment, or answer 200 with the one of the same flow and idempotency key."""
    deployment = await existing_deployment(context, id)
    return await flow_runs.create(context, await creation_of(context, deployment, body, created_by))


async def creation_of(
    context: Context, deployment: Deployment, body: DeploymentFlowRunCreateBody, created_by: CreatedBy | None
) -> CreateFlowRun:
    """The command that creates a run of a deployment; raises what is answered where its parameters or its job variables
    are wrong."""
    parameters = await _parameters(context, deployment, body)
    given = (deployment["infra_overrides"], body.job_variables)
    await job_variables.check_run(context, deployment["work_queue_id"], *given, action="creating flow run")
    queue_id = await _queue(context, deployment, body.work_queue_name)
    new_id, now = context.chance.new_id(), context.clock()
    draft = body.draft(deployment, parameters, new_id, now, created_by, queue_id)
    return CreateFlowRun(run=draft, proposal=body.state.proposal() if body.state else SCHEDULED)


async def _queue(context: Context, deployment: Deployment, name: str | None) -> str | None:
    """The queue that the run is put into: that of its deployment, or the one of this name in the same pool, which is
    made where it is not there."""
    own = deployment["work_queue"]
    if not name or own is None or own["name"] == name:
        return deployment["work_queue_id"]  # type: ignore[no-any-return]
    found = await context.store.read(work_queues.named, own["work_pool_name"], name)
    if found is not None:
        return str(found["id"])
    place = Place(own["work_pool_name"], name)
    return await context.batcher.write(work_queues.put, place, context.chance.new_id, context.clock())


async def _parameters(context: Context, deployment: Deployment, body: DeploymentFlowRunCreateBody) -> Any:
    """The deployment's parameters with the caller's before them; raises 400, 409 or 422 where they are wrong."""
    try:
        parameters = await hydrate_for(context, deployment["parameters"] | body.parameters)
    except HydrationError as error:
        raise HTTPException(400, f"Error hydrating flow run parameters: {error}") from error
    enforced = body.enforce_parameter_schema
    if deployment["enforce_parameter_schema"] if enforced is None else enforced:
        check_against_schema(deployment, parameters, "creating flow run", partial=False)
    return parameters
